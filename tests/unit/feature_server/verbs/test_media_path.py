"""Where the audio of two bridged parties goes: the decision, and what moves it while they talk."""

from dataclasses import replace
from typing import Any

import pytest

from jambones.feature_server.calls.bypass import BUSY
from jambones.feature_server.verbs.media_path import FIRST_LOOK, NEXT_LOOK, Facts, reasons
from jambones.testing import Callee, Caller, HookRequest, call
from jambones.testing.listening import ListenSocket

PHONE = {"type": "phone", "number": "+15550001"}
FREE = Facts()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FREE, ()),
        (Facts(allowed=False), ("switched off",)),
        (Facts(anchored=True), ("anchorMedia",)),
        (Facts(wished="full-media"), ("media_path",)),
        (Facts(wished="partial-media", anchored=True), ()),
        (Facts(wished="partial-media", listens=True), ("listen",)),
        (Facts(captures=True, background=True), ("dtmfCapture", "background")),
        (Facts(holds=True, muted=True, needs=("whisper", "dtmf")), ("hold", "mute", "dtmf", "whisper")),
        (Facts(refused="codecs differ"), ("codecs differ",)),
    ],
)
def test_each_fact_that_keeps_the_audio_is_a_reason(facts: Facts, expected: tuple[str, ...]) -> None:
    assert reasons(facts) == expected


def test_without_the_operators_leave_no_wish_counts() -> None:
    assert reasons(replace(FREE, allowed=False, wished="partial-media")) == ("switched off",)


def dials(*, before: list[Any] | None = None, **properties: Any) -> Any:
    def application(request: HookRequest) -> Any:
        if request.path == "/":
            dial = {"verb": "dial", "target": [PHONE], "actionHook": "/done", **properties}
            return [*(before or []), dial, {"verb": "say", "text": "after"}]
        return [{"verb": "say", "text": "please wait"}] if request.path == "/hold" else None

    return application


async def bridged(caller: Caller) -> Callee:
    callee = await caller.callee()
    await callee.answers()
    await caller.advance(FIRST_LOOK + 0.1)
    return callee


async def test_audio_that_nothing_needs_leaves_and_is_back_for_the_next_verb() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        assert caller.released
        assert callee.released
        caller.says("hello")
        await callee.hears("hello")  # past the platform
        callee.hangs_up()
        await caller.hears("after")
        assert not caller.released


@pytest.mark.parametrize(
    "properties",
    [
        {"anchorMedia": True},
        {"dtmfCapture": ["1"], "dtmfHook": "/keys"},
        {"listen": {"url": "/ear"}},
        {"before": [{"verb": "config", "listen": {"enable": True, "url": "/ear"}}]},
        {"anchorMedia": True, "exitMediaPath": True},
    ],
)
async def test_audio_that_something_needs_stays(properties: dict[str, Any]) -> None:
    async def ear(socket: ListenSocket) -> None:
        async for _ in socket:
            pass

    async with call(dials(**properties), listeners={"/ear": ear}) as caller:
        await bridged(caller)
        await caller.advance(2 * NEXT_LOOK)
        assert not caller.released
    assert not [message for _, message in caller.alerts if "exitMediaPath" in message]


async def test_captures_without_a_hook_and_music_nobody_waits_for_keep_nothing() -> None:
    music = [{"verb": "config", "onHoldMusic": "http://x/hold.mp3"}]
    async with call(dials(before=music, dtmfCapture=["1"])) as caller:
        await bridged(caller)
        assert caller.released


async def test_the_audio_is_here_while_one_holds_and_leaves_some_time_after() -> None:
    async with call(dials(onHoldHook="/hold")) as caller:
        callee = await bridged(caller)
        callee.holds()
        await caller.hears("please wait")
        await caller.advance(3 * NEXT_LOOK)
        assert not caller.released
        callee.holds(False)
        await caller.advance(1)
        assert callee.bridged_with
        assert not caller.released
        await caller.advance(NEXT_LOOK)
        assert caller.released


async def test_a_whisper_and_a_mute_bring_it_back_for_as_long_as_they_last() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await callee.is_changed(whisper={"verb": "say", "text": "the manager is listening"})
        await callee.hears("the manager is listening")
        assert not callee.released
        await caller.advance(NEXT_LOOK + 0.1)
        assert callee.released

        await callee.is_changed(mute_status="mute")
        await caller.advance(3 * NEXT_LOOK)
        assert not callee.released
        await callee.is_changed(mute_status="unmute")
        await caller.advance(NEXT_LOOK + 0.1)
        assert callee.released


async def test_keys_that_we_send_bring_it_back() -> None:
    async with call(dials()) as caller:
        callee = await bridged(caller)
        await callee.is_changed(dtmf={"digit": "12"})
        await caller.advance(0.5)
        assert not callee.released
        await caller.advance(2 * NEXT_LOOK)
        assert callee.keys == "12"
        assert callee.released


async def test_live_control_chooses_for_the_rest_of_the_bridge() -> None:
    async with call(dials(anchorMedia=True)) as caller:
        await bridged(caller)
        assert not caller.released
        assert (await caller.is_changed(media_path="partial-media")).status == 202
        await caller.advance(NEXT_LOOK + 0.1)
        assert caller.released
        await caller.is_changed(media_path="full-media")
        assert not caller.released
        await caller.advance(3 * NEXT_LOOK)
        assert not caller.released
        await caller.is_changed(media_path="no-media")
        await caller.advance(NEXT_LOOK + 0.1)
        assert caller.released
    assert [message for _, message in caller.alerts] == [
        "media_path no-media: audio leaves the media engine, but not the platform (partial-media)"
    ]


async def test_exit_media_path_is_partial_media_and_says_so() -> None:
    async with call(dials(exitMediaPath=True)) as caller:
        await bridged(caller)
        assert caller.released
    assert [message for _, message in caller.alerts] == [
        "dial.exitMediaPath: audio leaves the media engine, but not the platform (partial-media)"
    ]


async def test_what_cannot_leave_is_not_tried_again_until_somebody_asks() -> None:
    async with call(dials()) as caller:
        caller.media_stays = "codecs differ"
        await bridged(caller)
        caller.media_stays = ""
        await caller.is_changed(whisper={"verb": "say", "text": "hm"})
        await caller.advance(3 * NEXT_LOOK)
        assert not caller.released
        await caller.is_changed(media_path="partial-media")
        await caller.advance(NEXT_LOOK + 0.1)
        assert caller.released


async def test_offers_that_cross_are_tried_again_a_few_times() -> None:
    async with call(dials()) as caller:
        caller.media_stays = BUSY
        await bridged(caller)
        caller.media_stays = ""
        await caller.advance(NEXT_LOOK + 0.1)
        assert caller.released


async def test_a_redirect_brings_it_back() -> None:
    def application(request: HookRequest) -> Any:
        if request.path == "/":
            return [{"verb": "dial", "target": [PHONE]}]
        return [{"verb": "say", "text": "elsewhere"}, {"verb": "pause", "length": 60}]

    async with call(application) as caller:
        callee = await bridged(caller)
        assert caller.released
        await caller.is_changed(call_hook="/elsewhere")
        await caller.hears("elsewhere")
        assert not caller.released
        assert callee.gone


async def test_one_who_goes_on_with_a_script_of_its_own_has_its_audio_here() -> None:
    def application(request: HookRequest) -> Any:
        if request.path == "/":
            return [{"verb": "dial", "target": [PHONE]}, {"verb": "say", "text": "after"}]
        return [{"verb": "say", "text": "on your own"}, {"verb": "pause", "length": 60}]

    async with call(application) as caller:
        callee = await bridged(caller)
        await caller.is_changed(child_call_hook="/child")
        await callee.hears("on your own")
        await caller.hears("after")
        assert not callee.released
