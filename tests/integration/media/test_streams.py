"""Forks and pushed audio on a real worker, with a plain RTP peer on loopback."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from jambones.media import EngineSettings, MediaEngine, MediaLeg, Overrun
from jambones.media.codecs import LAWS
from tests.support.free_ports import free_port
from tests.support.rtp import RtpPeer

PCMU = LAWS[0]


@pytest.fixture
async def engine() -> AsyncIterator[MediaEngine]:
    first = free_port() & ~1
    settings = EngineSettings(port_min=first, port_max=first + 15, sockets_per_worker=2, legs_per_worker=8)
    async with MediaEngine.open(settings) as engine:
        yield engine


def where(leg: MediaLeg) -> tuple[str, int]:
    port = leg.local_sdp.partition(b"m=audio ")[2].split()[0]
    return "127.0.0.1", int(port)


def noise(samples: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    codes = np.random.default_rng(3).integers(0, 120, samples).astype(np.uint8)  # no code for silence among them
    return PCMU.decode(codes)


async def test_pushed_audio_is_heard_byte_by_byte(engine: MediaEngine) -> None:
    told: list[tuple[str, bool]] = []
    async with RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        playout = leg.playout(8000, lambda name, played: told.append((name, played)))
        sound = noise(16_000)
        data = sound.tobytes()
        await playout.push(data[:4001])
        await playout.push(data[4001:])
        playout.mark("end")
        async with asyncio.timeout(10):
            await playout.flush()
        await peer.received(1)
        await leg.close()

    heard = b"".join(packet.payload for packet in peer.packets)
    assert PCMU.encode(sound).tobytes() in heard
    assert told == [("end", True)]


async def test_clearing_ends_the_sound_and_tells_the_marks(engine: MediaEngine) -> None:
    told: list[tuple[str, bool]] = []
    done = asyncio.Event()

    def on_mark(name: str, played: bool) -> None:
        told.append((name, played))
        done.set()

    async with RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        playout = leg.playout(48000, on_mark)
        await playout.push(bytes(2 * 48000 * 60))
        playout.mark("never")
        playout.clear()
        async with asyncio.timeout(5):
            await done.wait()
        await leg.close()

    assert told == [("never", False)]


@pytest.mark.parametrize(("mix", "rate"), [("mono", 8000), ("stereo", 16000), ("mixed", 48000)])
async def test_a_fork_brings_what_the_peer_says(engine: MediaEngine, mix: str, rate: int) -> None:
    sound = noise(8000)
    frames: list[bytes] = []
    async with RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        fork = leg.fork(mix, rate)  # type: ignore[arg-type]
        codes = PCMU.encode(sound).tobytes()

        async def speak() -> None:
            due = asyncio.get_running_loop().time()
            for start in range(0, len(codes), 160):
                peer.send_to(where(leg), codes[start : start + 160])
                due += 0.02
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(speak())
            async for frame in fork:
                assert isinstance(frame, bytes)
                frames.append(frame)
                if len(frames) == 80:
                    fork.stop()
        await leg.close()

    channels = 2 if mix == "stereo" else 1
    assert {len(frame) for frame in frames} == {320 * channels * rate // 8000}
    audio = np.frombuffer(b"".join(frames), "<i2").reshape(-1, channels)[:: rate // 8000, 0].astype(float)
    alike = max(
        float(np.corrcoef(audio[shift : shift + 4000], sound[:4000])[0, 1]) for shift in range(len(audio) - 4000)
    )
    assert alike > (0.99 if rate == 8000 else 0.9)


async def test_a_consumer_that_sleeps_loses_the_oldest_and_is_told(engine: MediaEngine) -> None:
    async with RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        fork = leg.fork()
        await peer.received(130, within=10.0)  # 2.6 s of the other direction
        items = aiter(fork)
        first = await anext(items)
        second = await anext(items)
        await leg.close()
        rest = [item async for item in items]

    assert isinstance(first, Overrun)
    assert 10 < first.frames < 200
    assert isinstance(second, bytes)
    assert 90 <= len([item for item in rest if isinstance(item, bytes)]) <= 100


async def test_a_fork_ends_with_its_leg(engine: MediaEngine) -> None:
    async with RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        fork = leg.fork()
        await leg.close()
        async with asyncio.timeout(5):
            assert [item async for item in fork if isinstance(item, Overrun)] == []
