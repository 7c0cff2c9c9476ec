"""Full collections wait for a quiet moment, but not for ever."""

import pytest

from jambones.common.garbage import AT_LATEST, WHEN_IDLE, Collections, resident


@pytest.mark.parametrize(
    ("age", "calls", "collects"),
    [(WHEN_IDLE - 1, 0, False), (WHEN_IDLE, 0, True), (WHEN_IDLE, 3, False), (AT_LATEST, 3, True)],
)
async def test_when_all_objects_are_looked_through(age: float, calls: int, collects: bool) -> None:
    now = 0.0
    collections = Collections(lambda: calls, clock=lambda: now, memory=lambda: 100)

    now = age

    assert await collections.look() is collects


async def test_once_done_it_waits_again() -> None:
    now = 0.0
    collections = Collections(lambda: 0, clock=lambda: now, memory=lambda: 100)
    now = WHEN_IDLE

    assert [await collections.look(), await collections.look()] == [True, False]


async def test_when_memory_has_grown_it_does_not_wait_and_the_growth_counts_from_then() -> None:
    used = 100
    collections = Collections(lambda: 3, clock=lambda: 0.0, memory=lambda: used)

    used = 125
    before = await collections.look()
    used = 126

    assert [before, await collections.look(), await collections.look()] == [False, True, False]


def test_the_memory_of_this_process_is_known() -> None:
    assert resident() > 1_000_000
