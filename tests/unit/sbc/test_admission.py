"""Leases and the counting of a call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from jambones.common.bus.bucket import Changed, Removed, SnapshotDone
from jambones.common.errors import BusUnavailable
from jambones.sbc.admission import CallState, CountedCall, Lease, Leases, Limit


class Store:
    """A bucket in memory: ordered, seen by every watcher; `hold` keeps writes waiting."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], tuple[Lease, int]] = {}
        self.writes = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._watchers: list[asyncio.Queue[Changed[Lease]]] = []

    async def put(self, *key: str, value: Lease) -> int:
        await self.gate.wait()
        if self.away:
            raise BusUnavailable
        self.writes += 1
        self.values[key] = value, self.writes
        for queue in self._watchers:
            queue.put_nowait(Changed(key, value, self.writes))
        return self.writes

    async def watch(self, *prefix: str) -> AsyncIterator[Changed[Lease] | Removed | SnapshotDone]:
        queue: asyncio.Queue[Changed[Lease]] = asyncio.Queue()
        self._watchers.append(queue)
        for key, (value, revision) in list(self.values.items()):
            yield Changed(key, value, revision)
        yield SnapshotDone()
        while True:
            yield await queue.get()

    def calls(self, sid: str) -> dict[str, int]:
        return {key[2]: lease.calls for key, (lease, _) in self.values.items() if key[1] == sid}


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def test_a_call_counts_down_once_whatever_comes_after() -> None:
    call = CountedCall()
    assert [call.counted(), call.ended(), call.ended(), call.counted()] == [False, True, False, False]
    assert call.state is CallState.RELEASED


def test_a_call_cancelled_while_being_counted_counts_down_when_the_count_is_done() -> None:
    call = CountedCall()
    assert [call.ended(), call.counted(), call.ended(), call.counted()] == [False, True, False, False]


async def test_the_total_is_the_sum_over_edges() -> None:
    store = Store()
    async with Leases("e1", store, gather=0).opened() as one, Leases("e2", store, gather=0).opened() as two:
        calls = [CountedCall(), CountedCall(), CountedCall()]
        for leases, call in zip((one, one, two), calls, strict=True):
            assert await leases.take(call, ("acc",), ()) is None
        await settle()
        assert one.total("acc") == two.total("acc") == 3

        one.release(calls[0], ("acc",))
        one.release(calls[0], ("acc",))
        await settle()
        assert one.total("acc") == two.total("acc") == 2
    assert store.calls("acc") == {"e1": 0, "e2": 0}  # taken back at the end


async def test_the_call_over_the_limit_is_refused_and_not_counted() -> None:
    store, limit = Store(), Limit("acc", 1)
    async with Leases("e1", store, gather=0).opened() as leases:
        assert await leases.take(CountedCall(), ("acc", "sp"), (limit,)) is None
        assert await leases.take(CountedCall(), ("acc", "sp"), (limit,)) == limit
        assert (leases.total("acc"), leases.total("sp")) == (1, 1)


async def test_two_edges_cannot_both_take_the_last_place() -> None:
    store, limit = Store(), Limit("acc", 5)
    async with AsyncExitStack() as stack:
        edges = [await stack.enter_async_context(Leases(f"e{n}", store).opened()) for n in range(4)]
        takes = [edge.take(CountedCall(), ("acc",), (limit,)) for edge in edges for _ in range(4)]
        results = await asyncio.gather(*takes)

    assert results.count(None) <= 5


async def test_calls_of_one_moment_share_a_write() -> None:
    store = Store()
    async with Leases("e1", store, gather=0).opened() as leases:
        await asyncio.gather(*(leases.take(CountedCall(), ("acc",), (Limit("acc", 1000),)) for _ in range(100)))
        await settle()
        assert store.calls("acc") == {"e1": 100}
        assert store.writes <= 2


async def test_a_hundred_calls_cancelled_at_once_leave_nothing_counted() -> None:
    store, limit = Store(), Limit("acc", 10)
    async with Leases("e1", store, gather=0, patience=5).opened() as leases:
        store.gate.clear()
        tasks = [asyncio.create_task(leases.take(CountedCall(), ("acc",), (limit,))) for _ in range(100)]
        await settle()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.gate.set()
        await settle()
        assert leases.total("acc") == 0
        assert store.calls("acc") == {"e1": 0}


async def test_a_call_that_ends_while_it_is_counted_leaves_nothing() -> None:
    store = Store()
    async with Leases("e1", store, gather=0, patience=5).opened() as leases:
        store.gate.clear()
        call = CountedCall()
        take = asyncio.create_task(leases.take(call, ("acc",), (Limit("acc", 1),)))
        await settle()
        leases.release(call, ("acc",))
        store.gate.set()
        await take
        assert leases.total("acc") == 0


async def test_a_bus_that_is_away_does_not_stop_calls() -> None:
    store, limit = Store(), Limit("acc", 2)
    store.away = True
    async with Leases("e1", store, gather=0).opened() as leases:
        results = [await leases.take(CountedCall(), ("acc",), (limit,)) for _ in range(3)]

    assert results == [None, None, limit]  # what this edge knows still limits


async def test_the_count_is_set_right_by_what_is_really_there() -> None:
    async with Leases("e1", Store()).opened() as leases:
        await leases.take(CountedCall(), ("acc",), ())
        assert leases.reconcile({"acc": 3, "other": 1}) == {"acc": -2, "other": -1}
        assert leases.own() == {"acc": 3, "other": 1}
        assert leases.reconcile({"acc": 3, "other": 1}) == {}


@pytest.mark.parametrize(("calls", "near"), [(1, -19), (50, 30), (1000, 800)])
def test_a_limit_is_near_early_enough_for_what_others_may_have_added(calls: int, near: int) -> None:
    assert Limit("acc", calls).near == near
