"""Offers and answers of a call, by side."""

import pytest

from jambones.media.rtpengine import PLAIN, SDES, WEBRTC, NgError, Profile
from jambones.sbc.media import CallMedia, MediaFailed, Side, Straight, profile_of, summary

FE, FS = Side.FAR_END, Side.FEATURE_SERVER


class Recorder:
    """A relay that marks what passes and counts commands."""

    node = "re1"

    def __init__(self) -> None:
        self.commands: list[tuple[str, Side, bytes]] = []

    async def offer(self, side: Side, sdp: bytes) -> bytes:
        self.commands.append(("offer", side, sdp))
        if sdp == b"bad":
            raise MediaFailed(NgError("offer", "no"))
        return b"o(" + sdp + b")"

    async def answer(self, side: Side, sdp: bytes) -> bytes:
        self.commands.append(("answer", side, sdp))
        return b"a%d(" % len(self.commands) + sdp + b")"

    async def close(self) -> None:
        return None


async def test_the_same_answer_is_asked_for_once() -> None:
    relay = Recorder()
    media = CallMedia(relay)
    assert await media.offer(FE, b"A") == b"o(A)"

    answers = [await media.answer(FS, b"B") for _ in range(3)]

    assert answers == [b"a2(B)"] * 3
    assert await media.answer(FS, b"C") == b"a3(C)"  # another answer is another command
    assert (media.remote(FE), media.local(FE)) == (b"A", b"a3(C)")
    assert (media.remote(FS), media.local(FS)) == (b"C", b"o(A)")


async def test_sides_stay_when_roles_turn_round() -> None:
    relay = Recorder()
    media = CallMedia(relay)
    await media.offer(FS, b"F")
    await media.answer(FE, b"G")

    assert [(command, side) for command, side, _ in relay.commands] == [("offer", FS), ("answer", FE)]
    assert (media.remote(FE), media.local(FS)) == (b"G", b"a2(G)")


async def test_a_refused_offer_is_rolled_back_to_the_last_good_one() -> None:
    relay = Recorder()
    media = CallMedia(relay)
    await media.offer(FE, b"A")
    await media.answer(FS, b"B")
    await media.offer(FS, b"C")

    await media.roll_back()
    await media.roll_back()  # nothing more to do

    assert relay.commands[3:] == [("offer", FE, b"A"), ("answer", FS, b"B")]
    assert media.local(FE) == b"a2(B)"


async def test_without_rtpengine_descriptions_pass_untouched() -> None:
    media = CallMedia(Straight())

    assert await media.offer(FE, b"A") == b"A"
    assert await media.answer(FS, b"B") == b"B"
    assert await media.close() is None


async def test_the_codec_is_the_answers_first() -> None:
    media = CallMedia(Straight())
    assert media.codec() is None
    offer = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n"
    await media.offer(FE, offer)
    await media.answer(FS, offer.replace(b"0 8 101", b"101 8") + b"a=rtpmap:101 telephone-event/8000\r\n")
    assert media.codec() == "PCMA"
    await media.answer(FS, b"garbage")
    assert media.codec() is None


@pytest.mark.parametrize(
    ("lines", "profile"),
    [
        (b"m=audio 1 RTP/AVP 0\r\n", PLAIN),
        (b"m=audio 1 RTP/AVP 0\r\na=crypto:1 x\r\n", PLAIN),
        (b"m=audio 1 RTP/SAVP 0\r\na=crypto:1 x\r\n", SDES),
        (b"m=audio 1 RTP/SAVP 0\r\na=fingerprint:sha-256 x\r\n", WEBRTC),
        (b"m=audio 1 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 x\r\n", WEBRTC),
        (b"m=video 1 UDP/TLS/RTP/SAVPF 96\r\n", PLAIN),
    ],
)
def test_the_kind_of_peer_is_read_from_its_description(lines: bytes, profile: Profile) -> None:
    assert profile_of(b"v=0\r\n" + lines) is profile


def test_a_summary_is_made_of_the_last_words_of_a_session() -> None:
    def tag(packets: int) -> dict[str, object]:
        streams = [
            {"flags": ["RTP", "confirmed"], "stats": {"packets": packets}},
            {"flags": ["RTCP"], "stats": {"packets": 3}},
        ]
        return {"medias": [{"streams": streams}]}

    reply = {
        "tags": {"fe": tag(500), "fs": tag(480)},
        "SSRC": {"1": {"average MOS": {"MOS": 43, "jitter": 2, "packet loss": 1}}, "2": {"average MOS": {"MOS": 41}}},
    }

    result = summary(reply)  # type: ignore[arg-type]

    assert (result.packets_in, result.packets_out, result.packets_lost) == (500, 480, 5)
    assert (result.mos, result.jitter_ms) == (4.1, 2)


def test_a_summary_survives_a_reply_without_anything() -> None:
    assert summary({"result": "ok"}).packets_in == 0
