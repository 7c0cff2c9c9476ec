"""Audio files into samples: WAV (linear, A-law, mu-law), MP3, OGG Vorbis and FLAC of any rate, mono or stereo."""

import contextlib
import struct
from typing import Final

import miniaudio
import numpy as np
from numpy.typing import NDArray

from jambones.media.resample import resample

RATE: Final = 8000
LONGEST_S: Final = 1200  # a longer file is no prompt
_CHUNK: Final = 16384


class ClipError(Exception):
    """A file that cannot be played; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(data: bytes) -> NDArray[np.int16]:
    """Return (n,) samples at 8 kHz of a file's content; several channels are averaged. Raises `ClipError`."""
    if not data:
        raise ClipError("the file is empty")
    try:
        rate, channels, seconds = _describe(data)
    except miniaudio.MiniaudioError as error:
        raise ClipError("not a WAV, MP3, OGG or FLAC file") from error
    if seconds > LONGEST_S:
        raise _too_long()
    try:
        samples = _read(data, rate, channels)
    except miniaudio.MiniaudioError as error:
        raise ClipError("the audio cannot be decoded") from error
    return resample(samples, rate, RATE)


def _read(data: bytes, rate: int, channels: int) -> NDArray[np.int16]:
    """Return (n,) samples at the file's rate. A header may say less than what follows, so what comes is counted."""
    pieces = [np.zeros(0, np.int16)]
    room = LONGEST_S * rate
    chunks = miniaudio.stream_memory(data, miniaudio.SampleFormat.SIGNED16, channels, rate, _CHUNK)
    with contextlib.closing(chunks):
        for chunk in chunks:
            piece = np.frombuffer(chunk, np.int16)
            if channels > 1:
                piece = piece.reshape(-1, channels).mean(axis=1).astype(np.int16)
            room -= len(piece)
            if room < 0:
                raise _too_long()
            pieces.append(piece)
    return np.concatenate(pieces)


def _too_long() -> ClipError:
    return ClipError(f"longer than {LONGEST_S} s")


def _describe(data: bytes) -> tuple[int, int, float]:
    """Return rate, channels and seconds (0.0 where the format does not say)."""
    if data[:4] == b"RIFF":
        info = miniaudio.wav_get_info(data)
    elif data[:4] == b"OggS":
        info = miniaudio.vorbis_get_info(data)
    elif data[:4] == b"fLaC":
        info = miniaudio.flac_get_info(data)
    else:
        info = miniaudio.mp3_get_info(data)
    if not (1 <= info.nchannels <= 8 and 4000 <= info.sample_rate <= 192_000):
        raise ClipError(f"{info.nchannels} channels at {info.sample_rate} Hz")
    return info.sample_rate, info.nchannels, info.duration


def wav(samples: NDArray[np.int16], rate: int = RATE) -> bytes:
    """Return a mono 16-bit WAV file of (n,) samples, or a stereo one of (n, 2)."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    body = samples.astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(body), b"WAVE") + form + struct.pack("<4sI", b"data", len(body)) + body
    )
