"""Set-up of a dial: who is called, who wins, what everybody hears, and what the application is told."""

from typing import Any

import pytest

from jambones.testing import Caller, HookRequest, call

PHONE = {"type": "phone", "number": "+15550001"}
OTHER = {"type": "phone", "number": "+15550002"}
AFTER = {"verb": "say", "text": "after"}


def dials(*targets: dict[str, Any], then: Any = None, **properties: Any) -> Any:
    """An application that dials once and says "after" when the dial is over."""

    def application(request: HookRequest) -> Any:
        match request.path:
            case "/":
                return [
                    {"verb": "dial", "target": list(targets) or [PHONE], "actionHook": "/done", **properties},
                    AFTER,
                ]
            case "/done":
                return then
        return None

    return application


def outcome(caller: Caller) -> dict[str, Any]:
    (done,) = caller.hooks("/done")
    return {
        name: value
        for name, value in done.payload.items()
        if name in {"dial_call_status", "dial_status", "dial_sip_status", "dial_call_sid", "dial_sbc_callid"}
    }


async def test_two_parties_hear_each_other_and_the_script_goes_on_when_the_one_called_hangs_up() -> None:
    async with call(dials()) as caller:
        callee = await caller.callee("+15550001")
        assert caller.answered
        await callee.rings()
        assert await caller.starts_hearing("ringback")
        await callee.answers()
        caller.says("hello there")
        await callee.hears("hello there")
        callee.says("who is it")
        await caller.hears("who is it")
        callee.presses("5")
        caller.presses("7")
        assert (caller.keys, callee.keys) == ("5", "7")
        await caller.advance(10)
        callee.hangs_up()
        await caller.hears("after")

    assert outcome(caller) == {
        "dial_call_status": "completed",
        "dial_status": "completed",
        "dial_sip_status": 200,
        "dial_call_sid": callee.call_sid,
        "dial_sbc_callid": f"outside-{callee.sip_call_id}",
    }


async def test_the_leg_called_has_its_own_sid_and_status_events() -> None:
    async with call(dials(tag={"a": 1}), status_hook="/status") as caller:
        callee = await caller.callee()
        await callee.rings()
        await callee.answers()
        await caller.advance(5)
        callee.hangs_up()
        await caller.hears("after")
    assert callee.status_words == ["trying/100", "ringing/180", "in-progress/200", "completed/200"]
    first, last = callee.statuses[0], callee.statuses[-1]
    assert first["parent_call_sid"] == caller.call_sid
    assert first["call_sid"] == callee.call_sid != caller.call_sid
    assert (first["direction"], first["from"], first["to"]) == ("outbound", "+15550100001", "+15550001")
    assert first["customerData"] == {"a": 1}
    assert (last["duration"], last["call_termination_by"]) == (5, "caller")
    told = [hook["call_status"] for hook in caller.hooks("/status") if hook["call_sid"] == callee.call_sid]
    assert told == ["trying", "ringing", "in-progress", "completed"]


async def test_early_media_of_a_single_target_is_passed_on() -> None:
    async with call(dials()) as caller:
        callee = await caller.callee()
        await callee.rings(early=True)
        callee.says("all our agents are busy")
        await caller.hears("all our agents are busy")
        await callee.declines(503)
        await caller.hears("after")
    assert callee.status_words == ["trying/100", "early-media/183", "failed/503"]
    assert outcome(caller)["dial_call_status"] == "failed"


@pytest.mark.parametrize("properties", [{"dialMusic": "http://x/music.mp3"}, {"confirmHook": "/confirm"}])
async def test_early_media_is_not_passed_on_over_music_or_before_a_confirmation(properties: dict[str, Any]) -> None:
    async with call(dials(**properties)) as caller:
        callee = await caller.callee()
        await callee.rings(early=True)
        assert not callee.bridged_with


async def test_early_media_of_one_of_several_targets_is_not_passed_on() -> None:
    async with call(dials(PHONE, OTHER)) as caller:
        callee = await caller.callee("+15550001")
        await callee.rings(early=True)
        assert not callee.bridged_with


async def test_dial_music_is_heard_instead_of_the_ringing_tone_and_ends_with_the_answer() -> None:
    async with call(dials(dialMusic="http://x/music.mp3")) as caller:
        callee = await caller.callee()
        await caller.starts_hearing("music.mp3")
        await caller.hears("music.mp3")
        await caller.starts_hearing("music.mp3")  # looped
        await callee.answers()
        await caller.hears_nothing(5)
        assert "ringback" not in caller.heard


async def test_music_that_cannot_be_found_is_an_alert_and_a_ringing_tone() -> None:
    async with call(dials(dialMusic="http://x/none.mp3"), audio={"http://x/none.mp3": None}) as caller:
        await caller.starts_hearing("ringback")
    assert caller.alerts[0][0] == "play-url-notfound"


async def test_with_answer_on_bridge_the_caller_is_answered_when_the_one_called_is() -> None:
    async with call(dials(answerOnBridge=True)) as caller:
        callee = await caller.callee()
        assert caller.hears_early
        assert not caller.answered
        await caller.starts_hearing("ringback")
        await callee.answers()
        assert caller.answered
        caller.says("hello")
        await callee.hears("hello")


async def test_with_answer_on_bridge_a_caller_nobody_answers_is_never_answered() -> None:
    def application(request: HookRequest) -> Any:
        dial = {"verb": "dial", "target": [PHONE], "answerOnBridge": True}
        return [dial, {"verb": "sip:decline", "status": 480}] if request.path == "/" else None

    async with call(application) as caller:
        callee = await caller.callee()
        await callee.declines(486)
        await caller.is_hung_up_on()
    assert not caller.answered
    assert caller.status == 480


async def test_all_targets_ring_at_once_and_the_first_to_answer_wins() -> None:
    async with call(dials(PHONE, OTHER, PHONE)) as caller:
        first, second = await caller.callee("+15550001"), await caller.callee("+15550002")
        assert len(caller.dials) == 2  # the duplicate is called once
        await first.rings()
        await second.rings()
        await second.answers()
        assert first.cancelled
        assert first.headers["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
        assert first.status_words == ["trying/100", "ringing/180", "no-answer/487"]
        caller.says("hi")
        await second.hears("hi")
        second.hangs_up()
        await caller.hears("after")
    assert outcome(caller)["dial_call_sid"] == second.call_sid


async def test_a_busy_target_does_not_end_the_others_ringing() -> None:
    async with call(dials(PHONE, OTHER)) as caller:
        await (await caller.callee("+15550001")).declines(486)
        second = await caller.callee("+15550002")
        await second.answers()
        assert second.bridged_with


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "busy"),
        (487, "no-answer"),
        (408, "no-answer"),
        (404, "failed"),
        (503, "failed"),
    ],
)
async def test_the_last_result_is_the_result(status: int, word: str) -> None:
    async with call(dials(PHONE, OTHER)) as caller:
        first, second = await caller.callee("+15550001"), await caller.callee("+15550002")
        await first.declines(500)
        await second.declines(status)
        await caller.hears("after")
    assert (outcome(caller)["dial_call_status"], outcome(caller)["dial_sip_status"]) == (word, status)
    assert second.status_words[-1] == f"{word}/{status}"


async def test_nobody_answers_in_time() -> None:
    async with call(dials(PHONE, OTHER, timeout=20)) as caller:
        first, second = await caller.callee(), await caller.callee()
        await first.rings()
        await caller.advance(19)
        assert not first.cancelled
        await caller.advance(2)
        assert first.cancelled
        assert second.cancelled
        await caller.hears("after")
    assert outcome(caller)["dial_call_status"] == "no-answer"
    assert outcome(caller)["dial_sip_status"] == 487
    assert first.status_words[-1] == "no-answer/487"


async def test_sixty_seconds_are_the_limit_where_none_is_given() -> None:
    async with call(dials()) as caller:
        callee = await caller.callee()
        await caller.advance(59)
        assert not callee.cancelled
        await caller.advance(1.5)
        assert callee.cancelled


async def test_without_an_egress_the_dial_fails_and_has_no_leg() -> None:
    async with call(dials(), nobody_to_dial=True) as caller:
        await caller.hears("after")
    assert outcome(caller) == {"dial_call_status": "failed", "dial_status": "failed", "dial_sip_status": 480}


async def test_a_time_limit_ends_the_one_called_and_the_caller_goes_on() -> None:
    async with call(dials(timeLimit=30)) as caller:
        callee = await caller.callee()
        await callee.answers()
        await caller.advance(29)
        assert not callee.gone
        await caller.hears("after")
        assert callee.gone
    assert outcome(caller)["dial_call_status"] == "completed"
    assert callee.statuses[-1]["call_termination_by"] == "jambonz"


async def test_a_caller_who_hangs_up_while_it_rings_ends_everybody_and_the_hook_is_posted() -> None:
    async with call(dials(PHONE, OTHER)) as caller:
        first, second = await caller.callee(), await caller.callee()
        await first.rings()
        caller.hangs_up()
        await first.is_hung_up_on()
        assert first.cancelled
        assert second.cancelled
    assert outcome(caller)["dial_call_status"] == "no-answer"
    assert outcome(caller)["dial_sip_status"] == 487


async def test_a_caller_who_hangs_up_ends_the_one_called_and_the_hook_is_posted() -> None:
    async with call(dials(then=[{"verb": "say", "text": "too late"}])) as caller:
        callee = await caller.callee()
        await callee.answers()
        await caller.advance(3)
        caller.hangs_up()
        await callee.is_hung_up_on()
    assert callee.gone
    assert not callee.cancelled
    assert callee.status_words[-1] == "completed/200"
    assert outcome(caller)["dial_call_status"] == "completed"
    assert "too late" not in caller.heard


async def test_the_answer_of_the_action_hook_replaces_the_script() -> None:
    async with call(dials(then=[{"verb": "say", "text": "leave a message"}])) as caller:
        await (await caller.callee()).declines(486)
        await caller.hears("leave a message")
        await caller.is_hung_up_on()
    assert "after" not in caller.heard


async def test_headers_of_the_verb_and_of_each_target_go_with_that_target_only() -> None:
    targets = ({**PHONE, "headers": {"X-One": "1", "X-Both": "mine"}}, OTHER)
    async with call(
        dials(*targets, headers={"X-Both": "all", "Via": "forged", "X-Jambones-Account": "forged"})
    ) as caller:
        first, second = await caller.callee("+15550001"), await caller.callee("+15550002")
        assert dict(first.invite_headers) == {"X-One": "1", "X-Both": "mine"}
        assert dict(second.invite_headers) == {"X-Both": "all"}
    assert {alert for alert, _ in caller.alerts} == {"invalid-app-payload"}


async def test_the_caller_id_is_the_callers_own_unless_another_is_given() -> None:
    async with call(dials()) as caller:
        assert (await caller.callee()).from_ == "+15550100001"
    async with call(dials(callerId="+4420", callerName="Ann")) as caller:
        callee = await caller.callee()
        assert (callee.from_, callee.caller_name) == ("+4420", "Ann")
        assert callee.statuses[0]["caller_id"] == "+4420"


async def test_what_this_server_cannot_do_yet_is_an_alert_and_the_dial_goes_on() -> None:
    async with call(dials(transcribe={}, amd={"actionHook": "/amd"}, codecs=["PCMA"])) as caller:
        await (await caller.callee()).answers()
    assert [message for _, message in caller.alerts] == [
        "dial.transcribe is not available on this server; it was skipped",
        "dial.amd is not available on this server; it was skipped",
        "dial.codecs is not available on this server; it was skipped",
    ]
