"""Call screening: the script of a confirmHook runs on the one called alone, before anybody is bridged."""

from typing import Any

import pytest

from jambones.testing import HookRequest, HookResponse, call

PHONE = {"type": "phone", "number": "+15550001"}
OTHER = {"type": "phone", "number": "+15550002"}
PRESS_1 = {"verb": "gather", "input": ["digits"], "numDigits": 1, "actionHook": "/pressed", "say": {"text": "press 1"}}


def screened(confirm: Any, *targets: dict[str, Any], pressed: Any = None, **properties: Any) -> Any:
    def application(request: HookRequest) -> Any:
        match request.path:
            case "/":
                dial = {"verb": "dial", "target": list(targets) or [PHONE], "confirmHook": "/confirm", **properties}
                return [dial | {"actionHook": "/done"}, {"verb": "say", "text": "after"}]
            case "/confirm":
                return confirm(request) if callable(confirm) else confirm
            case "/pressed":
                return pressed(request) if callable(pressed) else pressed
        return None

    return application


async def test_the_one_called_hears_the_script_alone_and_is_bridged_when_it_is_done() -> None:
    async with call(screened([{"verb": "say", "text": "a call for you"}])) as caller:
        callee = await caller.callee()
        await callee.answers()
        await callee.hears("a call for you")
        assert "a call for you" not in caller.heard
        assert caller.heard == ["ringback"]
        caller.says("hello")
        await callee.hears("hello")
    (confirm,) = caller.hooks("/confirm")
    assert confirm.kind == "dial:confirm"
    assert confirm["call_sid"] == callee.call_sid
    assert confirm["parent_call_sid"] == caller.call_sid
    assert confirm["call_status"] == "in-progress"


async def test_an_empty_answer_accepts_at_once() -> None:
    async with call(screened([])) as caller:
        callee = await caller.callee()
        await callee.answers()
        assert callee.bridged_with


@pytest.mark.parametrize("confirm", [HookResponse(500), [{"verb": "nonsense"}], [{"verb": "hangup"}]])
async def test_a_failing_hook_or_a_hangup_declines(confirm: Any) -> None:
    async with call(screened(confirm)) as caller:
        callee = await caller.callee()
        await callee.answers()
        await caller.hears("after")
        assert callee.gone
    (done,) = caller.hooks("/done")
    assert (done["dial_call_status"], done["dial_sip_status"]) == ("no-answer", 487)
    assert callee.status_words[-1] == "completed/200"


async def test_who_hangs_up_during_the_script_has_declined() -> None:
    async with call(screened([{"verb": "pause", "length": 10}])) as caller:
        callee = await caller.callee()
        await callee.answers()
        callee.hangs_up()
        await caller.hears("after")
    assert caller.hooks("/done")[0]["dial_call_status"] == "no-answer"


async def test_others_keep_ringing_until_one_is_accepted() -> None:
    async with call(screened([PRESS_1], PHONE, OTHER, pressed=lambda request: (
        [] if request["digits"] == "1" else [{"verb": "hangup"}]
    ))) as caller:  # fmt: skip
        first, second = await caller.callee("+15550001"), await caller.callee("+15550002")
        await first.answers()
        await first.starts_hearing("press 1")
        assert not second.cancelled
        first.presses("2")
        await first.is_hung_up_on()
        assert not second.cancelled
        await second.answers()
        await second.starts_hearing("press 1")
        second.presses("1")
        await caller.advance(0.1)
        assert second.bridged_with


async def test_who_is_still_confirming_when_another_accepts_is_hung_up() -> None:
    async with call(screened([PRESS_1], PHONE, OTHER)) as caller:
        first, second = await caller.callee("+15550001"), await caller.callee("+15550002")
        await first.answers()
        await second.answers()
        second.presses("1")
        await first.is_hung_up_on()
        assert first.gone
        assert first.status_words[-1] == "completed/200"
        assert second.bridged_with


async def test_who_has_answered_in_time_may_take_time_to_confirm() -> None:
    async with call(screened([{"verb": "pause", "length": 30}], PHONE, OTHER, timeout=20)) as caller:
        first, second = await caller.callee("+15550001"), await caller.callee("+15550002")
        await first.answers()
        await caller.advance(21)
        assert second.cancelled
        await caller.advance(10)
        assert first.bridged_with, caller.told()


async def test_a_target_may_have_a_hook_of_its_own() -> None:
    async with call(screened([], {**PHONE, "confirmHook": "/mine"}, OTHER)) as caller:
        first = await caller.callee("+15550001")
        await first.answers()
    assert len(caller.hooks("/mine")) == 1
    assert not caller.hooks("/confirm")


async def test_a_script_that_replaces_the_first_one_keeps_only_what_may_run_here() -> None:
    pressed = [{"verb": "dial", "target": [OTHER]}, {"verb": "say", "text": "thank you"}]
    async with call(screened([PRESS_1], pressed=pressed)) as caller:
        callee = await caller.callee("+15550001")
        await callee.answers()
        callee.presses("1")
        await callee.hears("thank you")
        await caller.advance(0.1)
        assert callee.bridged_with
    assert len(caller.dials) == 1
