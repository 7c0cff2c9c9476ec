"""Changing the sampling rate: a polyphase windowed-sinc filter in NumPy, for whole clips and for streams."""

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


class StreamResampler:
    """`resample` for audio that comes in pieces: what comes out, joined, is the same.

    It needs a little of what comes next (`lookahead` samples), so it lags by that; `end` gives the rest.
    """

    def __init__(self, rate: int, wanted: int) -> None:
        self._rate, self._wanted = rate, wanted
        ratio = Fraction(wanted, rate)
        self._up, self._down = ratio.numerator, ratio.denominator
        self.lookahead = 0 if rate == wanted else _filters(self._up, self._down).shape[1] // 2
        self._behind = np.zeros(0, np.int16)  # input from `_first` on
        self._first = 0  # position of the first sample we still have
        self._made = 0  # outputs so far

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Take (n,) samples; returns the (m,) that can be worked out by now."""
        if self._rate == self._wanted:
            return samples
        made = []
        for start in range(0, len(samples), _BLOCK):
            self._behind = np.concatenate([self._behind, samples[start : start + _BLOCK]])
            known = self._first + len(self._behind) - self.lookahead  # outputs up to this input position are certain
            made.append(self._make((known * self._up - 1) // self._down + 1 if known > 0 else 0))
        return np.concatenate(made) if made else np.zeros(0, np.int16)

    def end(self) -> NDArray[np.int16]:
        """What is left, as if silence followed."""
        if self._rate == self._wanted:
            return np.zeros(0, np.int16)
        return self._make(-(-(self._first + len(self._behind)) * self._up // self._down))

    def _make(self, stop: int) -> NDArray[np.int16]:
        start, self._made = self._made, max(stop, self._made)
        if stop <= start:
            return np.zeros(0, np.int16)
        bank = _filters(self._up, self._down)
        taps = bank.shape[1]
        half = taps // 2
        positions, fractions = np.divmod(np.arange(start, stop) * self._down, self._up)
        begin = int(positions[0]) + 1 - half
        context = _cut(self._behind, begin - self._first, int(positions[-1]) + 1 + half - self._first)
        windows = np.lib.stride_tricks.sliding_window_view(context, taps)[positions - int(positions[0])]
        exact = np.einsum("ij,ij->i", windows, bank[fractions])
        keep = stop * self._down // self._up + 1 - half - self._first  # what later outputs do not reach back to
        if keep > 0:
            self._behind = self._behind[keep:]
            self._first += keep
        made: NDArray[np.int16] = np.clip(np.rint(exact), -32768, 32767).astype(np.int16)
        return made


def history(factor: int) -> NDArray[np.float32]:
    """What `upsample` wants before the first frame of a stream: silence, (h,) samples."""
    return np.zeros(_filters(factor, 1).shape[1] - 1 if factor > 1 else 0, np.float32)


def upsample(
    before: NDArray[np.float32], frames: NDArray[np.int16], factor: int
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Raise the rate of one frame of many streams by a whole factor, all at once.

    `before` is (k, h), what came before the (k, n) `frames`; returns the (k, h) to be given next time and
    (k, n * factor) samples, which lag by h / 2 samples of the old rate.
    """
    if factor == 1:
        return before, frames
    bank = _filters(factor, 1)
    joined = np.concatenate([before, frames.astype(np.float32)], axis=1)
    exact = np.lib.stride_tricks.sliding_window_view(joined, bank.shape[1], axis=1) @ bank.T
    made: NDArray[np.int16] = np.clip(np.rint(exact), -32768, 32767).astype(np.int16)
    return joined[:, -before.shape[1] :], made.reshape(len(frames), -1)


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
