"""Reading and writing session descriptions, including those of careless phones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.sdp import Attribute, Connection, Direction, SdpError, SessionDescription

PHONE = (
    b"v=0\r\n"
    b"o=alice 2890844526 2890844527 IN IP4 192.0.2.10\r\n"
    b"s=A call\r\n"
    b"i=about things\r\n"
    b"c=IN IP4 192.0.2.10\r\n"
    b"b=AS:80\r\n"
    b"t=0 0\r\n"
    b"a=X-vendor:something odd\r\n"
    b"m=audio 40000 RTP/AVP 8 0 9 101\r\n"
    b"b=TIAS:64000\r\n"
    b"a=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-16\r\n"
    b"a=ptime:30\r\n"
    b"a=maxptime:60\r\n"
    b"a=rtcp:40005 IN IP4 192.0.2.11\r\n"
    b"a=unheard-of\r\n"
    b"a=sendonly\r\n"
    b"m=video 0 RTP/AVP 34\r\n"
)


def parse(body: bytes) -> SessionDescription:
    return SessionDescription.parse(body)


def with_audio(*lines: str) -> SessionDescription:
    return parse("\r\n".join(("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", *lines, "")).encode())


def test_a_description_is_written_back_byte_for_byte() -> None:
    assert bytes(parse(PHONE)) == PHONE


def test_what_an_audio_section_says_is_understood() -> None:
    audio = parse(PHONE).media[0]

    assert (audio.kind, audio.port, audio.proto, audio.formats) == ("audio", 40000, "RTP/AVP", ("8", "0", "9", "101"))
    assert [str(m) for m in audio.rtpmap.values()] == [
        "8 PCMA/8000", "0 PCMU/8000", "9 G722/8000", "101 telephone-event/8000",
    ]  # fmt: skip
    assert dict(audio.fmtp) == {101: "0-16"}
    assert (audio.ptime, audio.maxptime, audio.rtcp) == (30, 60, ("192.0.2.11", 40005))
    assert parse(PHONE).direction_of(audio) is Direction.SENDONLY
    assert parse(PHONE).media[1].rejected


def test_unknown_attributes_are_kept_in_their_order() -> None:
    description = parse(PHONE)

    assert description.attributes == (Attribute("X-vendor", "something odd"),)
    assert [a.name for a in description.media[0].attributes][-3:] == ["rtcp", "unheard-of", "sendonly"]


def test_lines_may_end_in_lf_and_the_last_one_in_nothing() -> None:
    assert parse(PHONE.replace(b"\r\n", b"\n").rstrip()) == parse(PHONE)


def test_an_address_at_media_level_suffices() -> None:
    description = with_audio("m=audio 9000 RTP/AVP 0", "c=IN IP6 2001:db8::1")
    audio = description.media[0]

    assert description.connection_of(audio) == Connection("2001:db8::1", "IP6")
    assert audio.connection == Connection.to("2001:db8::1")


def test_zero_address_means_that_the_sender_does_not_receive() -> None:
    held = with_audio("c=IN IP4 0.0.0.0", "m=audio 9000 RTP/AVP 0")

    assert held.direction_of(held.media[0]) is Direction.SENDONLY


def test_direction_of_the_session_holds_where_the_media_is_silent() -> None:
    description = with_audio("a=inactive", "m=audio 9000 RTP/AVP 0", "m=audio 9002 RTP/AVP 0", "a=RecvOnly")

    assert [description.direction_of(m) for m in description.media] == [Direction.INACTIVE, Direction.RECVONLY]


@pytest.mark.parametrize(
    "mangled",
    [
        b"v=0\r\no=- x y IN IP4 h\r\nm=audio 1 RTP/AVP 0\r\n",
        b"\r\n\r\nv=0\r\n\r\n o=junk line\r\nm=audio 1/2 RTP/AVP\r\n",
        b"v=0 \nm=audio 1 RTP/AVP 0\na=rtpmap:\na=rtpmap:zz\na=fmtp\na=ptime:abc\na=rtcp\na=rtcp:x\n",
        b"v=0\no=a name with spaces 1 2 IN IP4 h\ns=\xff\xfe\n",
        b"v=0\r\nm=audio 1 RTP/AVP 0\r\n\x00",
    ],
)
def test_sloppy_descriptions_are_tolerated(mangled: bytes) -> None:
    description = parse(mangled)

    for media in description.media:
        assert media.ptime is None
        assert media.rtcp is None
    assert bytes(parse(bytes(description))) == bytes(description)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"hello",
        b"v=1\r\n",
        b"o=- 1 1 IN IP4 1.1.1.1\r\n",
        b"v=0\r\no=-\r\n",
        b"v=0\r\nc=IN IP4\r\n",
        b"v=0\r\nc=ATM NSAP 47.0091\r\n",
        b"v=0\r\nc=IN IP4 /127\r\n",
        b"v=0\r\nm=audio\r\n",
        b"v=0\r\nm=audio 65536 RTP/AVP 0\r\n",
        b"v=0\r\nm=audio -1 RTP/AVP 0\r\n",
        b"v=0\r\nm=audio 1_0 RTP/AVP 0\r\n",
        b"v=0\r\nm=audio 10/x RTP/AVP 0\r\n",
        "v=0\r\nm=audio ٣٣ RTP/AVP 0\r\n".encode(),
        b"v=0\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * 65,
        b"v=0\r\n" + b"a=x\r\n" * 2001,
        b"v=0\r\nm=audio 1 RTP/AVP" + b" 0" * 129,
        b"v=0\r\n" + b"a" * 70_000,
    ],
)
def test_what_is_no_description_is_refused(broken: bytes) -> None:
    with pytest.raises(SdpError):
        parse(broken)


@given(st.binary() | st.text(alphabet="vomcast=:/ 0123456789\r\nINP4audRTVfmp").map(lambda t: b"v=0\r\n" + t.encode()))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        description = parse(body)
    except SdpError:
        return
    assert bytes(parse(bytes(description))) == bytes(description)
    for media in description.media:
        _ = media.rtpmap, media.fmtp, media.ptime, media.maxptime, media.rtcp, description.direction_of(media)


@given(st.data())
def test_mutated_descriptions_are_parsed_or_refused(data: st.DataObject) -> None:
    body = bytearray(PHONE)
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        description = parse(bytes(body))
    except SdpError:
        return
    assert bytes(parse(bytes(description))) == bytes(description)
