"""The torture messages of RFC 4475 and worse: torn, huge and random input through parser and framer."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.body import parts
from jambones.sip.build import response
from jambones.sip.digest import Authorization, DigestError
from jambones.sip.message import Message, Request
from jambones.sip.parser import MAX_STREAM_MESSAGE, ParseError, parse
from jambones.sip.sdp import SessionDescription
from jambones.sip.stream import FramingError, StreamFramer
from tests.data.sip.torture import CASES, SDP, TORTUOUS, Case, invite, register, request, wire
from tests.fuzz.fuzz_sip import exercise, mutate

GOOD = [case for case in CASES if case.verdict == "accepted"]


def judged(message: bytes) -> tuple[str, int | None]:
    """What becomes of a message: accepted, refused with a status, or dropped."""
    try:
        parse(message)
    except ParseError as error:
        return ("refused", error.status) if error.request is not None else ("dropped", None)
    return "accepted", None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rfc_4475(case: Case) -> None:
    # An accepted request's status is that of the endpoint, which is asked elsewhere.
    expected = case.status if case.verdict == "refused" else None
    assert judged(case.message) == (case.verdict, expected)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_what_is_accepted_survives_being_sent_on(case: Case) -> None:
    message = parse(case.message)

    again = parse(bytes(message))

    assert (type(again), again.body) == (type(message), message.body)
    assert _rows(again) == _rows(message)


def _rows(message: Message) -> list[tuple[str, str]]:
    """Content-Length is written anew, and last."""
    return [(name, value) for name, value in message.headers if name != "Content-Length"]


# -- what the accepted ones mean


def test_the_tortuous_invite_is_understood() -> None:
    message = parse(TORTUOUS)

    assert isinstance(message, Request)
    assert message.from_.display == 'J Rosenberg \\"'
    assert (message.from_.tag, message.to.tag) == ("98asjd8", "1918181833n")
    assert (str(message.cseq), message.max_forwards) == ("9 INVITE", 68)
    assert len(message.headers.get_all("Via")) == 3
    assert (message.via.transport, message.via.host, message.via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    assert message.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.headers.get("Subject") == ""
    assert message.contact is not None
    assert (message.contact.display, message.contact.params["q"]) == ('Quoted string ""', "0.33")
    assert "unknownparam" in message.uri.params
    assert message.sdp == wire(SDP)


def accepted(section: str) -> Request:
    message = parse(next(case.message for case in GOOD if case.section == section))
    assert isinstance(message, Request)
    return message


def test_escapes_mean_what_they_say() -> None:
    message = accepted("3.1.1.3")

    assert (message.uri.user_text, message.uri.host) == ("sips:user@example.com", "example.net")
    assert message.to.uri.user_text == "user"
    assert message.from_.uri.user_text == "I have spaces"
    assert accepted("3.1.1.4").to.uri.user_text == "null-\0-null"
    assert accepted("3.1.1.5").method == "RE%47IST%45R"
    assert accepted("3.1.1.9").uri.user == "user;par=u%40example.net"


def test_octets_after_the_message_are_left_away() -> None:
    assert accepted("3.1.1.8").method == "REGISTER"
    assert accepted("3.1.1.8").body == b""


def test_every_octet_of_a_multipart_body_arrives() -> None:
    message = accepted("3.1.1.11")

    assert [len(part) for _, part in parts(message.body, message.content_type or "")] == [5, 256]


def test_a_liberal_reading_is_still_a_right_one() -> None:
    assert accepted("3.1.2.15").from_.uri.user == "a.g.bell"
    assert accepted("3.1.2.11").uri.headers == {"Route": "<sip:example.com>"}
    contact = accepted("3.3.12").contact
    assert contact is not None
    assert "unknownparam" in contact.params
    contact = accepted("3.3.13").contact
    assert contact is not None
    assert "unknownparam" in contact.uri.params


def test_unknown_credentials_are_no_credentials() -> None:
    with pytest.raises(DigestError):
        Authorization.parse(accepted("3.3.7").headers.get("Authorization") or "")


def test_the_description_of_the_old_invite_is_usable() -> None:
    message = accepted("3.4.1")

    assert message.sdp is not None
    assert [m.kind for m in SessionDescription.parse(message.sdp).media] == ["audio", "video"]


# -- torn and huge


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_beginning_of_a_message_is_read_or_refused(case: Case) -> None:
    step = max(1, len(case.message) // 150)
    for end in range(0, len(case.message), step):
        exercise(case.message[:end])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\r\n", b"\r\n\r\n", b"\0" * 100, b"\r\n\r\n\r\n\r\n", b" ", b"SIP/2.0\r\n\r\n", b"SIP/2.0 200\r\n\r\n",
        b"INVITE\r\n\r\n", b"INVITE sip:a@b\r\n\r\n", b"INVITE sip:a@b SIP/2.0\r\n\r\n", b"\xff" * 500,
        b":" * 3000 + b"\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n" + b" folded\r\n" * 5000 + b"\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n" + b"a:b\r\n" * 12000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    ],
)  # fmt: skip
def test_hopeless_datagrams_are_dropped(data: bytes) -> None:
    with pytest.raises(ParseError) as error:
        parse(data)
    assert error.value.request is None


def test_a_datagram_full_of_header_values_is_handled_in_time_linear_to_its_size() -> None:
    for filling in (
        '"' * 30_000,
        "<" * 30_000,
        "," * 30_000,
        ";" * 30_000,
        '"\\' * 15_000,
        ";a=<" * 8_000,
        "%" * 30_000,
    ):
        exercise(invite(to=filling))
        exercise(invite(extra=f"Contact: {filling}\nRecord-Route: {filling}"))
        exercise(request(via=f"SIP/2.0/UDP a;{filling}"))
        exercise(request(f"OPTIONS sip:{filling.replace(' ', '')}@b SIP/2.0"))


def test_line_breaks_never_get_into_a_value() -> None:
    for smuggled in ("a\rb", "a\nb", "a\r\n\tb\nVia: x", "a\0b"):
        with pytest.raises(ParseError):
            parse(request(extra=f"Subject: {smuggled}".replace("\n", "\n"), to="sip:x@y").replace(b"a\r\nb", b"a\nb"))


# -- streams


def test_a_stream_may_be_torn_anywhere() -> None:
    messages = [register("Contact: <sip:a@b>"), invite(body=SDP), TORTUOUS]
    framed = [m for m in messages if m is not TORTUOUS]
    stream = b"\r\n\r\n".join(framed)
    for piece in (1, 2, 3, 7, 100, 5000):
        framer = StreamFramer()
        got = [m for at in range(0, len(stream), piece) for m in framer.feed(stream[at : at + piece])]
        assert got == framed
        assert framer.pings == 1


@pytest.mark.parametrize(
    "data",
    [
        request().replace(b"Content-Length: 0\r\n", b""),
        request(length="-1"),
        request(length="1" * 30),
        request(length=str(MAX_STREAM_MESSAGE + 1)),
        b"x" * (MAX_STREAM_MESSAGE + 1),
        b"\0\r\n\r\n",
    ],
)
def test_a_stream_without_frame_is_given_up(data: bytes) -> None:
    with pytest.raises(FramingError):
        StreamFramer().feed(data)


# -- at random


def test_many_random_mutations_are_read_or_refused() -> None:
    rng = random.Random(4475)
    for _ in range(3000):
        exercise(mutate(rng, rng.choice(CASES).message))


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    exercise(data)
    exercise(b"OPTIONS sip:a@b SIP/2.0\r\n" + data + b"\r\n\r\n")


@given(st.sampled_from(CASES), st.randoms(use_true_random=False))
def test_mutated_torture_is_read_or_refused(case: Case, rng: random.Random) -> None:
    exercise(mutate(rng, case.message))


@given(st.text(max_size=100).filter(lambda t: not set(t) & set("\r\n\0")))
def test_any_value_of_any_header_is_read_or_refused(value: str) -> None:
    for name in ("To", "Via", "Contact", "CSeq", "Route", "Max-Forwards", "Content-Length", "Call-ID", "l"):
        exercise(request(extra=f"{name}: {value}"))
    exercise(request(f"OPTIONS {value} SIP/2.0"))
    exercise(f"SIP/2.0 {value}\r\n".encode() + request().partition(b"\r\n")[2])


def test_an_answer_can_be_made_from_what_is_refused() -> None:
    for case in CASES:
        if case.verdict != "refused":
            continue
        with pytest.raises(ParseError) as error:
            parse(case.message)
        refused = error.value.request
        assert refused is not None
        answer = bytes(response(refused, error.value.status, to_tag="x"))
        assert answer.startswith((b"SIP/2.0 4", b"SIP/2.0 505"))
        assert answer.count(b"\r\n\r\n") == 1
