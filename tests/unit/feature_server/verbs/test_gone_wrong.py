"""Hooks that fail, come too late or go round in circles, and callers who give up meanwhile."""

import asyncio
from typing import Any

import pytest

from jambones.common.errors import Invalid
from jambones.feature_server.calls.reasons import Cause
from jambones.testing import HookRequest, HookResponse, call
from tests.support.scripts import HANGUP, say

GATHER = {"verb": "gather", "numDigits": 1, "actionHook": "/done"}


async def test_a_hook_of_live_control_that_fails_leaves_relative_hooks_where_they_were() -> None:
    def application(request: HookRequest) -> Any:
        if request.path == "http://down.test/new":
            return HookResponse(500)
        return [GATHER] if request.path == "/" else [HANGUP]

    async with call(application) as caller:
        await caller.is_answered()
        with pytest.raises(Invalid):
            await caller.is_changed(call_hook="http://down.test/new")
        caller.presses("1")
        await caller.is_hung_up_on()

    assert [request["digits"] for request in caller.hooks("/done")] == ["1"]


async def test_a_caller_who_gives_up_while_the_application_is_asked_is_told_of_in_order() -> None:
    async def application(request: HookRequest) -> Any:
        if request.path == "/":
            await asyncio.sleep(0.2)
        return [say("never")]

    async with call(application, status_hook="/status") as caller:
        caller.hangs_up()
        await caller.is_hung_up_on()

    assert caller.status_words == ["trying/100", "no-answer/487"]


@pytest.mark.parametrize("verb", [{"verb": "redirect", "actionHook": "/again"}, {**GATHER, "actionHook": "/again"}])
async def test_an_application_that_goes_round_in_circles_loses_its_call(verb: dict[str, Any]) -> None:
    async with call(lambda request: [verb]) as caller:
        while caller.ending is None:
            caller.presses("1")
            await caller.advance(0.01)

    assert "100 scripts" in caller.alerts[0][1]
    assert caller.ending.cause == Cause.CIRCLES
    assert len(caller.hooks("/again")) == 101


async def test_an_application_that_takes_its_time_may_answer_for_ever() -> None:
    scripts = 0

    def application(request: HookRequest) -> Any:
        nonlocal scripts
        scripts += 1
        return [{"verb": "pause", "length": 0.2}, {"verb": "redirect", "actionHook": "/again"}] if scripts < 300 else []

    async with call(application) as caller:
        await caller.is_hung_up_on()

    assert (scripts, caller.alerts) == (300, [])


async def test_a_first_script_from_live_control_is_told_of_in_order() -> None:
    held = asyncio.Event()

    async def application(request: HookRequest) -> Any:
        if request.path == "/":
            await held.wait()
            return [say("never")]
        return [say("instead"), HANGUP]

    async with call(application, status_hook="/status") as caller:
        changing = asyncio.create_task(caller.is_changed(call_hook="/new"))
        await caller.hears("instead")
        await changing
        await caller.is_hung_up_on()

    assert caller.status_words == ["trying/100", "in-progress/200", "completed/200"]
    assert "never" not in caller.heard


@pytest.mark.parametrize(
    ("verb", "pressed"),
    [
        (GATHER, "1"),
        ({"verb": "play", "url": "silence_stream://100", "actionHook": "/done"}, ""),
        ({"verb": "sip:request", "method": "INFO", "actionHook": "/done"}, ""),
    ],
)
async def test_what_an_application_is_being_told_reaches_it_although_the_caller_hangs_up(
    verb: dict[str, Any], pressed: str
) -> None:
    told, held, finished = asyncio.Event(), asyncio.Event(), []

    async def application(request: HookRequest) -> Any:
        if request.path == "/":
            return [{"verb": "answer"}, verb, say("never")]
        told.set()
        await held.wait()
        finished.append(request.path)
        return [say("too late")]

    async with call(application) as caller:
        await caller.is_answered()
        caller.presses(pressed)
        await caller.advance(0.2)
        await told.wait()
        caller.hangs_up()
        await caller.advance(0.1)
        held.set()
        await caller.is_hung_up_on()

    assert finished == ["/done"]
    assert (len(caller.hooks("/done")), "too late" in caller.heard, "never" in caller.heard) == (1, False, False)
