"""Pushed audio against a plain queue of samples and marks."""

from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from jambones.media.codecs import LAWS, SILENCE
from jambones.media.engine import playouts as module
from jambones.media.engine.playouts import FRAME, Playouts
from jambones.media.messages import Marked, Message, Overflowed, Push


def push(row: int, samples: NDArray[np.int16] | list[int], stream: int = 1) -> Push:
    return Push(row, stream, 0, np.array(samples, "<i2").tobytes())


def heard(playouts: Playouts, ticks: int, law: int = 0) -> list[bytes]:
    laws, silence = np.full(2, law, np.uint8), np.full(2, SILENCE[law], np.uint8)
    frames = []
    for _ in range(ticks):
        said = np.full((2, FRAME), SILENCE[law], np.uint8)
        playouts.fill(said, laws, silence)
        frames.append(said[1].tobytes())
    return frames


@pytest.mark.parametrize("law", [0, 1])
@pytest.mark.parametrize("seed", range(10))
def test_what_is_pushed_is_played_in_order_and_marks_come_in_their_frame(seed: int, law: int) -> None:
    rng, noise = Random(seed), np.random.default_rng(seed)
    told: list[Message] = []
    playouts = Playouts(told.append)
    sound = b""
    due: list[tuple[int, int]] = []  # mark, the frame in which the last sample before it is played
    for number in range(20):
        samples = noise.integers(-20000, 20000, rng.choice([0, 1, 80, 160, 161, 700])).astype(np.int16)
        playouts.push(push(1, samples))
        sound += LAWS[law].encode(samples).tobytes()
        if sound and rng.random() < 0.5:
            playouts.mark(1, 1, number)
            due.append((number, (len(sound) - 1) // FRAME))

    frames: list[bytes] = []
    marks: list[tuple[int, int]] = []
    while len(playouts):
        frames += heard(playouts, 1, law)
        marks += [(message.mark, len(frames) - 1) for message in told if isinstance(message, Marked)]
        told.clear()

    assert b"".join(frames) == sound.ljust(len(frames) * FRAME, bytes([int(SILENCE[law])]))
    assert marks == due


def test_little_audio_waits_for_more_but_not_for_ever() -> None:
    playouts = Playouts(lambda message: None)
    playouts.push(push(1, [1000] * FRAME))

    quiet = [set(frame) == {0xFF} for frame in heard(playouts, 6)]

    assert quiet == [True, True, True, False, True, True]


def test_after_a_gap_it_gathers_again() -> None:
    playouts = Playouts(lambda message: None)
    playouts.push(push(1, [1000] * 4 * FRAME))
    assert [set(frame) == {0xFF} for frame in heard(playouts, 5)] == [False] * 4 + [True]

    playouts.push(push(1, [1000] * FRAME))

    assert set(heard(playouts, 1)[0]) == {0xFF}


def test_clearing_tells_the_marks_and_drops_the_audio() -> None:
    told: list[Message] = []
    playouts = Playouts(told.append)
    playouts.push(push(1, [1000] * 8000))
    playouts.mark(1, 1, 1)
    playouts.mark(1, 1, 2)

    playouts.clear(1, 1, audio=True)

    assert told == [Marked(1, 1, 1, False), Marked(1, 1, 2, False)]
    assert set(b"".join(heard(playouts, 5))) == {0xFF}


def test_clearing_only_the_marks_leaves_the_audio() -> None:
    told: list[Message] = []
    playouts = Playouts(told.append)
    playouts.push(push(1, [1000] * 4 * FRAME))
    playouts.mark(1, 1, 1)

    playouts.clear(1, 1, audio=False)
    frames = heard(playouts, 4)

    assert told == [Marked(1, 1, 1, False)]
    assert 0xFF not in b"".join(frames)


def test_a_mark_where_nothing_waits_is_reached_at_once() -> None:
    told: list[Message] = []

    Playouts(told.append).mark(1, 1, 9)

    assert told == [Marked(1, 1, 9, True)]


def test_what_finds_no_room_is_said_to_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 1000)
    told: list[Message] = []
    playouts = Playouts(told.append)

    playouts.push(push(1, [1] * 900))
    playouts.push(push(1, [1] * 300))

    assert told == [Overflowed(1, 1, 200)]


def test_it_is_added_to_what_is_said_already() -> None:
    playouts = Playouts(lambda message: None)
    playouts.push(push(1, [4000] * 640))
    said = np.tile(LAWS[0].encode(np.full(FRAME, 1000, np.int16)), (2, 1))

    playouts.fill(said, np.zeros(2, np.uint8), SILENCE[[0, 0]])

    assert LAWS[0].decode(said[1]).mean() == pytest.approx(5000, rel=0.05)
    assert LAWS[0].decode(said[0]).mean() == pytest.approx(1000, rel=0.05)
