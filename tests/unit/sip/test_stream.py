"""RFC 3261 section 18.3 and RFC 5626 section 3.5.1: messages out of a byte stream, however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.parser import MAX_STREAM_MESSAGE
from jambones.sip.stream import FramingError, StreamFramer
from tests.support.sip_messages import request

BYE = bytes(request("BYE", to_tag="callee"))
INVITE = bytes(request("INVITE", body=b"v=0\r\n\r\nwhatever"))


def test_a_whole_message_comes_out_at_once() -> None:
    framer = StreamFramer()

    assert framer.feed(INVITE) == [INVITE]
    assert not framer.pending


def test_pipelined_messages_come_out_in_order() -> None:
    assert StreamFramer().feed(INVITE + BYE + INVITE) == [INVITE, BYE, INVITE]


def test_a_message_comes_out_with_its_last_byte() -> None:
    framer = StreamFramer()

    got = [framer.feed(bytes([byte])) for byte in INVITE]

    assert got[-1] == [INVITE]
    assert not any(got[:-1])


@given(st.lists(st.integers(1, 60), max_size=60))
def test_how_the_stream_is_cut_makes_no_difference(cuts: list[int]) -> None:
    stream, framer, got = b"\r\n\r\n" + INVITE + BYE + b"\r\n\r\n" + INVITE, StreamFramer(), []
    for cut in cuts:
        got += framer.feed(stream[:cut])
        stream = stream[cut:]
    got += framer.feed(stream)

    assert got == [INVITE, BYE, INVITE]
    assert framer.pings == 2


@pytest.mark.parametrize(
    "header", ["l: 4", "L:4", "content-length : 4", "CONTENT-LENGTH:\t4  ", "Content-Length:\r\n 4"]
)
def test_every_spelling_of_content_length_is_understood(header: str) -> None:
    message = f"BYE sip:a@b SIP/2.0\r\n{header}\r\n\r\nbody".encode()

    assert StreamFramer().feed(message + BYE) == [message, BYE]


def test_words_inside_another_header_are_no_content_length() -> None:
    message = b"BYE sip:a@b SIP/2.0\r\nSubject: x\r\n Content-Length: 99\r\nContent-Length: 0\r\n\r\n"

    assert StreamFramer().feed(message) == [message]


def test_a_keep_alive_is_counted_and_eaten() -> None:
    framer = StreamFramer()

    assert framer.feed(b"\r\n\r\n") == []
    assert (framer.pings, framer.pending) == (1, False)
    assert framer.feed(b"\r\n\r\n\r\n\r\n" + BYE) == [BYE]
    assert framer.pings == 3


def test_half_a_keep_alive_waits_for_its_rest() -> None:
    framer = StreamFramer()

    for part in (b"\r", b"\n\r", b"\n"):
        assert framer.feed(part) == []
    assert framer.pings == 1


def test_a_lone_crlf_before_a_message_is_a_pong() -> None:
    framer = StreamFramer()

    assert framer.feed(b"\r\n") == []
    assert framer.feed(BYE) == [BYE]
    assert framer.pings == 0


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"BYE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n", "no-content-length"),
        (b"BYE sip:a@b SIP/2.0\r\nContent-Length: many\r\n\r\n", "no-content-length"),
        (b"BYE sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n", "no-content-length"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "not-sip"),
        (b"\0\0\0\0", "not-sip"),
        (b"\rX", "not-sip"),
        (b"BYE sip:a@b SIP/2.0\r\nContent-Length: 999999999\r\n\r\n", "too-large"),
        (b"BYE sip:a@b SIP/2.0\r\nSubject: " + b"x" * MAX_STREAM_MESSAGE, "too-large"),
    ],
)
def test_a_stream_that_makes_no_sense_is_given_up(stream: bytes, reason: str) -> None:
    with pytest.raises(FramingError) as caught:
        StreamFramer().feed(stream)
    assert caught.value.reason == reason


def test_the_longest_allowed_message_passes_and_one_byte_more_does_not() -> None:
    head = b"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: %d\r\n\r\n"
    room = MAX_STREAM_MESSAGE - len(head % 100_000)

    assert len(StreamFramer().feed(head % room + b"x" * room)) == 1
    with pytest.raises(FramingError):
        StreamFramer().feed(head % (room + 1))


def test_messages_before_the_damage_are_not_lost() -> None:
    with pytest.raises(FramingError) as caught:
        StreamFramer().feed(INVITE + BYE + b"\x16\x03\x01")
    assert caught.value.messages == [INVITE, BYE]
