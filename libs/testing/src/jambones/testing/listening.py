"""Audio sockets without a network: the application's end of `listen`, and the caller's audio that goes through it."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import numpy as np
from yarl import URL

from jambones.common.tasks import cancel
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import SAMPLE_RATE, Lost, MarkTold, Mix
from jambones.testing.sound import Hearing, Sound

FRAME = 0.02
HELD = 100  # frames that wait for an application that does not read: two seconds

Listener = Callable[["ListenSocket"], Awaitable[None]]


class ListenSocket:
    """The application's end of one `listen`. Closed by either side; iterating ends then."""

    def __init__(self, url: str, auth: tuple[str, str] | None) -> None:
        self.url = url
        self.auth = auth
        self.opening: dict[str, Any] = {}
        """The first text frame."""
        self.texts: list[dict[str, Any]] = []
        """The text frames after the first."""
        self.audio = bytearray()
        """All binary frames, joined."""
        self.frames = 0
        """How many there were."""
        self.closed = False
        self._inbound: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._outbound: asyncio.Queue[dict[str, Any] | bytes | None] = asyncio.Queue()

    def send(self, frame: dict[str, Any] | bytes) -> None:
        """A message or audio to the platform."""
        self._inbound.put_nowait(frame if isinstance(frame, bytes) else json.dumps(frame))

    def close(self) -> None:
        """Close the socket, as either side may."""
        if not self.closed:
            self.closed = True
            self._inbound.put_nowait(None)
            self._outbound.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[dict[str, Any] | bytes]:
        """What the platform sends, the opening apart, from now to the end."""
        while (frame := await self._outbound.get()) is not None:
            yield frame

    def taken(self, frame: str | bytes) -> None:
        """The platform sent this."""
        if self.closed:
            raise ConnectionResetError("the application closed the socket")
        if isinstance(frame, bytes):
            self.audio += frame
            self.frames += 1
            self._outbound.put_nowait(frame)
        elif not self.opening:
            self.opening = json.loads(frame)
        else:
            self.texts.append(json.loads(frame))
            self._outbound.put_nowait(self.texts[-1])

    async def given(self) -> AsyncIterator[str | bytes]:
        while (frame := await self._inbound.get()) is not None:
            yield frame


class _PlatformSide:
    def __init__(self, socket: ListenSocket) -> None:
        self._socket = socket

    async def send(self, frame: str | bytes) -> None:
        self._socket.taken(frame)

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self._socket.given()


class ScriptedSockets:
    """The test's listeners by path; `opened` has every socket, in order."""

    def __init__(self, listeners: Mapping[str, Listener], opened: list[ListenSocket]) -> None:
        self._listeners = listeners
        self._opened = opened

    @asynccontextmanager
    async def open(self, url: str, auth: tuple[str, str] | None) -> AsyncIterator[_PlatformSide]:
        listener = self._listeners.get(URL(url).path) or self._listeners.get(url)
        if listener is None:
            raise VerbFailed("webhook-connection-failure", f"nobody listens at {url}", url=url)
        socket = ListenSocket(url, auth)
        self._opened.append(socket)

        async def serve() -> None:
            try:
                await listener(socket)
            finally:
                socket.close()

        task = asyncio.get_running_loop().create_task(serve())
        try:
            yield _PlatformSide(socket)
        finally:
            socket.close()
            await asyncio.wait((task,), timeout=1.0)
            await cancel(task)
            if task.done() and not task.cancelled():
                task.result()  # a listener that fails fails the test


class Mouth:
    """What the caller says into the call, as 16-bit linear audio at 8 kHz; whoever listens gets it."""

    def __init__(self) -> None:
        self.forks: list[ScriptedFork] = []

    def speak(self, pcm: bytes) -> None:
        for fork in self.forks:
            fork.heard += pcm

    def fork(self, mix: Mix, rate: int) -> "ScriptedFork":
        fork = ScriptedFork(self, mix, rate)
        self.forks.append(fork)
        return fork


class ScriptedFork:
    """Frames of what the caller says, by the loop's clock. What the caller hears is silence here."""

    def __init__(self, mouth: Mouth, mix: Mix, rate: int) -> None:
        self._mouth, self._mix, self._rate = mouth, mix, rate
        self.heard = bytearray()
        self._mode: Literal["on", "pause", "silence"] = "on"
        self._held: deque[bytes] = deque()
        self._lost = 0
        self._stopped = False
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(FRAME, self._tick)

    def set(self, mode: Literal["on", "pause", "silence"]) -> None:
        self._mode = mode

    def stop(self) -> None:
        self._timer.cancel()
        if not self._stopped:
            self._mouth.forks.remove(self)
        self._stopped = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[bytes | Lost]:
        while True:
            if self._lost:
                lost, self._lost = self._lost, 0
                yield Lost(lost)
            elif self._held:
                yield self._held.popleft()
            elif self._stopped:
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    def _tick(self) -> None:
        self._timer = self._loop.call_at(self._timer.when() + FRAME, self._tick)
        frame = bytes(self.heard[:320]).ljust(320, b"\0")
        del self.heard[:320]
        if self._mode == "pause":
            return
        samples = np.frombuffer(frame if self._mode == "on" else bytes(320), "<i2")
        samples = np.repeat(samples, self._rate // SAMPLE_RATE)
        if self._mix == "stereo":
            samples = np.stack([samples, np.zeros_like(samples)], axis=1)
        self._held.append(samples.astype("<i2").tobytes())
        if len(self._held) > HELD:
            self._held.popleft()
            self._lost += 1
        self._changed.set()


class ScriptedQueue:
    """Pushed audio by the loop's clock; the caller hears it as `(pushed audio)`."""

    def __init__(self, rate: int, told: MarkTold, heard: Callable[[Hearing], None], pushed: bytearray) -> None:
        self._rate, self._told, self._heard, self._pushed = rate, told, heard, pushed
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time()
        self._now: Hearing | None = None
        self._end: asyncio.TimerHandle | None = None
        self._marks: dict[asyncio.TimerHandle, str] = {}

    @property
    def marks(self) -> int:
        return len(self._marks)

    async def push(self, pcm: bytes) -> None:
        self._pushed += pcm
        now = self._loop.time()
        if self._now is None:
            self._until = now
            self._now = Hearing(Sound("(pushed audio)", 0), now)
            self._heard(self._now)
        self._until += len(pcm) / 2 / self._rate
        if self._end is not None:
            self._end.cancel()
        self._end = self._loop.call_at(self._until, self._finish, True)

    def mark(self, name: str) -> None:
        def reached() -> None:
            self._marks.pop(handle)
            self._told(name, True)

        handle = self._loop.call_at(max(self._until, self._loop.time()), reached)
        self._marks[handle] = name

    def clear(self, *, audio: bool = True) -> None:
        marks, self._marks = self._marks, {}
        for handle, name in marks.items():
            handle.cancel()
            self._told(name, False)
        if audio:
            self._finish(False)

    def stop(self) -> None:
        for handle in self._marks:
            handle.cancel()
        self._marks = {}
        self._finish(False)

    def _finish(self, whole: bool) -> None:
        if self._end is not None:
            self._end.cancel()
        if self._now is not None:
            hearing, self._now = self._now, None
            hearing.ended, hearing.whole = self._loop.time(), whole
            self._heard(hearing)
        self._until = self._loop.time()
