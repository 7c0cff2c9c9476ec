"""Which bindings are to go."""

import pytest

from jambones.registrar.sweeper import over
from jambones.sbc.registrations import Stored
from tests.unit.registrar.test_expiry import NOW, binding


@pytest.mark.parametrize(
    ("later", "silent", "why"),
    [
        (0, 0.0, None),
        (59_000, 0.0, None),
        (62_000, 0.0, None),  # the server's own expiry comes first
        (66_000, 0.0, "expired"),
        (40_000, 31.0, "edge lost"),
        (40_000, 29.0, None),
        (40_000, float("inf"), "edge lost"),
        (10_000, float("inf"), None),  # just registered: the edge lives, its heartbeat is on its way
    ],
)
def test_expired_ones_and_those_of_a_lost_edge(later: int, silent: float, why: str | None) -> None:
    stored = Stored(("r", "ann", "x"), binding(stored=60, granted=60), 1)

    assert over(stored, NOW + later, silent, 30.0) == why
