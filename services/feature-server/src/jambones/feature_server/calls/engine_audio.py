"""The audio of a leg on the media engine, in the verb engine's words."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from jambones.feature_server.calls.leg import Clip, LegGone, Lost, MarkTold, MediaEndpoint, Mix, Played
from jambones.media import Clip as EngineClip
from jambones.media import Fork, MediaEngine, MediaError, MediaLeg, Overrun, Playback, Playout


class EnginePlayback:
    """A playback in the verb engine's words."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    async def wait(self) -> Played:
        result = await self._playback.wait()
        return Played(result.samples, result.offset, result.reason)

    async def stop(self) -> Played:
        result = await self._playback.stop()
        return Played(result.samples, result.offset, result.reason)


class EngineFork:
    """A fork in the verb engine's words."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork

    async def __aiter__(self) -> AsyncIterator[bytes | Lost]:
        async for frame in self._fork:
            yield Lost(frame.frames) if isinstance(frame, Overrun) else frame

    def set(self, mode: Literal["on", "pause", "silence"]) -> None:
        self._fork.set(mode)

    def stop(self) -> None:
        self._fork.stop()


class EngineEndpoint:
    """The audio of a leg on the media engine."""

    def __init__(self, engine: MediaEngine, media: MediaLeg) -> None:
        self.media = media
        self._engine = engine

    async def play(
        self, clips: Sequence[Clip], *, loop: int | None = 1, offset: int = 0, limit: int | None = None
    ) -> EnginePlayback:
        ready = [clip for clip in clips if isinstance(clip, EngineClip)]
        try:
            return EnginePlayback(await self.media.play(ready, loop=loop, offset=offset, limit=limit))
        except MediaError as exc:
            raise LegGone from exc

    async def send_dtmf(self, digits: str, *, duration_ms: int) -> None:
        try:
            # The engine knows one pause, of half a second; "W" is two of them.
            await self.media.send_dtmf(digits.replace("W", "ww"), duration_ms)
        except MediaError as exc:
            raise LegGone from exc

    async def fork(self, mix: Mix, rate: int) -> EngineFork:
        try:
            return EngineFork(self.media.fork(mix, rate))
        except MediaError as exc:
            raise LegGone from exc

    async def queue(self, rate: int, told: MarkTold) -> Playout:
        try:
            return self.media.playout(rate, told)
        except MediaError as exc:
            raise LegGone from exc

    async def bridge(self, other: MediaEndpoint) -> None:
        assert isinstance(other, EngineEndpoint)
        try:
            await self._engine.bridge(self.media, other.media)
        except MediaError as exc:
            raise LegGone from exc

    async def unbridge(self) -> None:
        await self._engine.unbridge(self.media)

    async def mute(self, on: bool) -> None:
        await self.media.mute(on)
