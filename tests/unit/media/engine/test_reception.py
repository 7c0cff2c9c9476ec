"""Reception statistics against RFC 3550's own arithmetic, one packet at a time."""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from jambones.media.engine.reception import Reception

LEGS = 5


@dataclass
class PlainSource:
    base: int = 0
    highest: int = 0
    received: int = 0
    jitter: float = 0.0
    transit: float | None = None

    def note(self, sequence: int, arrival: float, timestamp: int) -> None:
        if not self.received:
            self.base = self.highest = sequence
        delta = (sequence - self.highest + 2**15) % 2**16 - 2**15
        self.highest = max(self.highest, self.highest + delta)
        self.received += 1
        transit = arrival * 8000 - timestamp
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit

    @property
    def expected(self) -> int:
        return self.highest - self.base + 1


@pytest.mark.parametrize("seed", range(4))
def test_counts_and_jitter_are_those_of_the_plain_sources(seed: int) -> None:
    rng, reception = Random(seed), Reception(LEGS + 1)
    twins = [PlainSource() for _ in range(LEGS)]
    start = [rng.randrange(2**16) for _ in range(LEGS)]
    reports = [(0, 0)] * LEGS
    for tick in range(600):
        rows = [row for row in range(LEGS) if rng.random() > 0.1 * row / LEGS]
        back = [rng.choice([0, 0, 0, 1]) if row == 2 else 0 for row in rows]
        sequences = [(start[row] + tick - late) % 2**16 for row, late in zip(rows, back, strict=True)]
        arrivals = [tick * 0.02 + rng.random() * 0.01 for _ in rows]
        reception.note(np.array(rows), np.array(sequences), np.array(rows, np.uint32) + 7)
        stamps = np.full(len(rows), tick * 160, np.uint32)
        reception.note_transit(np.array(rows), np.array(arrivals), stamps)
        for row, sequence, arrival in zip(rows, sequences, arrivals, strict=True):
            twins[row].note(sequence, arrival, tick * 160)
        if tick % 200 == 199:
            for row, twin in enumerate(twins):
                block = reception.block(row)
                assert block is not None
                expected, received = twin.expected - reports[row][0], twin.received - reports[row][1]
                reports[row] = twin.expected, twin.received
                assert block.fraction_lost == max(0, (expected - received) * 256 // expected)
                assert block.packets_lost == twin.expected - twin.received
                assert block.highest_sequence == twin.highest
                assert block.jitter == int(twin.jitter)
    for row, twin in enumerate(twins):
        assert reception.total(row) == twin.received
        assert reception.jitter_ms(row) == pytest.approx(twin.jitter / 8)


def test_another_source_begins_anew_and_nothing_is_forgotten() -> None:
    reception, row = Reception(1), np.array([0])
    for sequence in (10, 11, 13):
        reception.note(row, np.array([sequence]), np.array([1], np.uint32))

    changed = reception.note(row, np.array([40000]), np.array([2], np.uint32))

    assert changed.tolist() == [0]
    assert (reception.total(0), reception.lost(0)) == (4, 1)
    assert reception.ssrc[0] == 2


def test_what_is_left_of_the_old_source_in_a_batch_says_nothing_of_the_new() -> None:
    reception = Reception(1)
    reception.note(np.array([0]), np.array([10]), np.array([1], np.uint32))

    reception.note(np.array([0, 0, 0]), np.array([11, 30000, 30001]), np.array([1, 2, 2], np.uint32))

    assert reception.lost(0) == 0
    block = reception.block(0)
    assert block is not None
    assert block.highest_sequence == 30001


def test_no_packets_no_report() -> None:
    assert Reception(1).block(0) is None
