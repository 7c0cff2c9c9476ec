"""sip:refer, sip:request, dtmf, and what the far end asks for inside a call."""

from typing import Any

import pytest

from jambones.feature_server.calls.leg import Reply
from jambones.testing import HookRequest, HookResponse, call

SAY_AFTER = {"verb": "say", "text": "after"}


def answers(*script: dict[str, Any], **hooks: Any) -> Any:
    """`hooks`: by the name of the path, without its slash."""

    def application(request: HookRequest) -> Any:
        return list(script) if request.path == "/" else hooks.get(request.path.strip("/"))

    return application


REFER = {"verb": "sip:refer", "referTo": "sip:1002@pbx.test", "actionHook": "/done", "eventHook": "/event"}
ANSWER = {"verb": "answer"}


# -- sip:refer


async def test_each_notification_is_an_event_and_the_final_one_ends_the_verb() -> None:
    async with call(answers(ANSWER, {**REFER, "referredBy": "sip:me@test"}, SAY_AFTER)) as caller:
        await caller.is_answered()
        await caller.advance(0.1)
        caller.reports(100)
        caller.reports(180)
        caller.reports(200)
        await caller.hears("after")
    (refer,) = caller.sip_requests
    assert refer.headers == {"Refer-To": "sip:1002@pbx.test", "Referred-By": "sip:me@test"}
    assert [(hook["event"], hook["call_status"]) for hook in caller.hooks("/event")] == [
        ("transfer-status", 100),
        ("transfer-status", 180),
        ("transfer-status", 200),
    ]
    (done,) = caller.hooks("/done")
    assert (done["refer_status"], done["final_referred_call_status"]) == (202, 200)


async def test_a_refused_refer_is_told_and_the_script_goes_on() -> None:
    async with call(answers(ANSWER, {"verb": "pause", "length": 1}, REFER, SAY_AFTER)) as caller:
        await caller.is_answered()
        caller.sip_answer = Reply(405, "Method Not Allowed")
        await caller.hears("after")
    (done,) = caller.hooks("/done")
    assert done["refer_status"] == 405
    assert "final_referred_call_status" not in done.payload


async def test_fifteen_seconds_without_a_notification_end_the_verb() -> None:
    async with call(answers(ANSWER, REFER, SAY_AFTER)) as caller:
        await caller.advance(10)
        caller.reports(180)
        await caller.advance(14.5)
        assert not caller.hooks("/done")
        await caller.hears("after")
    (done,) = caller.hooks("/done")
    assert done["refer_status"] == 202
    assert "final_referred_call_status" not in done.payload


async def test_a_bye_instead_of_a_notification_is_told_too() -> None:
    async with call(answers(ANSWER, REFER)) as caller:
        await caller.advance(1)
        caller.hangs_up()
    (done,) = caller.hooks("/done")
    assert done["refer_status"] == 202


async def test_an_unanswered_call_is_not_referred() -> None:
    async with call(answers(REFER, {"verb": "sip:decline", "status": 480})) as caller:
        await caller.is_hung_up_on()
    assert not caller.sip_requests


# -- sip:request


async def test_a_request_is_sent_with_the_headers_and_the_answer_is_told() -> None:
    verb = {"verb": "sip:request", "method": "info", "body": "hi", "actionHook": "/done"}
    verb["headers"] = {"Content-Type": "application/x", "X-A": "b", "Via": "forged"}
    async with call(answers(ANSWER, verb, SAY_AFTER)) as caller:
        await caller.hears("after")
    (request,) = caller.sip_requests
    assert (request.method, request.body) == ("INFO", "hi\n")
    assert request.headers == {"Content-Type": "application/x", "X-A": "b"}
    (done,) = caller.hooks("/done")
    assert (done["result"], done["sip_status"]) == ("success", 200)


async def test_any_final_answer_is_a_success() -> None:
    verb = {"verb": "sip:request", "method": "INFO", "actionHook": "/done"}
    async with call(answers(ANSWER, {"verb": "pause", "length": 1}, verb, SAY_AFTER)) as caller:
        caller.sip_answer = Reply(415, "Unsupported Media Type")
        await caller.hears("after")
    assert caller.hooks("/done")[0]["sip_status"] == 415


@pytest.mark.parametrize("method", ["BYE", "INVITE", "CANCEL"])
async def test_what_would_change_the_dialog_is_not_sent(method: str) -> None:
    verb = {"verb": "sip:request", "method": method, "actionHook": "/done"}
    async with call(answers(ANSWER, verb, SAY_AFTER)) as caller:
        await caller.hears("after")
    assert not caller.sip_requests
    assert caller.hooks("/done")[0]["result"] == "failed"


async def test_a_failing_action_hook_is_asked_once_more_and_then_the_call_ends() -> None:
    verb = {"verb": "sip:request", "method": "INFO", "actionHook": "/done"}
    async with call(answers(ANSWER, verb, SAY_AFTER, done=HookResponse(500))) as caller:
        await caller.is_hung_up_on()
    first, second = caller.hooks("/done")
    assert first["result"] == "success"
    assert second["result"] == "failed"
    assert second["err"]
    assert "after" not in caller.heard


# -- what the far end asks for


async def test_requests_of_the_far_end_are_told_and_the_answer_may_be_a_script() -> None:
    config = {"verb": "config", "sipRequestWithinDialogHook": "/sip"}
    script = answers(ANSWER, config, {"verb": "pause", "length": 60}, sip=[{"verb": "say", "text": "got it"}])
    async with call(script) as caller:
        await caller.is_answered()
        caller.sends("INFO", "hello", {"X-A": "b"})
        await caller.hears("got it")
    (hook,) = caller.hooks("/sip")
    assert (hook["sip_method"], hook["sip_body"], hook["sip_headers"]) == ("INFO", "hello", {"X-A": "b"})
    assert hook["call_sid"] == caller.call_sid


async def test_hold_is_told_and_taken_back() -> None:
    config = {"verb": "config", "sipRequestWithinDialogHook": "/sip"}
    async with call(answers(ANSWER, config, {"verb": "pause", "length": 60})) as caller:
        await caller.is_answered()
        caller.holds()
        await caller.advance(1)
        caller.holds(False)
        await caller.advance(1)
    first, second = caller.hooks("/sip")
    assert (first["sip_method"], first["event"], first["on_hold"]) == ("INVITE", "hold", True)
    assert (second["event"], second["on_hold"]) == ("unhold", False)


async def test_without_a_hook_nothing_is_told() -> None:
    async with call(answers(ANSWER, {"verb": "pause", "length": 5})) as caller:
        await caller.is_answered()
        caller.sends("MESSAGE", "hello")
        caller.holds()
        await caller.is_hung_up_on()
    assert [hook.path for hook in caller.requests] == ["/"]


async def test_verbs_for_a_refer_replace_the_script_before_it_is_accepted() -> None:
    config = {"verb": "config", "referHook": "/refer"}
    script = answers(ANSWER, config, {"verb": "pause", "length": 60}, refer=[{"verb": "say", "text": "moving you"}])
    async with call(script) as caller:
        await caller.is_answered()
        assert await caller.refers("sip:1002@pbx.test") == 202
        await caller.hears("moving you")
    details = caller.hooks("/refer")[0]["refer_details"]
    assert details == {
        "sip_refer_to": "<sip:1002@pbx.test>",
        "refer_to_user": "1002",
        "referring_call_sid": caller.call_sid,
        "referred_call_sid": None,
    }


@pytest.mark.parametrize(("hooks", "status"), [({}, 202), ({"refer": HookResponse(403)}, 403)])
async def test_the_answer_to_a_refer_is_that_of_the_hook(hooks: dict[str, Any], status: int) -> None:
    config = {"verb": "config", "referHook": "/refer"}
    async with call(answers(ANSWER, config, {"verb": "pause", "length": 60}, **hooks)) as caller:
        await caller.is_answered()
        assert await caller.refers("sip:1002@pbx.test") == status


async def test_without_a_hook_a_refer_is_not_implemented() -> None:
    async with call(answers(ANSWER, {"verb": "pause", "length": 60})) as caller:
        await caller.is_answered()
        assert await caller.refers("sip:1002@pbx.test") == 501
