"""Whose packets are stamped: everybody's, or by turns."""

from typing import Any

import numpy as np

from jambones.media.codecs import PCMU
from jambones.media.engine.legs import Legs
from jambones.media.engine.reception import Reception
from jambones.media.engine.sockets import Outbound
from jambones.media.engine.stamps import FEW, TURN, Stamps
from jambones.media.messages import Open

SOCKETS = 3


class World:
    def __init__(self, legs: int) -> None:
        self.stamped = set(range(SOCKETS))
        self.legs, self.reception = Legs(FEW + 10, Outbound(FEW + 10, 172)), Reception(FEW + 10)
        for row in range(legs):
            self.open(row)
        world = self

        class Ports:
            rtp = [None] * SOCKETS

            def stamp(self, index: int, on: bool) -> None:
                assert on == (index not in world.stamped)  # nothing is said twice
                (world.stamped.add if on else world.stamped.remove)(index)

        ports: Any = Ports()
        self.stamps = Stamps(ports, self.legs, self.reception)
        self.tick = 0

    def open(self, row: int) -> None:
        self.legs.open(
            Open(row, True, row % SOCKETS, PCMU, 0, 0, 101, 101, "192.0.2.1", 4000 + 2 * row, 0, True, True, 160)
        )
        self.reception.open(row)

    def turn(self) -> set[int]:
        for _ in range(TURN):
            self.tick += 1
            self.stamps.look(self.tick)
        return set(self.stamped)

    def hear(self, row: int, arrival: float, timestamp: int) -> None:
        self.reception.note_transit(np.array([row]), np.array([arrival]), np.array([timestamp], np.uint32))


def test_few_legs_are_all_stamped() -> None:
    world = World(FEW)

    assert [world.turn() for _ in range(3)] == [{0, 1, 2}] * 3


def test_many_legs_are_stamped_by_turns_and_all_again_when_they_are_few() -> None:
    world = World(FEW + 1)

    assert [world.turn() for _ in range(4)] == [{0}, {1}, {2}, {0}]
    world.legs.close(0)
    assert world.turn() == {0, 1, 2}
    world.open(0)
    assert world.turn() == {0}


def test_jitter_stands_between_turns_and_a_drifting_clock_is_not_taken_for_it() -> None:
    world = World(FEW + 1)
    for row in (0, 1):
        world.hear(row, 0.0, 0)
        world.hear(row, 0.030, 160)  # 10 ms late
    before = world.reception.jitter_ms(1)
    assert before > 0
    world.turn()  # socket 0's
    world.turn()  # socket 1's
    world.hear(1, 3.0, 160)  # the clocks have gone apart, by less than a second
    assert world.reception.jitter_ms(1) == before
    world.hear(1, 3.020, 320)
    assert 0 < world.reception.jitter_ms(1) < before
