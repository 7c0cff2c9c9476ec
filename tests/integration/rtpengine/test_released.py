"""Audio that leaves the feature server: two sessions of rtpengine that send to each other, and come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from jambones.media.rtpengine import PLAIN, SDES, WEBRTC, NgClient, Profile, RtpengineCluster
from jambones.sbc.media import Anchored, CallMedia, Side
from tests.support.rtp import RtpPeer, audio_address
from tests.support.rtpengine import running_rtpengine

pytestmark = pytest.mark.integration

FE, FS = Side.FAR_END, Side.FEATURE_SERVER
SAMPLE_A, SAMPLE_B, OLD = b"\x11" * 160, b"\x22" * 160, b"\x33" * 160


@dataclass
class Party:
    """A phone, its session of rtpengine, and the leg of the media engine behind it."""

    phone: RtpPeer
    server: RtpPeer
    media: CallMedia
    outside: tuple[str, int]
    """Where the phone sends."""
    inside: tuple[str, int]
    """Where the server sends."""
    answer: bytes
    """The session as the server sees it."""


def wide(sdp: bytes) -> bytes:
    """The description of a phone that has more codecs than are used."""
    return sdp.replace(b"RTP/AVP 0 101", b"RTP/AVP 9 0 8 18 101")


@asynccontextmanager
async def party(cluster: RtpengineCluster, name: str, *, calls: bool, strict: bool) -> AsyncIterator[Party]:
    async with RtpPeer.open() as phone, RtpPeer.open() as server:
        media = CallMedia(Anchored(cluster.session(name), PLAIN, private=False, strict=strict))
        if calls:
            inside = await media.offer(FE, wide(phone.sdp))
            outside = await media.answer(FS, server.sdp)
        else:
            outside = await media.offer(FS, server.sdp)
            inside = await media.answer(FE, phone.sdp)
        yield Party(phone, server, media, audio_address(outside), audio_address(inside), inside)
        await media.close()


async def flows(sender: RtpPeer, where: tuple[str, int], receiver: RtpPeer, payload: bytes) -> bool:
    before = len(receiver.packets)
    for _ in range(60):
        sender.send_to(where, payload)
        await asyncio.sleep(0.02)
        if any(packet.payload == payload for packet in receiver.packets[before:]):
            return True
    return False


async def talk(a: Party, b: Party, *, rounds: int = 3) -> None:
    """Both parties through their servers, so that rtpengine has learnt where everybody is."""
    for _ in range(rounds):
        assert await flows(a.phone, a.outside, a.server, SAMPLE_A)
        assert await flows(a.server, a.inside, a.phone, SAMPLE_B)
        assert await flows(b.phone, b.outside, b.server, SAMPLE_B)
        assert await flows(b.server, b.inside, b.phone, SAMPLE_A)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(("count", "settled"), [(1, 0.0), (2, 0.0), (1, 3.5)])  # rtpengine learns for 3 seconds
async def test_two_phones_speak_past_the_feature_server_and_then_with_it_again(
    tmp_path: Path, strict: bool, count: int, settled: float
) -> None:
    async with running_rtpengine(tmp_path) as one, running_rtpengine(tmp_path) as two:
        addresses = [one.address, two.address][:count]
        async with (
            RtpengineCluster.open(addresses) as cluster,
            party(cluster, "a", calls=True, strict=strict) as a,
            party(cluster, "b", calls=False, strict=strict) as b,
        ):
            await talk(a, b)
            await asyncio.sleep(settled)
            await talk(a, b)
            moved_a = await a.media.move(b.answer, direct=True)
            # What is on its way from the media engine may not be taken for the new source.
            a.server.send_to(a.inside, OLD, count=3)
            b.server.send_to(b.inside, OLD, count=3)
            moved_b = await b.media.move(a.answer, direct=True)
            a.server.send_to(a.inside, OLD, count=3)
            b.server.send_to(b.inside, OLD, count=3)
            assert (audio_address(moved_a), audio_address(moved_b)) == (a.inside, b.inside)
            await asyncio.sleep(0.2)
            silent = len(a.server.packets), len(b.server.packets)
            for _ in range(3):
                assert await flows(a.phone, a.outside, b.phone, SAMPLE_A)
                assert await flows(b.phone, b.outside, a.phone, SAMPLE_B)
            assert (len(a.server.packets), len(b.server.packets)) == silent
            assert a.media.codec() == b.media.codec() == "PCMU"

            async with RtpPeer.open() as fresh:  # another leg of the media engine, for the caller alone
                back = await a.media.move(fresh.sdp, direct=False)
                assert audio_address(back) == a.inside
                a.server = fresh
                assert await flows(a.phone, a.outside, fresh, SAMPLE_A)
                assert await flows(fresh, a.inside, a.phone, SAMPLE_B)
                summary = await a.media.close()
    assert summary is not None
    assert summary.packets_in >= 6


@dataclass
class Encrypted:
    """A phone that speaks SRTP outside; `speaks` is how."""

    phone: RtpPeer
    server: RtpPeer
    media: CallMedia
    far_end: NgClient
    speaks: Profile

    async def calls(self) -> tuple[bytes, bytes]:
        """Where the phone sends, and its session as the server sees it."""
        offer = await self.far_end.offer("phone", wide(self.phone.sdp), from_tag="a", towards=self.speaks)
        inside = await self.media.offer(FE, offer)
        answer = await self.media.answer(FS, self.server.sdp)
        return await self.far_end.answer("phone", answer, from_tag="a", to_tag="b", towards=PLAIN), inside

    async def is_called(self) -> tuple[bytes, bytes]:
        offer = await self.media.offer(FS, self.server.sdp)
        outside = await self.far_end.offer("phone", offer, from_tag="b", towards=PLAIN)
        answer = await self.far_end.answer("phone", self.phone.sdp, from_tag="b", to_tag="a", towards=self.speaks)
        return outside, await self.media.answer(FE, answer)


@pytest.mark.parametrize("profile", [SDES, WEBRTC], ids=lambda profile: str(profile.name))
@pytest.mark.parametrize("calls", [True, False], ids=["calls", "is called"])
async def test_a_phone_with_encrypted_audio_keeps_its_keys(tmp_path: Path, profile: Profile, calls: bool) -> None:
    async with (
        running_rtpengine(tmp_path) as edge,
        running_rtpengine(tmp_path) as outside,
        NgClient.open(outside.address) as far_end,
        RtpengineCluster.open([edge.address]) as cluster,
        RtpPeer.open() as phone,
        RtpPeer.open() as server,
        RtpPeer.open() as fresh,
        party(cluster, "b", calls=not calls, strict=False) as b,
    ):
        media = CallMedia(Anchored(cluster.session("a"), profile, private=False, strict=False))
        a = Encrypted(phone, server, media, far_end, profile)
        there, inside = await (a.calls() if calls else a.is_called())
        assert await flows(phone, audio_address(there), server, SAMPLE_A)
        assert await flows(server, audio_address(inside), phone, SAMPLE_B)
        assert await flows(b.phone, b.outside, b.server, SAMPLE_B)

        await media.move(b.answer, direct=True)
        await b.media.move(inside, direct=True)
        for _ in range(3):
            assert await flows(phone, audio_address(there), b.phone, SAMPLE_A)
            assert await flows(b.phone, b.outside, phone, SAMPLE_B)

        await media.move(fresh.sdp, direct=False)
        assert await flows(phone, audio_address(there), fresh, SAMPLE_A)
        assert await flows(fresh, audio_address(inside), phone, SAMPLE_B)
