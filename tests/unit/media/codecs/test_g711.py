"""Both G.711 laws against the standard's own arithmetic, one sample at a time."""

import numpy as np
import pytest

from jambones.media.codecs import DECODE, LAWS, PCMA, PCMU, SILENCE, TRANSCODE, by_name


def plain_mu_law(code: int) -> int:
    code = ~code & 0xFF
    magnitude = ((code & 0x0F) << 3) + 0x84
    magnitude = (magnitude << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def plain_a_law(code: int) -> int:
    code ^= 0x55
    segment, magnitude = code >> 4 & 7, (code & 0x0F) << 4
    magnitude += 8 if segment == 0 else 0x108
    if segment > 1:
        magnitude <<= segment - 1
    return magnitude if code & 0x80 else -magnitude


PLAIN = {PCMU: plain_mu_law, PCMA: plain_a_law}


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_every_code_means_what_the_standard_says(law: int) -> None:
    assert LAWS[law].decode_table.tolist() == [PLAIN[law](code) for code in range(256)]


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_every_sample_becomes_a_code_of_the_nearest_level(law: int) -> None:
    levels = sorted(PLAIN[law](code) for code in range(256))
    samples = np.arange(-32768, 32768, 37, dtype=np.int16)

    decoded = LAWS[law].decode(LAWS[law].encode(samples)).tolist()

    for sample, level in zip(samples.tolist(), decoded, strict=True):
        assert abs(level - sample) == min(abs(each - sample) for each in levels)


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_silence_is_the_code_of_zero(law: int) -> None:
    assert LAWS[law].encode(np.zeros(3, np.int16)).tolist() == [LAWS[law].silence] * 3 == [int(SILENCE[law])] * 3


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_the_other_law_says_nearly_the_same(law: int) -> None:
    codes = np.arange(256, dtype=np.uint8)
    before = DECODE[law][codes].astype(int)
    after = DECODE[1 - law][TRANSCODE[law][codes]].astype(int)

    assert np.all(np.abs(after - before) <= np.maximum(16, np.abs(before) // 16))


def test_laws_are_found_by_their_sdp_names() -> None:
    assert (by_name("PCMU"), by_name("pcma"), by_name("opus")) == (PCMU, PCMA, None)
