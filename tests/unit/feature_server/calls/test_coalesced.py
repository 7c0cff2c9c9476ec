"""Writes of state that changes often: the newest value only, kept while NATS is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel

from jambones.feature_server.calls.coalesced import CoalescedWriter
from tests.support.calls import KeptBucket
from tests.support.virtual_time import in_virtual_time


class Value(BaseModel):
    n: int


@asynccontextmanager
async def writers() -> AsyncIterator[tuple[CoalescedWriter[Value], KeptBucket]]:
    bucket = KeptBucket()
    untyped: Any = bucket
    writer: CoalescedWriter[Value] = CoalescedWriter(untyped, delay=1.0)
    task = asyncio.create_task(writer.run())
    yield writer, bucket
    task.cancel()


def written(bucket: KeptBucket) -> list[tuple[str, int | None]]:
    return [(key[0], value.n if isinstance(value, Value) else None) for key, value in bucket.writes]


@in_virtual_time
async def test_only_the_newest_value_of_a_key_is_written() -> None:
    async with writers() as (writer, bucket):
        for n in range(5):
            writer.put(("a",), lambda n=n: Value(n=n))  # type: ignore[misc]
        writer.put(("b",), lambda: Value(n=9))
        await asyncio.sleep(0.9)
        assert bucket.writes == []
        await asyncio.sleep(0.2)

    assert written(bucket) == [("a", 4), ("b", 9)]


@in_virtual_time
async def test_a_value_is_made_when_it_is_written() -> None:
    state = {"n": 1}
    async with writers() as (writer, bucket):
        writer.put(("a",), lambda: Value(n=state["n"]))
        state["n"] = 2
        await asyncio.sleep(2)

    assert written(bucket) == [("a", 2)]


@in_virtual_time
async def test_what_was_never_written_is_not_deleted() -> None:
    async with writers() as (writer, bucket):
        writer.put(("a",), lambda: Value(n=1))
        writer.delete(("a",))
        await asyncio.sleep(3)

    assert bucket.writes == []


@in_virtual_time
async def test_what_was_written_is_deleted() -> None:
    async with writers() as (writer, bucket):
        writer.put(("a",), lambda: Value(n=1))
        await asyncio.sleep(2)
        writer.delete(("a",))
        await asyncio.sleep(2)

    assert written(bucket) == [("a", 1), ("a", None)]


@in_virtual_time
async def test_while_nats_is_away_the_newest_values_wait() -> None:
    async with writers() as (writer, bucket):
        bucket.away = True
        writer.put(("a",), lambda: Value(n=1))
        writer.put(("b",), lambda: Value(n=1))
        await asyncio.sleep(30)
        writer.put(("a",), lambda: Value(n=2))
        await asyncio.sleep(30)
        bucket.away = False
        await asyncio.sleep(5)

    assert sorted(written(bucket)) == [("a", 2), ("b", 1)]


@in_virtual_time
async def test_a_deletion_waits_too() -> None:
    async with writers() as (writer, bucket):
        writer.put(("a",), lambda: Value(n=1))
        await asyncio.sleep(2)
        bucket.away = True
        writer.delete(("a",))
        await asyncio.sleep(30)
        bucket.away = False
        await asyncio.sleep(5)

    assert written(bucket) == [("a", 1), ("a", None)]


@in_virtual_time
async def test_a_deletion_during_an_outage_is_not_undone_by_the_value_that_waited() -> None:
    async with writers() as (writer, bucket):
        bucket.away = True
        writer.put(("a",), lambda: Value(n=1))
        await asyncio.sleep(10)
        writer.delete(("a",))
        bucket.away = False
        await asyncio.sleep(10)

    assert written(bucket) in ([], [("a", None)])
