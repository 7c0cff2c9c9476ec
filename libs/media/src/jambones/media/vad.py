"""Voice activity by energy: for all legs at once, against a noise floor that follows each line.

A frame counts as voice when its level is well above both a fixed bound and the leg's own noise floor. Speech starts
after `voice_ms` of voice and ends after `silence_ms` without. Both bounds and times are the same for all legs.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import DECODE

FRAME_MS: Final = 20

#: (131072,) float32: the magnitudes of two codes that stand together, read as one number, added up; A-law's 65,536
#: pairs stand after mu-law's.
_PAIRS: Final = np.concatenate([np.add.outer(m, m).reshape(-1) for m in np.abs(DECODE.astype(np.float32))])


@dataclass(frozen=True)
class VoiceSettings:
    """When a line counts as speaking. Levels are mean magnitudes of 16-bit samples."""

    least_level: float = 180.0  # about -48 dBFS; lower is never speech
    above_floor: float = 3.0  # times the noise floor (9.5 dB)
    voice_ms: int = 100
    silence_ms: int = 400
    floor_rise: float = 1.01  # a frame; the floor doubles in 1.4 s of steady noise
    floor_least: float = 20.0


class VoiceActivity:
    """Detectors for `rows` legs."""

    def __init__(self, rows: int, settings: VoiceSettings | None = None) -> None:
        self.settings = settings or VoiceSettings()
        self._floor = np.full(rows, self.settings.floor_least, np.float32)
        self._run = np.zeros(rows, np.int32)  # frames in a row that speak against the present state
        self.speaking = np.zeros(rows, np.bool_)

    def open(self, row: int) -> None:
        self._floor[row] = self.settings.floor_least
        self._run[row] = 0
        self.speaking[row] = False

    def update(self, levels: NDArray[np.float32]) -> NDArray[np.intp]:
        """Take one frame's level of each of the first rows, (n,); returns the rows that started or stopped."""
        s, n = self.settings, len(levels)
        floor, run, speaking = self._floor[:n], self._run[:n], self.speaking[:n]
        voice = (levels > s.least_level) & (levels > floor * s.above_floor)
        np.minimum(floor * s.floor_rise, np.maximum(levels, s.floor_least), out=floor)
        run += 1
        run *= voice != speaking
        wanted = np.where(speaking, s.silence_ms // FRAME_MS, s.voice_ms // FRAME_MS)
        changed = np.flatnonzero(run >= wanted)
        if len(changed):
            speaking[changed] ^= True
            run[changed] = 0
        return changed


def levels(codes: NDArray[np.uint8], laws: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean magnitude of each row of G.711 codes: (n, samples) codes, (n,) laws, (n,) levels.

    The number of samples is a multiple of eight: two of each eight are enough for energy and cost a quarter. They stand
    together, so that no tone of speech can hide between them.
    """
    pairs: NDArray[np.integer] = codes.view(np.uint16)[:, ::4]
    if laws.any():
        pairs = pairs + laws.astype(np.intp)[:, None] * 65536
    total: NDArray[np.float32] = np.einsum("ij->i", _PAIRS.take(pairs))
    total /= 2 * pairs.shape[1]
    return total
