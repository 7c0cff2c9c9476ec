"""Changing the sampling rate: a polyphase windowed-sinc filter in NumPy."""

from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_ZEROES: Final = 16  # zero crossings of the sinc on each side
_PASS: Final = 0.94  # of the lower Nyquist frequency
_BETA: Final = 8.0  # Kaiser window: about -80 dB


def resample(samples: NDArray[np.int16], rate: int, wanted: int) -> NDArray[np.int16]:
    """Return (m,) samples at `wanted` Hz of the (n,) samples at `rate` Hz, with the same start and length in time."""
    if rate == wanted or not len(samples):
        return samples
    ratio = Fraction(wanted, rate)
    up, down = ratio.numerator, ratio.denominator
    bank = _filters(up, down)
    taps = bank.shape[1]
    half = taps // 2
    count = -(-len(samples) * up // down)
    padded = np.concatenate([np.zeros(half, np.float32), samples.astype(np.float32), np.zeros(taps, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    result = np.empty(count, np.float32)
    for phase in range(min(up, count)):
        outputs = np.arange(phase, count, up)
        position, fraction = np.divmod(outputs * down, up)
        result[outputs] = windows[position + 1] @ bank[fraction[0]]
    return np.clip(np.rint(result), -32768, 32767).astype(np.int16)


@lru_cache(maxsize=32)
def _filters(up: int, down: int) -> NDArray[np.float32]:
    """(up, taps): for each position between two input samples the weights of the input samples around it."""
    cutoff = _PASS * min(1.0, up / down)
    half = int(np.ceil(_ZEROES / cutoff))
    offsets = np.arange(-half + 1, half + 1)[None, :] - np.arange(up)[:, None] / up
    window = np.i0(_BETA * np.sqrt(np.maximum(0, 1 - (offsets / half) ** 2))) / np.i0(_BETA)
    weights = cutoff * np.sinc(cutoff * offsets) * window
    bank: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return bank
