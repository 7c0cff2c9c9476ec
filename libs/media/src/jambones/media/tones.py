"""Tones as 16-bit samples at 8 kHz: DTMF digits (ITU-T Q.23) and what a tone specification describes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
_ROWS: Final = (697, 770, 852, 941)
_COLUMNS: Final = (1209, 1336, 1477, 1633)
_PAD: Final = "123A456B789C*0#D"
_LEVEL: Final = 0.25  # of full scale, each frequency


def sines(frequencies: tuple[float, ...], samples: int, level: float = _LEVEL) -> NDArray[np.int16]:
    """Return (samples,) the sum of the frequencies, each at `level` of full scale."""
    t = np.arange(samples) / RATE
    wave = sum((np.sin(2 * np.pi * f * t) for f in frequencies), np.zeros(samples))
    return np.clip(wave * level * 32767, -32768, 32767).astype(np.int16)


def dtmf(digit: str, duration_ms: int) -> NDArray[np.int16]:
    """Return a digit's two tones; `ValueError` for what is no key."""
    place = _PAD.index(digit)
    return sines((_ROWS[place // 4], _COLUMNS[place % 4]), duration_ms * RATE // 1000)
