"""The examples in @jambonz/sdk, as they are published: JavaScript and TypeScript that we did not write."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jambones.testing import Callee, Caller, ListenSocket, call
from tests.support.sdk_applications import SdkApplication, started


class Examples:
    """Copies of them: what runs TypeScript leaves packages alone."""

    def __init__(self, published: Path, directory: Path) -> None:
        self._published = published
        self._directory = directory / "examples"
        shutil.copytree(published / "node_modules" / "@jambonz" / "sdk" / "examples", self._directory)

    @asynccontextmanager
    async def run(self, name: str, **env: str) -> AsyncIterator[SdkApplication]:
        async with started(self._directory / name, self._published, env=env) as application:
            yield application


@pytest.fixture
def examples(published: Path, tmp_path: Path) -> Examples:
    return Examples(published, tmp_path)


async def bridged(caller: Caller, to: str) -> Callee:
    callee = await caller.callee(to)
    await callee.rings()
    await callee.answers()
    caller.says("hello")
    await callee.hears("hello")
    return callee


@pytest.mark.parametrize("kind", ["js", "ts"])
async def test_hello_world(examples: Examples, kind: str) -> None:
    async with examples.run(f"hello-world/app.{kind}") as app, call(app, hook="/incoming") as caller:
        await caller.starts_hearing("Hello! Welcome to our service.")
        await caller.is_hung_up_on()

    assert caller.alerts == []


@pytest.mark.parametrize("kind", ["js", "ts"])
async def test_ivr_menu(examples: Examples, kind: str) -> None:
    async with (
        examples.run(f"ivr-menu/app.{kind}") as app,
        call(app, hook="/incoming", status_hook="/call-status") as caller,
    ):
        await caller.hears("Sorry, I didn't understand that.")  # its answer to silence as well
        await caller.starts_hearing("Welcome to Acme Corp.")
        caller.presses("7")
        await caller.hears("Sorry, I didn't understand that.")
        await caller.starts_hearing("Welcome to Acme Corp.")
        caller.says("Billing, please")
        await caller.hears("Connecting you to billing. Please hold.")
        callee = await bridged(caller, "billing-queue")
        callee.hangs_up()
        await caller.is_hung_up_on()

    assert caller.alerts == []


async def test_dial(examples: Examples) -> None:
    async with examples.run("dial/app.ts", OUTDIAL_NUMBER="15550001") as app, call(app, hook="/dial") as caller:
        callee = await bridged(caller, "15550001")
        callee.hangs_up()
        await caller.is_hung_up_on()

    assert caller.alerts == []


async def test_echo(examples: Examples) -> None:
    async with examples.run("echo/app.ts") as app, call(app, hook="/echo") as caller:
        await caller.hears("Please say something and I will echo it back to you.")
        caller.says("good morning", confidence=0.876)
        await caller.hears("You said: good morning. The confidence score was 0.88.")
        await caller.hears("Please say something else.")
        await caller.starts_hearing("Are you still there?")
        caller.hangs_up()

    assert caller.alerts == []


async def test_stream_record(examples: Examples) -> None:
    async def recorder(socket: ListenSocket) -> None:
        async for _ in socket:
            pass

    url = "wss://recorder.test/messages"
    async with (
        examples.run("stream-record/app.ts", WS_RECORD_URL=url) as app,
        call(app, hook="/record", listeners={url: recorder}) as caller,
    ):
        await caller.starts_hearing("Hi there. Please leave a message")
        await caller.advance(30)
        caller.hangs_up()

    assert caller.alerts == []
    assert caller.sockets[0].frames > 100


async def test_call_recording_without_its_recorder(examples: Examples) -> None:
    async with examples.run("call-recording/app.ts") as app, call(app, hook="/incoming") as caller:
        await caller.hears("This call may be recorded for quality assurance.")
        await (await caller.callee("+15085551212")).declines(486)
        await caller.is_hung_up_on()

    assert caller.alerts == []
    assert caller.hooks("/call-ended")[0]["dial_call_status"] == "busy"


async def test_a_verb_that_is_still_missing_is_an_alert_and_the_script_goes_on(examples: Examples) -> None:
    async with examples.run("queue-with-hold/app.ts") as app, call(app, hook="/agent") as caller:
        await caller.hears("Connecting you to the next caller in the queue.")
        await caller.hears("No callers are waiting in the queue. Goodbye.")
        await caller.is_hung_up_on()

    assert [message for _, message in caller.alerts] == ["verb dequeue is not available on this server; it was skipped"]
