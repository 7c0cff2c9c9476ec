"""What two sides agree on, and how each says it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.sdp import (
    G722,
    OPUS,
    PCMA,
    PCMU,
    Direction,
    LocalMedia,
    NotAcceptable,
    SessionDescription,
    answer,
    conclude,
    offer,
    revised,
)

LOCAL = LocalMedia("198.51.100.1", 25000, (PCMU, PCMA, G722, OPUS), session_id=7)


def offered(*lines: str, address: str = "192.0.2.1") -> SessionDescription:
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", f"c=IN IP4 {address}", "t=0 0")
    return SessionDescription.parse("\r\n".join((*head, *lines, "")).encode())


PLAIN = offered("m=audio 40000 RTP/AVP 8 0 110", "a=rtpmap:110 telephone-event/8000")


# -- answering


def test_the_offerers_first_common_codec_is_taken_and_its_event_number_echoed() -> None:
    description, agreed = answer(PLAIN, LOCAL)
    audio = description.media[0]

    assert (agreed.codec, agreed.payload_type, agreed.dtmf_payload_type) == (PCMA, 8, 110)
    assert (agreed.remote_address, agreed.remote_port, agreed.remote_rtcp) == ("192.0.2.1", 40000, ("192.0.2.1", 40001))
    assert (audio.port, audio.formats) == (25000, ("8", "110"))
    assert bytes(description) == (
        b"v=0\r\no=- 7 1 IN IP4 198.51.100.1\r\ns=jambones\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
        b"m=audio 25000 RTP/AVP 8 110\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:110 telephone-event/8000\r\n"
        b"a=fmtp:110 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def test_our_order_of_codecs_may_win() -> None:
    assert answer(PLAIN, replace(LOCAL, own_order=True))[1].codec == PCMU


def test_opus_keeps_the_offered_number_and_takes_the_event_of_its_clock() -> None:
    browser = offered(
        "m=audio 40000 RTP/AVP 111 110 126",
        "a=rtpmap:111 OPUS/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:126 telephone-event/8000",
    )
    description, agreed = answer(browser, LOCAL)

    assert (agreed.codec, agreed.payload_type, agreed.dtmf_payload_type, agreed.dtmf_rate) == (OPUS, 111, 110, 48000)
    assert agreed.remote_fmtp == "minptime=10;useinbandfec=1"
    assert description.media[0].rtpmap[111].name == "opus"


def test_the_event_number_follows_the_codecs_clock() -> None:
    both = ("a=rtpmap:110 telephone-event/48000", "a=rtpmap:126 telephone-event/8000")
    assert answer(offered("m=audio 4 RTP/AVP 0 110 126", *both), LOCAL)[1].dtmf_payload_type == 126
    only_wide = offered("m=audio 4 RTP/AVP 0 110", both[0])
    assert (answer(only_wide, LOCAL)[1].dtmf_payload_type, answer(only_wide, LOCAL)[1].dtmf_rate) == (110, 48000)


def test_no_event_is_answered_where_none_was_offered_or_wanted() -> None:
    assert answer(offered("m=audio 4 RTP/AVP 0"), LOCAL)[1].dtmf_payload_type is None
    description, agreed = answer(PLAIN, replace(LOCAL, dtmf=False))
    assert (agreed.dtmf_payload_type, description.media[0].formats) == (None, ("8",))


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [((), 20), (("a=ptime:30",), 30), (("a=ptime:20.0",), 20), (("a=ptime:7",), 20), (("a=ptime:400",), 20),
     (("a=ptime:60", "a=maxptime:40"), 40), (("a=maxptime:10",), 10)],
)  # fmt: skip
def test_packets_are_as_long_as_asked(lines: tuple[str, ...], ptime: int) -> None:
    description, agreed = answer(offered("m=audio 4 RTP/AVP 0", *lines), LOCAL)

    assert agreed.ptime == description.media[0].ptime == ptime


@pytest.mark.parametrize(
    ("theirs", "mine", "agreed"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
    ],
)
def test_hold_is_answered_with_its_mirror(theirs: str, mine: str, agreed: str) -> None:
    local = replace(LOCAL, direction=Direction(mine))
    description, result = answer(offered("m=audio 4 RTP/AVP 0", f"a={theirs}"), local)

    assert result.direction == agreed
    assert description.direction_of(description.media[0]) == agreed


def test_the_old_hold_with_a_zero_address_stops_our_sending() -> None:
    assert answer(offered("m=audio 4 RTP/AVP 0", address="0.0.0.0"), LOCAL)[1].direction is Direction.RECVONLY


def test_other_sections_are_refused_in_place() -> None:
    many = offered(
        "m=video 5000 RTP/AVP 34 99",
        "m=audio 0 RTP/AVP 0",
        "m=audio 40000 RTP/AVP 0",
        "a=mid:2",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "a=mid:3",
        "m=audio 40002 RTP/AVP 0",
    )
    description, agreed = answer(many, LOCAL)

    assert agreed.remote_port == 40000
    assert [(m.kind, m.port, m.formats) for m in description.media] == [
        ("video", 0, ("34", "99")),
        ("audio", 0, ("0",)),
        ("audio", 25000, ("0",)),
        ("application", 0, ("webrtc-datachannel",)),
        ("audio", 0, ("0",)),
    ]
    assert [m.get("mid") for m in description.media] == [None, None, "2", "3", None]


def test_rtcp_address_and_multiplexing_are_agreed() -> None:
    apart = offered("m=audio 4000 RTP/AVP 0", "a=rtcp:5000 IN IP4 192.0.2.9")
    muxed = offered("m=audio 4000 RTP/AVP 0", "a=rtcp-mux")
    local = replace(LOCAL, rtcp_mux=True, rtcp_port=25001)

    assert answer(apart, local)[1].remote_rtcp == ("192.0.2.9", 5000)
    description, agreed = answer(muxed, local)
    assert (agreed.rtcp_mux, agreed.remote_rtcp) == (True, ("192.0.2.1", 4000))
    assert description.media[0].rtcp_mux
    assert description.media[0].rtcp == (None, 25001)
    assert not answer(apart, local)[0].media[0].rtcp_mux
    assert not answer(muxed, LOCAL)[0].media[0].rtcp_mux
    assert answer(offered("m=audio 65535 RTP/AVP 0"), LOCAL)[1].remote_rtcp is None


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("m=audio 4 RTP/AVP 18",), 305),
        (("m=audio 4 RTP/SAVP 0",), 302),
        (("m=video 4 RTP/AVP 34",), 304),
        (("m=audio 0 RTP/AVP 0",), 304),
        ((), 304),
        (("m=audio 4 RTP/AVP",), 305),
    ],
)
def test_what_cannot_be_agreed_is_refused_with_a_warning(lines: tuple[str, ...], code: int) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        answer(offered(*lines), LOCAL)

    assert refusal.value.status == 488
    assert refusal.value.warning.startswith(f'{code} jambones "')


def test_audio_without_any_address_is_refused() -> None:
    with pytest.raises(NotAcceptable, match="No address"):
        answer(SessionDescription.parse(b"v=0\r\nm=audio 4 RTP/AVP 0\r\n"), LOCAL)


# -- offering


def test_an_offer_lists_all_codecs_and_an_event_per_clock() -> None:
    audio = offer(LOCAL).media[0]

    assert audio.formats == ("0", "8", "9", "96", "101", "102")
    assert [str(m) for m in audio.rtpmap.values()][3:] == [
        "96 opus/48000/2", "101 telephone-event/8000", "102 telephone-event/48000",
    ]  # fmt: skip
    assert audio.fmtp[96] == "useinbandfec=1"


def test_the_answerer_of_our_offer_decides_the_numbers_we_send() -> None:
    mine = offer(replace(LOCAL, codecs=(OPUS,)))
    theirs = offered("m=audio 4000 RTP/AVP 98 100", "a=rtpmap:98 opus/48000/2", "a=rtpmap:100 telephone-event/48000")
    agreed = conclude(mine, theirs, LOCAL)

    assert (agreed.payload_type, agreed.receive_payload_type) == (98, 96)
    assert (agreed.dtmf_payload_type, agreed.receive_dtmf_payload_type) == (100, 101)


@pytest.mark.parametrize("lines", [("m=audio 0 RTP/AVP 0",), (), ("m=audio 5 RTP/AVP 18",)])
def test_an_answer_without_usable_audio_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(NotAcceptable):
        conclude(offer(LOCAL), offered(*lines), LOCAL)


@given(
    st.lists(st.sampled_from([PCMU, PCMA, G722, OPUS]), min_size=1, unique=True),
    st.lists(st.sampled_from([PCMU, PCMA, G722, OPUS]), min_size=1, unique=True),
    st.sampled_from(Direction),
    st.sampled_from(Direction),
)
def test_both_sides_always_agree_on_the_same(a: list, b: list, one: Direction, two: Direction) -> None:  # type: ignore[type-arg]
    here = LocalMedia("192.0.2.1", 1000, tuple(a), direction=one)
    there = LocalMedia("192.0.2.2", 2000, tuple(b), direction=two)
    mine = offer(here)
    try:
        theirs, seen_there = answer(mine, there)
    except NotAcceptable:
        assert not set(a) & set(b)
        return
    seen_here = conclude(mine, SessionDescription.parse(bytes(theirs)), here)

    assert (seen_here.codec, seen_here.payload_type) == (seen_there.codec, seen_there.payload_type)
    assert seen_here.dtmf_payload_type == seen_there.dtmf_payload_type
    assert seen_here.direction is seen_there.direction.mirrored
    assert (seen_here.remote_port, seen_there.remote_port) == (2000, 1000)


# -- versions


def test_the_version_grows_only_when_something_changed() -> None:
    first, _ = answer(PLAIN, LOCAL)
    same, _ = answer(PLAIN, LOCAL, previous=first)
    held, _ = answer(offered("m=audio 40000 RTP/AVP 8", "a=sendonly"), LOCAL, previous=same)
    back, _ = answer(PLAIN, LOCAL, previous=held)

    assert [d.origin.version for d in (first, same, held, back)] == [1, 1, 2, 3]
    assert {d.origin.session_id for d in (first, same, held, back)} == {7}
    assert revised(first, first) == first
