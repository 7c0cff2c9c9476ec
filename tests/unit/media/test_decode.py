"""Audio files of every kind we take, and files that are none."""

import struct
from pathlib import Path

import numpy as np
import pytest

from jambones.media import decode as module
from jambones.media.codecs import LAWS, PCMA
from jambones.media.decode import ClipError, decode, wav

FILES = Path(__file__).parents[2] / "data" / "media"


def tone(rate: int, seconds: float = 0.5, hertz: int = 440) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (9000 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def likeness(got: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    """How much of what was decoded is the tone (its phase aside)."""
    sound = got[800:3200].astype(float)
    t = np.arange(len(sound)) / 8000
    both = np.stack([np.sin(2 * np.pi * 440 * t), np.cos(2 * np.pi * 440 * t)])
    there = np.linalg.norm(both @ sound) / np.linalg.norm(sound) / np.sqrt(len(sound) / 2)
    return float(there)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_of_any_rate_mono_or_stereo(rate: int, channels: int) -> None:
    sound = tone(rate)
    got = decode(wav(sound if channels == 1 else np.stack([sound, sound], axis=1), rate))

    assert abs(len(got) - 4000) <= 1
    assert likeness(got) > 0.999


@pytest.mark.parametrize("name", ["tone.mp3", "tone.ogg", "tone.flac"])
def test_compressed_files(name: str) -> None:
    got = decode((FILES / name).read_bytes())

    assert 0.5 <= len(got) / 8000 < 0.6  # MP3 adds some silence
    assert likeness(got) > 0.99


def test_a_stereo_file_becomes_the_mean_of_its_sides() -> None:
    sides = np.stack([np.full(800, 1000), np.full(800, 3000)], axis=1).astype(np.int16)

    assert np.unique(decode(wav(sides))).tolist() == [2000]


def test_wav_with_a_telephone_codec() -> None:
    codes = LAWS[PCMA].encode(tone(8000)).tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 6, 1, 8000, 8000, 1, 8)
    body = form + struct.pack("<4sI", b"data", len(codes)) + codes

    assert likeness(decode(struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body)) > 0.99


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 5000,
        b"RIFF",
        b"RIFF$\x00\x00\x00WAVEfmt ",
        b"<html>not found</html>" * 50,
        b"OggS" + b"\x01" * 400,
        b"fLaC" + b"\x02" * 400,
        b"ID3\x04" + b"\x03" * 400,
    ],
)
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    with pytest.raises(ClipError):
        decode(data)


@pytest.mark.parametrize("name", ["tone.mp3", "tone.ogg", "tone.flac"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_torn_file_is_played_as_far_as_it_goes_or_refused(name: str, share: float) -> None:
    data = (FILES / name).read_bytes()
    try:
        got = decode(data[: int(len(data) * share)])
    except ClipError:
        return

    assert len(got) <= 0.6 * 8000


def test_too_long_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 1)

    assert len(decode(wav(tone(8000, 1.0)))) == 8000
    with pytest.raises(ClipError, match="longer"):
        decode(wav(tone(8000, 1.1)))


def test_a_header_that_hides_the_length_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 1)
    monkeypatch.setattr(module, "_describe", lambda _: (16000, 1, 0.0))

    with pytest.raises(ClipError, match="longer"):
        decode(wav(tone(16000, 3.0), 16000))
