"""The engine on one real worker, with plain RTP peers on loopback: prompts, keys, bridges, recordings, ends."""

import asyncio
import os
import signal
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from jambones.media import (
    Clip,
    Digit,
    EngineSettings,
    LegStats,
    MediaEngine,
    MediaGone,
    MediaLeg,
    MediaLost,
    MediaRefused,
    RtpTimeout,
)
from jambones.media.codecs import LAWS
from jambones.media.decode import wav
from tests.support.free_ports import free_port
from tests.support.rtp import RtpPeer

PCMU = LAWS[0]
EVENTS = 101


@asynccontextmanager
async def engines(*, legs: int = 8, rtp_timeout_ms: int = 30_000) -> AsyncIterator[MediaEngine]:
    first = free_port() & ~1
    settings = EngineSettings(
        port_min=first, port_max=first + 15, sockets_per_worker=2, legs_per_worker=legs, rtp_timeout_ms=rtp_timeout_ms
    )
    async with MediaEngine.open(settings) as engine:
        yield engine


def where(leg: MediaLeg) -> tuple[str, int]:
    return "127.0.0.1", int(leg.local_sdp.partition(b"m=audio ")[2].split()[0])


def noise(seconds: float, seed: int = 3) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    codes = np.random.default_rng(seed).integers(0, 120, round(seconds * 8000)).astype(np.uint8)
    return PCMU.decode(codes)  # no code for silence among them


async def prompt(engine: MediaEngine, seconds: float, seed: int = 3) -> tuple[Clip, bytes]:
    """A clip, and the bytes that carry it."""
    sound = noise(seconds, seed)
    return await engine.clip(wav(sound)), PCMU.encode(sound).tobytes()


def heard(peer: RtpPeer) -> bytes:
    return b"".join(packet.payload for packet in peer.packets if packet.payload_type == 0)


async def speak(peer: RtpPeer, leg: MediaLeg, codes: bytes) -> None:
    """At the pace of a phone."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for start in range(0, len(codes), 160):
        peer.send_to(where(leg), codes[start : start + 160])
        due += 0.02
        await asyncio.sleep(max(0.0, due - loop.time()))


def press(peer: RtpPeer, leg: MediaLeg, digit: str, *, frames: int = 5) -> None:
    """One key as RFC 4733 events of one timestamp, the end three times."""
    code = "0123456789*#ABCD".index(digit)
    first = peer.sequence
    for number in range(1, frames + 4):
        end = number > frames
        payload = bytes([code, 0x8A if end else 0x0A]) + (160 * min(number, frames)).to_bytes(2, "big")
        assert peer.transport is not None
        packet = bytearray(12 + len(payload))
        packet[0], packet[1] = 0x80, EVENTS | (0x80 if number == 1 else 0)
        packet[2:4] = (peer.sequence & 0xFFFF).to_bytes(2, "big")
        packet[4:8] = (first * 160 & 0xFFFFFFFF).to_bytes(4, "big")
        packet[8:12] = (id(peer) & 0xFFFFFFFF).to_bytes(4, "big")
        packet[12:] = payload
        peer.transport.sendto(bytes(packet), where(leg))
        peer.sequence += 1


async def test_a_prompt_is_heard_sample_by_sample_and_its_end_is_told() -> None:
    ended: list[LegStats] = []
    async with engines() as engine, RtpPeer.open() as peer:
        engine.on_ended = ended.append
        leg = await engine.accept(peer.sdp, "leg")
        clip, codes = await prompt(engine, 0.5)
        playback = await leg.play([clip], loop=2)
        async with asyncio.timeout(20):
            result = await playback.wait()
        stats = await leg.close()
        await leg.close()

    assert ended == [stats]
    assert (result.samples, result.reason) == (8000, "done")
    assert codes * 2 in heard(peer)
    sequences = [packet.sequence for packet in peer.packets]
    assert sequences == [(sequences[0] + index) & 0xFFFF for index in range(len(sequences))]
    stamps = [packet.timestamp for packet in peer.packets]
    assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(stamps)} == {160}
    assert len({packet.ssrc for packet in peer.packets}) == 1
    assert stats.packets_sent >= len(peer.packets)


async def test_offset_and_limit_choose_a_part() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        clip, codes = await prompt(engine, 1.0)
        playback = await leg.play([clip], offset=1600, limit=3200)
        async with asyncio.timeout(20):
            result = await playback.wait()
        await leg.close()

    assert (result.samples, result.offset) == (3200, 4800)
    assert codes[1600:4800] in heard(peer)
    assert codes[1440:1600] not in heard(peer)
    assert codes[4800:4960] not in heard(peer)


async def test_a_prompt_that_is_stopped_says_how_far_it_came_and_no_more_of_it_is_heard() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        clip, codes = await prompt(engine, 60.0)
        playback = await leg.play([clip])
        await peer.received(20, within=20.0)
        result = await playback.stop()
        again = await playback.stop()
        await leg.stats()
        before = len(peer.packets)
        await peer.received(peer.waiting + 10, within=20.0)  # ticks that came after it
        await leg.close()

    assert result.reason == "stopped"
    assert again == result
    sent = codes[: result.samples]
    assert sent[-160:] in heard(peer)
    assert codes[result.samples : result.samples + 160] not in heard(peer)
    assert len(peer.packets) > before


async def test_a_new_prompt_takes_the_place_of_the_old_one() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        first, _ = await prompt(engine, 60.0)
        second, codes = await prompt(engine, 0.2, seed=4)
        old = await leg.play([first], loop=None)
        await peer.received(5, within=20.0)
        new = await leg.play([second])
        async with asyncio.timeout(20):
            assert (await old.wait()).reason == "stopped"
            assert (await new.wait()).reason == "done"
        await leg.close()

    assert codes in heard(peer)


async def test_keys_are_heard_once_each() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        events = leg.events()
        got: list[str] = []
        for digit in "19*#0":
            press(peer, leg, digit)
            async with asyncio.timeout(20):
                async for event in events:
                    if isinstance(event, Digit):
                        got.append(event.digit)
                        assert event.duration_ms >= 20
                        break
        await leg.close()

    assert "".join(got) == "19*#0"


async def test_bridged_legs_hear_each_other_and_nobody_else() -> None:
    async with engines() as engine, RtpPeer.open() as a, RtpPeer.open() as b:
        one = await engine.accept(a.sdp, "one")
        two = await engine.accept(b.sdp, "two", near=one)
        await engine.bridge(one, two)
        left, right = (PCMU.encode(noise(1.0, seed)).tobytes() for seed in (5, 6))
        await asyncio.gather(speak(a, one, left), speak(b, two, right))
        await a.received(a.waiting + 10, within=20.0)
        await engine.unbridge(one)
        await one.stats()
        late = PCMU.encode(noise(0.2, 7)).tobytes()
        await speak(a, one, late)
        await b.received(b.waiting + 15, within=20.0)
        await one.close()
        await two.close()

    assert left[4000:4800] in heard(b)
    assert right[4000:4800] in heard(a)
    assert left[4000:4160] not in heard(a)
    assert late[:160] not in heard(b)


async def test_a_recording_holds_what_the_peer_said(tmp_path: Path) -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        recording = await leg.record(tmp_path / "said.wav")
        sound = noise(1.0)
        await speak(peer, leg, PCMU.encode(sound).tobytes())
        await peer.received(peer.waiting + 15, within=20.0)
        result = await recording.stop()
        await leg.close()

    with wave.open(str(result.path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 8000, 2)
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert sound[2000:4000].tobytes() in data.tobytes()
    assert result.seconds == pytest.approx(len(data) / 8000, abs=0.05)


async def test_a_peer_that_falls_silent_is_told_once_per_silence() -> None:
    async with engines(rtp_timeout_ms=300) as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        await speak(peer, leg, PCMU.encode(noise(0.2)).tobytes())
        async with asyncio.timeout(20):
            async for event in leg.events():
                if isinstance(event, RtpTimeout):
                    assert event.silent_ms >= 300
                    break
        await leg.close()


@pytest.mark.parametrize("direction", ["inactive", "sendonly"])
async def test_a_leg_on_hold_is_silent_for_as_long_as_it_likes_and_comes_back(direction: str) -> None:
    async with engines(rtp_timeout_ms=200) as engine, RtpPeer.open() as peer:
        workers = engine.worker_pids
        leg = await engine.accept(peer.sdp, "leg")
        clip, codes = await prompt(engine, 0.3)
        await leg.reoffer(peer.sdp + f"a={direction}\r\n".encode())
        await asyncio.sleep(0.6)  # longer than the time-out
        before = len(peer.packets)
        await leg.reoffer(peer.sdp)
        async with asyncio.timeout(20):
            await (await leg.play([clip])).wait()
        await leg.close()

    assert engine.worker_pids == workers or not engine.worker_pids
    assert codes in b"".join(packet.payload for packet in peer.packets[before:])


async def test_packets_from_elsewhere_are_not_heard() -> None:
    async with engines() as engine, RtpPeer.open() as peer, RtpPeer.open() as stranger:
        leg = await engine.accept(peer.sdp, "leg")
        await speak(peer, leg, PCMU.encode(noise(0.2)).tobytes())
        async with asyncio.timeout(20):
            while (before := (await leg.stats()).packets_received) < 10:
                await asyncio.sleep(0.02)
        await speak(stranger, leg, PCMU.encode(noise(0.2, 9)).tobytes())
        stranger.send_to(where(leg), b"\xff" * 2000)
        await peer.received(peer.waiting + 10, within=20.0)
        after = (await leg.stats()).packets_received
        await leg.close()

    assert after == before


async def test_there_is_room_for_so_many_legs_and_a_closed_one_gives_its_place_back() -> None:
    async with engines(legs=2) as engine, RtpPeer.open() as a, RtpPeer.open() as b:
        one, two = await engine.accept(a.sdp, "one"), await engine.accept(b.sdp, "two")
        with pytest.raises(MediaRefused) as caught:
            await engine.accept(b.sdp, "three")
        assert caught.value.status == 503
        await two.close()
        await two.close()
        three = await engine.accept(b.sdp, "three")
        await one.close()
        await three.close()
        with pytest.raises(MediaGone):
            await three.play([])


@pytest.mark.parametrize(
    "sdp",
    [
        b"",
        b"rubbish",
        b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 4000 RTP/AVP 97\r\n",
    ],
)
async def test_an_offer_that_cannot_be_met_is_488_and_takes_no_place(sdp: bytes) -> None:
    async with engines(legs=1) as engine, RtpPeer.open() as peer:
        for _ in range(3):
            with pytest.raises(MediaRefused) as caught:
                await engine.accept(sdp, "bad")
            assert caught.value.status == 488
        leg = await engine.accept(peer.sdp, "good")
        await leg.close()


async def test_a_worker_that_is_killed_ends_its_legs_and_comes_back() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        clip, codes = await prompt(engine, 0.5)
        playback = await leg.play([clip], loop=None)
        await peer.received(5, within=20.0)
        (pid,) = engine.worker_pids
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            assert (await playback.wait()).reason == "lost"
            assert [type(event) async for event in leg.events()][-1] is MediaLost
            with pytest.raises(MediaGone):
                await leg.play([clip])
            await leg.close()
            while not engine.worker_pids or engine.health().restarts == 0:
                await asyncio.sleep(0.05)
            fresh = await engine.accept(peer.sdp, "again")
            peer.packets.clear()
            peer.taken = 0
            assert (await (await fresh.play([clip])).wait()).reason == "done"
            await fresh.close()

    assert codes in heard(peer)  # the clip outlived the worker


def formats(sdp: bytes) -> list[str]:
    return sdp.partition(b"m=audio ")[2].partition(b"\r\n")[0].decode().split()[2:]


def version(sdp: bytes) -> tuple[int, int]:
    """Number of the session, and of its description."""
    words = sdp.partition(b"o=")[2].split()
    return int(words[1]), int(words[2])


async def test_what_a_near_leg_agreed_on_is_offered_first_with_its_numbers() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        theirs = peer.sdp.replace(b"RTP/AVP 0 101", b"RTP/AVP 8 126").replace(b":101 ", b":126 ")
        near = await engine.accept(theirs, "near")
        assert formats((await engine.offer("alone")).local_sdp) == ["0", "8", "101"]
        assert formats((await engine.offer("bridged", near=near)).local_sdp) == ["8", "0", "126"]


async def test_a_leg_is_sent_past_us_and_another_one_takes_its_place() -> None:
    async with engines() as engine, RtpPeer.open() as one, RtpPeer.open() as two:
        a = await engine.accept(one.sdp, "a")
        b = await engine.offer("b", near=a)
        await b.set_answer(two.sdp)
        first = a.local_sdp

        past = a.past(b)
        assert f"m=audio {two.address[1]} ".encode() in past
        assert formats(past) == ["0", "101"]
        await a.close()
        await b.close()
        assert engine.health().legs == 0

        fresh = engine.again(a)
        here = fresh.make_offer(a.negotiated, only=True)
        assert formats(here) == ["0", "101"]
        assert where(fresh) == ("127.0.0.1", int(here.partition(b"m=audio ")[2].split()[0]))
        session, number = version(first)
        assert [version(past), version(here)] == [(session, number + 1), (session, number + 2)]
        await fresh.set_answer(one.sdp)
        one.send_to(where(fresh), b"\x55" * 160, count=20)
        clip, sent = await prompt(engine, 0.2)
        await (await fresh.play([clip])).wait()
        assert sent in heard(one)
        assert (await fresh.stats()).packets_received == 20


async def test_a_far_end_that_offers_gets_an_answer_of_the_leg_in_its_place() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "a")
        await leg.close()
        fresh = engine.again(leg)
        held = fresh.answer_to(peer.sdp + b"a=sendonly\r\n")
        assert fresh.on_hold
        assert version(held) == (version(leg.local_sdp)[0], version(leg.local_sdp)[1] + 1)
