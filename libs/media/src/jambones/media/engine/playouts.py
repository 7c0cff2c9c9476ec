"""Audio that the service pushes as it comes: a queue a stream, played in real time, with marks between the samples.

Only the legs that have such a queue are looked at. What is pushed is heard over silence, a bridged peer and a prompt
alike: it is added to them.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import DECODE, LAWS
from jambones.media.messages import Marked, Message, Overflowed, Push

FRAME: Final = 160
START: Final = 4 * FRAME  # samples that are gathered before a stream is played: 80 ms
PATIENCE: Final = 4  # ticks after which fewer are played as well
LONGEST: Final = 600 * 8000  # samples that may wait: ten minutes

Samples = NDArray[np.int16]


@dataclass
class _Playout:
    """One queue: samples, and marks as their numbers."""

    items: deque[Samples | int] = field(default_factory=deque)
    waiting: int = 0  # samples
    patience: int = PATIENCE
    running: bool = False

    def take(self) -> tuple[Samples, list[int]]:
        """Return the next (up to 160,) samples, and the marks that are reached with them."""
        pieces: list[Samples] = []
        marks: list[int] = []
        need = FRAME
        while self.items:
            item = self.items[0]
            if isinstance(item, int):
                marks.append(item)
                self.items.popleft()
            elif not need:
                break
            else:
                pieces.append(item[:need])
                if len(item) > need:
                    self.items[0] = item[need:]
                else:
                    self.items.popleft()
                need -= len(pieces[-1])
        taken = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        self.waiting -= len(taken)
        return taken, marks


class Playouts:
    """Queues by row and stream, made by the first push."""

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._playouts: dict[tuple[int, int], _Playout] = {}

    def __len__(self) -> int:
        return len(self._playouts)

    def push(self, command: Push) -> None:
        """Append samples; those beyond ten minutes are lost, and said to be."""
        playout = self._playouts.setdefault((command.row, command.stream), _Playout())
        samples = np.frombuffer(command.pcm, "<i2").astype(np.int16)
        kept = samples[: LONGEST - playout.waiting]
        if len(kept):
            playout.items.append(kept)
            playout.waiting += len(kept)
        if len(kept) < len(samples):
            self._emit(Overflowed(command.row, command.stream, len(samples) - len(kept)))

    def mark(self, row: int, stream: int, mark: int) -> None:
        """Put a mark behind what waits; where nothing waits it is reached already."""
        playout = self._playouts.get((row, stream))
        if playout is None or not playout.items:
            self._emit(Marked(row, stream, mark, True))
        else:
            playout.items.append(mark)

    def clear(self, row: int, stream: int, *, audio: bool) -> None:
        """Forget the marks, and the samples too when `audio`."""
        playout = self._playouts.get((row, stream))
        if playout is None:
            return
        for item in playout.items:
            if isinstance(item, int):
                self._emit(Marked(row, stream, item, False))
        if audio:
            del self._playouts[row, stream]
        else:
            playout.items = deque(item for item in playout.items if not isinstance(item, int))

    def close(self, row: int) -> None:
        """The leg is gone."""
        for key in [key for key in self._playouts if key[0] == row]:
            del self._playouts[key]

    def fill(self, said: NDArray[np.uint8], laws: NDArray[np.uint8], silence: NDArray[np.uint8]) -> None:
        """Add the next frame of each queue to its row of `said` (n, 160)."""
        for key, playout in list(self._playouts.items()):
            row, stream = key
            if not playout.running:
                playout.patience -= 1
                if playout.waiting < START and playout.patience > 0:
                    continue
                playout.running = True
            samples, marks = playout.take()
            if len(samples):
                _add(said[row], samples, int(laws[row]), int(silence[row]))
            for mark in marks:
                self._emit(Marked(row, stream, mark, True))
            if not playout.items:
                del self._playouts[key]  # the next push begins anew


def _add(frame: NDArray[np.uint8], samples: Samples, law: int, silence: int) -> None:
    part = frame[: len(samples)]
    if not (part == silence).all():
        both = DECODE[law][part].astype(np.int32) + samples
        samples = np.clip(both, -32768, 32767).astype(np.int16)
    part[:] = LAWS[law].encode(samples)
