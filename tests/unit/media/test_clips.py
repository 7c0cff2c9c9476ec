"""The clip pool: bounded, shared, and never taking away what somebody holds."""

from collections.abc import Iterator

import numpy as np
import pytest

from jambones.media.clips import FRAME, Clip, ClipPool, PoolFull
from jambones.media.codecs import LAWS

SECOND = 2 * (8000 + FRAME)


@pytest.fixture
def pool() -> Iterator[ClipPool]:
    pool = ClipPool(3 * SECOND)
    yield pool
    pool.close()


def sound(seed: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.random.default_rng(seed).integers(-9000, 9000, 8000).astype(np.int16)


def held(pool: ClipPool, clip: Clip, law: int) -> bytes:
    offset, samples = clip.segment[law], clip.segment[2]
    return pool._memory[offset : offset + samples + FRAME].tobytes()


@pytest.mark.parametrize("law", [0, 1])
def test_a_clip_lies_there_in_both_laws_with_silence_behind(pool: ClipPool, law: int) -> None:
    clip = pool.add("one", sound(1))

    assert held(pool, clip, law) == LAWS[law].encode(sound(1)).tobytes() + bytes([LAWS[law].silence]) * FRAME
    assert (clip.samples, clip.seconds) == (8000, 1.0)


def test_the_same_key_is_the_same_clip(pool: ClipPool) -> None:
    assert pool.add("one", sound(1)) is pool.add("one", sound(1)) is pool.get("one")


def test_the_least_recently_used_goes_first(pool: ClipPool) -> None:
    for key in ("a", "b", "c"):
        pool.add(key, sound(1))
    pool.get("a")

    pool.add("d", sound(2))

    assert [key for key in "abcd" if pool.get(key)] == ["a", "c", "d"]


def test_what_is_held_stays(pool: ClipPool) -> None:
    clips = [pool.add(key, sound(number)) for number, key in enumerate("abc")]
    before = [held(pool, clip, 0) for clip in clips]

    with pytest.raises(PoolFull):
        pool.add("d", sound(9))

    assert [held(pool, clip, 0) for clip in clips] == before
    assert pool.get("a") is clips[0]


def test_free_pieces_grow_together_again(pool: ClipPool) -> None:
    for key in "abc":
        pool.add(key, sound(1))

    long = pool.add("long", np.zeros(3 * 8000 + 2 * FRAME, np.int16))  # all of the pool

    assert long.samples == 3 * 8000 + 2 * FRAME


def test_a_clip_larger_than_the_pool_is_refused(pool: ClipPool) -> None:
    with pytest.raises(PoolFull):
        pool.add("huge", np.zeros(100_000, np.int16))
