"""What plays on which leg: offsets into the clip pool, advanced for all legs at once; ends are handled one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.engine.jitter import FRAME, WHOLE
from jambones.media.messages import Play

_NONE: Final = -1

#: Called when a playback ends: row, play, samples, offset, reason.
Ended = Callable[[int, int, int, int, str], None]


@dataclass
class _Playback:
    play: int
    segments: list[tuple[int, int]]  # offset in the pool, samples
    rounds: int  # left, after this one; negative: without end
    budget: int  # samples left; negative: no limit
    at: int = 0  # the segment that plays
    begun: int = 0  # offset in the pool at which this segment was entered
    played: int = 0  # samples of segments before this one

    def next_segment(self) -> bool:
        """Go to the next segment; false when there is none."""
        self.at += 1
        if self.at == len(self.segments):
            if self.rounds == 0:
                return False
            self.rounds -= 1
            self.at = 0
        return True


class Players:
    """At most one playback a row. `pool` is (bytes,) uint8: codes in the law of the leg they were offered to."""

    def __init__(self, rows: int, pool: NDArray[np.uint8], ended: Ended) -> None:
        self._pool = pool
        self._frames = np.ndarray((max(0, len(pool) - FRAME + 1),), WHOLE, pool, 0, (1,))  # one begins at each byte
        self._cursor = np.zeros(rows, np.int64)
        self._end = np.zeros(rows, np.int64)
        self._playbacks: dict[int, _Playback] = {}
        self._rows: NDArray[np.intp] = np.zeros(0, np.intp)
        self._stale = False
        self._ended = ended

    def start(self, command: Play, law: int) -> None:
        """Play from the next tick on; what plays now is stopped."""
        self.stop(command.row)
        segments = [(segment[law], segment[2]) for segment in command.segments]
        whole = sum(length for _, length in segments)
        if whole == 0 or command.limit == 0 or command.offset >= whole:
            self._ended(command.row, command.play, 0, min(command.offset, whole), "done")
            return
        playback = _Playback(command.play, segments, command.rounds - 1, command.limit)
        skip = command.offset
        while skip >= segments[playback.at][1]:
            skip -= segments[playback.at][1]
            playback.at += 1
        self._playbacks[command.row] = playback
        self._enter(command.row, playback, skip)
        self._stale = True

    def stop(self, row: int, play: int = _NONE, reason: str = "stopped") -> None:
        """Stop what plays on a row; with `play`, only when it is that one."""
        playback = self._playbacks.get(row)
        if playback is not None and play in {_NONE, playback.play}:
            self._finish(row, playback, reason)

    def playing(self, row: int) -> bool:
        return row in self._playbacks

    @property
    def rows(self) -> NDArray[np.intp]:
        """The rows that `fill` fills, in order."""
        if self._stale:
            self._rows = np.array(sorted(self._playbacks), np.intp)
            self._stale = False
        return self._rows

    def fill(self, said: NDArray[np.uint8], silence: NDArray[np.uint8]) -> None:
        """Write the next frame of each playback over its row of `said` (n, 160)."""
        rows = self.rows
        if not len(rows):
            return
        cursor = self._cursor[rows]
        said.view(WHOLE)[rows, 0] = self._frames[cursor]
        cursor += FRAME
        self._cursor[rows] = cursor
        for row in rows[cursor >= self._end[rows]].tolist():
            self._cross(row, said[row], silence[row])

    def _cross(self, row: int, frame: NDArray[np.uint8], silence: np.uint8) -> None:
        """A segment ended within this frame: fill the rest from the next ones, without a gap."""
        playback = self._playbacks[row]
        filled = FRAME - int(self._cursor[row] - self._end[row])
        self._cursor[row] = self._end[row]
        while True:
            if self._over(row, playback):
                frame[filled:] = silence
                self._finish(row, playback, "done")
                return
            self._advance(row, playback)
            if filled == FRAME:
                return  # the next segment begins with the next tick
            start = int(self._cursor[row])
            take = min(FRAME - filled, int(self._end[row]) - start)
            frame[filled : filled + take] = self._pool[start : start + take]
            filled += take
            self._cursor[row] = start + take
            if start + take < self._end[row]:
                return

    def _over(self, row: int, playback: _Playback) -> bool:
        last = playback.at == len(playback.segments) - 1 and playback.rounds == 0
        spent = playback.budget >= 0 and self._samples(row, playback) >= playback.budget
        return last or spent

    def _advance(self, row: int, playback: _Playback) -> None:
        playback.played = self._samples(row, playback)
        playback.next_segment()
        self._enter(row, playback, 0)

    def _enter(self, row: int, playback: _Playback, skip: int) -> None:
        offset, length = playback.segments[playback.at]
        playback.begun = offset + skip
        self._cursor[row] = offset + skip
        end = offset + length
        if playback.budget >= 0:
            end = min(end, offset + skip + playback.budget - playback.played)
        self._end[row] = end

    def _samples(self, row: int, playback: _Playback) -> int:
        return playback.played + int(self._cursor[row]) - playback.begun

    def _finish(self, row: int, playback: _Playback, reason: str) -> None:
        del self._playbacks[row]
        self._stale = True
        before = sum(length for _, length in playback.segments[: playback.at])
        offset = before + int(self._cursor[row]) - playback.segments[playback.at][0]
        self._ended(row, playback.play, self._samples(row, playback), offset, reason)
