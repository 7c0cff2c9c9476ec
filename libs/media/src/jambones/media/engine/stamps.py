"""Whose packets the kernel stamps with their arrival: all while there are few legs, else one socket's after the other.

A stamp makes receiving a packet an eighth dearer. The jitter of RFC 3550 section 6.4.1 is an estimate that
settles within some tenths of a second, so a second now and then keeps it; between its turns a leg's estimate stands.
"""

from typing import Final

import numpy as np

from jambones.media.engine.legs import Legs
from jambones.media.engine.reception import Reception
from jambones.media.engine.sockets import Ports

FEW: Final = 256  # legs
TURN: Final = 50  # ticks


class Stamps:
    """Turns over the sockets of `ports`; all are stamped at first."""

    def __init__(self, ports: Ports, legs: Legs, reception: Reception) -> None:
        self._ports, self._legs, self._reception = ports, legs, reception
        self._turn: int | None = None

    def look(self, tick: int) -> None:
        """See whether it is somebody else's turn."""
        if tick % TURN:
            return
        if np.count_nonzero(self._legs.active) <= FEW:
            if self._turn is not None:
                self._begin(None)
        else:
            self._begin(0 if self._turn is None else (self._turn + 1) % len(self._ports.rtp))

    def _begin(self, turn: int | None) -> None:
        """Stamp the packets of one socket, or (None) of all; what came before the pause says nothing about jitter."""
        before, self._turn = self._turn, turn
        for index in range(len(self._ports.rtp)):
            was, is_ = before in (None, index), turn in (None, index)
            if was != is_:
                self._ports.stamp(index, is_)
            if is_ and not was:
                self._reception.pause(np.flatnonzero(self._legs.socket == index))
