"""Calls with values that must not show: none of them reaches a log, an alert or an error, whatever happens."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from jambones.testing import Caller, HookResponse, call
from tests.support.logged import logged
from tests.support.scripts import script

FROM, TO = "+15550104711", "+15550100815"
DIGITS, WORDS, TAG, TOKEN = "4711470", "my secret is swordfish", "canary-tag", "canary-token"
CANARIES = (FROM, FROM[1:], TO, TO[1:], DIGITS, "swordfish", TAG, TOKEN)

GATHER = {
    "verb": "gather",
    "input": ["digits", "speech"],
    "actionHook": f"/done?token={TOKEN}",
    "numDigits": len(DIGITS),
}


@pytest.fixture(params=["json", "text"])
def out(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    with logged(format=request.param) as stream:
        yield stream


def assert_nothing_shows(out: io.StringIO, caller: Caller) -> None:
    sinks = {"log": out.getvalue(), "alerts": repr(caller.alerts), "ending": repr(caller.ending)}
    for name, text in sinks.items():
        for canary in CANARIES:
            assert canary not in text, f"{canary} in {name}: {text}"


async def run(application: Any, *, keys: str = DIGITS, words: str = "") -> Caller:
    async with call(application, from_=FROM, to=TO) as caller:
        await caller.is_answered()
        if words:
            caller.says(words)
        else:
            caller.presses(keys)
        await caller.is_hung_up_on()
    return caller


@pytest.mark.parametrize("words", ["", WORDS])
async def test_a_call_that_goes_well(out: io.StringIO, words: str) -> None:
    caller = await run(script({"verb": "tag", "data": {"x": TAG}}, GATHER), words=words)

    assert_nothing_shows(out, caller)


@pytest.mark.parametrize(
    "answer",
    [
        HookResponse(500),
        HookResponse(404),
        [{"verb": "pause"}],
        [{"verb": "pause", "length": TOKEN}],
        [{"verb": "say", "text": 7, "password": TOKEN}],
    ],
)
async def test_an_application_that_fails(out: io.StringIO, answer: Any) -> None:
    def answering(request: Any) -> Any:
        return [{"verb": "tag", "data": {"x": TAG}}, GATHER] if request.path == "/" else answer

    caller = await run(answering)

    assert caller.alerts
    assert_nothing_shows(out, caller)


async def test_a_call_that_breaks_in_the_middle(out: io.StringIO) -> None:
    def breaking(request: Any) -> Any:
        if request.path == "/":
            return [GATHER]
        digits = request["digits"]
        raise LookupError(len(digits))

    caller = await run(breaking)

    assert "LookupError" in out.getvalue()
    assert caller.ending is not None
    assert_nothing_shows(out, caller)


async def test_files_that_are_not_there(out: io.StringIO) -> None:
    url = f"http://files.example/a.wav?token={TOKEN}"
    application = script(
        {"verb": "answer"}, {"verb": "say", "text": WORDS}, {"verb": "sip:request", "method": "INFO", "body": WORDS}
    )
    async with call(application, from_=FROM, to=TO, audio={url: None}) as caller:
        await caller.is_hung_up_on()

    assert_nothing_shows(out, caller)


@pytest.mark.parametrize("ends", ["talks", "declines", "is not there", "transfers"])
async def test_a_call_to_others(out: io.StringIO, ends: str) -> None:
    target = {"type": "sip", "sipUri": f"sip:{TO}@far.example;x={TOKEN}", "auth": {"username": "u", "password": TOKEN}}
    dial = {
        "verb": "dial",
        "target": [{**target, "headers": {"X-Secret": WORDS, "Via": WORDS}}],
        "callerId": FROM,
        "callerName": WORDS,
        "tag": {"x": TAG},
        "dtmfCapture": [DIGITS],
        "dtmfHook": f"/keys?token={TOKEN}",
        "referHook": f"/refer?token={TOKEN}",
        "actionHook": f"/done?token={TOKEN}",
    }
    async with call(script(dial), from_=FROM, to=TO, nobody_to_dial=ends == "is not there") as caller:
        if ends != "is not there":
            callee = await caller.callee()
            await callee.rings()
            if ends == "declines":
                await callee.declines(486)
            else:
                await callee.answers()
                callee.presses(DIGITS)
                caller.says(WORDS)
                if ends == "transfers":
                    await callee.refers(f"sip:{TO}@far.example")
                else:
                    await callee.is_changed(sip_request={"method": "INFO", "content_type": "x/y", "content": WORDS})
                    await callee.is_changed(whisper={"verb": "say", "text": WORDS})
                await caller.advance(1)
                callee.hangs_up()
        await caller.is_hung_up_on()

    shown = repr(caller.dials[0].wanted) if caller.dials else ""
    assert not [canary for canary in CANARIES if canary in shown], shown
    assert_nothing_shows(out, caller)
