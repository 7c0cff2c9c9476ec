"""The jitter rings: what each leg's peer said, put in order by RTP timestamp, read one frame a tick.

A frame is 20 ms. A ring holds 16 of them; a leg waits for two before it plays, one more each time something came too
late (up to ten), and gives one back when nothing came late for two seconds. So clocks that differ are followed as well.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import DECODE, LAWS, SILENCE

FRAME: Final = 160  # samples in 20 ms at 8 kHz
WHOLE: Final = np.dtype((np.void, FRAME))  # a frame as one thing: rows of these are moved twice as fast
SLOTS: Final = 16  # a power of two
START_DELAY: Final = 2
LONGEST_DELAY: Final = 10
ADAPT_TICKS: Final = 100
CONCEALED: Final = 3  # lost frames that are covered up before we fall silent
_NO_SLACK: Final = 1 << 30
_FADE: Final = 0.7

Rows = NDArray[np.intp]


class JitterRings:
    """`rows` rings of G.711 codes."""

    def __init__(self, rows: int) -> None:
        self._ring = np.zeros((rows * SLOTS, FRAME), np.uint8)
        self._filled = np.zeros(rows * SLOTS, np.bool_)
        self._mark = np.zeros(rows * SLOTS, np.intp)
        self._base = np.zeros(rows, np.uint32)  # the timestamp of frame 0
        self._play = np.zeros(rows, np.int64)  # the frame to be read next
        self._started = np.zeros(rows, np.bool_)
        self._slack = np.full(rows, _NO_SLACK, np.int64)  # least frames ahead at which something came
        self._missing = np.full(rows, CONCEALED, np.int64)  # frames in a row that we had to do without
        self._silence = np.full(rows, SILENCE[0], np.uint8)
        self._law = np.zeros(rows, np.uint8)
        self._frames = np.zeros((2, rows, FRAME), np.uint8)  # the frames of this `read`, and of the one before
        self.late = np.zeros(rows, np.int64)
        self.repeated = np.zeros(rows, np.int64)
        self.underruns = np.zeros(rows, np.int64)
        self._first = np.arange(rows) * SLOTS  # each leg's first slot
        self._ticks = 0

    def open(self, row: int, law: int) -> None:
        """Empty a ring and say which law it holds."""
        self._law[row], self._silence[row] = law, SILENCE[law]
        self.late[row] = self.underruns[row] = self.repeated[row] = 0
        self.restart(row)

    def restart(self, row: int) -> None:
        """Let the next packet begin anew: another source, or a jump in its clock."""
        self._started[row] = False
        self._filled[row * SLOTS : (row + 1) * SLOTS] = False
        self._slack[row] = _NO_SLACK
        self._missing[row] = CONCEALED

    def put(
        self, legs: Rows, timestamps: NDArray[np.uint32], frames: NDArray[np.uint8], *, single: bool = False
    ) -> None:
        """Store packets of exactly one frame: (n,) rows, (n,) timestamps, (n, 160) codes.

        A row may come twice, unless they are `single`.
        """
        self._begin(legs, timestamps)
        number, play = self._numbers(legs, timestamps), self._play[legs]
        ahead = number - play
        if np.count_nonzero(ahead.view(np.uint64) >= SLOTS):  # too far, or less than nothing
            self._put_odd(legs, timestamps, frames)
            return
        np.minimum.at(self._slack, legs, ahead)
        self._store(legs, number, frames, single=single)

    def _put_odd(self, legs: Rows, timestamps: NDArray[np.uint32], frames: NDArray[np.uint8]) -> None:
        """As `put`, where some are late or jump."""
        number = self._numbers(legs, timestamps)
        ahead = number - self._play[legs]
        far = (ahead >= SLOTS) | (ahead < -SLOTS)
        if far.any():
            for row in np.unique(legs[far]):
                self.restart(int(row))
            self._begin(legs[far], timestamps[far])
            number = self._numbers(legs, timestamps)
            ahead = number - self._play[legs]
        np.minimum.at(self._slack, legs, ahead)
        fits = (ahead >= 0) & (ahead < SLOTS)
        self._store(legs[fits], number[fits], frames[fits], single=False)
        self._note_late(legs[ahead < 0])

    def put_one(self, row: int, timestamp: int, codes: NDArray[np.uint8]) -> None:
        """Store a packet of any length, sample by sample where its timestamp says."""
        at, stamp = np.array([row]), np.array([timestamp], np.uint32)
        self._begin(at, stamp)
        start = self._samples_ahead(row, timestamp)
        if not -SLOTS * FRAME <= start <= SLOTS * FRAME - len(codes):
            self.restart(row)
            self._begin(at, stamp)
            start = self._samples_ahead(row, timestamp)
        self._slack[row] = min(self._slack[row], start // FRAME)
        if start < 0:
            self._note_late(at)
            codes, start = codes[-start:], 0
        codes = codes[: max(0, SLOTS * FRAME - start)]
        while len(codes):
            frame, begin = divmod(start, FRAME)
            slot = row * SLOTS + (int(self._play[row]) + frame) % SLOTS
            piece = codes[: FRAME - begin]
            if not self._filled[slot]:
                self._ring[slot] = self._silence[row]
                self._filled[slot] = True
            self._ring[slot, begin : begin + len(piece)] = piece
            codes, start = codes[len(piece) :], start + len(piece)

    def read(self, rows: int, streaming: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Take the next frame of the first `rows` legs: (rows, 160) codes, valid until the next `read`.

        A lost frame repeats the one before more quietly, up to three times. `streaming` (rows,) says whose peer sent
        something lately: there a missing frame is an underrun.
        """
        play = self._play[:rows]
        slot = self._first[:rows] + play % SLOTS
        heard: NDArray[np.uint8] = self._frames[self._ticks & 1, :rows]
        np.take(self._ring, slot, axis=0, out=heard, mode="clip")  # other modes copy once more
        arrived = self._filled[slot]
        self._filled[slot] = False
        play += 1
        absent = np.flatnonzero(~arrived)
        if len(absent):
            self._conceal(absent, heard, streaming)
        self._missing[:rows][arrived] = 0
        self._ticks += 1
        if self._ticks % ADAPT_TICKS == 0:
            self._give_back(rows)
        return heard

    def delay(self, row: int) -> int:
        """Return by how many frames this leg's audio came ahead of its turn, lately, at the least."""
        return int(self._slack[row]) if self._slack[row] != _NO_SLACK else START_DELAY

    def _begin(self, legs: Rows, timestamps: NDArray[np.uint32]) -> None:
        new = ~self._started[legs]
        if np.count_nonzero(new):
            # Of several packets of one leg the first one counts: assignment keeps the last, so go backwards.
            rows, first = legs[new][::-1], timestamps[new][::-1]
            self._base[rows] = first
            self._play[rows] = -START_DELAY
            self._started[rows] = True

    def _numbers(self, legs: Rows, timestamps: NDArray[np.uint32]) -> NDArray[np.int64]:
        samples = (timestamps - self._base[legs]).view(np.int32).astype(np.int64)
        # The nearest frame: a peer whose clock lies between two of ours keeps its spacing.
        samples += FRAME // 2
        samples //= FRAME
        return samples

    def _samples_ahead(self, row: int, timestamp: int) -> int:
        samples = (timestamp - int(self._base[row]) + 0x80000000) % 0x100000000 - 0x80000000
        return samples - int(self._play[row]) * FRAME

    def _note_late(self, legs: Rows) -> None:
        if not len(legs):
            return
        np.add.at(self.late, legs, 1)
        # Wait a frame longer from now on, unless we wait long already.
        patient = np.unique(legs)
        patient = patient[self._slack[patient] < LONGEST_DELAY - START_DELAY]
        self._play[patient] -= 1
        self._filled[self._first[patient] + self._play[patient] % SLOTS] = False  # what is too far ahead now
        self._slack[patient] = _NO_SLACK

    def _store(self, legs: Rows, number: NDArray[np.int64], frames: NDArray[np.uint8], *, single: bool) -> None:
        slot = legs * SLOTS
        slot += number & (SLOTS - 1)
        again = self._filled[slot]
        if not single:  # then one may come twice in this batch
            index = np.arange(len(slot))
            self._mark[slot] = index
            again |= self._mark[slot] != index
        if np.count_nonzero(again):
            np.add.at(self.repeated, legs[again], 1)
        self._ring[slot] = frames
        self._filled[slot] = True

    def _conceal(self, absent: Rows, heard: NDArray[np.uint8], streaming: NDArray[np.bool_]) -> None:
        missing = self._missing[absent]
        self.underruns[absent[streaming[absent] & (missing < CONCEALED)]] += 1
        gone = absent[missing >= CONCEALED]
        heard[gone] = self._silence[gone, None]
        brief = absent[missing < CONCEALED]
        if len(brief):
            law = self._law[brief]
            before = self._frames[1 - (self._ticks & 1), brief]
            faded = (DECODE[law[:, None], before] * _FADE).astype(np.int16)
            for index, codec in enumerate(LAWS):
                heard[brief[law == index]] = codec.encode(faded[law == index])
            self._missing[brief] += 1

    def _give_back(self, rows: int) -> None:
        slack = self._slack[:rows]
        slow = np.flatnonzero((slack > START_DELAY) & (slack != _NO_SLACK))
        self._filled[self._first[slow] + self._play[slow] % SLOTS] = False
        self._play[slow] += 1
        slack[:] = _NO_SLACK
