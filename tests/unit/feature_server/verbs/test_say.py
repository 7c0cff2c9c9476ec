"""say: texts in order, loops, files among them, failures."""

from typing import Any

import pytest

from jambones.testing import call
from tests.support.scripts import say, script


@pytest.mark.parametrize(
    ("verb", "heard"),
    [
        (say("hello"), ["hello"]),
        ({"verb": "say", "text": ["one", "two"]}, ["one", "two"]),
        (say("hello", loop=3), ["hello"] * 3),
        ({"verb": "say", "text": ["one", "two"], "loop": 2}, ["one", "two"] * 2),
        (say("hello", loop=0), ["hello"]),
        ({"verb": "say", "text": ["one", "http://x/a.wav", "two"]}, ["one", "http://x/a.wav", "two"]),
        ({"verb": "say", "text": ["one", "silence_stream://500", "two"]}, ["one", "two"]),
        ({"say": {"text": "hello"}}, ["hello"]),
        ({"say": "hello"}, ["hello"]),
        ({"verb": "say", "text": []}, []),
    ],
)
async def test_what_is_heard(verb: dict[str, Any], heard: list[str]) -> None:
    async with call(script(verb)) as caller:
        await caller.is_hung_up_on()

    assert caller.heard == heard
    assert caller.alerts == []


async def test_for_ever_ends_with_the_call() -> None:
    async with call(script(say("hello", loop="forever"))) as caller:
        await caller.advance(60)
        caller.hangs_up()
        await caller.is_hung_up_on()

    assert len(caller.heard) > 100


async def test_keys_do_not_interrupt_it() -> None:
    async with call(script(say("one two three four five"))) as caller:
        await caller.starts_hearing("one")
        caller.presses("123#")
        await caller.is_hung_up_on()

    assert "cut off" not in caller.told()


async def test_a_missing_file_among_the_texts_is_an_alert_and_the_next_verb() -> None:
    verb = {"verb": "say", "text": ["one", "http://x/gone.wav", "two"]}
    async with call(script(verb, say("next")), audio={"http://x/gone.wav": None}) as caller:
        await caller.is_hung_up_on()

    assert caller.heard == ["one", "next"]
    assert [alert for alert, _ in caller.alerts] == ["play-url-notfound"]


async def test_a_stream_over_http_is_an_alert_and_the_next_verb() -> None:
    async with call(script({"verb": "say", "stream": True}, say("next"))) as caller:
        await caller.is_hung_up_on()

    assert caller.heard == ["next"]
    assert len(caller.alerts) == 1


async def test_early_media_becomes_an_answer_when_the_next_verb_wants_one() -> None:
    async with call(script(say("early", earlyMedia=True), say("late"))) as caller:
        await caller.starts_hearing("early")
        assert (caller.hears_early, caller.answered) == (True, False)
        await caller.starts_hearing("late")
        assert caller.answered
        await caller.is_hung_up_on()

    assert caller.status_words == ["trying/100", "in-progress/200", "completed/200"]
