"""The interpreter: replacing and ending from outside, failures, and what is left when it is over."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from jambones.common.verbs.parse import parse_script
from jambones.feature_server.calls.collaborators import Collaborators, HookFailed, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import Digit, Ended, Headers, LegGone, Listener, MediaEndpoint
from jambones.feature_server.calls.reasons import Cause, EndedBy
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.variables import Variables
from jambones.testing.endpoint import ScriptedEndpoint
from jambones.testing.platform import Library, Speaker
from jambones.testing.sound import Hearing
from tests.support.calls import KeptAlerts, KeptHooks, call_info
from tests.support.virtual_time import in_virtual_time


class FakeLeg:
    """Notes what is asked of it; `broken` raises from every method."""

    sip_call_id = "sip-1"

    def __init__(self) -> None:
        self.did: list[str] = []
        self.heard: list[str] = []
        self.broken: Exception | None = None
        self.listener: Listener | None = None
        self.endpoint = ScriptedEndpoint(self._hear, lambda key: None)

    def listen(self, listener: Listener) -> None:
        self.listener = listener

    def tell(self, event: Ended | Digit) -> None:
        assert self.listener is not None
        self.listener(event)

    async def early_media(self) -> MediaEndpoint:
        return self._do("early")

    async def answer(self) -> MediaEndpoint:
        return self._do("answer")

    async def reject(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        self._do(f"reject {status}")

    async def hangup(self, headers: Headers = ()) -> None:
        self._do("hangup")

    def _do(self, what: str) -> MediaEndpoint:
        if self.broken is not None:
            raise self.broken
        self.did.append(what)
        return self.endpoint

    def _hear(self, hearing: Hearing) -> None:
        if hearing.ended is None:
            self.heard.append(hearing.sound.text)


class KeptReporter:
    def __init__(self, info: CallInfo) -> None:
        self.ending: Ending | None = None
        self.told: list[tuple[str, Ending | None]] = []
        self._info = info

    def status(self) -> None:
        self.told.append((f"{self._info.state.status.value}/{self._info.state.sip_status}", self.ending))

    def redirect_status(self, hook: Any) -> None: ...

    def refresh(self) -> None: ...

    @property
    def words(self) -> list[str]:
        return [word for word, _ in self.told]


class KeptCheckpoint:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.forgotten = 0

    def note(self, call: CallSession) -> None:
        self.notes.append(call.verb.verb if call.verb else "")

    def forget(self, call: CallSession) -> None:
        self.forgotten += 1


class World:
    """A session with fakes around it."""

    def __init__(self) -> None:
        self.info, self.leg = call_info(), FakeLeg()
        self.hooks, self.alerts, self.checkpoint = KeptHooks(), KeptAlerts(), KeptCheckpoint()
        self.reporter = KeptReporter(self.info)
        kit = Collaborators(self.hooks, Library({}), Speaker(), None, self.alerts, self.reporter, self.checkpoint)
        self.session = CallSession(self.info, self.leg, kit, Variables())

    def start(self, *items: dict[str, Any]) -> "asyncio.Task[Ending]":
        async def first() -> Verbs:
            return verbs(*items)

        return asyncio.create_task(self.session.run(first))


def verbs(*items: dict[str, Any]) -> Sequence[Any]:
    return parse_script(list(items)).verbs


def say(text: str) -> dict[str, Any]:
    return {"verb": "say", "text": text}


GATHER = {"verb": "gather", "actionHook": "/done", "timeout": 60}


@in_virtual_time
async def test_a_new_script_ends_the_current_verb_and_drops_the_rest() -> None:
    world = World()
    task = world.start(say("one two three four five six"), say("old"))
    await asyncio.sleep(1)

    world.session.replace(verbs(say("new")))
    ending = await task

    assert world.leg.heard == ["one two three four five six", "new"]
    assert ending.cause == Cause.SCRIPT_END


@in_virtual_time
async def test_a_gather_that_is_replaced_posts_nothing() -> None:
    world = World()
    task = world.start(GATHER)
    await asyncio.sleep(1)
    world.leg.tell(Digit("1", 100))

    world.session.replace(verbs(say("new")))
    await task

    assert world.hooks.told == []
    assert world.leg.heard == ["new"]


@in_virtual_time
async def test_a_play_that_is_replaced_says_how_far_it_came() -> None:
    world = World()
    task = world.start({"verb": "play", "url": "http://x/a.wav", "actionHook": "/done"})
    await asyncio.sleep(1)

    world.session.replace(verbs(say("new")))
    await task

    ((_, url, payload),) = world.hooks.told
    assert (url, payload["reason"], payload["playback_milliseconds"]) == ("/done", "playCompleted", 1000)


@in_virtual_time
async def test_verbs_can_be_added_at_the_end() -> None:
    world = World()
    task = world.start(say("one"))
    await asyncio.sleep(0.1)
    world.session.append(verbs(say("two")))
    await task

    assert world.leg.heard == ["one", "two"]


@in_virtual_time
async def test_an_application_that_stays_open_is_waited_for() -> None:
    world = World()
    world.hooks.stays_open = True
    task = world.start(say("one"))
    await asyncio.sleep(600)
    assert not task.done()
    world.session.append(verbs(say("two"), {"verb": "hangup"}))
    await task

    assert world.leg.heard == ["one", "two"]


@in_virtual_time
async def test_the_first_reason_to_end_counts_and_nothing_runs_after_it() -> None:
    world = World()
    task = world.start(say("one"), say("two"))
    await asyncio.sleep(0.1)

    world.session.end(Ending.platform(Cause.LIVE_CONTROL))
    world.session.end(Ending.platform(Cause.MAX_DURATION))
    world.session.replace(verbs(say("late")))
    ending = await task

    assert ending.cause == Cause.LIVE_CONTROL
    assert world.leg.heard == ["one"]
    assert world.leg.did == ["answer", "hangup"]


@in_virtual_time
async def test_a_caller_who_is_gone_is_not_told_anything() -> None:
    world = World()
    task = world.start(say("one"))
    await asyncio.sleep(0.1)
    world.leg.tell(Ended(EndedBy.CALLER, 200, "OK"))
    ending = await task

    assert (ending.by, ending.gone) == (EndedBy.CALLER, True)
    assert world.leg.did == ["answer"]
    assert world.reporter.words == ["trying/100", "in-progress/200", "completed/200"]


@in_virtual_time
async def test_the_last_event_knows_how_the_call_ended() -> None:
    world = World()
    task = world.start(say("one"))
    await asyncio.sleep(0.1)
    world.leg.tell(Ended(EndedBy.CALLER, 200, "OK"))
    ending = await task

    assert [known for _, known in world.reporter.told] == [None, None, ending]


@in_virtual_time
async def test_an_answer_that_comes_after_the_end_is_ignored() -> None:
    world = World()
    world.hooks.before = lambda: asyncio.sleep(10)
    task = world.start({"verb": "redirect", "actionHook": "/next"}, say("never"))
    await asyncio.sleep(1)
    world.leg.tell(Ended(EndedBy.CALLER, 487, "Request Terminated"))
    ending = await task

    assert ending.by is EndedBy.CALLER
    assert world.reporter.words == ["trying/100", "no-answer/487"]
    assert world.alerts.told == []


@pytest.mark.parametrize(("answered", "did"), [(True, ["answer", "hangup"]), (False, ["reject 500"])])
@in_virtual_time
async def test_an_unexpected_error_ends_this_call_only(answered: bool, did: list[str]) -> None:
    world = World()

    async def fail(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError

    world.hooks.ask = fail  # type: ignore[method-assign]
    first = [{"verb": "answer"}] if answered else []
    ending = await world.start(*first, {"verb": "redirect", "actionHook": "/next"}, say("never"))

    assert ending.cause == Cause.ERROR
    assert world.leg.did == did
    assert world.checkpoint.forgotten == 1


@in_virtual_time
async def test_a_leg_that_is_gone_already_ends_quietly() -> None:
    world = World()
    world.leg.broken = LegGone()
    task = world.start(say("one"), {"verb": "pause", "length": 5})
    await asyncio.sleep(1)
    world.leg.tell(Ended(EndedBy.CALLER, 487, "Request Terminated"))
    ending = await task

    assert ending.by is EndedBy.CALLER
    assert world.alerts.told == []


@in_virtual_time
async def test_a_session_that_is_cancelled_refuses_its_call_and_passes_the_cancellation_on() -> None:
    world = World()
    task = world.start({"verb": "pause", "length": 60})
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert world.leg.did == ["reject 503"]
    assert world.session.ending is not None
    assert world.session.ending.cause == Cause.SHUTDOWN


@in_virtual_time
async def test_nothing_is_left_running() -> None:
    world = World()
    on = {"enable": True, "sticky": True, "input": ["digits"], "actionHook": "/key"}
    task = world.start({"verb": "config", "bargeIn": on}, say("one"))
    await task

    assert world.hooks.closed == 1
    assert len(asyncio.all_tasks()) == 1


@in_virtual_time
async def test_each_verb_is_noted_before_it_runs() -> None:
    world = World()
    await world.start({"verb": "tag", "data": {}}, say("one"), {"verb": "hangup"})

    assert world.checkpoint.notes == ["tag", "say", "hangup"]
    assert world.checkpoint.forgotten == 1


@in_virtual_time
async def test_verb_events_are_shown_only_to_those_who_asked() -> None:
    world = World()
    await world.start(
        {"verb": "say", "text": "one", "id": "a"},
        {"verb": "config", "notifyEvents": True},
        {"verb": "say", "text": "two", "id": "b"},
        {"verb": "config", "notifyEvents": False},
        say("three"),
    )

    shown = [(event["event"], event.get("id")) for _, event in world.hooks.events]
    assert shown == [
        ("finished", None),
        ("starting", "b"),
        ("start-playback", "b"),
        ("stop-playback", "b"),
        ("finished", "b"),
        ("starting", None),
    ]


@in_virtual_time
async def test_a_first_hook_that_fails_refuses_the_call_with_its_words() -> None:
    world = World()

    async def first() -> Verbs:
        raise HookFailed("webhook-failure", "the application\tanswered 500\r\nX-Evil: 1\0")

    ending = await world.session.run(first)

    assert world.leg.did == ["reject 480"]
    assert ("X-Reason", "the application answered 500 X-Evil: 1") in ending.headers
    assert world.reporter.told == []
    assert [kind for kind, _ in world.alerts.told] == ["webhook-failure"]
