"""listen with a real media worker and a real WebSocket server; only SIP and the hooks are scripted."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from aiohttp import WSMsgType, web

from jambones.common.bus.calls import AlertType
from jambones.common.ids import AccountSid, CallSid, new_sid
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.listen import Listen
from jambones.common.verbs.parse import parse_script
from jambones.feature_server.audio import AudioStore
from jambones.feature_server.audio_sockets import ClientSockets
from jambones.feature_server.calls.bypass import Mover
from jambones.feature_server.calls.collaborators import Collaborators, HookKind, Hooks, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.engine_audio import EngineEndpoint
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.feature_server.calls.leg import Digit, Ended, Headers, LegGone, Listener, Reply
from jambones.feature_server.calls.reasons import EndedBy
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.state import CallState
from jambones.feature_server.calls.variables import Variables
from jambones.media import EngineSettings, MediaEngine, MediaLeg
from jambones.media.codecs import LAWS
from tests.support.free_ports import free_port
from tests.support.rtp import RtpPeer

PCMU = LAWS[0]
SOUND = PCMU.decode(np.random.default_rng(5).integers(0, 120, 16_000).astype(np.uint8))  # two seconds


@dataclass
class Application:
    """The application's socket: what came, and what it answers."""

    greets: list[str | bytes] = field(default_factory=list)
    """Sent as soon as the opening is there."""
    opening: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    protocol: str | None = None
    frames: list[bytes] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None
    ws: web.WebSocketResponse | None = None
    transport: asyncio.Transport | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self.headers = dict(request.headers)
        ws = web.WebSocketResponse(protocols=("audio.jambonz.org",))
        await ws.prepare(request)
        self.protocol, self.ws, self.transport = ws.ws_protocol, ws, request.transport
        self.opening = json.loads(await ws.receive_str())
        for frame in self.greets:
            await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
        async for message in ws:
            if message.type is WSMsgType.BINARY:
                self.frames.append(message.data)
            elif message.type is WSMsgType.TEXT:
                self.texts.append(json.loads(message.data))
            self.changed.set()
        self.close_code = ws.close_code
        self.changed.set()
        return ws

    async def hang_up(self, code: int | None) -> None:
        """Close the socket with `code`; None: vanish."""
        assert self.ws is not None
        if code is not None:
            await self.ws.close(code=code)
        elif self.transport is not None:
            self.transport.abort()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(15):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Leg:
    """A leg that is answered with the engine's audio."""

    sip_call_id = "a-call"

    def __init__(self, engine: MediaEngine, media: MediaLeg) -> None:
        self._endpoint = EngineEndpoint(engine, media, cast(Mover, self))  # nothing here moves it
        self._listener: Listener | None = None

    def listen(self, listener: Listener) -> None:
        self._listener = listener

    async def early_media(self) -> EngineEndpoint:
        return self._endpoint

    async def answer(self) -> EngineEndpoint:
        return self._endpoint

    async def reject(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        return None

    async def hangup(self, headers: Headers = ()) -> None:
        return None

    async def request(
        self, method: str, *, headers: Headers = (), body: str = "", content_type: str | None = None
    ) -> Reply:
        raise LegGone

    async def refer(self, to: str, *, by: str | None, by_name: str | None, headers: Headers = ()) -> Reply:
        raise LegGone

    def tell(self, event: Digit | Ended) -> None:
        assert self._listener is not None
        self._listener(event)


@dataclass
class Told:
    """Hooks, alerts, status and checkpoints: kept, not sent."""

    base: str
    stays_open: bool = False
    credentials: tuple[str, str] | None = ("app", "secret")
    asked: list[tuple[str, Payload]] = field(default_factory=list)
    alerts: list[tuple[AlertType, str]] = field(default_factory=list)
    ending: Ending | None = None

    async def ask(self, kind: HookKind, hook: Hook, payload: Payload) -> Verbs:
        self.asked.append((hook.url, payload))
        return ()

    async def tell(self, kind: HookKind, hook: Hook, payload: Payload) -> None:
        self.asked.append((hook.url, payload))

    def rebase(self, hook: Hook) -> None: ...

    def emit(self, kind: str, payload: Payload) -> None: ...

    def share(self) -> "Told":
        return self

    def of_leg(self, info: CallInfo, hooks: Hooks) -> "Told":
        return self

    async def done(self) -> None: ...

    async def close(self) -> None: ...

    def alert(self, info: CallInfo, alert: AlertType, message: str, **data: Any) -> None:
        self.alerts.append((alert, message))

    def status(self) -> None: ...

    def redirect_status(self, hook: Hook) -> None: ...

    def refresh(self) -> None: ...

    def note(self, call: CallSession) -> None: ...

    def forget(self, call: CallSession) -> None: ...


@dataclass
class Calling:
    """One call that runs `listen`."""

    peer: RtpPeer
    leg: Leg
    media: MediaLeg
    told: Told
    task: "asyncio.Task[Ending]"
    closed: list[str]
    """Why the application closed its sockets."""

    def where(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.media.local_sdp.partition(b"m=audio ")[2].split()[0])

    async def speak(self, sound: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
        codes, loop = PCMU.encode(sound).tobytes(), asyncio.get_running_loop()
        due = loop.time()
        for start in range(0, len(codes), 160):
            self.peer.send_to(self.where(), codes[start : start + 160])
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    def heard(self) -> bytes:
        return b"".join(packet.payload for packet in self.peer.packets)

    async def ends(self) -> None:
        async with asyncio.timeout(10):
            await self.task


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    application = Application()
    app = web.Application()
    app.add_routes([web.get("/audio", application.serve)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    application.port = free_port()
    await web.TCPSite(runner, "127.0.0.1", application.port).start()
    yield application
    await runner.cleanup()


@asynccontextmanager
async def calling(application: Application, **verb: Any) -> AsyncIterator[Calling]:
    first = free_port() & ~1
    settings = EngineSettings(port_min=first, port_max=first + 15, sockets_per_worker=2, legs_per_worker=4)
    told, closed = Told(f"http://127.0.0.1:{application.port}/hooks/call"), list[str]()
    script = parse_script([{"verb": "listen", "url": "/audio", "actionHook": "/done"} | verb]).verbs
    assert isinstance(script[0], Listen)
    async with (
        MediaEngine.open(settings) as engine,
        AudioStore.open(engine.clip) as audio,
        ClientSockets.connecting(timeout=5, closed=closed.append) as sockets,
        RtpPeer.open() as peer,
    ):
        media = await engine.accept(peer.sdp, "leg")
        leg = Leg(engine, media)
        info = CallInfo(
            CallSid(new_sid()), AccountSid(new_sid()), None, "+1", "+2", leg.sip_call_id, CallState("inbound")
        )
        kit = Collaborators(told, audio, None, None, told, told, told, sockets)
        session = CallSession(info, leg, kit, Variables())

        async def verbs() -> Verbs:
            return script

        task = asyncio.create_task(session.run(verbs))
        try:
            yield Calling(peer, leg, media, told, task, closed)
        finally:
            task.cancel()
            await asyncio.wait((task,))
            await media.close()


async def test_the_audio_that_arrives_is_what_the_caller_said(application: Application) -> None:
    async with calling(application, finishOnKey="#", metadata={"a": 1}) as call:
        await application.until(lambda: application.frames)
        await call.speak(SOUND)
        await application.until(lambda: len(application.frames) > 130)
        call.leg.tell(Digit("#", 100))
        await call.ends()

    assert application.opening["a"] == 1
    assert application.opening["callStatus"] == "in-progress"
    assert application.protocol == "audio.jambonz.org"
    assert application.headers["Authorization"] == "Basic " + base64.b64encode(b"app:secret").decode()
    assert {len(frame) for frame in application.frames} == {320}
    # All of it, but for the packets that this machine delivered late.
    said, heard = SOUND.astype("<i2").tobytes(), b"".join(application.frames)
    pieces = [said[start : start + 320] for start in range(0, len(said), 320)]
    assert sum(piece in heard for piece in pieces) > 0.9 * len(pieces)
    assert application.close_code == 1000
    (url, payload) = call.told.asked[0]
    assert (url, payload["digits"]) == ("/done", "#")
    assert payload["dial_call_duration"] >= 2


async def test_pushed_audio_is_heard_byte_by_byte_and_marked(application: Application) -> None:
    data = SOUND.astype("<i2").tobytes()
    application.greets = [data[:1001], data[1001:], '{"type":"mark","data":{"name":"end"}}']
    async with calling(application, bidirectionalAudio={"streaming": True}) as call:
        await application.until(lambda: application.texts)
        await asyncio.sleep(0.2)  # the last packets are on their way

        assert PCMU.encode(SOUND).tobytes() in call.heard()
    assert application.texts == [{"type": "mark", "data": {"name": "end", "event": "playout"}}]


async def test_a_clip_is_played_and_its_end_is_told(application: Application) -> None:
    content = base64.b64encode(SOUND.astype("<i2").tobytes()).decode()
    data = {"audioContent": content, "audioContentType": "raw", "sampleRate": "8000", "id": "p7"}
    application.greets = [json.dumps({"type": "playAudio", "data": data})]
    async with calling(application) as call:
        await application.until(lambda: application.texts)
        await asyncio.sleep(0.2)

        assert PCMU.encode(SOUND).tobytes() in call.heard()
    assert application.texts[0]["data"]["playbackMilliseconds"] == 2000


async def test_disconnect_ends_the_verb(application: Application) -> None:
    application.greets = ['{"type":"disconnect"}']
    async with calling(application) as call:
        await call.ends()

    assert call.told.asked[0][1]["dial_call_duration"] == 0
    assert call.told.alerts == []


async def test_a_hang_up_closes_the_socket(application: Application) -> None:
    async with calling(application) as call:
        await application.until(lambda: application.frames)
        call.leg.tell(Ended(EndedBy.CALLER, 200, "OK"))
        await call.ends()
        await application.until(lambda: application.close_code)

    assert application.close_code == 1000
    assert call.told.asked[0][0] == "/done"
    assert call.closed == []  # it was us


@pytest.mark.parametrize(("code", "why"), [(1000, "normal"), (1011, "error"), (None, "lost")])
async def test_an_application_that_closes_the_socket_ends_the_verb(
    application: Application, code: int | None, why: str
) -> None:
    async with calling(application) as call:
        await application.until(lambda: application.frames)
        await application.hang_up(code)
        await call.ends()

    assert call.closed == [why]
    assert call.told.asked[0][0] == "/done"


@pytest.mark.parametrize(
    ("url", "alert"),
    [("/nothing", "webhook-url-notfound"), ("ws://127.0.0.1:9/audio", "webhook-connection-failure")],
)
async def test_no_socket_is_an_alert_and_the_hook_is_asked(application: Application, url: str, alert: str) -> None:
    async with calling(application, url=url) as call:
        await call.ends()

    assert [kind for kind, _ in call.told.alerts] == [alert]
    assert call.told.asked[0][1]["dial_call_duration"] == 0
