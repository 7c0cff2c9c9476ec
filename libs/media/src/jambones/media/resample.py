"""Changing the sampling rate: a polyphase windowed-sinc filter in NumPy."""

from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 16384  # outputs worked out at once, so that long audio takes little memory
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
    result = np.empty(count, np.int16)
    block = max(1, _BLOCK // up) * up
    for start in range(0, count, block):
        stop = min(start + block, count)
        first, last = start * down // up, (stop - 1) * down // up  # input positions of the outermost outputs
        windows = np.lib.stride_tricks.sliding_window_view(_cut(samples, first + 1 - half, last + 1 + half), taps)
        exact = np.empty(stop - start, np.float32)
        for phase in range(min(up, stop - start)):
            outputs = np.arange(start + phase, stop, up)
            position, fraction = np.divmod(outputs * down, up)
            exact[outputs - start] = windows[position - first] @ bank[fraction[0]]
        result[start:stop] = np.clip(np.rint(exact), -32768, 32767)
    return result


def _cut(samples: NDArray[np.int16], start: int, stop: int) -> NDArray[np.float32]:
    """Samples from `start` to `stop`, with silence where there are none."""
    inside = samples[max(0, start) : stop].astype(np.float32)
    return np.pad(inside, (max(0, -start), stop - max(0, start) - len(inside)))


@lru_cache(maxsize=8)
def _filters(up: int, down: int) -> NDArray[np.float32]:
    """(up, taps): for each position between two input samples the weights of the input samples around it."""
    cutoff = _PASS * min(1.0, up / down)
    half = int(np.ceil(_ZEROES / cutoff))
    offsets = np.arange(-half + 1, half + 1)[None, :] - np.arange(up)[:, None] / up
    window = np.i0(_BETA * np.sqrt(np.maximum(0, 1 - (offsets / half) ** 2))) / np.i0(_BETA)
    weights = cutoff * np.sinc(cutoff * offsets) * window
    bank: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return bank
