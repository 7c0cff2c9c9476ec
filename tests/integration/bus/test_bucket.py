"""Key-value buckets on a real NATS server."""

import asyncio
from uuid import uuid4

import pytest
from pydantic import BaseModel

from jambones.common.bus import Bucket, Bus, Changed, Removed, SnapshotDone
from jambones.common.errors import BusUnavailable, Conflict
from jambones.local.servers import RunningServer


class Thing(BaseModel):
    name: str


@pytest.fixture
def things(bus: Bus) -> Bucket[Thing]:
    return bus.bucket(f"things-{uuid4()}", Thing)


async def test_a_value_comes_back_under_any_key(things: Bucket[Thing]) -> None:
    key = ("sip:+1 508@[::1]:5060;a=*.>", "ü=", "")
    revision = await things.put(*key, value=Thing(name="x"))
    assert Changed(key, Thing(name="x"), revision) == await things.get(*key)
    assert [Changed(key, Thing(name="x"), revision)] == await things.entries(key[0])


async def test_a_key_that_is_not_there_is_none(things: Bucket[Thing]) -> None:
    assert await things.get("a") is None
    await things.put("a", value=Thing(name="x"))
    await things.delete("a")
    await things.delete("a")
    assert await things.get("a") is None


async def test_only_the_first_creates_a_key(things: Bucket[Thing]) -> None:
    await things.create("a", value=Thing(name="first"))
    with pytest.raises(Conflict):
        await things.create("a", value=Thing(name="second"))
    await things.delete("a")
    await things.create("a", value=Thing(name="third"))


async def test_an_update_fails_when_somebody_was_faster(things: Bucket[Thing]) -> None:
    revision = await things.create("a", value=Thing(name="1"))
    second = await things.update("a", value=Thing(name="2"), revision=revision)
    with pytest.raises(Conflict):
        await things.update("a", value=Thing(name="3"), revision=revision)
    with pytest.raises(Conflict):
        await things.delete("a", revision=revision)
    await things.delete("a", revision=second)
    assert await things.get("a") is None


async def test_a_key_may_live_shorter_than_its_bucket(things: Bucket[Thing]) -> None:
    await things.put("a", value=Thing(name="x"), ttl=1)
    async with asyncio.timeout(5):
        while await things.get("a") is not None:
            await asyncio.sleep(0.1)


async def test_a_watcher_is_told_when_a_value_of_a_bucket_with_a_lifetime_expires(bus: Bus) -> None:
    short = bus.bucket(f"short-{uuid4()}", Thing, ttl=1, memory=True)
    await short.put("a", value=Thing(name="x"))
    changes = short.watch()
    async with asyncio.timeout(10):
        seen = [await anext(changes) for _ in range(3)]
    assert isinstance(seen[0], Changed)
    assert [SnapshotDone(), Removed(("a",))] == seen[1:]


async def test_a_watcher_gets_what_is_there_a_marker_and_then_changes(things: Bucket[Thing]) -> None:
    await things.put("a", "1", value=Thing(name="old"))
    await things.put("b", "1", value=Thing(name="other"))
    changes = things.watch("a")
    first = [await anext(changes), await anext(changes)]
    assert [Changed(("a", "1"), Thing(name="old"), 1), SnapshotDone()] == first
    revision = await things.put("a", "2", value=Thing(name="new"))
    await things.delete("a", "1")
    assert [Changed(("a", "2"), Thing(name="new"), revision), Removed(("a", "1"))] == [
        await anext(changes),
        await anext(changes),
    ]


async def test_a_watcher_of_an_empty_bucket_gets_the_marker(things: Bucket[Thing]) -> None:
    assert await anext(things.watch()) == SnapshotDone()


async def test_after_a_restart_of_the_server_a_watcher_hears_what_is_missing(own_nats: RunningServer) -> None:
    async with Bus.connect([own_nats.server.url]) as bus:  # type: ignore[attr-defined]
        memory = bus.bucket("memory", Thing, memory=True)
        await memory.put("lost", value=Thing(name="x"))
        changes = memory.watch()
        assert isinstance(await anext(changes), Changed)
        assert await anext(changes) == SnapshotDone()
        await asyncio.to_thread(own_nats.kill)
        while bus.connected:
            await asyncio.sleep(0.01)
        with pytest.raises(BusUnavailable):
            await memory.get("lost")
        await asyncio.to_thread(own_nats.start)
        async with asyncio.timeout(20):
            assert await anext(changes) == Removed(("lost",), missing=True)
            assert await anext(changes) == SnapshotDone()
            await memory.put("new", value=Thing(name="y"))
            change = await anext(changes)
        assert isinstance(change, Changed)
        assert change.key == ("new",)


async def test_reading_all_leaves_nothing_at_the_server(bus: Bus, things: Bucket[Thing]) -> None:
    await things.put("a", value=Thing(name="x"))
    await things.put("b", value=Thing(name="y"))
    await things.delete("b")
    for _ in range(20):
        assert [entry.key for entry in await things.entries()] == [("a",)]
    watch = things.watch()
    assert isinstance(await anext(watch), Changed | Removed)
    await watch.aclose()

    left = await bus._connection.js.consumers_info(f"KV_{things.name}")
    assert left == []
