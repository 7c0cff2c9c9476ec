"""What a leg does for a while: clips it plays, and a recording it makes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jambones.media import messages as m
from jambones.media.clips import RATE, Clip
from jambones.media.errors import MediaError
from jambones.media.events import PlayResult, RecordingResult

if TYPE_CHECKING:
    from jambones.media.leg import MediaLeg


class Playback:
    """Clips being played to the peer. It holds the clips until it ends."""

    def __init__(self, leg: "MediaLeg", number: int, clips: Sequence[Clip]) -> None:
        self._leg = leg
        self._number = number
        self._clips = tuple(clips)
        self._result: asyncio.Future[PlayResult] = asyncio.get_running_loop().create_future()

    async def wait(self) -> PlayResult:
        """Wait until it ends. Cancelling this wait does not stop the playback."""
        return await asyncio.shield(self._result)

    async def stop(self) -> PlayResult:
        """Stop within one tick; harmless when it has ended."""
        if not self._result.done():
            self._leg.link.command(m.Stop(self._leg.row, self._number))
        return await self.wait()

    def finish(self, result: PlayResult) -> None:
        self._clips = ()
        if not self._result.done():
            self._result.set_result(result)


class Recording:
    """A WAV file being written by the worker."""

    def __init__(self, leg: "MediaLeg") -> None:
        self._leg = leg
        self._stopping: asyncio.Task[m.Recorded] | None = None

    async def stop(self) -> RecordingResult:
        """End it; the file is whole when this returns. Raises MediaError. Again: the same result."""
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop())
        done = await asyncio.shield(self._stopping)
        if done.reason:
            raise MediaError(done.reason)
        return RecordingResult(Path(done.path), done.samples / RATE)

    async def _stop(self) -> m.Recorded:
        leg = self._leg
        try:
            return await leg.link.ask(lambda reply: m.StopRecord(leg.row, reply), m.Recorded)
        except MediaError as exc:
            return m.Recorded(0, "", 0, str(exc))
