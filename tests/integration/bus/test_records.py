"""Durable events on a real NATS server that comes and goes."""

import asyncio
from pathlib import Path

import pytest

from jambones.common.bus import Bus
from jambones.common.bus.calls import CallAnswered, CallEnded, CallRecord
from jambones.common.bus.records import STREAM
from jambones.common.ids import AccountSid, CallSid
from jambones.common.private import Private
from jambones.local.servers import RunningServer

ACCOUNT = AccountSid("acc")


@pytest.fixture
def url(own_nats: RunningServer) -> str:
    return str(own_nats.server.url)  # type: ignore[attr-defined]


def ended(number: int) -> CallEnded:
    return CallEnded(account_sid=ACCOUNT, call_sid=CallSid(f"c{number}"), sip_status=200, ended_by="caller")


async def read(bus: Bus, durable: str, count: int) -> list[str]:
    """The call sids of the next events, acknowledged; and nothing more comes."""
    seen = []
    async with asyncio.timeout(20):
        async for delivery in bus.consume(durable, CallEnded):
            seen.append(delivery.event.call_sid)
            await delivery.ack()
            if len(seen) == count:
                break
    return seen


async def stored(bus: Bus) -> int:
    info = await bus._connection.js.stream_info(STREAM)
    return info.state.messages


async def test_records_arrive_once_and_in_order(url: str) -> None:
    async with Bus.connect([url]) as bus:
        for number in range(100):
            await bus.record(ended(number))
        await bus.flush()
        assert await read(bus, "reader", 100) == [f"c{number}" for number in range(100)]


async def test_the_same_record_twice_is_stored_once(url: str) -> None:
    record = CallRecord(
        record_sid="dialog-1", account_sid=ACCOUNT, direction="inbound", from_="+15085551212", to="+4930123456",
        sip_callid="abc", answered=True, sip_status=200, attempted_at=1, terminated_at=2, termination_reason="failed",
    )  # fmt: skip
    async with Bus.connect([url]) as bus:
        await bus.record(record)
        await bus.record(record.model_copy())
        await bus.flush()
        assert await stored(bus) == 1
        async for delivery in bus.consume("writer", CallRecord):
            assert delivery.event == record
            assert delivery.event.from_ == Private("+15085551212")
            break


async def test_what_is_not_acknowledged_comes_again(url: str) -> None:
    async with Bus.connect([url]) as bus:
        await bus.record(ended(1))
        deliveries = bus.consume("reader", CallEnded, ack_wait=1)
        first = await anext(deliveries)
        assert first.attempts == 1
        await first.retry(after=0.01)
        again = await anext(deliveries)
        assert (2, first.event) == (again.attempts, again.event)
        third = await anext(deliveries)  # the time to acknowledge has passed
        assert third.attempts == 3
        await third.ack()


async def test_a_consumer_of_one_kind_passes_over_the_others(url: str) -> None:
    async with Bus.connect([url]) as bus:
        await bus.record(CallAnswered(account_sid=ACCOUNT, call_sid=CallSid("c0")))
        await bus.record(ended(1))
        assert await read(bus, "reader", 1) == ["c1"]


async def test_an_unreadable_record_does_not_stop_the_consumer(url: str) -> None:
    async with Bus.connect([url]) as bus:
        await bus.record(ended(0))
        await bus.flush()
        await bus._connection.js.publish("calls.events.acc.x", b'{"event": "ended"}')
        await bus.record(ended(1))
        assert await read(bus, "reader", 2) == ["c0", "c1"]


async def test_records_of_an_outage_arrive_after_it_in_order(own_nats: RunningServer, url: str, tmp_path: Path) -> None:
    async with Bus.connect([url], spool=tmp_path) as bus:
        await bus.record(ended(0))
        await bus.flush()
        await asyncio.to_thread(own_nats.kill)
        for number in range(1, 50):
            await bus.record(ended(number))
            await asyncio.sleep(0.005)
        while not list(tmp_path.glob("*.jsonl")):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_nats.start)
        for number in range(50, 60):
            await bus.record(ended(number))
        await bus.flush()
        assert await read(bus, "reader", 60) == [f"c{number}" for number in range(60)]
        assert await stored(bus) == 60
        assert list(tmp_path.glob("*.jsonl")) == []


async def test_records_outlive_a_process_that_ends_during_an_outage(
    own_nats: RunningServer, url: str, tmp_path: Path
) -> None:
    own_nats.stop()
    async with Bus.connect([url], spool=tmp_path, wait=False) as bus:
        await bus.record(ended(1))
        await bus.record(ended(2))
    await asyncio.to_thread(own_nats.start)
    async with Bus.connect([url], spool=tmp_path) as bus:
        await bus.record(ended(3))
        await bus.flush()
        assert await read(bus, "reader", 3) == ["c1", "c2", "c3"]


async def test_a_consumer_lives_through_a_restart_of_the_server(own_nats: RunningServer, url: str) -> None:
    async with Bus.connect([url]) as bus:
        deliveries = bus.consume("reader", CallEnded)
        await bus.record(ended(1))
        await (await anext(deliveries)).ack()
        await bus._connection.client.flush()
        await asyncio.to_thread(own_nats.kill)
        await bus.record(ended(2))
        await asyncio.to_thread(own_nats.start)
        async with asyncio.timeout(20):
            while (delivery := await anext(deliveries)).event.call_sid != "c2":
                await delivery.ack()  # its first acknowledgement died with the server
        await delivery.ack()


async def test_batches_come_full_or_after_a_while(url: str) -> None:
    async with Bus.connect([url]) as bus:
        for number in range(5):
            await bus.record(ended(number))
        await bus.flush()
        sizes = []
        async for several in bus.consume_batches("writer", CallEnded, batch=3, wait=0.3):
            for delivery in several:
                await delivery.ack()
            sizes.append(len(several))
            if sum(sizes) == 5:
                break
        assert sizes[0] == 3
