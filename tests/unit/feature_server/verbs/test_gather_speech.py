"""gather with speech: transcripts, barge-in by words, continuous recognition."""

from typing import Any

import pytest

from jambones.testing import HookRequest, call
from tests.support.scripts import HANGUP, say, script
from tests.unit.feature_server.verbs.test_gather import PROMPT, app, gather, result, until_over


async def test_a_final_transcript_ends_it() -> None:
    async with call(app(input=["speech"])) as caller:
        await caller.is_answered()
        caller.says("next tuesday", confidence=0.93)
        waited = await until_over(caller)

    found = result(caller)
    assert found["reason"] == "speechDetected"
    assert found["speech"]["alternatives"] == [{"transcript": "next tuesday", "confidence": 0.93}]
    assert waited < 0.1


async def test_an_empty_transcript_is_ignored() -> None:
    async with call(app(input=["speech"])) as caller:
        await caller.is_answered()
        await caller.advance(3)
        caller.says("  ")
        waited = await until_over(caller)

    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(2, abs=0.01)


async def test_an_interim_transcript_restarts_the_no_input_timer() -> None:
    async with call(app(input=["speech"])) as caller:
        await caller.is_answered()
        await caller.advance(4)
        caller.says("well", final=False)
        waited = await until_over(caller)

    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(5, abs=0.01)


async def test_too_little_confidence_is_told() -> None:
    async with call(app(input=["speech"], recognizer={"vendor": "default", "minConfidence": 0.8})) as caller:
        await caller.is_answered()
        caller.says("mumble", confidence=0.4)
        await caller.is_hung_up_on()

    assert result(caller)["reason"] == "stt-low-confidence"
    assert result(caller)["speech"]["alternatives"][0]["transcript"] == "mumble"


async def test_the_first_digit_stops_recognition_and_digits_win() -> None:
    async with call(app(input=["speech", "digits"], numDigits=2)) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.advance(0.1)
        caller.says("never mind")
        await caller.advance(0.1)
        assert not caller.hooks("/done")
        caller.presses("2")
        await caller.is_hung_up_on()

    assert result(caller) == {"reason": "dtmfDetected", "digits": "12"}


@pytest.mark.parametrize(
    ("options", "words", "stopped"),
    [
        ({"bargein": True}, "yes", True),
        ({"bargein": False}, "yes", False),
        ({}, "yes", False),
        ({"bargein": True, "minBargeinWordCount": 2}, "yes", False),
        ({"bargein": True, "minBargeinWordCount": 2}, "yes please", True),
        ({"bargein": True, "listenDuringPrompt": False}, "yes please", False),
    ],
)
async def test_words_stop_the_prompt_only_with_barge_in(options: dict[str, Any], words: str, stopped: bool) -> None:
    async with call(app(input=["speech"], **options, **PROMPT)) as caller:
        await caller.starts_hearing("one")
        caller.says(words, final=False)
        await caller.advance(1)
        assert ("cut off" in caller.told()) is stopped


async def test_several_finals_are_joined_when_the_caller_pauses() -> None:
    async with call(app(input=["speech"], recognizer={"vendor": "default", "asrTimeout": 2})) as caller:
        await caller.is_answered()
        caller.says("my number is", confidence=1.0)
        await caller.advance(1.5)
        caller.says("12.", confidence=0.5)
        await caller.advance(1.5)
        caller.says("34", confidence=0.9)
        waited = await until_over(caller)

    found = result(caller)["speech"]["alternatives"][0]
    assert found["transcript"] == "my number is 1234"
    assert found["confidence"] == pytest.approx(0.8)
    assert waited == pytest.approx(2, abs=0.01)


async def test_a_key_can_end_continuous_recognition() -> None:
    recognizer = {"vendor": "default", "asrTimeout": 30, "asrDtmfTerminationDigit": "#"}
    async with call(app(input=["speech", "digits"], timeout=60, recognizer=recognizer)) as caller:
        await caller.is_answered()
        caller.says("first")
        await caller.advance(1)
        caller.presses("#")
        await caller.advance(0.5)
        caller.says("last")
        waited = await until_over(caller)

    assert result(caller)["speech"]["alternatives"][0]["transcript"] == "first last"
    assert waited < 31


async def test_partial_results_are_told_and_their_answer_is_ignored() -> None:
    application = script(
        gather(input=["speech"], partialResultHook="/partial"), HANGUP, done=[HANGUP], partial=[say("never")]
    )
    async with call(application) as caller:
        await caller.is_answered()
        caller.says("next", final=False)
        await caller.advance(0.1)
        caller.says("next tuesday")
        await caller.is_hung_up_on()

    (partial,) = caller.hooks("/partial")
    assert partial["speech"]["is_final"] is False
    assert caller.heard == []


CONTINUOUS = {"vendor": "default", "asrTimeout": 5, "asrDtmfTerminationDigit": "#"}


@pytest.mark.parametrize("input", [["speech"], ["speech", "digits"]])
async def test_the_key_that_ends_speech_needs_no_digits_in_the_input(input: list[str]) -> None:
    async with call(app(input=input, recognizer=CONTINUOUS, timeout=60)) as caller:
        await caller.is_answered()
        caller.says("one")
        await caller.advance(1)
        caller.presses("#")
        waited = await until_over(caller)

    assert result(caller)["reason"] == "speechDetected"
    assert waited == pytest.approx(1, abs=0.01)


async def test_after_the_key_that_ends_speech_the_first_transcript_is_the_last() -> None:
    async with call(app(input=["speech"], recognizer=CONTINUOUS, timeout=60)) as caller:
        await caller.is_answered()
        caller.presses("#")
        await caller.advance(0.5)
        caller.says("one", final=False)
        caller.says("one two")
        waited = await until_over(caller)

    assert result(caller)["speech"]["alternatives"][0]["transcript"] == "one two"
    assert waited < 0.1


async def test_after_the_key_that_ends_speech_silence_is_a_time_out() -> None:
    async with call(app(input=["speech"], recognizer=CONTINUOUS, timeout=0)) as caller:
        await caller.is_answered()
        caller.presses("#")
        waited = await until_over(caller)

    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("options", "stopped"), [({"dtmfBargein": True}, True), ({}, False)])
async def test_a_key_stops_the_prompt_of_a_gather_for_speech_if_that_is_asked_for(
    options: dict[str, Any], stopped: bool
) -> None:
    async with call(app(input=["speech"], **PROMPT, **options)) as caller:
        await caller.starts_hearing(PROMPT["say"]["text"])
        caller.presses("1")
        await caller.advance(0.1)
        assert ("cut off" in caller.told()) is stopped


async def test_what_config_says_of_speech_holds_for_verbs_with_a_recogniser_of_their_own() -> None:
    gather = {"verb": "gather", "input": ["speech"], "actionHook": "/done", "recognizer": {"vendor": "google"}}

    def application(request: HookRequest) -> Any:
        config = {"verb": "config", "recognizer": {"vendor": "default", "asrTimeout": 3, "hints": ["a"]}}
        return [config, {"verb": "answer"}, gather] if request.path == "/" else [HANGUP]

    async with call(application) as caller:
        await caller.is_answered()
        caller.says("one")
        waited = await until_over(caller)

    assert waited == pytest.approx(3, abs=0.01)
