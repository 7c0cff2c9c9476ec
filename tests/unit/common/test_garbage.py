"""Full collections wait for a quiet moment, but not for ever."""

import pytest

from jambones.common.garbage import AT_LATEST, WHEN_IDLE, Collections


@pytest.mark.parametrize(
    ("age", "calls", "collects"),
    [(WHEN_IDLE - 1, 0, False), (WHEN_IDLE, 0, True), (WHEN_IDLE, 3, False), (AT_LATEST, 3, True)],
)
async def test_when_all_objects_are_looked_through(age: float, calls: int, collects: bool) -> None:
    now = 0.0
    collections = Collections(lambda: calls, clock=lambda: now)

    now = age

    assert await collections.look() is collects


async def test_once_done_it_waits_again() -> None:
    now = 0.0
    collections = Collections(lambda: 0, clock=lambda: now)
    now = WHEN_IDLE

    assert [await collections.look(), await collections.look()] == [True, False]
