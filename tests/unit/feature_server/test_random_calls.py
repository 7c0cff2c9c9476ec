"""Scripts, callers, callees and live control at random, each by its seed: no call breaks, and each is told of in order.

What is heard and asked is for the tests of each verb. Here everything may happen at any moment.
"""

import asyncio
import random
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import pytest

from jambones.common.errors import JambonesError
from jambones.testing import Caller, HookRequest, HookResponse, call

FINAL = {"completed", "failed", "busy", "no-answer"}
CHANGES: list[dict[str, Any]] = [
    {"call_hook": "/hook"},
    {"child_call_hook": "/hook"},
    {"call_hook": "/hook", "child_call_hook": "/hook"},
    {"whisper": {"verb": "say", "text": "whispered"}},
    {"mute_status": "mute"},
    {"dtmf": {"digit": "1"}},
    {"media_path": "partial-media"},
    {"call_status": "completed"},
]


class Chance:
    """Everything that is left to chance in one call."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.of, self.choice = self._random.random, self._random.choice

    def verb(self) -> dict[str, Any]:
        of, choice = self.of, self.choice
        hook = {"actionHook": "/hook"} if of() < 0.7 else {}
        early, loop = {"earlyMedia": of() < 0.3}, {"loop": choice([1, 2, "forever"])}
        prompt = {"say": {"text": "a prompt"}} if of() < 0.5 else {"play": {"url": choice(["/file", "/missing"])}}
        confirm = {"confirmHook": "/hook"} if of() < 0.3 else {}
        verbs: list[dict[str, Any]] = [
            {"verb": "say", "text": ["one two"] * choice([1, 2]), **early, **loop},
            {"verb": "play", "url": choice(["/file", "/missing"]), "timeoutSecs": choice([0, 1, 5]), **early, **hook},
            {"verb": "gather", "input": choice([["digits"], ["speech"], ["digits", "speech"]]), "bargein": of() < 0.5}
            | {"numDigits": choice([1, 2]), "timeout": choice([0, 1, 3]), **prompt, **hook},
            {"verb": "pause", "length": choice([0, 0.5, 2])},
            {"verb": "redirect", "actionHook": "/hook"},
            {"verb": "config", "earlyMedia": of() < 0.2, "bargeIn": self.barge_in()},
            {"verb": "dial", "target": [{"type": "phone", "number": f"+{each}"} for each in range(choice([1, 2]))]}
            | {"answerOnBridge": of() < 0.5, "timeout": choice([1, 5]), "timeLimit": choice([0, 3]), **confirm, **hook},
            {"verb": "dtmf", "dtmf": "12w3"},
            {"verb": "sip:request", "method": "INFO", **hook},
            {"verb": "sip:refer", "referTo": "sip:somebody@test", **hook},
            {"verb": "listen", "url": "/listen", "maxLength": 2, **hook},
            {"verb": choice(["answer", "hangup", "tag"]), "data": {"at": of()}},
            {"verb": "sip:decline", "status": 486},
        ]
        return choice(verbs)

    def barge_in(self) -> dict[str, Any]:
        kind = self.choice([["digits"], ["speech"]])
        return {"enable": self.of() < 0.7, "sticky": self.of() < 0.5, "input": kind, "actionHook": "/hook"}

    def answer(self, request: HookRequest) -> Any:
        if request.path != "/" and self.of() < 0.3:
            return self.choice([None, HookResponse(500), [{"verb": "nonsense"}]])
        return [self.verb() for _ in range(self.choice([1, 2, 3, 4]))]


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_happens_a_call_ends_well(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    chance, told = Chance(seed), list[dict[str, Any]]()
    loop, before = asyncio.get_running_loop(), asyncio.all_tasks()
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    beside: set[asyncio.Task[None]] = set()

    async def listens(socket: Any) -> None:
        async for _ in socket:
            if chance.of() < 0.01:
                return

    def start(work: Awaitable[Any]) -> None:
        beside.add(asyncio.ensure_future(_whatever_comes(work)))

    listeners, audio = {"/listen": listens}, {"/missing": None}
    async with call(chance.answer, status_hook="/status", listeners=listeners, audio=audio) as caller:
        for _ in range(40):
            if caller.ending is not None:
                break
            _something_happens(caller, chance, start)
            await caller.advance(chance.choice([0, 0, 0.01, 0.3, 1, 3]))
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside)

    assert "call failed" not in capsys.readouterr().out, caller.told()
    assert told == []
    for party in (caller, *caller.dials):
        words = [status["call_status"] for status in party.statuses]
        assert [word for word in words if word == "trying" or word in FINAL] == [words[0], words[-1]], caller.told()
        assert (words[0], words.count("in-progress") <= 1) == ("trying", True)
    assert asyncio.all_tasks() - before == set()


def _something_happens(caller: Caller, chance: Chance, start: Any) -> None:
    of, choice = chance.of, chance.choice
    match choice(
        ["presses", "presses", "says", "holds", "sends", "refers", "changed", "changed", "nothing", "nothing"]
    ):
        case "presses":
            caller.presses(choice("12#"))
        case "says":
            caller.says("hello there", final=of() < 0.5)
        case "holds":
            caller.holds(of() < 0.5)
        case "sends":
            caller.sends("INFO")
        case "refers":
            start(caller.refers("sip:somebody@test"))
        case "changed":
            start(caller.is_changed(**choice(CHANGES)))
        case _ if of() < 0.1:
            caller.hangs_up()
    for callee in caller.dials:
        if callee.gone or callee.ending is not None or of() < 0.5:
            continue
        match choice(["rings", "answers", "declines", "hangs up", "presses"]):
            case "rings":
                start(callee.rings(early=of() < 0.5))
            case "answers":
                start(callee.answers())
            case "declines":
                start(callee.declines(486))
            case "hangs up":
                callee.hangs_up()
            case _:
                callee.presses("1")


async def _whatever_comes(work: Awaitable[Any]) -> None:
    """What does not fit the moment is refused, and that is all right."""
    with suppress(JambonesError, AssertionError, TimeoutError, asyncio.CancelledError):
        await work
