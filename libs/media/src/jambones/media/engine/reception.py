"""Reception statistics of each leg: RFC 3550 sections 6.4.1 and appendix A.1, A.3, A.8, for many packets at once."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CLOCK: Final = 8000
_JUMP: Final = np.int16(3000)  # RFC 3550 appendix A.1, MAX_DROPOUT

_NONE: Final = -1  # in place of a source

Rows = NDArray[np.intp]
_NOBODY: Final[Rows] = np.zeros(0, np.intp)


@dataclass(frozen=True)
class ReceptionBlock:
    """What a receiver report says about one source (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int  # of 256
    packets_lost: int
    highest_sequence: int
    jitter: int  # timestamp units


class Reception:
    """Counters of `rows` incoming streams."""

    def __init__(self, rows: int) -> None:
        self.ssrc = np.full(rows, _NONE, np.int64)  # the present source
        self._base = np.zeros(rows, np.int64)
        self._highest = np.zeros(rows, np.int64)  # extended sequence number
        self.received = np.zeros(rows, np.int64)  # of the present source
        self._before = np.zeros((rows, 2), np.int64)  # received and lost of sources before
        self._transit = np.full(rows, np.nan)
        self._jitter = np.zeros(rows)
        self._reported = np.zeros((rows, 2), np.int64)  # expected and received at the last report

    def open(self, row: int) -> None:
        self.received[row] = self._highest[row] = self._base[row] = 0
        self._before[row] = self._reported[row] = 0
        self._jitter[row], self._transit[row] = 0.0, np.nan
        self.ssrc[row] = _NONE

    def note(self, legs: Rows, sequences: NDArray[np.int64], ssrcs: NDArray[np.uint32]) -> Rows:
        """Count packets (n,); a row may come several times. Returns the rows whose source is new or jumped."""
        highest = self._highest[legs]
        delta = (sequences - highest).astype(np.int16)
        fresh = self.ssrc[legs] != ssrcs
        fresh |= (delta + _JUMP).view(np.uint16) > 2 * _JUMP  # the addition wraps as the numbers do
        changed = _NOBODY
        if np.count_nonzero(fresh):
            changed, first = np.unique(legs[fresh], return_index=True)
            self._restart(changed, sequences[fresh][first], ssrcs[fresh][first])
            # What is left of the old source in this batch says nothing about the new one.
            same = self.ssrc[legs] == ssrcs
            legs, sequences = legs[same], sequences[same]
            highest = self._highest[legs]
            delta = (sequences - highest).astype(np.int16)
        np.maximum.at(self._highest, legs, highest + delta)
        np.add.at(self.received, legs, 1)
        return changed

    def note_transit(self, legs: Rows, arrivals: NDArray[np.float64], timestamps: NDArray[np.uint32]) -> None:
        """Take arrival times (n,) in seconds and timestamps into the jitter estimate (appendix A.8).

        A row may come once.
        """
        transit = arrivals * CLOCK
        transit -= timestamps
        change = transit - self._transit[legs]
        self._transit[legs] = transit
        np.abs(change, out=change)
        usable = change < CLOCK  # not the first one, and not a jump of either clock
        if np.count_nonzero(usable) < len(legs):
            legs, change = legs[usable], change[usable]
        jitter = self._jitter[legs]
        change -= jitter
        change /= 16
        jitter += change
        self._jitter[legs] = jitter

    def pause(self, legs: Rows) -> None:
        """Forget when the last packet came: the next one is not measured against it."""
        self._transit[legs] = np.nan

    def lost(self, row: int) -> int:
        return max(0, self._expected(row) - int(self.received[row])) + int(self._before[row, 1])

    def total(self, row: int) -> int:
        return int(self.received[row] + self._before[row, 0])

    def jitter_ms(self, row: int) -> float:
        return float(self._jitter[row]) * 1000 / CLOCK

    def block(self, row: int) -> ReceptionBlock | None:
        """Return the report block for RTCP, and begin the next interval; None when nothing was received yet."""
        if self.ssrc[row] == _NONE:
            return None
        ssrc, fraction, lost, highest, jitter = (column.item() for column in self.blocks(np.array([row])))
        return ReceptionBlock(ssrc, fraction, lost, highest, jitter)

    def started(self, legs: Rows) -> NDArray[np.bool_]:
        """Whether anything was received, (n,)."""
        started: NDArray[np.bool_] = self.ssrc[legs] != _NONE
        return started

    def blocks(self, legs: Rows) -> tuple[NDArray[np.int64], ...]:
        """Return the columns of `ReceptionBlock`, (n,) each, for rows that have started; begins their next interval."""
        highest, received = self._highest[legs], self.received[legs]
        expected = highest - self._base[legs] + 1
        now = np.stack((expected, received), axis=1)
        interval = now - self._reported[legs]
        self._reported[legs] = now
        due, lost = interval[:, 0], interval[:, 0] - interval[:, 1]
        fraction = np.minimum(255, (np.maximum(lost, 0) << 8) // np.maximum(due, 1))
        return (
            self.ssrc[legs],
            fraction,
            expected - received,
            highest & 0xFFFFFFFF,
            self._jitter[legs].astype(np.int64),
        )

    def _expected(self, row: int) -> int:
        return int(self._highest[row] - self._base[row]) + 1 if self.ssrc[row] != _NONE else 0

    def _restart(self, rows: Rows, sequences: NDArray[np.int64], ssrcs: NDArray[np.uint32]) -> None:
        old = self.ssrc[rows] != _NONE
        expected = np.where(old, self._highest[rows] - self._base[rows] + 1, 0)
        self._before[rows, 0] += self.received[rows]
        self._before[rows, 1] += np.maximum(0, expected - self.received[rows])
        self.received[rows] = 0
        self._reported[rows] = 0
        self._highest[rows] = self._base[rows] = sequences
        self.ssrc[rows] = ssrcs
        self._transit[rows] = np.nan
