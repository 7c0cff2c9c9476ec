"""The audio of a leg on the media engine, in the verb engine's words."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Literal

from jambones.feature_server.calls.bypass import Bypass, Mover
from jambones.feature_server.calls.carried import Carried, in_the_way
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
    """The audio of a leg on the media engine. While it is released, whatever is asked of it brings it back first."""

    def __init__(self, engine: MediaEngine, media: MediaLeg, dialog: Mover) -> None:
        self.media = media
        self.dialog = dialog
        self.bypass: Bypass | None = None
        self._engine = engine

    @property
    def released(self) -> bool:
        return self.bypass is not None

    async def release(self, other: MediaEndpoint, returned: Callable[[str], None]) -> str:
        assert isinstance(other, EngineEndpoint)
        if why := in_the_way(self._carried, other._carried):
            return why
        try:
            return await Bypass(self._engine, self, other, returned).leave()
        except MediaError as exc:
            raise LegGone from exc

    async def anchor(self) -> None:
        if self.bypass is not None:
            await self.bypass.back(self)

    @property
    def _carried(self) -> Carried:
        return Carried.of(self.media.negotiated, self.dialog.stays)

    async def play(
        self, clips: Sequence[Clip], *, loop: int | None = 1, offset: int = 0, limit: int | None = None
    ) -> EnginePlayback:
        await self.anchor()
        ready = [clip for clip in clips if isinstance(clip, EngineClip)]
        try:
            return EnginePlayback(await self.media.play(ready, loop=loop, offset=offset, limit=limit))
        except MediaError as exc:
            raise LegGone from exc

    async def send_dtmf(self, digits: str, *, duration_ms: int) -> None:
        await self.anchor()
        try:
            # The engine knows one pause, of half a second; "W" is two of them.
            await self.media.send_dtmf(digits.replace("W", "ww"), duration_ms)
        except MediaError as exc:
            raise LegGone from exc

    async def fork(self, mix: Mix, rate: int) -> EngineFork:
        await self.anchor()
        try:
            return EngineFork(self.media.fork(mix, rate))
        except MediaError as exc:
            raise LegGone from exc

    async def queue(self, rate: int, told: MarkTold) -> Playout:
        await self.anchor()
        try:
            return self.media.playout(rate, told)
        except MediaError as exc:
            raise LegGone from exc

    async def bridge(self, other: MediaEndpoint) -> None:
        assert isinstance(other, EngineEndpoint)
        await self.anchor()
        await other.anchor()
        try:
            await self._engine.bridge(self.media, other.media)
        except MediaError as exc:
            raise LegGone from exc

    async def unbridge(self) -> None:
        if self.bypass is not None:
            with suppress(LegGone):
                await self.bypass.back_alone(self)
        await self._engine.unbridge(self.media)

    async def mute(self, on: bool) -> None:
        await self.anchor()
        await self.media.mute(on)
