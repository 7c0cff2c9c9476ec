"""Two legs past the media engine: how they leave, what brings them back, and what happens in between."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jambones.common.tasks import Tasks
from jambones.feature_server.calls.bypass import BUSY, FIRST_MEASURE, MEASURE_EVERY, NO_ROOM_FOR, Bypass, NotMoved
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.calls.measured import NotThere, Packets
from jambones.media import MediaRefused
from tests.support.virtual_time import in_virtual_time


class Media:
    """A leg of the media engine."""

    lost = False
    negotiated = None

    def __init__(self, name: str, worker: int = 0) -> None:
        self.name, self.worker = name, worker
        self.closed = False
        self.answered = b""

    def past(self, other: "Media") -> bytes:
        return f"{self.name} past to {other.name}".encode()

    def make_offer(self, like: object, *, only: bool) -> bytes:
        assert only
        return f"{self.name} here".encode()

    async def set_answer(self, sdp: bytes) -> None:
        self.answered = sdp

    def answer_to(self, sdp: bytes) -> bytes:
        if sdp == b"bad":
            raise MediaRefused(488, "no")
        self.answered = sdp
        return b"answer of " + self.name.encode()

    async def reoffer(self, sdp: bytes) -> bytes:
        return self.answer_to(sdp)

    async def close(self) -> None:
        self.closed = True


class Engine:
    """Gives new legs, on the worker of a near one, else in turn; `room` is when it has some again."""

    def __init__(self) -> None:
        self.made: list[Media] = []
        self.bridged: list[set[str]] = []
        self.room_at = 0.0

    def again(self, leg: Media, *, near: Media | None = None) -> Media:
        if asyncio.get_running_loop().time() < self.room_at:
            raise MediaRefused(503, "no room on any media worker")
        fresh = Media(f"{leg.name}'", near.worker if near is not None else len(self.made))
        self.made.append(fresh)
        return fresh

    async def bridge(self, a: Media, b: Media) -> None:
        assert not a.closed
        assert not b.closed
        assert a.worker == b.worker
        self.bridged.append({a.name, b.name})


class End:
    """An endpoint and its dialog with an SBC that does what is asked, or `refuses`, or is `slow`."""

    stays = ""

    def __init__(self, name: str, tasks: Tasks) -> None:
        self.media: Any = Media(name)
        self.dialog: Any = self
        self.bypass: Bypass | None = None
        self.did: list[str] = []
        self.refuses: Exception | None = None
        self.slow: asyncio.Event | None = None
        self.lost = False
        self.packets: Packets | Exception | None = None
        self._tasks = tasks

    async def move(self, sdp: bytes, *, past: bool) -> bytes:
        self.did.append(sdp.decode())
        if self.slow is not None:
            await self.slow.wait()
        if self.refuses is not None:
            raise self.refuses
        return b"answer to " + sdp

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        try:
            return self._tasks.start(work, name=name)
        except RuntimeError as exc:
            raise LegGone from exc

    def use(self, media: Media) -> None:
        self.did.append(f"use {media.name}")

    async def measured(self) -> Packets | None:
        if isinstance(self.packets, Exception):
            raise self.packets
        return self.packets

    async def without_media(self) -> None:
        self.lost = True

    async def ends(self) -> None:
        await self._tasks.close()


class World:
    """Two ends that are bridged."""

    def __init__(self, a: End, b: End) -> None:
        self.a, self.b = a, b
        self.engine = Engine()
        self.told: list[str] = []
        engine: Any = self.engine
        self.bypass = Bypass(engine, a, b, self.told.append)

    @property
    def here(self) -> bool:
        return self.a.bypass is None and self.b.bypass is None


@asynccontextmanager
async def worlds() -> AsyncIterator[World]:
    async with Tasks() as one, Tasks() as two:
        yield World(End("a", one), End("b", two))
        assert one.failures == two.failures == 0


@in_virtual_time
async def test_each_is_sent_to_the_other_and_leaves_nothing_at_the_media_engine() -> None:
    async with worlds() as world:
        assert await world.bypass.leave() == ""
        assert (world.a.did, world.b.did) == (["a past to b"], ["b past to a"])
        assert world.a.media.closed
        assert world.b.media.closed
        assert world.a.bypass is world.b.bypass is world.bypass
        assert world.told == []


@in_virtual_time
async def test_both_come_back_on_one_worker_and_hear_each_other() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        await world.bypass.back(world.a)
        await asyncio.sleep(0.1)
        assert world.here
        assert world.a.did[1:] == ["a' here", "use a'"]
        assert world.a.media.answered == b"answer to a' here"
        assert world.engine.bridged == [{"a'", "b'"}]
        assert world.told == ["", ""]


@in_virtual_time
async def test_whoever_goes_on_alone_comes_back_alone() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        await world.b.ends()
        await world.bypass.back_alone(world.a)
        assert world.a.bypass is None
        assert not world.a.media.closed
        assert len(world.engine.made) == 1
        assert world.engine.bridged == []
        with pytest.raises(LegGone):
            await world.bypass.back(world.b)


@in_virtual_time
@pytest.mark.parametrize(("status", "why"), [(491, BUSY), (488, "refused by the SBC: 488 no")])
async def test_when_one_sbc_refuses_both_stay(status: int, why: str) -> None:
    async with worlds() as world:
        world.b.refuses = NotMoved(status, "no")
        assert await world.bypass.leave() == why
        await asyncio.sleep(0.1)
        assert world.here
        assert world.a.did == ["a past to b", "a here"]  # with the leg that it still has
        assert world.b.did == ["b past to a"]
        assert world.engine.made == []
        assert not world.a.media.closed
        assert world.engine.bridged[-1] == {"a", "b"}


@in_virtual_time
async def test_nobody_is_left_halfway_when_whoever_waits_is_cancelled() -> None:
    async with worlds() as world:
        world.b.slow = asyncio.Event()
        leaving = asyncio.create_task(world.bypass.leave())
        await asyncio.sleep(0.1)
        leaving.cancel()
        await asyncio.wait((leaving,))
        back = asyncio.create_task(world.bypass.back_alone(world.a))
        await asyncio.sleep(0.1)
        assert not back.done()
        world.b.slow.set()
        await back
        assert world.a.bypass is None
        assert not world.a.media.closed
        await world.bypass.back(world.b)
        assert not world.b.media.closed


@in_virtual_time
async def test_many_who_want_it_at_once_bring_it_back_once() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        await asyncio.gather(world.bypass.back(world.a), world.bypass.back(world.b), world.bypass.back(world.a))
        assert world.here
        assert len(world.engine.made) == 2


@in_virtual_time
async def test_an_offer_of_a_far_end_is_answered_here_and_the_other_follows() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        assert await world.bypass.back_with(world.b, b"hold") == b"answer of b'"
        assert world.b.media.answered == b"hold"
        await asyncio.sleep(0.1)
        assert world.here
        assert world.b.did == ["b past to a", "use b'"]
        assert world.engine.bridged == [{"a'", "b'"}]


@in_virtual_time
async def test_an_offer_that_cannot_be_taken_changes_nothing() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        with pytest.raises(MediaRefused):
            await world.bypass.back_with(world.b, b"bad")
        assert world.b.bypass is world.bypass
        assert world.engine.made[0].closed


@in_virtual_time
async def test_a_media_worker_that_starts_again_is_waited_for() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        world.engine.room_at = asyncio.get_running_loop().time() + NO_ROOM_FOR / 2
        await world.bypass.back(world.a)
        assert world.a.bypass is None

        await world.bypass.back(world.b)
        assert not world.a.lost


@in_virtual_time
async def test_without_room_or_with_an_sbc_that_refuses_the_call_ends() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        world.engine.room_at = asyncio.get_running_loop().time() + 2 * NO_ROOM_FOR
        with pytest.raises(LegGone):
            await world.bypass.back(world.a)
        assert world.a.lost

    async with worlds() as world:
        await world.bypass.leave()
        world.a.refuses = NotMoved(488, "no")
        with pytest.raises(LegGone):
            await world.bypass.back(world.a)
        assert world.a.lost
        assert world.engine.made[0].closed


@in_virtual_time
async def test_audio_that_does_not_arrive_comes_back_for_good() -> None:
    async with worlds() as world:
        world.a.packets, world.b.packets = Packets(100, 100), Packets(100, 100)
        await world.bypass.leave()
        await asyncio.sleep(0.1)
        world.a.packets = Packets(200, 100)
        await asyncio.sleep(FIRST_MEASURE)
        assert world.here
        assert world.told == ["audio does not arrive"] * 2


@in_virtual_time
async def test_a_party_that_falls_silent_brings_it_back_to_where_time_runs_out() -> None:
    async with worlds() as world:
        world.a.packets, world.b.packets = Packets(100, 100), Packets(100, 100)
        await world.bypass.leave()
        for spoken in (200, 300):
            await asyncio.sleep(0.1)
            world.a.packets = world.b.packets = Packets(spoken, spoken)
            await asyncio.sleep(FIRST_MEASURE if spoken == 200 else MEASURE_EVERY)
            assert not world.here
        world.a.packets = Packets(400, 300)
        await asyncio.sleep(MEASURE_EVERY)
        assert world.here
        assert world.told == ["a party is silent"] * 2


@in_virtual_time
async def test_audio_whose_rtpengine_is_gone_comes_back() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        world.a.packets = NotThere("unknown call")
        await asyncio.sleep(FIRST_MEASURE + 0.1)
        assert world.here
        assert world.told[0] == "not at the SBC: unknown call"


@in_virtual_time
async def test_nothing_is_watched_where_nobody_says_anything_or_that_is_back() -> None:
    async with worlds() as world:
        await world.bypass.leave()
        await asyncio.sleep(10 * MEASURE_EVERY)
        assert not world.here
        await world.bypass.back(world.a)
        world.a.packets = NotThere("unknown call")
        await asyncio.sleep(2 * MEASURE_EVERY)
        assert world.told == ["", ""]
