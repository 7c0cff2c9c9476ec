"""While two parties of a dial hear each other: keys, hold, transfer, listen, live control."""

from typing import Any

import pytest

from jambones.common.errors import Invalid
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.control import Incompatible
from jambones.testing import Callee, Caller, HookRequest, HookResponse, call
from jambones.testing.endpoint import ScriptedEndpoint
from jambones.testing.listening import ListenSocket

PHONE = {"type": "phone", "number": "+15550001"}


def dials(answers: dict[str, Any] | None = None, *, before: list[Any] | None = None, **properties: Any) -> Any:
    found = answers or {}

    def application(request: HookRequest) -> Any:
        if request.path == "/":
            dial = {"verb": "dial", "target": [PHONE], "actionHook": "/done", **properties}
            return [*(before or []), dial, {"verb": "say", "text": "after"}]
        return found.get(request.path)

    return application


async def bridged(caller: Caller) -> Callee:
    callee = await caller.callee()
    await callee.answers()
    return callee


# -- keys


async def test_a_sequence_of_keys_is_reported_of_the_leg_that_pressed_it() -> None:
    async with call(dials(dtmfCapture=["*2", "##"], dtmfHook="/keys")) as caller:
        callee = await bridged(caller)
        callee.presses("1*2")
        caller.presses("##")
        await caller.advance(1)
    first, second = caller.hooks("/keys")
    assert (first["dtmf"], first["call_sid"]) == ("*2", callee.call_sid)
    assert (second["dtmf"], second["call_sid"]) == ("##", caller.call_sid)


async def test_each_leg_may_have_patterns_of_its_own() -> None:
    capture = {"childCall": ["1"], "parentCall": ["2"]}
    async with call(dials(dtmfCapture=capture, dtmfHook="/keys")) as caller:
        callee = await bridged(caller)
        callee.presses("2")
        caller.presses("1")
        callee.presses("1")
        await caller.advance(1)
    assert [hook["dtmf"] for hook in caller.hooks("/keys")] == ["1"]


async def test_keys_are_forgotten_after_three_seconds() -> None:
    async with call(dials(dtmfCapture=["12"], dtmfHook="/keys")) as caller:
        callee = await bridged(caller)
        callee.presses("1")
        await caller.advance(3.1)
        callee.presses("2")
        await caller.advance(1)
    assert not caller.hooks("/keys")


async def test_nothing_is_detected_without_a_hook() -> None:
    async with call(dials(dtmfCapture=["1"])) as caller:
        callee = await bridged(caller)
        callee.presses("1")
        await caller.advance(1)
    assert [hook.path for hook in caller.requests] == ["/", "/done"]


# -- hold


async def test_the_party_put_on_hold_hears_the_scripts_of_the_hook_again_and_again() -> None:
    script = [{"verb": "say", "text": "please wait"}, {"verb": "pause", "length": 1}]
    async with call(dials({"/hold": script}, onHoldHook="/hold")) as caller:
        callee = await bridged(caller)
        callee.holds()
        await caller.hears("please wait")
        await caller.hears("please wait")
        assert not callee.bridged_with
        callee.holds(False)
        await caller.advance(0.1)
        assert callee.bridged_with
        await caller.hears_nothing(5)
    (hold,) = caller.hooks("/hold")
    assert hold["call_sid"] == caller.call_sid
    assert hold["hold_detail"] == {"from": "<sip:+15550001@test>", "to": "<sip:platform@test>"}


async def test_without_a_hook_the_held_party_hears_the_music_of_the_call() -> None:
    before = [{"verb": "config", "onHoldMusic": "http://x/hold.mp3"}]
    async with call(dials(before=before)) as caller:
        callee = await bridged(caller)
        caller.holds()
        await callee.hears("hold.mp3")
        await callee.starts_hearing("hold.mp3")
        caller.holds(False)
        await caller.advance(0.1)
        await callee.hears_nothing(5)
        assert callee.bridged_with


@pytest.mark.parametrize("answer", [HookResponse(500), [{"verb": "dial", "target": [PHONE]}]])
async def test_a_hold_hook_that_is_of_no_use_leaves_them_as_they_are(answer: Any) -> None:
    async with call(dials({"/hold": answer}, onHoldHook="/hold")) as caller:
        callee = await bridged(caller)
        callee.holds()
        await caller.hears_nothing(5)
        callee.holds(False)
        await caller.advance(0.1)
        assert callee.bridged_with
    assert len(caller.alerts) == 1


# -- transfer


async def test_verbs_for_a_refer_of_the_one_called_replace_the_callers_script() -> None:
    async with call(dials({"/refer": [{"verb": "say", "text": "transferring"}]}, referHook="/refer")) as caller:
        callee = await bridged(caller)
        assert await callee.refers("sip:1002@test", x_why="lunch") == 202
        await caller.hears("transferring")
        assert callee.gone
        await caller.is_hung_up_on()
    details = caller.hooks("/refer")[0]["refer_details"]
    assert details == {
        "sip_refer_to": "<sip:1002@test>",
        "refer_to_user": "1002",
        "x_why": "lunch",
        "referring_call_sid": callee.call_sid,
        "referred_call_sid": caller.call_sid,
    }
    assert len(caller.hooks("/done")) == 1  # its answer would be ignored


async def test_verbs_for_a_refer_of_the_caller_go_on_with_the_one_called_alone() -> None:
    async with call(dials({"/refer": [{"verb": "say", "text": "hold the line"}]}, referHook="/refer")) as caller:
        callee = await bridged(caller)
        assert await caller.refers("sip:1002@test") == 202
        await callee.hears("hold the line")
        await caller.hears("after")
        ending = await callee.is_hung_up_on()
    assert ending.cause == "script ended"
    assert caller.hooks("/done")[0]["dial_call_status"] == "completed"


async def test_a_failing_refer_hook_is_the_answer_to_the_refer() -> None:
    async with call(dials({"/refer": HookResponse(404)}, referHook="/refer")) as caller:
        callee = await bridged(caller)
        assert await callee.refers("sip:1002@test") == 404
        assert callee.bridged_with


async def test_without_a_hook_nobody_is_referred() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        assert await callee.refers("sip:1002@test") == 501
        assert await caller.refers("sip:1002@test") == 501


# -- listen beside it


async def test_a_nested_listen_begins_with_the_bridge_and_ends_with_it() -> None:
    async def ear(socket: ListenSocket) -> None:
        async for _ in socket:
            pass

    async with call(dials(listen={"url": "/ear"}), listeners={"/ear": ear}) as caller:
        callee = await caller.callee()
        assert not caller.sockets
        await callee.answers()
        await caller.advance(1)
        assert len(caller.sockets) == 1
        callee.hangs_up()
        await caller.hears("after")


# -- live control


async def test_a_muted_party_is_not_heard_by_the_other() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await callee.is_changed(mute_status="mute")
        callee.says("psst")
        caller.says("hello")
        await callee.hears("hello")
        assert "psst" not in caller.heard
        await callee.is_changed(mute_status="unmute")
        callee.says("now")
        await caller.hears("now")


async def test_whoever_goes_on_alone_is_heard_again() -> None:
    gather = {"verb": "gather", "input": ["speech"], "actionHook": "/said"}
    async with call(dials({"/child": [gather]})) as caller:
        callee = await bridged(caller)
        await callee.is_changed(mute_status="mute")
        await caller.is_changed(child_call_hook="/child")
        assert not callee.is_muted


async def test_two_parties_who_cannot_be_bridged_are_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: ScriptedEndpoint, other: Any) -> None:
        raise LegGone

    monkeypatch.setattr(ScriptedEndpoint, "bridge", refuse)
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await caller.hears("after")
        assert callee.gone
    (done,) = caller.hooks("/done")
    assert (done["dial_call_status"], done["dial_sip_status"]) == ("failed", 503)


async def test_a_whisper_is_heard_by_one_party_alone_and_once() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await callee.is_changed(whisper={"verb": "say", "text": "two minutes left", "loop": 3})
        await callee.hears("two minutes left")
        await callee.hears_nothing(5)
        assert "two minutes left" not in caller.heard
        assert callee.bridged_with


async def test_a_whisper_holds_prompts_only() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        with pytest.raises(Invalid):
            await callee.is_changed(whisper=[{"verb": "hangup"}])


async def test_keys_and_requests_go_to_the_leg_that_is_meant() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await callee.is_changed(dtmf={"digit": "12"})
        answer = await callee.is_changed(
            sip_request={"method": "info", "content_type": "application/x", "content": "hi", "headers": {"X-A": "b"}}
        )
        await caller.advance(2)
    assert (caller.keys, callee.keys) == ("", "12")
    assert (answer.status, answer.body) == (200, {"status": 200, "reason": "OK"})
    (request,) = callee.sip_requests
    assert (request.method, request.body) == ("INFO", "hi")
    assert request.headers == {"X-A": "b", "Content-Type": "application/x"}


async def test_a_child_call_hook_makes_the_one_called_a_call_of_its_own() -> None:
    async with call(dials({"/child": [{"verb": "say", "text": "you are alone"}]})) as caller:
        callee = await bridged(caller)
        await caller.is_changed(child_call_hook="/child")
        await callee.hears("you are alone")
        await caller.hears("after")
        await callee.is_hung_up_on()
    (child,) = caller.hooks("/child")
    assert (child.kind, child["call_sid"]) == ("session:redirect", callee.call_sid)
    assert caller.hooks("/done")[0]["dial_call_status"] == "completed"


async def test_both_parties_may_get_scripts_of_their_own_at_once() -> None:
    answers = {"/child": [{"verb": "say", "text": "for you"}], "/parent": [{"verb": "say", "text": "for me"}]}
    async with call(dials(answers)) as caller:
        callee = await bridged(caller)
        await caller.is_changed(child_call_hook="/child", call_hook="/parent")
        await callee.hears("for you")
        await caller.hears("for me")
    assert "after" not in caller.heard


async def test_the_one_called_can_be_hung_up_alone() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await callee.is_changed(call_status="completed")
        await caller.hears("after")
    assert callee.statuses[-1]["call_termination_by"] == "jambonz"


async def test_a_ringing_leg_can_be_cancelled_alone() -> None:
    async with call(dials()) as caller:
        callee = await caller.callee()
        await callee.rings()
        await callee.is_changed(call_status="no-answer")
        await caller.hears("after")
    assert callee.status_words[-1] == "no-answer/487"
    assert callee.cancelled


@pytest.mark.parametrize(
    "changes",
    [
        {"mute_status": "mute"},
        {"whisper": {"verb": "say", "text": "x"}},
        {"child_call_hook": "/child"},
        {"media_path": "no-media"},
        {"transcribe_status": "pause"},
        {"listen_status": "pause"},
        {"call_status": "no-answer"},
        {"conf_mute_status": "mute"},
    ],
)
async def test_what_does_not_fit_the_state_of_the_call_is_refused(changes: dict[str, Any]) -> None:
    def application(request: HookRequest) -> Any:
        return [{"verb": "answer"}, {"verb": "pause", "length": 60}]

    async with call(application) as caller:
        await caller.is_answered()
        with pytest.raises(Incompatible) as caught:
            await caller.is_changed(**changes)
    assert caught.value.http_status == 422
    assert caught.value.message == (
        f"current call state is incompatible with requested action for call_sid {caller.call_sid}"
    )


async def test_an_unanswered_call_cannot_be_completed_but_refused() -> None:
    async with call(lambda request: [{"verb": "pause", "length": 60}]) as caller:
        with pytest.raises(Incompatible):
            await caller.is_changed(call_status="completed")
        await caller.is_changed(call_status="no-answer")
        await caller.is_hung_up_on()
    assert caller.status == 503


async def test_an_empty_answer_to_a_new_hook_ends_the_verb() -> None:
    def application(request: HookRequest) -> Any:
        return [{"verb": "pause", "length": 3600}, {"verb": "say", "text": "next"}] if request.path == "/" else []

    async with call(application) as caller:
        await caller.is_changed(call_hook="/nothing")
        await caller.hears("next")


@pytest.mark.parametrize(
    "changes", [{"whisper": {"verb": "play", "url": "silence_stream://600000"}}, {"dtmf": {"digit": "W" * 60}}]
)
async def test_what_live_control_plays_does_not_outlive_the_call(changes: dict[str, Any]) -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await caller.is_changed(**changes)
        await caller.advance(1)
        began = caller.now
        callee.hangs_up()
        caller.hangs_up()
        await caller.is_hung_up_on()
        assert caller.now - began < 5
