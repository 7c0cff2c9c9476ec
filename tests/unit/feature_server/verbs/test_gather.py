"""gather: every rule of its timers, terminators and barge-in, heard by a scripted caller in virtual time."""

from typing import Any

import pytest

from jambones.testing import Caller, HookResponse, call
from tests.support.scripts import HANGUP, say, script

PROMPT = {"say": {"text": "one two three four five"}}  # two seconds
PROMPT_SECONDS = 2.0


def gather(**options: Any) -> dict[str, Any]:
    return {"verb": "gather", "actionHook": "/done", "timeout": 5, **options}


def app(**options: Any) -> Any:
    return script(gather(**options), HANGUP, done=[HANGUP])


def result(caller: Caller) -> dict[str, Any]:
    """What the action hook said of its own; it was posted once."""
    (done,) = caller.hooks("/done")
    return {name: done.payload[name] for name in ("reason", "digits", "speech", "details") if name in done.payload}


async def until_over(caller: Caller) -> float:
    """Wait for the end; how long it took."""
    began = caller.now
    await caller.is_hung_up_on()
    return caller.now - began


# -- terminators


@pytest.mark.parametrize(
    ("options", "keys", "digits"),
    [
        ({"numDigits": 1}, "1", "1"),
        ({"numDigits": 4}, "12345", "1234"),
        ({"maxDigits": 2}, "77", "77"),
        ({"numDigits": "3"}, "123", "123"),
        ({"finishOnKey": "#"}, "42#", "42"),
        ({"finishOnKey": "#"}, "#", ""),
        ({"finishOnKey": "*#"}, "9*", "9"),
        ({"finishOnKey": "#", "numDigits": 2}, "1#", "1"),
        ({"finishOnKey": "#", "numDigits": 2}, "12#", "12"),
        ({"finishOnKey": "5", "minDigits": 3}, "15", "1"),
        ({"numDigits": 3}, "*#A", "*#A"),
        ({"input": ["dtmf"], "numDigits": 1}, "3", "3"),
        ({"input": "digits", "numDigits": 1}, "3", "3"),
    ],
)
async def test_it_ends_by_key_or_count_at_once(options: dict[str, Any], keys: str, digits: str) -> None:
    async with call(app(**options)) as caller:
        await caller.is_answered()
        caller.presses(keys)
        waited = await until_over(caller)

    assert result(caller) == {"reason": "dtmfDetected", "digits": digits}
    assert waited < 0.1


async def test_the_key_that_ends_it_does_nothing_where_no_keys_are_wanted() -> None:
    async with call(app(input=["speech"], finishOnKey="#")) as caller:
        await caller.is_answered()
        caller.presses("12#")
        waited = await until_over(caller)

    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(5, abs=0.01)


# -- the no-input timer


@pytest.mark.parametrize(("timeout", "seconds"), [(3, 3.0), ("2.5", 2.5), (None, 15.0)])
async def test_without_a_prompt_it_starts_at_once(timeout: Any, seconds: float) -> None:
    async with call(app(timeout=timeout)) as caller:
        await caller.is_answered()
        waited = await until_over(caller)

    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(seconds, abs=0.01)


async def test_with_a_prompt_it_starts_when_that_was_heard() -> None:
    async with call(app(**PROMPT)) as caller:
        await caller.is_answered()
        waited = await until_over(caller)

    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(PROMPT_SECONDS + 5, abs=0.01)


async def test_a_prompt_that_fails_counts_as_heard() -> None:
    async with call(app(play={"url": "http://x/gone.wav"}), audio={"http://x/gone.wav": None}) as caller:
        await caller.is_answered()
        waited = await until_over(caller)

    assert [alert for alert, _ in caller.alerts] == ["play-url-notfound"]
    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(5, abs=0.01)


async def test_no_timeout_waits_for_ever() -> None:
    async with call(app(timeout=0, numDigits=1)) as caller:
        await caller.advance(3600)
        assert not caller.hooks("/done")
        caller.presses("1")
        await caller.is_hung_up_on()

    assert result(caller) == {"reason": "dtmfDetected", "digits": "1"}


async def test_later_keys_do_not_restart_it_and_partial_digits_are_dropped() -> None:
    async with call(app(minDigits=4)) as caller:
        await caller.is_answered()
        began = caller.now
        await caller.advance(2)
        caller.presses("1")
        await caller.advance(2)
        caller.presses("2")
        await caller.is_hung_up_on()
        waited = caller.now - began

    assert result(caller) == {"reason": "timeout"}
    assert waited == pytest.approx(5, abs=0.01)


@pytest.mark.parametrize("options", [{}, {"minDigits": 2}])
async def test_enough_digits_count_when_it_fires(options: dict[str, Any]) -> None:
    async with call(app(**options)) as caller:
        await caller.is_answered()
        caller.presses("12")
        waited = await until_over(caller)

    assert result(caller) == {"reason": "dtmfDetected", "digits": "12"}
    assert waited == pytest.approx(5, abs=0.01)


async def test_a_key_during_a_prompt_that_goes_on_starts_it() -> None:
    async with call(app(dtmfBargein=False, **PROMPT)) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        waited = await until_over(caller)

    assert result(caller) == {"reason": "dtmfDetected", "digits": "1"}
    assert waited == pytest.approx(5, abs=0.01)
    assert caller.heard == ["one two three four five"]


# -- the inter-digit timer


async def test_it_ends_when_no_further_key_comes() -> None:
    async with call(app(interDigitTimeout=2)) as caller:
        await caller.is_answered()
        for key in "123":
            await caller.advance(1.9)
            caller.presses(key)
        waited = await until_over(caller)

    assert result(caller) == {"reason": "dtmfDetected", "digits": "123"}
    assert waited == pytest.approx(2, abs=0.01)


async def test_it_runs_only_after_enough_digits_and_takes_the_place_of_the_other() -> None:
    async with call(app(interDigitTimeout=1, minDigits=2, timeout=4)) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.advance(3)  # well over the inter-digit time
        assert not caller.hooks("/done")
        caller.presses("2")
        await caller.advance(0.9)
        caller.presses("3")
        await caller.advance(0.9)  # the no-input timer would have fired
        assert not caller.hooks("/done")
        await caller.is_hung_up_on()

    assert result(caller) == {"reason": "dtmfDetected", "digits": "123"}


async def test_without_it_digits_wait_for_a_terminator() -> None:
    async with call(app(numDigits=2, timeout=60)) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.advance(30)
        assert not caller.hooks("/done")
        caller.presses("2")
        await caller.is_hung_up_on()

    assert result(caller)["digits"] == "12"


# -- prompts and barge-in


async def test_a_key_stops_the_prompt_and_collecting_goes_on() -> None:
    async with call(app(numDigits=2, **PROMPT)) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        await caller.advance(0)
        await caller.hears_nothing(1)
        caller.presses("2")
        waited = await until_over(caller)

    assert result(caller)["digits"] == "12"
    assert waited < 0.1


async def test_without_barge_in_the_prompt_goes_on_until_there_is_a_result() -> None:
    async with call(app(numDigits=2, dtmfBargein=False, **PROMPT)) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        await caller.advance(1)
        assert "cut off" not in caller.told()
        caller.presses("2")
        await caller.is_hung_up_on()

    assert result(caller)["digits"] == "12"
    assert "cut off" in caller.told()


async def test_keys_during_the_prompt_are_not_heard_where_that_was_asked() -> None:
    async with call(app(numDigits=1, listenDuringPrompt=False, **PROMPT)) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        await caller.advance(PROMPT_SECONDS)
        caller.presses("2")
        await caller.is_hung_up_on()

    assert result(caller)["digits"] == "2"


async def test_say_wins_over_play_and_a_plain_text_is_a_prompt() -> None:
    async with call(app(say="hello there", play={"url": "http://x/a.wav"})) as caller:
        await caller.hears("hello there")
        await caller.is_hung_up_on()

    assert caller.heard == ["hello there"]


async def test_a_prompt_that_loops_is_stopped_by_the_result() -> None:
    async with call(app(numDigits=1, play={"url": "http://x/a.wav", "loop": "forever"})) as caller:
        await caller.advance(100)
        caller.presses("1")
        await caller.is_hung_up_on()

    assert len(caller.heard) > 30


async def test_a_played_prompt_keeps_to_its_time() -> None:
    options = {"play": {"url": "http://x/a.wav", "timeoutSecs": 1}}
    async with call(app(**options), audio={"http://x/a.wav": 60.0}) as caller:
        await caller.is_answered()
        waited = await until_over(caller)

    assert waited == pytest.approx(1 + 5, abs=0.01)


async def test_an_early_prompt_leaves_the_call_unanswered() -> None:
    options = {"say": {"text": "one", "earlyMedia": True}}
    async with call(script(gather(numDigits=1, **options), done=[{"verb": "sip:decline", "status": 486}])) as caller:
        await caller.starts_hearing("one")
        caller.presses("1")
        await caller.is_hung_up_on()

    assert (caller.hears_early, caller.answered, caller.status) == (True, False, 486)


# -- what becomes of the answer


async def test_an_answer_with_verbs_replaces_the_rest() -> None:
    application = script(gather(numDigits=1), say("old"), done=[say("new")])
    async with call(application) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.is_hung_up_on()

    assert caller.heard == ["new"]


@pytest.mark.parametrize("answer", [[], {}, None, HookResponse(204), {"verb": "hangup"}])
async def test_an_answer_without_verbs_goes_on(answer: Any) -> None:
    application = script(gather(numDigits=1), say("next"), done=answer)
    async with call(application) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.is_hung_up_on()

    assert caller.heard == ["next"]
    assert caller.alerts == []


@pytest.mark.parametrize(
    ("answer", "alert"),
    [
        (HookResponse(500), "webhook-failure"),
        (HookResponse(201, []), "webhook-failure"),
        (HookResponse(302), "webhook-failure"),
        ([{"verb": "sing"}], "invalid-app-payload"),
        ([{"verb": "pause"}], "invalid-app-payload"),
    ],
)
async def test_a_bad_answer_is_an_alert_and_the_next_verb(answer: Any, alert: str) -> None:
    application = script(gather(numDigits=1), say("next"), done=answer)
    async with call(application) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.is_hung_up_on()

    assert caller.heard == ["next"]
    assert [kind for kind, _ in caller.alerts] == [alert]


async def test_a_caller_who_hangs_up_posts_nothing() -> None:
    async with call(app(numDigits=4)) as caller:
        await caller.is_answered()
        caller.presses("12")
        await caller.advance(0.1)
        caller.hangs_up()
        await caller.is_hung_up_on()

    assert caller.hooks("/done") == []


async def test_without_an_action_hook_the_next_verb_follows() -> None:
    async with call(script({"verb": "gather", "numDigits": 1}, say("next"))) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.hears("next")


async def test_the_verbs_id_comes_back() -> None:
    async with call(app(id="ask-pin", numDigits=1)) as caller:
        await caller.is_answered()
        caller.presses("1")
        await caller.is_hung_up_on()

    assert caller.hooks("/done")[0]["verb_id"] == "ask-pin"


async def test_a_gather_is_skipped_while_another_listens_in_the_background() -> None:
    application = script(
        {"verb": "config", "bargeIn": {"enable": True, "input": ["digits"], "numDigits": 1, "actionHook": "/bg"}},
        gather(),
        say("next"),
        HANGUP,
    )
    async with call(application) as caller:
        await caller.hears("next")
        await caller.is_hung_up_on()

    assert caller.hooks("/done") == []


async def test_what_this_server_cannot_do_yet_is_an_alert_and_the_gather_goes_on() -> None:
    noise = {"enable": True, "url": "http://x/typing.wav"}
    async with call(script({"verb": "gather", "timeout": 1, "fillerNoise": noise, "actionHook": "/done"})) as caller:
        await caller.is_hung_up_on()

    assert [message for _, message in caller.alerts] == [
        "gather.fillerNoise is not available on this server; it was skipped"
    ]
    assert len(caller.hooks("/done")) == 1
