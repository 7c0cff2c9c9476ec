"""Changing the rate: against a plain sum for each sample, and against sines that are known."""

import math

import numpy as np
import pytest

from jambones.media import resample as module
from jambones.media.resample import StreamResampler, resample


def plain(samples: list[int], rate: int, wanted: int) -> list[float]:
    """A Kaiser-windowed sinc, one output at a time."""
    cutoff = 0.94 * min(1.0, wanted / rate)
    half = math.ceil(16 / cutoff)
    result = []
    for number in range(-(-len(samples) * wanted // rate)):
        place = number * rate / wanted
        first = math.floor(number * rate / wanted + 1e-9)
        total = weights = 0.0
        for at in range(first - half + 1, first + half + 1):
            distance = at - place
            window = np.i0(8.0 * math.sqrt(max(0.0, 1 - (distance / half) ** 2)))
            weight = float(np.sinc(cutoff * distance)) * float(window)
            weights += weight
            total += weight * (samples[at] if 0 <= at < len(samples) else 0)
        result.append(total / weights)
    return result


@pytest.mark.parametrize(
    ("rate", "wanted"), [(16000, 8000), (44100, 8000), (11025, 8000), (8000, 16000), (48000, 8000)]
)
def test_each_sample_is_the_plain_sum(rate: int, wanted: int) -> None:
    sound = np.random.default_rng(1).integers(-8000, 8000, 700).astype(np.int16)

    assert resample(sound, rate, wanted).tolist() == pytest.approx(plain(sound.tolist(), rate, wanted), abs=1.0)


def test_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.random.default_rng(2).integers(-20000, 20000, 30_000).astype(np.int16)
    whole = resample(sound, 44100, 8000)

    monkeypatch.setattr(module, "_BLOCK", 200)

    # The sums run in another order, so the last bit of a float32 may round the other way; a seam would be thousands.
    assert np.abs(resample(sound, 44100, 8000).astype(int) - whole).max() <= 1


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000])
def test_a_tone_keeps_its_pitch_level_and_phase(rate: int) -> None:
    tone = (10000 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)).astype(np.int16)
    wanted = 10000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)

    got = resample(tone, rate, 8000)

    assert len(got) == 8000
    assert np.abs(got[200:-200] - wanted[200:-200]).max() < 30


def test_what_eight_kilohertz_cannot_carry_is_gone() -> None:
    tone = (10000 * np.sin(2 * np.pi * 6000 * np.arange(48000) / 48000)).astype(np.int16)

    assert np.abs(resample(tone, 48000, 8000)[200:-200]).max() < 20


def test_the_same_rate_and_no_sound_are_left_alone() -> None:
    sound = np.arange(10, dtype=np.int16)

    assert resample(sound, 8000, 8000) is sound
    assert len(resample(sound[:0], 44100, 8000)) == 0


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000, 64000])
@pytest.mark.parametrize("down", [True, False])
def test_a_stream_in_pieces_is_the_whole_clip(rate: int, down: bool) -> None:
    rng = np.random.default_rng(rate)
    sound = rng.integers(-8000, 8000, 5000).astype(np.int16)
    ends = (rate, 8000) if down else (8000, rate)
    stream = StreamResampler(*ends)

    pieces = np.split(sound, np.sort(rng.integers(0, len(sound), 40)))
    made = np.concatenate([*(stream.push(piece) for piece in pieces), stream.end()])

    assert len(made) == len(resample(sound, *ends))
    assert np.abs(made.astype(int) - resample(sound, *ends)).max() <= 1


def test_a_stream_gives_all_but_its_lookahead() -> None:
    stream = StreamResampler(8000, 48000)

    made = [len(stream.push(np.zeros(160, np.int16))) for _ in range(3)]

    assert made == [(160 - stream.lookahead) * 6, 960, 960]
