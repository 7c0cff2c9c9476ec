"""config.bargeIn: the gather beneath other verbs, what it cuts off, and what becomes of it when recognition fails."""

from typing import Any

import pytest

from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.testing import Caller, HookRequest, call
from tests.support.scripts import HANGUP, say, script

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
PAUSE = {"verb": "pause", "length": 10}


def config(**options: Any) -> dict[str, Any]:
    return {"verb": "config", "bargeIn": {"enable": True, "actionHook": "/barged", **options}}


async def test_the_first_of_several_keys_cuts_off_what_is_said() -> None:
    application = script(config(input=["digits"], numDigits=4), say(LONG), say("next"), PAUSE)
    async with call(application) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        await caller.hears("next", within=2)  # which a further key does not stop
        assert caller.hooks("/barged") == []
        caller.presses("234")
        await caller.advance(1)

    assert [request["digits"] for request in caller.hooks("/barged")] == ["1234"]


async def test_only_what_the_caller_does_first_cuts_off() -> None:
    async with call(script(config(input=["digits"], numDigits=2), say(LONG), say(LONG), PAUSE)) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        await caller.starts_hearing("one")
        await caller.advance(1)
        caller.presses("2")
        await caller.advance(10)

    assert caller.told().count("cut off") == 1


@pytest.mark.parametrize(("words", "stopped"), [("hello", False), ("hello there", True)])
async def test_enough_words_cut_off_before_the_transcript_is_final(words: str, stopped: bool) -> None:
    async with call(script(config(minBargeinWordCount=2), say(LONG), PAUSE)) as caller:
        await caller.starts_hearing("one")
        caller.says(words, final=False)
        await caller.advance(1)
        assert ("cut off" in caller.told()) is stopped
        assert caller.hooks("/barged") == []


async def test_a_key_while_the_file_of_a_play_is_fetched_skips_it(monkeypatch: pytest.MonkeyPatch) -> None:
    application = script(
        PAUSE,
        config(input=["digits"], numDigits=2),
        {"verb": "play", "url": "/slow.wav", "actionHook": "/played"},
        say("next"),
        PAUSE,
    )
    async with call(application) as caller:
        library = _session(caller).kit.audio
        clip = library.clip

        async def slow(url: str) -> Any:
            await caller.advance(2)
            return await clip(url)

        monkeypatch.setattr(library, "clip", slow)
        await caller.is_answered()
        await caller.advance(1)
        caller.presses("1")
        await caller.hears("next")

    assert "/slow.wav" not in caller.heard
    (played,) = caller.hooks("/played")
    assert (played["reason"], played["playback_milliseconds"]) == ("playCompleted", 0)


async def test_its_hook_does_not_carry_the_id_of_the_verb_above_it() -> None:
    application = script(config(input=["digits"], numDigits=1), {**PAUSE, "id": "waiting"})
    async with call(application) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.advance(1)

    (barged,) = caller.hooks("/barged")
    assert barged.get("verb_id") is None


async def test_a_gather_that_wants_speech_takes_the_place_of_one_that_listens_for_keys_alone() -> None:
    gather = {"verb": "gather", "input": ["speech"], "timeout": 5, "actionHook": "/said"}
    async with call(script(config(input=["digits"], sticky=True, numDigits=1), gather, PAUSE)) as caller:
        await caller.is_answered()
        caller.says("hello")
        await caller.advance(1)
        caller.presses("1")
        await caller.advance(1)

    assert [request["reason"] for request in caller.hooks("/said")] == ["speechDetected"]
    assert caller.hooks("/barged") == []


@pytest.mark.parametrize("below", [["speech"], ["speech", "digits"]])
async def test_a_gather_above_one_that_listens_for_speech_is_passed_over(below: list[str]) -> None:
    gather = {"verb": "gather", "input": ["speech"], "timeout": 5, "actionHook": "/said"}
    async with call(script(config(input=below, numDigits=1), gather, say("next"), PAUSE)) as caller:
        await caller.hears("next", within=2)

    assert caller.hooks("/said") == []


async def test_without_a_recogniser_a_sticky_one_is_one_alert_and_gives_up() -> None:
    gather = {"verb": "gather", "numDigits": 1, "actionHook": "/key"}

    def application(request: HookRequest) -> Any:
        return [PAUSE, config(sticky=True), say("press a key"), gather] if request.path == "/" else [HANGUP]

    async with call(application) as caller:
        object.__setattr__(_session(caller).kit, "ear", None)
        await caller.hears("press a key")
        caller.presses("1")
        await caller.is_hung_up_on()

    assert [alert for alert, _ in caller.alerts] == ["no-stt"]
    assert [request["digits"] for request in caller.hooks("/key")] == ["1"]


async def test_a_sticky_one_whose_recogniser_fails_is_tried_again_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with call(script(PAUSE, config(sticky=True), PAUSE, HANGUP)) as caller:
        monkeypatch.setattr(_session(caller).kit.ear, "listen", _listens_and_fails)
        await caller.is_hung_up_on()

    failures = [request["reason"] for request in caller.hooks("/barged")]
    assert set(failures) == {"error"}
    assert 5 < len(failures) <= 11


async def _listens_and_fails(*args: Any, **options: Any) -> Any:
    return Failing()


class Failing:
    """A recognition that breaks off."""

    async def __aiter__(self) -> Any:
        raise VerbFailed("stt-failure", "the vendor hung up")
        yield

    async def stop(self) -> None: ...


def _session(caller: Caller) -> Any:
    return caller._session


async def test_early_media_is_enough_for_it_when_config_says_so() -> None:
    barge_in = {"enable": True, "input": ["digits"], "sticky": True, "numDigits": 1, "actionHook": "/barged"}
    application = script(
        {"verb": "config", "earlyMedia": True, "bargeIn": barge_in},
        {"verb": "pause", "length": 3},
        {"verb": "sip:decline", "status": 486},
    )
    async with call(application) as caller:
        caller.presses("1")
        await caller.advance(1)
        caller.presses("2")
        await caller.is_hung_up_on()

    assert [request["digits"] for request in caller.hooks("/barged")] == ["1", "2"]
    assert (caller.answered, caller.status) == (False, 486)
