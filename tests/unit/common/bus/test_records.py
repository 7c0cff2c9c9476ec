"""The queue in front of the stream: what goes together, and what goes again."""

import asyncio
from typing import Any, cast

from jambones.common.bus.calls import CallEnded
from jambones.common.bus.connection import Connection
from jambones.common.bus.records import AT_ONCE, GATHER, Recorder
from jambones.common.ids import AccountSid, CallSid
from jambones.common.metrics import Metrics
from tests.support.virtual_time import in_virtual_time


class Stream:
    """A stream that keeps what it takes; it refuses the first try of those named."""

    def __init__(self, *refused: str) -> None:
        self.metrics = Metrics(process=False)
        self.connected = True
        self.generation = 1
        self.js = self
        self.kept: dict[str, str] = {}
        self.at: list[float] = []
        self._refused = set(refused)

    async def stream_info(self, name: str) -> None:
        return

    async def publish_async(self, subject: str, data: bytes, *, stream: str, headers: Any) -> "asyncio.Future[None]":
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        call = CallEnded.decode(data).call_sid
        self.at.append(asyncio.get_running_loop().time())
        if call in self._refused:
            self._refused.discard(call)
            answer.set_exception(TimeoutError("no quorum"))
        else:
            self.kept.setdefault(headers["Nats-Msg-Id"], call)
            answer.set_result(None)
        return answer


def ended(call: str) -> CallEnded:
    return CallEnded(account_sid=AccountSid("a"), call_sid=CallSid(call), sip_status=200, ended_by="caller")


async def sent(stream: Stream, *calls: str) -> Recorder:
    recorder = Recorder(cast(Connection, stream), None)
    running = asyncio.create_task(recorder.run())
    for call in calls:
        recorder.add(ended(call))
    await asyncio.sleep(10)
    running.cancel()
    return recorder


@in_virtual_time
async def test_records_of_a_moment_go_together_a_moment_later() -> None:
    stream = Stream()
    began = asyncio.get_running_loop().time()

    await sent(stream, "1", "2", "3")

    assert list(stream.kept.values()) == ["1", "2", "3"]
    assert {round(at - began, 3) for at in stream.at} == {GATHER}


@in_virtual_time
async def test_one_that_was_refused_goes_again_with_those_after_it_and_each_is_kept_once() -> None:
    stream = Stream("2")

    recorder = await sent(stream, "1", "2", "3")

    assert sorted(stream.kept.values()) == ["1", "2", "3"]
    assert len(stream.at) == 5
    assert len(recorder) == 0


@in_virtual_time
async def test_one_who_waits_for_them_does_not_wait_for_the_moment() -> None:
    stream = Stream()
    recorder = Recorder(cast(Connection, stream), None)
    running = asyncio.create_task(recorder.run())
    began = asyncio.get_running_loop().time()
    recorder.add(ended("1"))

    await recorder.flushed()

    assert asyncio.get_running_loop().time() == began
    assert list(stream.kept.values()) == ["1"]
    running.cancel()


@in_virtual_time
async def test_a_crowd_does_not_wait_for_more() -> None:
    stream = Stream()
    began = asyncio.get_running_loop().time()

    await sent(stream, *(str(number) for number in range(AT_ONCE + 1)))

    assert stream.at[AT_ONCE - 1] == began
    assert len(stream.kept) == AT_ONCE + 1
