"""DTMF tones have the two frequencies of their key, and no other."""

import numpy as np
import pytest

from jambones.media.tones import dtmf

PAIRS = {"1": (697, 1209), "5": (770, 1336), "0": (941, 1336), "#": (941, 1477), "D": (941, 1633)}


@pytest.mark.parametrize("key", PAIRS)
def test_a_key_is_its_two_frequencies(key: str) -> None:
    tone = dtmf(key, 200)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), 8000))

    first = int(spectrum.argmax())
    spectrum[first - 20 : first + 20] = 0
    assert sorted([first, int(spectrum.argmax())]) == pytest.approx(PAIRS[key], abs=3)
    assert len(tone) == 1600


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        dtmf("x", 100)
