"""Datagrams to messages: what is read, what is refused with which answer, what is dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request, Response
from jambones.sip.parser import ParseError, parse
from tests.support.sip_messages import request

GOOD = bytes(request("OPTIONS"))


def changed(old: bytes, new: bytes) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_a_request_comes_out_as_it_was_made() -> None:
    made = request("INVITE", headers=[("X-Thing", "ä, ö"), ("Contact", "<sip:a@h>")], body=b"\0\xff\r\n\r\n")

    read = parse(bytes(made))

    assert isinstance(read, Request)
    assert (read.method, read.uri, read.body) == (made.method, made.uri, made.body)
    assert [row for row in read.headers if row[0] != "Content-Length"] == list(made.headers)
    assert bytes(read) == bytes(made)


@pytest.mark.parametrize(
    ("reason", "phrase"), [("Busy Here", "Busy Here"), ("", ""), ("Pas là, désolé", "Pas là, désolé")]
)
def test_a_response_comes_out_as_it_was_made(reason: str, phrase: str) -> None:
    made = Response(486, reason, request("OPTIONS").headers)

    read = parse(bytes(made))

    assert isinstance(read, Response)
    assert (read.status, read.reason) == (486, phrase)


@pytest.mark.parametrize("reason", ["x\r\nEvil: 1", "x\n", "\0"])
def test_a_phrase_cannot_smuggle_a_header(reason: str) -> None:
    with pytest.raises(GrammarError):
        Response(486, reason)


def test_a_response_without_any_phrase_is_read() -> None:
    read = parse(bytes(Response(200, "", request("OPTIONS").headers)).replace(b"200 \r\n", b"200\r\n"))

    assert isinstance(read, Response)
    assert read.reason == ""


def test_folded_lines_are_one() -> None:
    read = parse(changed(b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\r\nSubject: one\r\n two\r\n\t three  \r\n"))

    assert read.headers.get("Subject") == "one two three"


def test_compact_forms_and_odd_spacing_are_read() -> None:
    data = (
        b"OPTIONS sip:a@h SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nF : <sip:x@h>;tag=1\r\nt:\t<sip:a@h>\r\n"
        b"i: c1\r\nCSEQ:  7 OPTIONS\r\nl:0\r\n\r\n"
    )

    read = parse(data)

    assert (read.call_id, read.cseq.number, read.from_.tag, read.via.branch) == ("c1", 7, "1", "z9hG4bK1")


def test_several_vias_in_a_row_are_taken_apart() -> None:
    read = parse(changed(b"Via: ", b"Via: SIP/2.0/UDP top;branch=z9hG4bK0, "))

    assert read.headers.get_all("Via")[0] == "SIP/2.0/UDP top;branch=z9hG4bK0"
    assert read.via.host == "top"


def test_latin_1_is_better_than_nothing() -> None:
    read = parse(changed(b"Max-Forwards: 70", b"Max-Forwards: 70\r\nSubject: caf\xe9"))

    assert read.headers.get("Subject") == "café"


def test_empty_lines_before_the_start_are_ignored() -> None:
    assert bytes(parse(b"\r\n\r\n" + GOOD)) == GOOD


def test_bytes_after_the_content_length_are_left_away() -> None:
    data = bytes(request("MESSAGE", body=b"hello")) + b"more"

    assert parse(data).body == b"hello"
    assert parse(bytes(request("MESSAGE")).replace(b"Content-Length: 0\r\n", b"") + b"all of it").body == b"all of it"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no-end-of-headers"),
        (GOOD[:-2], "no-end-of-headers"),
        (changed(b"\r\nTo", b"\nTo"), "control-character"),
        (changed(b"call-1", b"call\0-1"), "control-character"),
        (b"SIP/2.0 99 Odd\r\n\r\n", "status-line"),
        (b"SIP/2.0 700 Odd\r\n\r\n", "status-line"),
        (b"SIP/2.0 abc Odd\r\n\r\n", "status-line"),
        (b"\r\n\r\n\r\n\r\n", "request-line"),
        (GOOD[:-4] + b"\r\nX: 1" * 600 + b"\r\n\r\n", "too-many-headers"),
    ],
)
def test_what_cannot_be_answered_is_dropped(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(data)
    assert caught.value.request is None
    assert reason in {caught.value.reason, "request-line"}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (changed(b"Content-Length: 0", b"Content-Length: 5"), 400),
        (changed(b"Content-Length: 0", b"Content-Length: x"), 400),
        (changed(b"1 OPTIONS", b"1 INVITE"), 400),
        (changed(b"1 OPTIONS", b"9999999999999 OPTIONS"), 400),
        (changed(b"Max-Forwards: 70", b"Max-Forwards: many"), 400),
        (changed(b"Max-Forwards: 70", b"Max-Forwards: 70\r\nCall-ID: again"), 400),
        (changed(b"Max-Forwards: 70", b"Max-Forwards 70"), 400),
        (changed(b"<sip:1000@192.0.2.1>", b'"open <sip:1000@192.0.2.1>'), 400),
        (changed(b"sip:1000@192.0.2.1 SIP", b"<sip:1000@192.0.2.1> SIP"), 400),
        (changed(b"SIP/2.0\r\n", b"SIP/3.0\r\n"), 505),
        (changed(b"SIP/2.0\r\n", b"HTTP/1.1\r\n"), 400),
    ],
)
def test_what_can_be_answered_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse(data)
    assert caught.value.request is not None
    assert caught.value.status == status


@pytest.mark.parametrize("header", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_a_request_without_what_an_answer_needs_is_dropped(header: bytes) -> None:
    lines = [line for line in GOOD.split(b"\r\n") if not line.startswith(header + b":")]

    with pytest.raises(ParseError) as caught:
        parse(b"\r\n".join(lines))
    assert caught.value.request is None


def test_a_damaged_response_is_dropped() -> None:
    data = bytes(Response(200, None, request("OPTIONS").headers))

    for bad in (data.replace(b"CSeq: 1 OPTIONS\r\n", b""), data.replace(b"Call-ID: call-1", b"Call-ID call-1")):
        with pytest.raises(ParseError) as caught:
            parse(bad)
        assert caught.value.request is None


@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)), st.binary(max_size=6))
def test_whatever_is_cut_in_or_out_only_parse_errors_come(start: int, end: int, junk: bytes) -> None:
    try:
        read = parse(GOOD[:start] + junk + GOOD[end:])
    except ParseError:
        return
    assert bytes(parse(bytes(read))) == bytes(read)
