"""Forks against a plain one: decode each code, sum or interleave sample by sample, change the rate of the whole."""

from random import Random

import numpy as np
import pytest

from jambones.media.codecs import LAWS
from jambones.media.engine.forks import Forks
from jambones.media.messages import Fork, Heard, Message
from jambones.media.resample import history, resample

FRAME = 160
TICKS = 12


def plain(heard: bytes, said: bytes, law: int, mix: str, rate: int) -> list[list[int]]:
    """The channels of a fork, one sample at a time, without the frames' delay."""
    levels = LAWS[law].decode_table.tolist()
    mine, theirs = [levels[code] for code in heard], [levels[code] for code in said]
    match mix:
        case "mono":
            channels = [mine]
        case "mixed":
            channels = [[max(-32768, min(32767, a + b)) for a, b in zip(mine, theirs, strict=True)]]
        case _:
            channels = [mine, theirs]
    return [resample(np.array(channel, np.int16), 8000, rate).tolist() for channel in channels]


@pytest.mark.parametrize("seed", range(20))
def test_a_fork_brings_what_the_plain_one_brings(seed: int) -> None:
    rng = Random(seed)
    codes = np.random.default_rng(seed).integers(0, 256, (2, TICKS, 4, FRAME)).astype(np.uint8)
    laws = np.array([rng.randint(0, 1) for _ in range(4)], np.uint8)
    told: list[Message] = []
    forks = Forks(told.append)
    wanted = [
        Fork(row, stream, rng.choice(["mono", "mixed", "stereo"]), rng.choice([8000, 16000, 24000, 32000, 48000]))
        for row in (0, 2, 3)
        for stream in range(rng.randint(1, 2))
    ]
    for fork in wanted:
        forks.start(fork)

    for tick in range(TICKS):
        forks.note(codes[0, tick], codes[1, tick], laws)

    for row, stream, mix, rate in wanted:
        frames = [m.pcm for m in told if isinstance(m, Heard) and (m.row, m.stream) == (row, stream)]
        channels = 2 if mix == "stereo" else 1
        assert {len(frame) for frame in frames} == {FRAME * rate // 8000 * 2 * channels}
        made = np.frombuffer(b"".join(frames), "<i2").reshape(-1, channels)
        law = int(laws[row])
        expected = plain(codes[0, :, row].tobytes(), codes[1, :, row].tobytes(), law, mix, rate)
        lag = (len(history(rate // 8000)) + 1) // 2 * rate // 8000
        assert lag <= 25 * rate // 10_000  # at most 2.5 ms
        for channel, samples in enumerate(expected):
            got, want = made[lag:, channel].astype(int), np.array(samples[: len(made) - lag])
            assert np.abs(got - want).max() <= 1


def test_frames_are_numbered_and_a_pause_makes_none() -> None:
    told: list[Message] = []
    forks = Forks(told.append)
    forks.start(Fork(1, 5, "mono", 8000))
    loud = np.full((2, FRAME), 0x00, np.uint8)

    def tick() -> None:
        forks.note(loud, loud, np.zeros(2, np.uint8))

    tick()
    forks.set(1, 5, "pause")
    tick()
    forks.set(1, 5, "silence")
    tick()
    forks.set(1, 5, "on")
    tick()

    frames = [message for message in told if isinstance(message, Heard)]
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert [any(frame.pcm) for frame in frames] == [True, False, True]
    assert {len(frame.pcm) for frame in frames} == {320}


def test_a_leg_that_closes_takes_its_forks_with_it() -> None:
    forks = Forks(lambda message: None)
    forks.start(Fork(1, 1, "mono", 8000))
    forks.start(Fork(1, 2, "stereo", 16000))
    forks.start(Fork(2, 3, "mixed", 8000))

    forks.close(1)
    assert forks.rows == [2]
    forks.stop(2, 3)
    assert forks.rows == []


@pytest.mark.parametrize(("mix", "rate"), [("quad", 8000), ("mono", 11025)])
def test_what_there_is_not_is_refused(mix: str, rate: int) -> None:
    with pytest.raises(ValueError, match="no fork"):
        Forks(lambda message: None).start(Fork(0, 1, mix, rate))
