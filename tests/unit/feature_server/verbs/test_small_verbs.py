"""pause, redirect, tag, config, answer, sip:decline and hangup, and verbs whose preconditions are not met."""

from typing import Any

import pytest

from jambones.common.verbs.catalogue import VERBS
from jambones.feature_server.verbs.registry import find_runner, runners
from jambones.testing import HookResponse, call
from tests.support.scripts import HANGUP, say, script

RUNS_HERE = {
    "alert", "answer", "config", "dtmf", "gather", "hangup", "pause", "play", "redirect", "say", "sip:decline", "tag",
}  # fmt: skip
GATHER = {"verb": "gather", "numDigits": 1, "actionHook": "/done"}


@pytest.mark.parametrize("name", sorted(RUNS_HERE))
def test_each_verb_that_runs_here_has_one_runner(name: str) -> None:
    runner = find_runner(VERBS[name])

    assert runner is not None
    assert [model for model, other in runners().items() if other.run is runner.run] == [VERBS[name]]


# -- pause


async def test_a_pause_waits_and_does_not_answer() -> None:
    async with call(script({"verb": "pause", "length": "2.5"}, {"verb": "sip:decline", "status": 486})) as caller:
        await caller.is_hung_up_on()
        waited = caller.now

    assert waited == pytest.approx(2.5, abs=0.01)
    assert (caller.answered, caller.status) == (False, 486)


async def test_a_pause_ends_with_the_call() -> None:
    async with call(script({"verb": "pause", "length": 3600})) as caller:
        await caller.advance(1)
        caller.hangs_up()
        await caller.is_hung_up_on()
        waited = caller.now

    assert waited < 2
    assert caller.status_words == ["trying/100", "no-answer/487"]


# -- alert


async def test_an_alert_is_for_the_account_and_the_caller_notices_nothing() -> None:
    async with call(script({"verb": "alert", "message": "out of bread"}, say("after"))) as caller:
        await caller.hears("after")

    assert caller.alerts == [("alert-from-application", "out of bread")]


# -- redirect


async def test_a_redirect_to_another_origin_takes_relative_hooks_along() -> None:
    application = script(
        {"verb": "redirect", "actionHook": "http://other.example/start"},
        **{"http:__other.example_start": [GATHER]},
    )
    async with call(application) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.is_hung_up_on()

    assert [request.path for request in caller.requests] == [
        "/",
        "http://other.example/start",
        "http://other.example/done",
    ]


@pytest.mark.parametrize("answer", [[], None, {}, HookResponse(204)])
async def test_a_redirect_without_verbs_goes_on(answer: Any) -> None:
    async with call(script({"verb": "redirect", "actionHook": "/next"}, say("here"), next=answer)) as caller:
        await caller.hears("here")


@pytest.mark.parametrize("answer", [HookResponse(404), HookResponse(500), [{"verb": "sing"}]])
async def test_a_redirect_that_fails_ends_an_answered_call(answer: Any) -> None:
    application = script({"verb": "answer"}, {"verb": "redirect", "actionHook": "/next"}, say("never"), next=answer)
    async with call(application, status_hook="/status") as caller:
        await caller.is_hung_up_on()

    assert caller.heard == []
    assert len(caller.alerts) == 1
    assert caller.status_words == ["trying/100", "in-progress/200", "completed/200"]


async def test_a_redirect_that_fails_refuses_an_unanswered_call() -> None:
    application = script({"verb": "redirect", "actionHook": "/next"}, next=HookResponse(500))
    async with call(application, status_hook="/status") as caller:
        await caller.is_hung_up_on()

    assert caller.status == 480
    assert caller.status_words == ["trying/100", "failed/480"]


async def test_a_redirect_can_move_the_status_events() -> None:
    application = script({"verb": "redirect", "actionHook": "/next", "statusHook": "/new"}, next=[say("here")])
    async with call(application, status_hook="/old") as caller:
        await caller.is_hung_up_on()

    assert [request["call_status"] for request in caller.hooks("/old")] == ["trying"]
    assert [request["call_status"] for request in caller.hooks("/new")] == ["in-progress", "completed"]


# -- tag


async def test_a_tag_replaces_the_one_before_and_comes_back_verbatim() -> None:
    application = script(
        {"verb": "tag", "data": {"first": 1}},
        {"verb": "tag", "data": {"camelCase": {"Deep-Key": [1, 2.5, None, "ü"]}}},
        GATHER,
    )
    async with call(application, status_hook="/status") as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.is_hung_up_on()

    wanted = {"camelCase": {"Deep-Key": [1, 2.5, None, "ü"]}}
    assert caller.hooks("/done")[0]["customerData"] == wanted
    assert caller.hooks("/status")[-1]["customerData"] == wanted
    assert "customerData" not in caller.hooks("/")[0].payload


# -- config


async def test_config_alone_does_not_answer() -> None:
    verb = {"verb": "config", "synthesizer": {"vendor": "local"}, "recognizer": {"vendor": "default"}}
    async with call(script(verb)) as caller:
        await caller.is_hung_up_on()

    assert (caller.answered, caller.status) == (False, 603)


async def test_a_sticky_background_gather_reports_again_and_again_until_it_is_turned_off() -> None:
    on = {"enable": True, "sticky": True, "input": ["digits"], "numDigits": 1, "actionHook": "/key"}
    application = script(
        {"verb": "config", "bargeIn": on},
        {"verb": "pause", "length": 10},
        {"verb": "config", "bargeIn": {"enable": False}},
        {"verb": "pause", "length": 10},
        HANGUP,
    )
    async with call(application) as caller:
        await caller.is_answered()
        for key in "12":
            await caller.advance(1)
            caller.presses(key)
        await caller.advance(12)
        caller.presses("3")
        await caller.is_hung_up_on()

    assert [request["digits"] for request in caller.hooks("/key")] == ["1", "2"]


async def test_a_background_gather_runs_once_when_it_is_not_sticky() -> None:
    on = {"enable": True, "input": ["digits"], "numDigits": 1, "actionHook": "/key"}
    async with call(script({"verb": "config", "bargeIn": on}, {"verb": "pause", "length": 5}, HANGUP)) as caller:
        await caller.is_answered()
        for key in "12":
            await caller.advance(1)
            caller.presses(key)
        await caller.is_hung_up_on()

    assert [request["digits"] for request in caller.hooks("/key")] == ["1"]


async def test_a_background_key_cuts_off_what_is_said_and_the_script_goes_on() -> None:
    on = {"enable": True, "sticky": True, "input": ["digits"], "numDigits": 1, "actionHook": "/key"}
    application = script({"verb": "config", "bargeIn": on}, say("one two three four five six"), say("next"), HANGUP)
    async with call(application) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        await caller.hears("next")

    assert "cut off" in caller.told()


# -- sip:decline, hangup, the end of a script


@pytest.mark.parametrize(
    ("verb", "status", "reason"),
    [
        ({"status": 486}, 486, "Busy Here"),
        ({"status": "404", "reason": "No Such Person"}, 404, "No Such Person"),
        ({"status": 603}, 603, "Decline"),
    ],
)
async def test_sip_decline_says_its_status_and_why(verb: dict[str, Any], status: int, reason: str) -> None:
    headers = {"X-Test": "1", "Via": "forged", "X-Bad": "ok"}
    async with call(script({"verb": "sip:decline", "headers": headers, **verb}, say("never"))) as caller:
        await caller.is_hung_up_on()

    assert (caller.status, caller.reason, caller.answered) == (status, reason, False)
    assert caller.headers["X-Reason"] == "SIP Decline Verb"
    assert caller.headers["X-Test"] == "1"
    assert "Via" not in caller.headers
    assert caller.status_words == ["trying/100", f"failed/{status}"]
    assert caller.statuses[-1]["sip_reason"] == reason


async def test_a_reason_cannot_smuggle_a_header() -> None:
    async with call(script({"verb": "sip:decline", "status": 486, "reason": "x\r\nX-Evil: 1"})) as caller:
        await caller.is_hung_up_on()

    assert caller.status == 480
    assert "reason must not hold line breaks" in caller.alerts[0][1]


async def test_sip_decline_is_skipped_once_answered() -> None:
    async with call(script({"verb": "answer"}, {"verb": "sip:decline", "status": 486}, say("here"))) as caller:
        await caller.hears("here")


async def test_a_hangup_before_the_answer_is_603() -> None:
    async with call(script(HANGUP, say("never"))) as caller:
        await caller.is_hung_up_on()

    assert (caller.status, caller.answered) == (603, False)
    assert caller.status_words == ["trying/100", "failed/603"]


async def test_a_hangup_sends_its_headers_and_names_the_platform() -> None:
    application = script({"verb": "answer"}, {"verb": "hangup", "headers": {"X-Why": "enough"}}, say("never"))
    async with call(application, status_hook="/status") as caller:
        await caller.is_hung_up_on()

    assert caller.headers["X-Why"] == "enough"
    assert caller.hooks("/status")[-1]["call_termination_by"] == "jambonz"
    assert caller.heard == []


async def test_a_script_that_ends_hangs_up() -> None:
    async with call(script({"verb": "answer"}), status_hook="/status") as caller:
        ending = await caller.is_hung_up_on()

    assert ending.by.value == "platform"
    assert caller.status_words[-1] == "completed/200"
    assert caller.hooks("/status")[-1]["duration"] == 0


async def test_the_longest_call_is_ended_with_a_reason() -> None:
    async with call(script({"verb": "pause", "length": 1}, say("x", loop="forever")), max_duration=60) as caller:
        await caller.is_hung_up_on()
        waited = caller.now

    assert caller.headers["X-Reason"] == "Max Call Duration"
    assert waited == pytest.approx(61, abs=0.1)


async def test_a_verb_that_is_not_there_yet_is_an_alert_and_skipped() -> None:
    async with call(
        script({"verb": "lex", "botId": "1", "botAlias": "2", "region": "eu", "locale": "en_GB"}, say("x"))
    ) as caller:
        await caller.hears("x")

    assert [alert for alert, _ in caller.alerts] == ["invalid-app-payload"]


async def test_a_caller_who_cancels_is_no_answer() -> None:
    async with call(script({"verb": "pause", "length": 60}), status_hook="/status") as caller:
        await caller.advance(1)
        caller.hangs_up({"Reason": "SIP;cause=200"})
        await caller.is_hung_up_on()

    assert caller.status_words == ["trying/100", "no-answer/487"]


async def test_the_callers_bye_headers_come_with_the_last_event() -> None:
    async with call(script(say("x", loop="forever")), status_hook="/status") as caller:
        await caller.is_answered()
        await caller.advance(3)
        caller.hangs_up({"X-Mood": "fine"})
        await caller.is_hung_up_on()

    last = caller.hooks("/status")[-1]
    assert (last["headers"], last["call_termination_by"], last["duration"]) == ({"X-Mood": "fine"}, "caller", 3)


async def test_an_empty_hook_turns_it_off_again() -> None:
    application = script(
        {"verb": "config", "sipRequestWithinDialogHook": "/info", "referHook": "/refer"},
        {"verb": "answer"},
        {"verb": "pause", "length": 5},
        {"verb": "config", "notifyEvents": False},
        {"verb": "config", "sipRequestWithinDialogHook": "", "referHook": ""},
        {"verb": "pause", "length": 5},
    )
    async with call(application) as caller:
        await caller.is_answered()
        caller.sends("INFO")
        await caller.advance(6)
        caller.sends("INFO")
        assert await caller.refers("sip:1002@test") == 501

    assert len(caller.hooks("/info")) == 1
    assert caller.hooks("/refer") == []
