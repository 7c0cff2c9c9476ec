"""The clips that an application has played to the caller over its audio socket: one at a time, up to ten waiting."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from jambones.common.tasks import cancel
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import MediaEndpoint
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.listen_wire import PlayAudio, play_done
from jambones.media.decode import wav

MOST_WAITING: Final = 10


class ClipQueue:
    """Plays clips in their order; `say` takes a text frame for the application about each that ends."""

    def __init__(self, call: CallSession, endpoint: MediaEndpoint, say: Callable[[str], None]) -> None:
        self._call, self._endpoint, self._say = call, endpoint, say
        self._waiting: deque[PlayAudio] = deque()
        self._changed = asyncio.Event()
        self._current: asyncio.Task[None] | None = None

    def add(self, clip: PlayAudio) -> None:
        """Play it after the others, or at once in place of them."""
        if clip.problem:
            self._say(play_done(clip.id, error=clip.problem))
            return
        if not clip.queue:
            self.kill()
        elif len(self._waiting) >= MOST_WAITING:
            self._say(play_done(clip.id, error=f"{MOST_WAITING} clips are waiting already"))
            return
        self._waiting.append(clip)
        self._changed.set()

    def kill(self) -> None:
        """Stop what plays and forget what waits."""
        if self._current is not None:
            self._current.cancel()
        waiting, self._waiting = self._waiting, deque()
        for clip in waiting:
            self._say(play_done(clip.id))

    async def run(self) -> None:
        """Play what comes, for ever."""
        while True:
            while not self._waiting:
                self._changed.clear()
                await self._changed.wait()
            self._current = asyncio.get_running_loop().create_task(self._play(self._waiting.popleft()))
            try:
                await asyncio.wait((self._current,))
            finally:
                await cancel(self._current)
                self._current = None

    async def _play(self, clip: PlayAudio) -> None:
        call = self._call
        data = clip.content
        if clip.raw:
            data = wav(np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.int16), clip.rate)
        try:
            sound = await call.kit.audio.decoded(data, str(clip.id or ""))
        except VerbFailed as exc:
            self._say(play_done(clip.id, error=exc.message))
            return
        except asyncio.CancelledError:
            self._say(play_done(clip.id))
            raise
        playback = await self._endpoint.play([sound])
        call.playback = playback
        try:
            played = await playback.wait()
        except asyncio.CancelledError:
            self._say(play_done(clip.id, await playback.stop()))
            raise
        finally:
            if call.playback is playback:
                call.playback = None
        self._say(play_done(clip.id, played))
