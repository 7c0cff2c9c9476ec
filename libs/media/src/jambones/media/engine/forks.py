"""Forks: what is heard on a leg, sent to the service in 20 ms frames of 16-bit linear samples.

Only the legs that have a fork are looked at, those of one mix and rate at once. A leg may have several forks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import DECODE
from jambones.media.messages import Fork, Heard, Message
from jambones.media.resample import history, upsample

RATE: Final = 8000
FRAME: Final = 160
MIXES: Final = frozenset({"mono", "mixed", "stereo"})


@dataclass
class _Fork:
    row: int
    stream: int
    mix: str
    rate: int
    mode: str = "on"
    number: int = 0
    before: NDArray[np.float32] = field(init=False)  # (channels, h): the filter's memory

    def __post_init__(self) -> None:
        self.restart()

    @property
    def channels(self) -> int:
        return 2 if self.mix == "stereo" else 1

    def restart(self) -> None:
        """Begin anew after a pause: a filter must not join what lies apart."""
        self.before = np.tile(history(self.rate // RATE), (self.channels, 1))

    def zeros(self) -> bytes:
        return bytes(2 * self.channels * FRAME * self.rate // RATE)


class Forks:
    """Forks by row and stream. `rows` are those that have one."""

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._forks: dict[tuple[int, int], _Fork] = {}
        self._groups: dict[tuple[str, int], list[_Fork]] = {}  # those that are on, by mix and rate
        self._silent: list[_Fork] = []
        self.rows: list[int] = []

    def start(self, command: Fork) -> None:
        """Begin with the next tick. Raises ValueError for a mix or a rate that there is not."""
        if command.mix not in MIXES or command.rate % RATE or not RATE <= command.rate <= 8 * RATE:
            raise ValueError(f"no fork with mix {command.mix} at {command.rate} Hz")
        self._forks[command.row, command.stream] = _Fork(*command)
        self._changed()

    def stop(self, row: int, stream: int) -> None:
        self._forks.pop((row, stream), None)
        self._changed()

    def set(self, row: int, stream: int, mode: str) -> None:
        """Go on, pause or send silence."""
        fork = self._forks.get((row, stream))
        if fork is not None and fork.mode != mode:
            fork.mode = mode
            fork.restart()
            self._changed()

    def close(self, row: int) -> None:
        """The leg is gone."""
        for key in [key for key in self._forks if key[0] == row]:
            del self._forks[key]
        self._changed()

    def note(self, heard: NDArray[np.uint8], said: NDArray[np.uint8], laws: NDArray[np.uint8]) -> None:
        """Take one frame of all legs, (n, 160) codes each way; only the forked rows are looked at."""
        for (mix, rate), forks in self._groups.items():
            rows = np.array([fork.row for fork in forks], np.intp)
            frames = _mixed(heard[rows], said[rows], laws[rows], mix)
            before = np.concatenate([fork.before for fork in forks])
            after, made = upsample(before, frames, rate // RATE)
            channels = len(frames) // len(forks)
            after = after.reshape(len(forks), channels, -1)
            interleaved = made.reshape(len(forks), channels, -1).transpose(0, 2, 1).astype("<i2")
            for index, fork in enumerate(forks):
                fork.before = after[index]
                self._send(fork, interleaved[index].tobytes())
        for fork in self._silent:
            self._send(fork, fork.zeros())

    def _send(self, fork: _Fork, pcm: bytes) -> None:
        self._emit(Heard(fork.row, fork.stream, fork.number, pcm))
        fork.number += 1

    def _changed(self) -> None:
        self.rows = sorted({row for row, _ in self._forks})
        self._groups = {}
        for fork in self._forks.values():
            if fork.mode == "on":
                self._groups.setdefault((fork.mix, fork.rate), []).append(fork)
        self._silent = [fork for fork in self._forks.values() if fork.mode == "silence"]


def _mixed(heard: NDArray[np.uint8], said: NDArray[np.uint8], laws: NDArray[np.uint8], mix: str) -> NDArray[np.int16]:
    """Return (k, n) samples of (k, n) codes; (2k, n) in stereo, each leg's peer first."""
    received = DECODE[laws[:, None], heard]
    if mix == "mono":
        return received
    sent = DECODE[laws[:, None], said]
    if mix == "mixed":
        summed: NDArray[np.int16] = np.clip(received.astype(np.int32) + sent, -32768, 32767).astype(np.int16)
        return summed
    return np.stack([received, sent], axis=1).reshape(-1, heard.shape[1])
