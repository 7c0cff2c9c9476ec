"""Legs by remote address, against a dictionary."""

from random import Random

import numpy as np

from jambones.media.engine.remotes import Remotes, socket_key
from jambones.media.engine.sockets import address_key


def test_it_finds_what_a_dictionary_finds() -> None:
    rng, remotes, twin = Random(1), Remotes(), dict[int, int]()
    everyone = [
        socket_key(rng.randrange(8), address_key(f"10.{rng.randrange(3)}.{n % 250}.{n // 250}", rng.randrange(65536)))
        for n in range(2000)
    ]
    for turn in range(3000):
        key = rng.choice(everyone)
        if rng.random() < 0.6:
            assert remotes.add(key, turn) == (twin.get(key, turn) == turn)
            twin.setdefault(key, turn)
        else:
            remotes.remove(key)
            twin.pop(key, None)
        if turn % 50 == 0:
            asked = rng.sample(everyone, 300)
            assert remotes.find(np.array(asked)).tolist() == [twin.get(each, -1) for each in asked]


def test_nobody_is_found_where_nobody_is() -> None:
    assert Remotes().find(np.array([1, 2, 3])).tolist() == [-1, -1, -1]


def test_keys_with_the_same_hash_are_told_apart() -> None:
    remotes = Remotes()
    keys = list(range(70_000))  # more than there are places
    for key in keys[:200]:
        remotes.add(key, key)

    assert remotes.find(np.array(keys)).tolist() == [key if key < 200 else -1 for key in keys]
