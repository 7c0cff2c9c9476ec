"""Voice detection of many legs against a plain detector of one."""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from jambones.media.codecs import DECODE, LAWS, PCMU
from jambones.media.vad import FRAME_MS, VoiceActivity, VoiceSettings, levels


@dataclass
class PlainDetector:
    settings: VoiceSettings
    floor: float
    run: int = 0
    speaking: bool = False

    def update(self, level: float) -> bool:
        """Return whether the line began or ceased to speak."""
        s = self.settings
        voice = level > s.least_level and level > self.floor * s.above_floor
        self.floor = min(self.floor * s.floor_rise, max(level, s.floor_least))
        self.run = self.run + 1 if voice != self.speaking else 0
        if self.run < (s.silence_ms if self.speaking else s.voice_ms) // FRAME_MS:
            return False
        self.speaking, self.run = not self.speaking, 0
        return True


@pytest.mark.parametrize("seed", range(4))
def test_every_leg_is_judged_as_by_its_plain_twin(seed: int) -> None:
    rng, rows = Random(seed), 9
    many = VoiceActivity(rows + 3)
    twins = [PlainDetector(many.settings, many.settings.floor_least) for _ in range(rows)]
    loud = [False] * rows
    for frame in range(1500):
        loud = [rng.random() < 0.5 if rng.random() < 0.03 else was for was in loud]
        frame_levels = [rng.uniform(400, 6000) if is_loud else rng.uniform(0, 150) for is_loud in loud]
        frame_levels[0] = 900.0 if frame < 750 else 5000.0  # steady noise, then a louder one
        changed = many.update(np.array(frame_levels, np.float32))
        expected = [row for row, twin in enumerate(twins) if twin.update(frame_levels[row])]
        assert changed.tolist() == expected, frame
        assert many.speaking[:rows].tolist() == [twin.speaking for twin in twins]


def test_steady_noise_stops_being_voice() -> None:
    voice = VoiceActivity(1)
    for _ in range(500):
        voice.update(np.array([1000.0], np.float32))

    assert not voice.speaking[0]


def test_a_level_is_the_mean_magnitude_of_every_fourth_pair_of_samples() -> None:
    codes = np.random.default_rng(1).integers(0, 256, (6, 160)).astype(np.uint8)
    laws = np.array([0, 1, 0, 1, 1, 0], np.uint8)

    found = levels(codes, laws)

    for row in range(6):
        heard = [i for i in range(160) if i % 8 < 2]
        plain = sum(abs(int(DECODE[laws[row]][codes[row, i]])) for i in heard) / len(heard)
        assert found[row] == pytest.approx(plain, rel=1e-5)


def test_levels_of_one_law_are_those_of_both() -> None:
    sound = (np.sin(np.arange(160) / 3) * 4000).astype(np.int16)
    codes = LAWS[PCMU].encode(sound)[None, :]

    assert levels(codes, np.zeros(1, np.uint8))[0] == pytest.approx(2 / np.pi * 4000, rel=0.05)
