"""Clips for tests: noise that is like nothing else, as a WAV file and as the codes that a caller gets."""

import io
import wave

import numpy as np

from jambones.media.codecs.pcmu import LAW


def noise(seconds: float, seed: int) -> np.ndarray:
    """(n,) int16 at 8 kHz."""
    return np.random.default_rng(seed).integers(-9000, 9000, int(8000 * seconds)).astype(np.int16)


def wav(samples: np.ndarray) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def pcmu(samples: np.ndarray) -> bytes:
    """The mu-law codes of the samples."""
    return LAW.encode(samples).tobytes()
