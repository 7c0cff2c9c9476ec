"""The jitter rings against a plain one-leg twin, and what the twin must do itself."""

from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from jambones.media.codecs import LAWS, PCMA, PCMU
from jambones.media.engine.jitter import ADAPT_TICKS, CONCEALED, FRAME, LONGEST_DELAY, SLOTS, START_DELAY, JitterRings

LEGS = 7


@dataclass
class PlainBuffer:
    """One leg, packet by packet, frames kept by their number."""

    law: int
    base: int | None = None
    play: int = 0
    slack: int | None = None
    missing: int = CONCEALED
    frames: dict[int, bytes] = field(default_factory=dict)
    last: bytes = b""
    late: int = 0
    repeated: int = 0
    reads: int = 0

    def put(self, timestamp: int, codes: bytes) -> None:
        if self.base is None:
            self.begin(timestamp)
        ahead = self.ahead(timestamp)
        if ahead >= SLOTS or ahead < -SLOTS:
            self.frames.clear()
            self.missing = CONCEALED
            self.begin(timestamp)
            ahead = self.ahead(timestamp)
        self.slack = ahead if self.slack is None else min(self.slack, ahead)
        if ahead >= 0:
            self.repeated += self.play + ahead in self.frames
            self.frames[self.play + ahead] = codes
            return
        self.late += 1
        if self.slack < LONGEST_DELAY - START_DELAY:
            self.play -= 1
            self.slack = None
            self.frames.pop(self.play + SLOTS, None)

    def begin(self, timestamp: int) -> None:
        self.base, self.play, self.slack = timestamp, -START_DELAY, None

    def ahead(self, timestamp: int) -> int:
        assert self.base is not None
        samples = (timestamp - self.base + 2**31) % 2**32 - 2**31
        return (samples + FRAME // 2) // FRAME - self.play

    def read(self) -> bytes:
        codes = self.frames.pop(self.play, None)
        self.play += 1
        law = LAWS[self.law]
        if codes is not None:
            self.missing = 0
        elif self.missing >= CONCEALED:
            codes = bytes([law.silence]) * FRAME
        else:
            self.missing += 1
            levels = [int(int(law.decode_table[code]) * 0.7) for code in self.last]
            codes = law.encode(np.array(levels, np.int16)).tobytes()
        self.last = codes
        self.reads += 1
        if self.reads % ADAPT_TICKS == 0:
            if self.slack is not None and self.slack > START_DELAY:
                self.frames.pop(self.play, None)
                self.play += 1
            self.slack = None
        return codes


def frame(rng: Random) -> bytes:
    return rng.randbytes(FRAME)


def stack(frames: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(frames), np.uint8).reshape(-1, FRAME)


def streaming(value: bool = True) -> NDArray[np.bool_]:
    return np.full(LEGS, value)


@pytest.mark.parametrize("seed", range(6))
def test_every_leg_hears_what_its_plain_twin_hears(seed: int) -> None:
    rng = Random(seed)
    rings = JitterRings(LEGS + 2)
    twins = [PlainBuffer(law=row % 2) for row in range(LEGS)]
    for row, twin in enumerate(twins):
        rings.open(row, twin.law)
    clocks = [rng.getrandbits(32) for _ in range(LEGS)]
    waiting: list[list[tuple[int, int, bytes]]] = [[] for _ in range(LEGS)]  # (tick it comes, timestamp, codes)
    for tick in range(500):
        for row in range(LEGS):
            clocks[row] = (clocks[row] + FRAME) % 2**32
            if row == 3 and tick in {150, 300}:
                clocks[row] = rng.getrandbits(32)  # a jump of the peer's clock
            if rng.random() < 0.06 * row / LEGS:
                continue  # lost
            delay = rng.choice([0, 0, 0, 1, 2, 5]) if row > 1 else 0
            packet = (tick + delay, clocks[row], frame(rng))
            waiting[row] += [packet] * (2 if rng.random() < 0.03 else 1)
        while True:  # one packet of each leg at a time
            due = [(row, *item) for row in range(LEGS) for item in waiting[row][:1] if item[0] <= tick]
            if not due:
                break
            for row, *_ in due:
                waiting[row].pop(0)
            rings.put(
                np.array([row for row, *_ in due]),
                np.array([stamp for _, _, stamp, _ in due], np.uint32),
                stack([codes for *_, codes in due]),
            )
            for row, _, stamp, codes in due:
                twins[row].put(stamp, codes)
        heard = rings.read(LEGS, streaming())
        for row, twin in enumerate(twins):
            assert heard[row].tobytes() == twin.read(), f"leg {row} in tick {tick}"
    assert [int(x) for x in rings.late[:LEGS]] == [twin.late for twin in twins]
    assert [int(x) for x in rings.repeated[:LEGS]] == [twin.repeated for twin in twins]


def test_a_burst_of_one_leg_is_put_in_order() -> None:
    rings, frames = JitterRings(1), [bytes([i]) * FRAME for i in range(6)]
    rings.open(0, PCMU)
    order = [0, 2, 1, 5, 3, 4]

    stamps = np.array([FRAME * i for i in order], np.uint32)
    rings.put(np.zeros(6, np.intp), stamps, stack([frames[i] for i in order]))

    heard = [rings.read(1, np.ones(1, np.bool_))[0].tobytes() for _ in range(START_DELAY + 6)]
    assert heard[START_DELAY:] == frames


def test_a_late_packet_does_not_shift_those_that_came_with_it() -> None:
    rings = JitterRings(1)
    rings.open(0, PCMU)
    rings.put(np.array([0]), np.array([0], np.uint32), stack([bytes(FRAME)]))
    for _ in range(START_DELAY + 2):
        rings.read(1, np.zeros(1, np.bool_))

    late_and_next = np.array([FRAME, 2 * FRAME], np.uint32)
    rings.put(np.zeros(2, np.intp), late_and_next, stack([b"\x11" * FRAME, b"\x22" * FRAME]))

    rings.read(1, np.zeros(1, np.bool_))  # the frame longer that we wait from now on
    assert rings.read(1, np.zeros(1, np.bool_))[0].tobytes() == b"\x22" * FRAME
    assert rings.late[0] == 1


def test_repeats_are_counted_within_a_batch_too() -> None:
    rings = JitterRings(1)
    rings.open(0, PCMU)

    rings.put(np.zeros(3, np.intp), np.array([0, 0, FRAME], np.uint32), stack([bytes(FRAME)] * 3))
    rings.put(np.zeros(1, np.intp), np.array([FRAME], np.uint32), stack([bytes(FRAME)]))

    assert rings.repeated[0] == 2


def test_a_missing_frame_is_an_underrun_only_while_the_peer_streams() -> None:
    rings = JitterRings(LEGS)
    for row in range(2):
        rings.open(row, PCMA)
    rings.put(np.array([0, 1]), np.zeros(2, np.uint32), stack([bytes(FRAME)] * 2))

    for _ in range(START_DELAY + 1 + 5):
        rings.read(2, np.array([True, False]))

    assert rings.underruns[:2].tolist() == [CONCEALED, 0]


@pytest.mark.parametrize("samples", [80, 240, 320, 480])
def test_packets_of_other_lengths_play_as_one_stream(samples: int) -> None:
    rings, rng = JitterRings(3), np.random.default_rng(samples)
    rings.open(1, PCMU)
    sound = rng.integers(0, 256, 4800).astype(np.uint8)

    for at in range(0, 1920, samples):
        rings.put_one(1, at, sound[at : at + samples])

    ticks = START_DELAY + 1920 // FRAME
    heard = np.concatenate([rings.read(3, streaming()[:3])[1].copy() for _ in range(ticks)])
    assert np.array_equal(heard[START_DELAY * FRAME :], sound[:1920])


def test_rows_can_be_opened_above_those_in_use() -> None:
    rings = JitterRings(8)
    rings.open(0, PCMU)
    rings.read(1, streaming())
    rings.open(6, PCMA)

    rings.put(np.array([6]), np.array([5], np.uint32), stack([b"\x42" * FRAME]))
    heard = [rings.read(7, streaming())[6].tobytes() for _ in range(START_DELAY + 1)]

    assert heard[-1] == b"\x42" * FRAME
