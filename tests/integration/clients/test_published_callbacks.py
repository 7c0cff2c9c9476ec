"""What our hooks carry is what the published descriptions of callbacks say: values of their kinds, no other names."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jambones.testing import Caller, HookRequest, ListenSocket, call
from tests.support.published_callbacks import Callbacks

PHONE = {"type": "phone", "number": "+15550001"}
PAUSE = {"verb": "pause", "length": 5}


@pytest.fixture(scope="session")
def callbacks(published: Path) -> Callbacks:
    return Callbacks(published)


def answers(*script: dict[str, Any], **hooks: list[dict[str, Any]]) -> Callable[[HookRequest], Any]:
    """`hooks`: by the name of the path, without its slash."""

    def application(request: HookRequest) -> Any:
        return list(script) if request.path == "/" else hooks.get(request.path.strip("/"), [])

    return application


def dial(**more: Any) -> dict[str, Any]:
    return {"verb": "dial", "target": [PHONE], "actionHook": "/dial", "tag": {"orderId": 7}, "id": "d1", **more}


def gather(*inputs: str, **more: Any) -> dict[str, Any]:
    return {"verb": "gather", "input": list(inputs), "actionHook": "/gather", "partialResultHook": "/partial", **more}


async def presses(caller: Caller) -> None:
    await caller.advance(1)
    caller.presses("1")
    await caller.advance(30)


async def speaks(caller: Caller) -> None:
    await caller.advance(1)
    caller.says("two", final=False)
    caller.says("two tickets")
    await caller.advance(30)


async def waits(caller: Caller) -> None:
    await caller.advance(60)


async def is_taken(caller: Caller) -> None:
    callee = await caller.callee()
    await callee.rings()
    await callee.answers()
    caller.presses("*1")
    caller.holds()
    await caller.advance(1)
    caller.holds(False)
    await caller.advance(1)
    callee.hangs_up()


async def is_referred(caller: Caller) -> None:
    callee = await caller.callee()
    await callee.answers()
    await caller.advance(1)
    assert await callee.refers("sip:1002@test", x_why="lunch") == 202


async def is_busy(caller: Caller) -> None:
    await (await caller.callee()).declines(486)
    await caller.advance(1)


async def reports(caller: Caller) -> None:
    await caller.is_answered()
    await caller.advance(1)
    caller.reports(180)
    caller.reports(200)
    await caller.advance(1)


async def hangs_up(caller: Caller) -> None:
    await caller.advance(1)
    caller.hangs_up({"X-Why": "lunch"})


async def ear(socket: ListenSocket) -> None:
    async for _ in socket:
        pass


ANSWER = {"verb": "answer"}
CALLS: dict[str, tuple[list[dict[str, Any]], Callable[[Caller], Awaitable[None]], dict[str, str]]] = {
    "keys": ([{"verb": "tag", "data": {"orderId": 7}}, gather("digits", numDigits=1)], presses, {"/gather": "gather"}),
    "speech": ([gather("speech")], speaks, {"/gather": "gather", "/partial": "gather-partial"}),
    "silence": ([gather("digits", timeout=3)], waits, {"/gather": "gather"}),
    "file": ([{"verb": "play", "url": "http://x/a.wav", "actionHook": "/play"}], waits, {"/play": "play"}),
    "no file": ([{"verb": "play", "url": "http://x/none.wav", "actionHook": "/play"}], waits, {"/play": "play"}),
    "taken": (
        [dial(dtmfCapture=["*1"], dtmfHook="/dtmf", onHoldHook="/hold", confirmHook="/confirm")],
        is_taken,
        {"/dial": "dial", "/dtmf": "dial-dtmf", "/hold": "dial-hold", "/confirm": "session-redirect"},
    ),
    "referred": ([dial(referHook="/refer")], is_referred, {"/refer": "dial-refer", "/dial": "dial"}),
    "busy": ([dial()], is_busy, {"/dial": "dial"}),
    "nobody": ([dial(timeout=5)], waits, {"/dial": "dial"}),
    "listen": (
        [{"verb": "listen", "url": "/ear", "actionHook": "/listen", "finishOnKey": "1"}],
        presses,
        {"/listen": "listen"},
    ),
    "refer": (
        [ANSWER, {"verb": "sip:refer", "referTo": "1002", "actionHook": "/refer", "eventHook": "/event"}],
        reports,
        {"/refer": "sip-refer", "/event": "sip-refer-event"},
    ),
    "request": (
        [ANSWER, {"verb": "sip:request", "method": "INFO", "actionHook": "/sip"}],
        waits,
        {"/sip": "sip-request"},
    ),
    "redirect": ([{"verb": "redirect", "actionHook": "/next"}], waits, {"/next": "session-redirect"}),
    "hang-up": ([ANSWER, PAUSE], hangs_up, {}),
    "decline": ([{"verb": "sip:decline", "status": 486}], waits, {}),
}


@pytest.mark.parametrize("name", CALLS)
async def test_every_hook_is_as_described(name: str, callbacks: Callbacks) -> None:
    script, happens, hooks = CALLS[name]
    expected = {"/": "session-new", "/status": "call-status"} | hooks
    application = answers(*script, hold=[PAUSE])
    files = {"http://x/none.wav": None}
    async with call(application, status_hook="/status", audio=files, listeners={"/ear": ear}) as caller:
        await happens(caller)

    assert {hook.path for hook in caller.hooks()} == set(expected)
    for hook in caller.hooks():
        assert callbacks.objections(expected[hook.path], hook.payload) == [], hook
