"""The edge's media with peers of every kind: real SRTP and DTLS-SRTP with ICE, spoken by a second rtpengine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jambones.media.rtpengine import PLAIN, SDES, WEBRTC, NgClient, Profile, RtpengineCluster, UnknownCall
from jambones.sbc.media import Anchored, CallMedia, MediaFailed, Side, profile_of
from jambones.sip.sdp import SessionDescription
from jambones.sip.sdp.model import Media
from tests.support.rtp import RtpPeer, audio_address
from tests.support.rtpengine import running_rtpengine

pytestmark = pytest.mark.integration


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[RtpengineCluster]:
    async with running_rtpengine(tmp_path) as daemon, RtpengineCluster.open([daemon.address]) as cluster:
        yield cluster


@pytest.fixture
async def far_end(tmp_path: Path) -> AsyncIterator[NgClient]:
    """A phone or browser: what it says is plain on our side and encrypted on the wire."""
    async with running_rtpengine(tmp_path) as daemon, NgClient.open(daemon.address) as client:
        yield client


def audio_of(sdp: bytes) -> tuple[Media, tuple[str, int]]:
    audio = SessionDescription.parse(sdp).audio()
    assert audio is not None
    return audio, audio_address(sdp)


async def flows(sender: RtpPeer, where: tuple[str, int], receiver: RtpPeer, payload: bytes) -> bool:
    """Whether what one says arrives at the other, once keys and paths are agreed on."""
    for _ in range(100):
        sender.send_to(where, payload, count=1)
        await asyncio.sleep(0.05)
        if any(packet.payload == payload for packet in receiver.packets):
            return True
    return False


@pytest.mark.parametrize("profile", [PLAIN, SDES, WEBRTC], ids=lambda profile: str(profile.name))
@pytest.mark.parametrize("strict", [True, False])
async def test_a_far_end_of_each_kind_speaks_with_the_feature_server(
    edge: RtpengineCluster, far_end: NgClient, profile: Profile, strict: bool
) -> None:
    async with RtpPeer.open() as phone, RtpPeer.open() as server:
        offer = await far_end.offer("phone", phone.sdp, from_tag="a", towards=profile)
        assert profile_of(offer) is profile
        relay = Anchored(edge.session("call"), profile_of(offer), private=False, strict=strict)
        inside = await relay.offer(Side.FAR_END, offer)
        audio, towards_phone = audio_of(inside)
        assert audio.proto == "RTP/AVP"
        assert not any(audio.has(name) for name in ("crypto", "fingerprint", "ice-ufrag", "candidate"))

        answer = await relay.answer(Side.FEATURE_SERVER, server.sdp)
        told, _ = audio_of(answer)
        if profile is SDES:
            assert [crypto.split()[1] for crypto in told.crypto] == ["AES_CM_128_HMAC_SHA1_80"]
            assert not told.has("fingerprint")
        if profile is WEBRTC:
            assert told.get("setup") == "active"  # docs/adr/0006
            assert all(told.has(name) for name in ("fingerprint", "ice-ufrag", "candidate", "rtcp-mux"))
            assert not told.has("crypto")
        back = await far_end.answer("phone", answer, from_tag="a", to_tag="b", towards=PLAIN)
        _, towards_server = audio_of(back)

        assert await flows(phone, towards_server, server, b"\x11" * 160)
        assert await flows(server, towards_phone, phone, b"\x22" * 160)
        summary = await relay.close()
        assert summary is not None
        assert summary.packets_in > 0
        assert summary.packets_out > 0


@pytest.mark.parametrize("profile", [SDES, WEBRTC], ids=lambda profile: str(profile.name))
async def test_a_later_offer_of_the_feature_server_keeps_the_far_ends_kind_and_keys(
    edge: RtpengineCluster, far_end: NgClient, profile: Profile
) -> None:
    async with RtpPeer.open() as phone, RtpPeer.open() as server:
        offer = await far_end.offer("phone", phone.sdp, from_tag="a", towards=profile)
        relay = Anchored(edge.session("call"), profile_of(offer), private=False, strict=False)
        await relay.offer(Side.FAR_END, offer)
        first, _ = audio_of(await relay.answer(Side.FEATURE_SERVER, server.sdp))
        again, _ = audio_of(await relay.offer(Side.FEATURE_SERVER, server.sdp))

        assert again.port == first.port
        assert again.proto == first.proto
        if profile is WEBRTC:
            assert again.get("ice-ufrag") == first.get("ice-ufrag")
            assert again.get("fingerprint") == first.get("fingerprint")
        else:
            assert [crypto.split()[1:] for crypto in again.crypto] == [crypto.split()[1:] for crypto in first.crypto]
        await relay.close()


@pytest.mark.parametrize("profile", [PLAIN, SDES, WEBRTC], ids=lambda profile: str(profile.name))
async def test_a_far_end_of_another_kind_takes_over_the_session(
    edge: RtpengineCluster, far_end: NgClient, profile: Profile
) -> None:
    async with RtpPeer.open() as former, RtpPeer.open() as phone, RtpPeer.open() as server:
        relay = Anchored(edge.session("call"), PLAIN, private=False, strict=True)
        media = CallMedia(relay)
        await media.offer(Side.FAR_END, former.sdp)
        await media.answer(Side.FEATURE_SERVER, server.sdp)

        offer = await far_end.offer("phone", phone.sdp, from_tag="a", towards=profile)
        fresh = Anchored(edge.session("call"), profile_of(offer), private=False, strict=False)
        assert await media.face(fresh) is relay
        _, towards_phone = audio_of(await media.offer(Side.FAR_END, offer))
        answer = await media.answer(Side.FEATURE_SERVER, server.sdp)
        assert profile_of(answer) is profile
        back = await far_end.answer("phone", answer, from_tag="a", to_tag="b", towards=PLAIN)
        _, towards_server = audio_of(back)

        assert await flows(phone, towards_server, server, b"\x11" * 160)
        assert await flows(server, towards_phone, phone, b"\x22" * 160)
        assert await media.close() is not None


async def test_a_take_over_that_fails_leaves_the_former_far_end_its_audio(edge: RtpengineCluster) -> None:
    async with RtpPeer.open() as former, RtpPeer.open() as phone, RtpPeer.open() as server:
        relay = Anchored(edge.session("call"), PLAIN, private=False, strict=False)
        media = CallMedia(relay)
        _, towards_former = audio_of(await media.offer(Side.FAR_END, former.sdp))
        _, towards_server = audio_of(await media.answer(Side.FEATURE_SERVER, server.sdp))

        await media.face(Anchored(edge.session("call"), PLAIN, private=False, strict=False))
        await media.offer(Side.FAR_END, phone.sdp)
        await media.face(relay)
        await media.roll_back()

        assert await flows(former, towards_server, server, b"\x11" * 160)
        assert await flows(server, towards_former, former, b"\x22" * 160)
        assert await media.close() is not None


async def test_an_srtp_offer_gets_an_srtp_answer(edge: RtpengineCluster, far_end: NgClient) -> None:
    async with RtpPeer.open() as phone, RtpPeer.open() as server:
        offer = await far_end.offer("phone", phone.sdp, from_tag="a", towards=SDES)
        relay = Anchored(edge.session("call"), profile_of(offer), private=False, strict=True)
        await relay.offer(Side.FAR_END, offer)
        told, _ = audio_of(await relay.answer(Side.FEATURE_SERVER, server.sdp))

        assert told.proto == "RTP/SAVP"
        await relay.close()


PHONE = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 45000 %s 0\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
)
KEYS = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
PRINT = (
    b"a=setup:actpass\r\na=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:5D:49:6B:"
    b"19:E5:7C:AB:4A:AD:B9:B1\r\n"
)


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        (b"RTP/AVPF", b""),
        (b"RTP/SAVPF", KEYS),
        (b"UDP/TLS/RTP/SAVP", PRINT),
        (b"RTP/SAVPF", PRINT),
    ],
)
async def test_a_far_end_is_answered_in_its_own_protocol(edge: RtpengineCluster, protocol: bytes, more: bytes) -> None:
    async with RtpPeer.open() as server:
        offer = PHONE % protocol + more
        relay = Anchored(edge.session("call"), profile_of(offer), private=False, strict=False)
        assert audio_of(await relay.offer(Side.FAR_END, offer))[0].proto == "RTP/AVP"
        answer, _ = audio_of(await relay.answer(Side.FEATURE_SERVER, server.sdp))
        again, _ = audio_of(await relay.offer(Side.FEATURE_SERVER, server.sdp))
        await relay.close()

    assert [answer.proto, again.proto] == [protocol.decode()] * 2
    assert bool(answer.crypto) is (more is KEYS)
    assert answer.has("fingerprint") is (more is PRINT)


@pytest.mark.parametrize("sdp", [PHONE % b"RTP/SAVP", (PHONE % b"RTP/AVP").replace(b"c=IN IP4 127.0.0.1\r\n", b"")])
async def test_what_no_media_can_be_had_from_is_488(edge: RtpengineCluster, sdp: bytes) -> None:
    relay = Anchored(edge.session("call"), profile_of(sdp), private=False, strict=False)
    with pytest.raises(MediaFailed) as failed:
        await relay.offer(Side.FAR_END, sdp)
    await relay.close()

    assert failed.value.status == 488


async def test_a_call_that_ends_while_rtpengine_is_asked_leaves_nothing_there(edge: RtpengineCluster) -> None:
    relay = Anchored(edge.session("call"), PLAIN, private=False, strict=False)
    offering = asyncio.create_task(relay.offer(Side.FAR_END, PHONE % b"RTP/AVP"))
    await asyncio.sleep(0)  # the command is on its way
    offering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await offering
    await relay.close()

    assert [node.sessions for node in edge.nodes] == [0]
    with pytest.raises(UnknownCall):
        await edge.nodes[0].client.query("call")
