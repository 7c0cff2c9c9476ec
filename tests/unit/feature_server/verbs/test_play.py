"""play: lists, loops, offsets, limits, silence, and what its action hook says."""

from typing import Any

import pytest

from jambones.testing import Caller, call
from tests.support.scripts import HANGUP, say, script

A, B = "http://x/a.wav", "http://x/b.wav"
FILES = {A: 2.0, B: 1.0}


def play(**options: Any) -> dict[str, Any]:
    return {"verb": "play", "url": A, "actionHook": "/done", **options}


def told(caller: Caller) -> dict[str, Any]:
    (done,) = caller.hooks("/done")
    names = ("reason", "status", "playback_seconds", "playback_milliseconds", "playback_last_offset_pos")
    return {name: done.payload[name] for name in names if name in done.payload}


async def test_a_file_is_played_once_to_its_end() -> None:
    async with call(script(play()), audio=FILES) as caller:
        await caller.is_hung_up_on()

    assert caller.heard == [A]
    assert told(caller) == {
        "reason": "playCompleted",
        "playback_seconds": 2,
        "playback_milliseconds": 2000,
        "playback_last_offset_pos": "16000",
    }


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        ({"url": [A, B]}, [A, B]),
        ({"url": [A, B], "loop": 2}, [A, B, A, B]),
        ({"loop": "3"}, [A, A, A]),
        ({"loop": 0}, [A]),
    ],
)
async def test_lists_and_loops(options: dict[str, Any], heard: list[str]) -> None:
    async with call(script(play(**options)), audio=FILES) as caller:
        await caller.is_hung_up_on()

    assert caller.heard == heard


async def test_an_empty_list_is_played_at_once() -> None:
    async with call(script(play(url=[], loop="forever"))) as caller:
        await caller.is_hung_up_on()

    assert caller.heard == []
    assert told(caller)["playback_milliseconds"] == 0


async def test_for_ever_ends_with_the_call() -> None:
    async with call(script(play(loop="forever")), audio=FILES) as caller:
        await caller.advance(3600)
        assert not caller.gone
        caller.hangs_up()
        await caller.is_hung_up_on()

    assert len(caller.heard) > 1700


@pytest.mark.parametrize("seconds", [1.5, "1.5"])
async def test_a_time_limit_stops_it(seconds: Any) -> None:
    async with call(script(play(timeoutSecs=seconds)), audio=FILES) as caller:
        await caller.is_hung_up_on()

    assert (told(caller)["reason"], told(caller)["playback_milliseconds"]) == ("playCompleted", 1500)


@pytest.mark.parametrize("offset", [8000, "8000"])
async def test_it_starts_at_an_offset_in_samples(offset: Any) -> None:
    async with call(script(play(seekOffset=offset)), audio=FILES) as caller:
        await caller.is_answered()
        began = caller.now
        await caller.is_hung_up_on()
        waited = caller.now - began

    assert waited == pytest.approx(1.0, abs=0.01)
    assert told(caller)["playback_last_offset_pos"] == "16000"


async def test_silence_is_played_for_so_many_milliseconds() -> None:
    async with call(script({"verb": "play", "url": ["silence_stream://700", A]}), audio=FILES) as caller:
        await caller.is_answered()
        await caller.hears_nothing(0.6)
        await caller.is_hung_up_on()

    assert caller.heard == [A]


async def test_a_missing_file_is_told_and_the_script_goes_on() -> None:
    async with call(script(play(url=[A, B]), say("next")), audio={A: 2.0, B: None}) as caller:
        await caller.is_hung_up_on()

    assert told(caller) == {"status": "fail", "reason": "playFailed"}
    assert [alert for alert, _ in caller.alerts] == ["play-url-notfound"]
    assert caller.heard == ["next"]


async def test_the_hooks_answer_replaces_the_rest() -> None:
    async with call(script(play(), say("old"), done=[say("new")]), audio=FILES) as caller:
        await caller.is_hung_up_on()

    assert caller.heard == [A, "new"]


async def test_keys_do_not_interrupt_it() -> None:
    async with call(script(play(), HANGUP), audio=FILES) as caller:
        await caller.starts_hearing(A)
        caller.presses("1#")
        await caller.is_hung_up_on()

    assert "cut off" not in caller.told()


async def test_early_media_does_not_answer() -> None:
    application = script(play(earlyMedia=True), {"verb": "sip:decline", "status": 404})
    async with call(application, audio=FILES) as caller:
        await caller.is_hung_up_on()

    assert (caller.hears_early, caller.answered, caller.status) == (True, False, 404)


async def test_a_limit_of_no_seconds_is_no_limit() -> None:
    async with call(script(play(timeoutSecs=0)), audio=FILES) as caller:
        await caller.is_hung_up_on()

    assert "cut off" not in caller.told()


async def test_a_caller_who_hangs_up_ends_it_and_the_hook_hears_how_far_it_came() -> None:
    async with call(script(play(url="/long.mp3", actionHook="/played")), audio={"/long.mp3": 60.0}) as caller:
        await caller.starts_hearing("/long.mp3")
        await caller.advance(2)
        caller.hangs_up()
        await caller.is_hung_up_on()

    (played,) = caller.hooks("/played")
    assert (played["reason"], played["playback_seconds"]) == ("playCompleted", 2)
