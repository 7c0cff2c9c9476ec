"""A real call to the demo application, and the story of it: SIP, hooks, verbs, what was heard.

Everything runs on free ports beside a platform that may run already; the caller is baresip, the application is
`examples/menu.py` unchanged.
"""

import asyncio
import importlib.util
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web

from jambones.feature_server.speech.offline import OfflineSynthesizer
from jambones.local.baresip import Baresip
from jambones.local.listening import RATE, Samples, correlation, read_wav, spoken
from jambones.local.platform import LocalPlatform
from jambones.local.ports import free_port
from jambones.local.servers import ServerError
from jambones.media.decode import decode, wav

EXAMPLE = Path("examples/menu.py")
MENU = (
    "welcome to the demo",
    "press one to hear a recording",
    "press two to hear the time",
    "press three to leave a message",
)
MESSAGE = "This is a message for the people at the office. Please call me back tomorrow."
ALIKE = 0.9
PROMPT = 8.5  # seconds in which the menu is read
RECORDING = 4.0  # seconds of the melody, and of the menu behind it
INVITED = 4.5  # seconds until the beep is over
LEFT = 4.0  # seconds of the message
PIECE = 2.0  # seconds of what was said that are looked for in what was heard
CALL_LIMIT = 40.0


@dataclass
class Story:
    """What happened, in seconds since the call began."""

    started: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str, str]] = field(default_factory=list)

    def begin(self) -> None:
        self.started = time.monotonic()

    def note(self, who: str, what: str) -> None:
        self.lines.append((time.monotonic() - self.started, who, what))

    def tell(self, say: Callable[[str], None]) -> None:
        say("\n  seconds  what")
        for at, who, what in sorted(self.lines, key=lambda line: line[0]):
            say(f"  {at:7.2f}  {who:<12} {what}")


async def demo(say: Callable[[str], None]) -> int:
    """Call, press 1, press 3 and leave a message, hang up, judge.

    Returns 0 when the menu was heard, the recording, and the message as it was spoken. Raises ServerError.
    """
    if not EXAMPLE.exists():
        raise ServerError(f"{EXAMPLE} is not here: start this in the repository")
    story, lines = Story(), list[tuple[float, str, str]]()
    with tempfile.TemporaryDirectory(prefix="jb-demo-") as name:
        directory = Path(name)
        async with _application(story) as port:
            hook = f"http://127.0.0.1:{port}/call"
            say("starting the platform ...")
            platform = LocalPlatform(
                directory / "platform",
                ports="auto",
                hook_url=hook,
                fast=True,
                output=lambda who, line: lines.append((time.monotonic(), who, line)),
            )
            async with platform:
                say(f"calling sip:{platform.seeded.number}@{platform.sip} with baresip ...")
                (directory / "phone").mkdir()
                said = await _speech()
                heard = await _call(platform, directory / "phone", said, story)
                await asyncio.sleep(1.0)
            _from_the_logs(lines, story)
        return _judge(heard, said, story, say)


async def _speech() -> Samples:
    """What the caller says, (n,) at 8 kHz: one sentence."""
    voice = OfflineSynthesizer()
    return decode(await voice.synthesize(MESSAGE, voice.speaker("en-US", "slt")))


async def _call(platform: LocalPlatform, directory: Path, said: Samples, story: Story) -> Path | None:
    # The caller talks all the time; what it says between beep and key is the message.
    source = directory / "said.wav"
    source.write_bytes(wav(np.tile(said, 1 + int(CALL_LIMIT * RATE) // len(said))))
    async with Baresip.open(directory, source=source) as phone:
        story.begin()
        story.note("caller", "INVITE")
        await phone.dial(f"sip:{platform.seeded.number}@{platform.sip}")
        try:
            await phone.until("CALL_ESTABLISHED", within=15)
            story.note("caller", "200 OK, ACK")
            await asyncio.sleep(PROMPT)
            story.note("caller", "presses 1")
            await phone.press("1")
            await asyncio.sleep(RECORDING)
            story.note("caller", "presses 3")
            await phone.press("3")
            await asyncio.sleep(INVITED)
            story.note("caller", "speaks")
            await asyncio.sleep(LEFT)
            story.note("caller", "presses 5")
            await phone.press("5")
            await asyncio.sleep(LEFT + 1.5)
            story.note("caller", "BYE")
            await phone.hangup()
            await phone.until("CALL_CLOSED", within=5)
        except TimeoutError:
            kinds = [str(event.get("type")) for event in phone.events if event.get("event")]
            story.note("caller", f"gave up; baresip said {', '.join(kinds) or 'nothing'}")
        await asyncio.sleep(0.3)
        return phone.heard()


def _judge(recording: Path | None, said: Samples, story: Story, say: Callable[[str], None]) -> int:
    problems = []
    if recording is None:
        problems.append("the caller heard nothing")
    else:
        heard, melody = read_wav(recording), read_wav(EXAMPLE.parent / "melody.wav")
        words = spoken(heard, MENU)
        alike, at = correlation(heard, melody)
        story.note("heard", f"{len(heard) / 8000:.1f} s of sound")
        story.note("heard", f"words: {'; '.join(words) or 'none'}")
        story.note("heard", f"melody.wav at {at:.2f} s of the recording, correlation {alike:.3f}")
        again, where = _said_again(heard, said)
        story.note("heard", f"the caller's own message at {where:.2f} s of the recording, correlation {again:.3f}")
        if not set(MENU[1:]) & set(words):
            problems.append("the menu was not recognised")
        if alike < ALIKE:
            problems.append(f"the key was not obeyed: correlation with the recording {alike:.2f}, less than {ALIKE}")
        if again < ALIKE:
            problems.append(f"the message was not played back: correlation {again:.2f}, less than {ALIKE}")
    story.tell(say)
    say(
        "\n"
        + (
            "; ".join(problems)
            if problems
            else "the menu was heard, the keys were obeyed, and the message was played back"
        )
    )
    return 1 if problems else 0


def _said_again(heard: Samples, said: Samples) -> tuple[float, float]:
    """The best correlation of any two seconds of what was said with what was heard, and where, in seconds.

    The message begins somewhere in the sentence, so each piece of it may be the one that is whole.
    """
    twice, length = np.tile(said, 2), int(PIECE * RATE)
    return max(correlation(heard, twice[start : start + length]) for start in range(0, len(said), RATE // 2))


def _from_the_logs(lines: list[tuple[float, str, str]], story: Story) -> None:
    """How edge and feature server ended the call, in their own words."""
    for at, who, line in lines:
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict) and (fields.get("event") or fields.get("msg")) == "call ended":
            told = ("call_status", "sip_status", "ended_by", "cause", "termination_reason", "trunk", "seconds")
            text = ", ".join(f"{name} {fields[name]}" for name in told if fields.get(name) not in (None, ""))
            story.lines.append((at - story.started, who, text))


@asynccontextmanager
async def _application(story: Story) -> AsyncIterator[int]:
    """`examples/menu.py` in this process, with its hooks and answers written down; gives its port."""
    spec = importlib.util.spec_from_file_location("menu", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    @web.middleware
    async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
        payload = await request.json() if request.can_read_body else {}
        shown = [str(payload[name]) for name in ("call_status", "reason", "digits") if name in payload]
        story.note("hook", f"{request.method} {request.path}" + (f" ({', '.join(shown)})" if shown else ""))
        response: web.StreamResponse = await handler(request)
        if isinstance(response, web.Response) and response.content_type == "application/json" and response.text:
            verbs = [verb.get("verb") or next(iter(verb)) for verb in json.loads(response.text)]
            story.note("verbs", ", ".join(verbs))
        return response

    module.app.middlewares.append(watch)
    runner = web.AppRunner(module.app, access_log=None)
    await runner.setup()
    port = free_port()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield port
    finally:
        await runner.cleanup()
