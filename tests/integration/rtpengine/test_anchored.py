"""The edge's media with peers of every kind: real SRTP and DTLS-SRTP with ICE, spoken by a second rtpengine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jambones.media.rtpengine import PLAIN, SDES, WEBRTC, NgClient, Profile, RtpengineCluster
from jambones.sbc.media import Anchored, Side, profile_of
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


async def test_an_srtp_offer_gets_an_srtp_answer(edge: RtpengineCluster, far_end: NgClient) -> None:
    async with RtpPeer.open() as phone, RtpPeer.open() as server:
        offer = await far_end.offer("phone", phone.sdp, from_tag="a", towards=SDES)
        relay = Anchored(edge.session("call"), profile_of(offer), private=False, strict=True)
        await relay.offer(Side.FAR_END, offer)
        told, _ = audio_of(await relay.answer(Side.FEATURE_SERVER, server.sdp))

        assert told.proto == "RTP/SAVP"
        await relay.close()
