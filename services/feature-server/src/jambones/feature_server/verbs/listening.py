"""One `listen` that is going on: the caller's audio to the application's socket, the application's to the caller."""

import asyncio
from contextlib import suppress
from typing import Any, Final, Literal

from yarl import URL

from jambones.common.tasks import cancel
from jambones.common.verbs.listen import Listen
from jambones.feature_server.calls.collaborators import AudioSocket, VerbFailed
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import AudioFork, AudioQueue, CallEvent, Digit, Lost, MediaEndpoint
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs import listen_wire as wire
from jambones.feature_server.verbs.listen_clips import ClipQueue
from jambones.feature_server.verbs.playing import play_clips
from jambones.media.decode import wav
from jambones.media.tones import sines

BEEP: Final = (1500.0, 0.5)  # hertz, seconds
MOST_MARKS: Final = 30
_TEXTS: Final = 256  # frames that wait for a slow socket
_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}

Status = Literal["pause", "silence", "resume"]


class Listening:
    """Run it with `run`; `call.streams` has it as long as it runs. `info`: whose audio it is."""

    def __init__(self, verb: Listen, call: CallSession, endpoint: MediaEndpoint, info: CallInfo | None = None) -> None:
        self.verb = verb
        self._call, self._endpoint, self._info = call, endpoint, info or call.info
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._texts: asyncio.Queue[str] = asyncio.Queue(_TEXTS)
        self._fork: AudioFork | None = None
        self._queue: AudioQueue | None = None
        self._status: Status = "resume"
        self._began: float | None = None
        self._seconds = 0.0
        self._lost = 0
        self._digits = ""

    def set_status(self, status: Status) -> None:
        """Live control: send no frames (pause), frames of zeros (silence), or audio again (resume)."""
        self._status = status
        if self._fork is not None:
            self._fork.set("on" if status == "resume" else status)

    def report(self) -> dict[str, Any]:
        """The action hook's own attributes."""
        report: dict[str, Any] = {"dial_call_duration": round(self._seconds)}
        if self._digits:
            report["digits"] = self._digits
        return report

    async def run(self) -> None:
        """Until a key, the time limit, the application or the leg ends it. Raises VerbFailed: no socket."""
        call = self._call
        if call.kit.sockets is None:
            raise VerbFailed("invalid-app-payload", "verb listen is not available on this server")
        url, auth = self._target()
        call.streams.append(self)
        try:
            with call.listening(self._on_event):
                async with call.kit.sockets.open(url, auth) as socket:
                    await self._stream(socket)
        finally:
            call.streams.remove(self)

    async def _stream(self, socket: AudioSocket) -> None:
        verb = self.verb
        with suppress(ConnectionError):
            await socket.send(wire.opening(self._info.payload(), verb))
        if verb.play_beep and not self._over.is_set():
            await self._beep()
        wanted = verb.bidirectional_audio
        answers = wanted.enabled and not verb.disable_bidirectional_audio
        if answers and wanted.streaming:
            self._queue = await self._endpoint.queue(wanted.sample_rate or verb.sample_rate, self._mark_told)
        clips = ClipQueue(self._call, self._endpoint, self._say) if answers and not wanted.streaming else None
        self._fork = await self._endpoint.fork(verb.mix_type, verb.sample_rate)
        self.set_status(self._status)
        self._began = self._loop.time()
        work = [self._over.wait(), self._send_audio(socket, self._fork), self._receive(socket, clips)]
        helpers = [self._send_texts(socket), *((clips.run(),) if clips is not None else ())]
        ending, others = ([self._loop.create_task(each) for each in group] for group in (work, helpers))
        try:
            done, _ = await asyncio.wait(ending, timeout=verb.max_length or None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._seconds = self._loop.time() - self._began
            self._fork.stop()
            if self._queue is not None:
                self._queue.stop()
            await cancel(*ending, *others)
            if self._lost:
                self._call.log.warning("audio socket too slow", frames_lost=self._lost)

    async def _send_audio(self, socket: AudioSocket, fork: AudioFork) -> None:
        with suppress(ConnectionError):
            async for frame in fork:
                if isinstance(frame, Lost):
                    self._lost += frame.frames
                    self._call.emit("overrun", verb="listen", frames=frame.frames)
                else:
                    await socket.send(frame)

    async def _send_texts(self, socket: AudioSocket) -> None:
        with suppress(ConnectionError):
            while True:
                await socket.send(await self._texts.get())

    async def _receive(self, socket: AudioSocket, clips: ClipQueue | None) -> None:
        """Until the far end closes the socket or asks us to."""
        async for frame in socket:
            if isinstance(frame, bytes):
                if self._queue is not None:
                    await self._queue.push(frame)
                continue
            match wire.parse(frame):
                case wire.Disconnect():
                    return
                case wire.PlayAudio() as clip if clips is not None:
                    clips.add(clip)
                case wire.KillAudio():
                    if clips is not None:
                        clips.kill()
                    if self._queue is not None:
                        self._queue.clear()
                case wire.PlaceMark(name) if self._queue is not None and self._queue.marks < MOST_MARKS:
                    self._queue.mark(name)
                case wire.ClearMarks() if self._queue is not None:
                    self._queue.clear(audio=False)
                case wire.ApplicationData(data):
                    self._call.emit("listen-data", verb="listen", data=data)
                case wire.Ignored(reason):
                    self._call.log.info("frame of an audio socket ignored", reason=reason)
                case other:
                    self._call.log.info("frame of an audio socket ignored", reason=f"{type(other).__name__} now")

    def _on_event(self, event: CallEvent) -> None:
        if not isinstance(event, Digit):
            return
        if self.verb.pass_dtmf:
            self._say(wire.key_pressed(event.digit, event.duration_ms))
        if self.verb.finish_on_key and event.digit in self.verb.finish_on_key and not self._over.is_set():
            self._digits = event.digit
            self._over.set()

    def _mark_told(self, name: str, played: bool) -> None:
        self._say(wire.mark_told(name, played=played))

    def _say(self, text: str) -> None:
        with suppress(asyncio.QueueFull):  # it takes nothing any more; the socket's own limits end it
            self._texts.put_nowait(text)

    async def _beep(self) -> None:
        frequency, seconds = BEEP
        tone = sines((frequency,), round(seconds * 8000))
        clip = await self._call.kit.audio.decoded(wav(tone), "beep")
        await play_clips(self._call, self._endpoint, [clip])

    def _target(self) -> tuple[str, tuple[str, str] | None]:
        """The socket's URL and credentials; a relative one belongs to the application, and so do its credentials."""
        verb, hooks = self.verb, self._call.kit.hooks
        auth = (verb.ws_auth.username, verb.ws_auth.password) if verb.ws_auth is not None else None
        try:
            url = URL(verb.url)
            if not url.is_absolute():
                url = URL(hooks.base).origin().join(URL("/" + verb.url.lstrip("/")))
                auth = auth or hooks.credentials
            scheme = _SCHEMES[url.scheme]
        except (ValueError, KeyError):
            raise VerbFailed("webhook-connection-failure", "listen.url is not a WebSocket URL") from None
        return str(url.with_scheme(scheme)), auth
