"""Verbs as a caller meets them: a scripted call against the real interpreter, in virtual time."""

from typing import Any

import pytest

from jambones.common.verbs.catalogue import VERBS
from jambones.feature_server.verbs.registry import runners
from jambones.testing import HookRequest, HookResponse, call

FIRST = 1.0


def script(*verbs: dict[str, Any], **hooks: Any) -> Any:
    """An application: `verbs` first, then what `hooks` says by path without its slash."""

    def answer(request: HookRequest) -> Any:
        name = request.path.lstrip("/")
        return hooks.get(name, []) if name else list(verbs)

    return answer


GATHER = {"verb": "gather", "actionHook": "/done", "input": ["digits"], "timeout": 5}


def test_every_runner_runs_a_verb_of_the_catalogue_and_only_one() -> None:
    models = set(VERBS.values()) if isinstance(VERBS, dict) else set(VERBS)

    assert set(runners()) <= models
    assert len({runner.run for runner in runners().values()}) == len(runners())


async def test_say_play_and_hang_up_in_order() -> None:
    app = script({"verb": "say", "text": "Hello."}, {"verb": "play", "url": "http://x/a.wav"}, {"verb": "hangup"})
    async with call(app, status_hook="/status") as caller:
        await caller.hears("Hello.")
        ending = await caller.is_hung_up_on()

    assert caller.status_words == ["trying/100", "in-progress/200", "completed/200"]
    assert ending.by.value == "platform"
    assert [request["call_status"] for request in caller.hooks("/status")] == ["trying", "in-progress", "completed"]


async def test_an_unanswered_script_that_ends_is_declined() -> None:
    async with call(script({"verb": "pause", "length": 1})) as caller:
        await caller.is_hung_up_on()

    assert caller.status == 603
    assert not caller.answered


async def test_sip_decline_refuses_with_the_status_asked_for() -> None:
    async with call(script({"verb": "sip:decline", "status": 486, "reason": "Busy Here"})) as caller:
        await caller.is_hung_up_on()

    assert (caller.status, caller.reason) == (486, "Busy Here")
    assert caller.status_words == ["trying/100", "failed/486"]


@pytest.mark.parametrize(
    ("rules", "keys", "digits"),
    [
        ({"numDigits": 3}, "123", "123"),
        ({"numDigits": 3}, "1239", "123"),
        ({"finishOnKey": "#"}, "42#", "42"),
        ({"finishOnKey": "#*"}, "42*", "42"),
        ({"maxDigits": 2}, "77", "77"),
    ],
)
async def test_gather_ends_by_count_or_key(rules: dict[str, Any], keys: str, digits: str) -> None:
    async with call(script(GATHER | rules, done=[{"verb": "hangup"}])) as caller:
        await caller.is_answered()
        caller.presses(keys)
        await caller.is_hung_up_on()

    (done,) = caller.hooks("/done")
    assert (done["reason"], done["digits"]) == ("dtmfDetected", digits)


async def test_gather_without_a_key_times_out() -> None:
    async with call(script(GATHER, done=[{"verb": "hangup"}])) as caller:
        await caller.is_answered()
        began = caller.now
        await caller.is_hung_up_on()
        waited = caller.now - began

    assert caller.hooks("/done")[0]["reason"] == "timeout"
    assert 4.99 < waited < 5.5


async def test_gather_ends_when_no_further_key_comes_in_time() -> None:
    async with call(script(GATHER | {"interDigitTimeout": 2}, done=[{"verb": "hangup"}])) as caller:
        await caller.is_answered()
        caller.presses("4")
        await caller.advance(1.5)
        caller.presses("2")
        began = caller.now
        await caller.is_hung_up_on()
        waited = caller.now - began

    assert caller.hooks("/done")[0]["digits"] == "42"
    assert 1.99 < waited < 2.5


async def test_a_key_cuts_the_prompt_off() -> None:
    prompt = {"say": {"text": "A very long explanation of everything there is to know about this menu."}}
    async with call(script(GATHER | {"numDigits": 1} | prompt, done=[{"verb": "hangup"}])) as caller:
        await caller.starts_hearing("A very long explanation")
        began = caller.now
        caller.presses("1")
        await caller.is_hung_up_on()

    assert caller.now - began < FIRST


async def test_the_time_of_a_gather_runs_from_the_end_of_its_prompt() -> None:
    prompt = {"say": {"text": "Please think about it."}}
    async with call(script(GATHER | prompt, done=[{"verb": "hangup"}])) as caller:
        await caller.hears("Please think about it.")
        began = caller.now
        await caller.is_hung_up_on()
        waited = caller.now - began

    assert 4.99 < waited < 5.5


async def test_redirect_goes_on_with_the_script_it_fetches() -> None:
    app = script({"verb": "redirect", "actionHook": "/next"}, next=[{"verb": "say", "text": "Here."}])
    async with call(app) as caller:
        await caller.hears("Here.")
        await caller.is_hung_up_on()


async def test_a_redirect_that_fails_ends_the_call() -> None:
    app = script({"verb": "redirect", "actionHook": "/next"}, next=HookResponse(500))
    async with call(app) as caller:
        await caller.is_hung_up_on()

    assert caller.alerts[0][0] == "webhook-failure"


async def test_tagged_data_comes_back_in_later_hooks() -> None:
    app = script({"verb": "tag", "data": {"Order": 7}}, GATHER, done=[{"verb": "hangup"}])
    async with call(app) as caller:
        await caller.is_hung_up_on()

    assert caller.hooks("/done")[0]["customerData"] == {"Order": 7}


async def test_a_caller_who_hangs_up_ends_everything_at_once() -> None:
    async with call(script({"verb": "say", "text": "Hello.", "loop": "forever"}), status_hook="/status") as caller:
        await caller.hears("Hello.")
        caller.hangs_up()
        await caller.is_hung_up_on()

    assert caller.hooks("/status")[-1]["call_termination_by"] == "caller"


@pytest.mark.parametrize(
    ("answer", "alert", "words"),
    [
        (HookResponse(404), "webhook-failure", "404"),
        ([], "invalid-app-payload", "no verbs"),
        ([{"verb": "sing"}], "invalid-app-payload", "sing"),
        ([{"verb": "pause"}], "invalid-app-payload", "length"),
        ([{"verb": "gather", "numDigits": "many"}], "invalid-app-payload", "numDigits"),
    ],
)
async def test_a_first_hook_that_fails_is_480_with_an_alert(answer: Any, alert: str, words: str) -> None:
    async with call(lambda request: answer, status_hook="/status") as caller:
        await caller.is_hung_up_on()

    assert caller.status == 480
    assert caller.alerts[0][0] == alert
    assert words in caller.alerts[0][1]
    assert not caller.hooks("/status")


async def test_a_sound_file_that_is_not_there_is_an_alert_and_the_call_goes_on() -> None:
    app = script({"verb": "play", "url": "http://x/missing.wav"}, {"verb": "say", "text": "Still here."})
    async with call(app, audio={"http://x/missing.wav": None}) as caller:
        await caller.hears("Still here.")

    assert caller.alerts[0][0] == "play-url-notfound"


async def test_config_changes_the_voice_for_the_rest_of_the_call() -> None:
    app = script(
        {"verb": "config", "record": {"action": "startCallRecording"}, "synthesizer": {"vendor": "local"}},
        {"verb": "say", "text": "Hello."},
    )
    async with call(app) as caller:
        await caller.hears("Hello.")

    assert "config.record" in caller.alerts[0][1]


async def test_a_background_gather_replaces_what_plays() -> None:
    app = script(
        {"verb": "config", "bargeIn": {"enable": True, "input": ["digits"], "numDigits": 1, "actionHook": "/key"}},
        {"verb": "say", "text": "Something long.", "loop": "forever"},
        key=[{"verb": "say", "text": "Thank you."}, {"verb": "hangup"}],
    )
    async with call(app) as caller:
        await caller.starts_hearing("Something long.")
        caller.presses("9")
        await caller.hears("Thank you.")
        await caller.is_hung_up_on()

    assert caller.hooks("/key")[0]["digits"] == "9"
