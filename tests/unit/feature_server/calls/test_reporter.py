"""Status events one after another, facts at once, the row of live calls a moment later."""

import asyncio
from typing import Any

from jambones.common.bus.calls import CallAnswered, CallEnded, CallRinging, CallStarted, LiveCall
from jambones.common.bus.event import Recorded
from jambones.common.ids import NodeId
from jambones.common.verbs.hook import Hook
from jambones.feature_server.calls.coalesced import CoalescedWriter
from jambones.feature_server.calls.collaborators import HookFailed
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.reporter import CallReporter
from jambones.feature_server.calls.state import CallStatus
from tests.support.calls import KeptAlerts, KeptBucket, KeptHooks, call_info
from tests.support.virtual_time import in_virtual_time


class World:
    def __init__(self, info: CallInfo | None = None, status_hook: str | None = "/status") -> None:
        self.info = info or call_info()
        self.hooks, self.alerts, self.bucket = KeptHooks(), KeptAlerts(), KeptBucket()
        self.facts: list[Recorded] = []
        bucket: Any = self.bucket
        self.live: CoalescedWriter[LiveCall] = CoalescedWriter(bucket, delay=1.0)
        self.reporter = CallReporter(
            self.info,
            hooks=self.hooks,
            status_hook=Hook(url=status_hook) if status_hook else None,
            alerts=self.alerts,
            record=self.facts.append,
            live=self.live,
            node_id=NodeId("fs-1"),
        )

    def move(self, status: CallStatus, code: int) -> None:
        assert self.info.state.move(status, code, "x")
        self.reporter.status()

    @property
    def told(self) -> list[str]:
        return [payload["call_status"] for _, _, payload in self.hooks.told]


@in_virtual_time
async def test_status_events_keep_their_order_and_their_moment_while_the_application_is_slow() -> None:
    world = World()
    world.hooks.before = lambda: asyncio.sleep(5)
    world.reporter.status()
    world.move(CallStatus.IN_PROGRESS, 200)
    world.move(CallStatus.COMPLETED, 200)

    assert world.told == []  # nobody waited
    await world.reporter.done()

    assert world.told == ["trying", "in-progress", "completed"]
    assert {kind for kind, _, _ in world.hooks.told} == {"call:status"}


@in_virtual_time
async def test_an_event_that_fails_is_an_alert_and_the_next_one_is_sent() -> None:
    world = World()
    world.hooks.fail = HookFailed("webhook-failure", "status answered 500")
    world.reporter.status()
    world.move(CallStatus.IN_PROGRESS, 200)

    await world.reporter.done()

    assert world.told == ["trying", "in-progress"]
    assert world.alerts.told == [("webhook-failure", "status answered 500")] * 2


@in_virtual_time
async def test_without_a_status_hook_facts_are_recorded_nevertheless() -> None:
    world = World(status_hook=None)
    world.reporter.status()
    await world.reporter.done()

    assert world.hooks.told == []
    assert len(world.facts) == 1


@in_virtual_time
async def test_events_go_to_the_new_hook_after_a_redirect() -> None:
    world = World()
    world.reporter.status()
    await world.reporter.done()
    world.reporter.redirect_status(Hook(url="/new"))
    world.move(CallStatus.IN_PROGRESS, 200)
    await world.reporter.done()

    assert [url for _, url, _ in world.hooks.told] == ["/status", "/new"]


@in_virtual_time
async def test_each_status_is_a_fact() -> None:
    world = World(call_info("outbound"))
    world.reporter.status()
    world.move(CallStatus.RINGING, 180)
    world.move(CallStatus.EARLY_MEDIA, 183)
    world.move(CallStatus.IN_PROGRESS, 200)
    world.info.duration = 7
    world.reporter.ending = Ending.platform(Cause.MAX_DURATION)
    world.move(CallStatus.COMPLETED, 200)

    assert [type(fact) for fact in world.facts] == [CallStarted, CallRinging, CallRinging, CallAnswered, CallEnded]
    started, ringing, early, _, ended = world.facts
    assert isinstance(started, CallStarted)
    assert (started.from_.reveal(), started.node_id) == ("+15550100001", "fs-1")
    assert isinstance(ringing, CallRinging)
    assert isinstance(early, CallRinging)
    assert (ringing.early_media, early.early_media) == (False, True)
    assert isinstance(ended, CallEnded)
    assert (ended.ended_by, ended.cause, ended.duration) == ("platform", "Max Call Duration", 7)
    await world.reporter.close()


@in_virtual_time
async def test_the_live_row_is_written_a_moment_later_and_only_the_newest() -> None:
    world = World(status_hook=None)
    task = asyncio.create_task(world.live.run())
    world.reporter.status()
    world.move(CallStatus.IN_PROGRESS, 200)
    await asyncio.sleep(2)

    (written,) = world.bucket.writes
    key, row = written
    assert key == ("account-1", "call-1")
    assert isinstance(row, LiveCall)
    assert row.call_status == "in-progress"
    world.move(CallStatus.COMPLETED, 200)
    await asyncio.sleep(2)
    last = world.bucket.writes[-1][1]
    assert isinstance(last, LiveCall)
    assert (last.call_status, last.call_termination_by) == ("completed", None)
    assert last.expires_at is not None
    assert row.expires_at is not None
    assert last.expires_at > row.expires_at  # remembered for an hour
    task.cancel()


@in_virtual_time
async def test_nothing_is_sent_after_close() -> None:
    world = World()
    world.hooks.before = lambda: asyncio.sleep(5)
    world.reporter.status()
    await asyncio.sleep(1)
    await world.reporter.close()
    await asyncio.sleep(60)

    assert world.told == []


@in_virtual_time
async def test_an_event_that_breaks_does_not_take_the_later_ones_with_it() -> None:
    world = World()
    world.hooks.fail = RuntimeError("never seen before")  # type: ignore[assignment]
    world.reporter.status()
    await world.reporter.done()
    world.hooks.fail = None
    world.move(CallStatus.IN_PROGRESS, 200)
    await world.reporter.done()

    assert world.told == ["trying", "in-progress"]
