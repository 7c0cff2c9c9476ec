"""An ear for tests and the demo: is this clip in the recording, which of these phrases were spoken?"""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jambones.media.resample import resample

RATE = 8000
Samples = NDArray[np.int16]


def read_wav(path: Path) -> Samples:
    """A 16-bit mono WAV file at 8 kHz, whatever its own rate; also one whose header was never finished."""
    with wave.open(str(path), "rb") as wav:
        rate, channels = wav.getframerate(), wav.getnchannels()
        frames = wav.readframes(wav.getnframes())
    samples = np.frombuffer(frames[: len(frames) // (2 * channels) * 2 * channels], "<i2").astype(np.int16)
    if channels > 1:
        samples = samples.reshape(-1, channels)[:, 0]
    return resample(samples, rate, RATE)


def correlation(heard: Samples, clip: Samples) -> tuple[float, float]:
    """The best normalised correlation (0 to 1) of `clip` in `heard`, and where it begins, in seconds."""
    if len(heard) < len(clip) or not len(clip):
        return 0.0, 0.0
    pattern = clip.astype(np.float64) - clip.mean()
    signal = heard.astype(np.float64)
    size = 1 << (len(signal) + len(pattern)).bit_length()
    product = np.fft.irfft(np.fft.rfft(signal, size) * np.conj(np.fft.rfft(pattern, size)), size)
    product = product[: len(signal) - len(pattern) + 1]
    sums = np.concatenate([[0.0], np.cumsum(signal)])
    squares = np.concatenate([[0.0], np.cumsum(signal**2)])
    n = len(pattern)
    energy = squares[n:] - squares[:-n] - (sums[n:] - sums[:-n]) ** 2 / n
    # Where there is (nearly) no sound, nothing can be like it.
    floor = max(float((pattern**2).sum()) * 1e-4, 1.0)
    likeness = np.where(energy > floor, product / np.sqrt(np.maximum(energy, floor) * (pattern**2).sum()), 0.0)
    best = int(np.argmax(likeness))
    return float(likeness[best]), best / RATE


def spoken(heard: Samples, phrases: Sequence[str]) -> list[str]:
    """Which of the phrases (lower case words) were spoken, in the order heard; an ear with a known vocabulary."""
    from pocketsphinx import Decoder, Segmenter

    grammar = "#JSGF V1.0; grammar menu; public <said> = " + " | ".join(f"({phrase})" for phrase in phrases) + ";"
    sixteen = resample(heard, RATE, 16000)
    decoder = Decoder(lm=None, samprate=16000, loglevel="FATAL")
    decoder.add_jsgf_string("menu", grammar)
    decoder.activate_search("menu")
    found: list[str] = []
    for piece in _speech(sixteen, Segmenter):
        decoder.start_utt()
        decoder.process_raw(piece, full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        if hypothesis is not None and hypothesis.hypstr:
            found.append(hypothesis.hypstr)
    return found


def _speech(samples: Samples, segmenter: type) -> list[bytes]:
    """Stretches of sound with pauses between them, as 16 kHz 16-bit bytes."""
    level = 250
    window = 16000 // 50
    count = len(samples) // window
    loud = np.abs(samples[: count * window].astype(np.float32)).reshape(count, window).mean(axis=1) > level
    pieces: list[bytes] = []
    start: int | None = None
    quiet = 0
    for index, on in enumerate([*loud.tolist(), *([False] * 25)]):
        if on:
            start, quiet = (index if start is None else start), 0
        elif start is not None:
            quiet += 1
            if quiet > 20:  # 0.4 s
                first, last = max(0, start - 5) * window, (index - quiet + 6) * window
                pieces.append(samples[first:last].astype("<i2").tobytes())
                start = None
    return pieces
