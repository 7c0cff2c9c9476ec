"""What the SBC's rtpengine counts of a leg whose audio does not pass us, and what that says. The decision is pure."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from jambones.common.bus import Bus
from jambones.common.bus.bus import RemoteError
from jambones.common.bus.control import LegCommand
from jambones.common.errors import BusUnavailable
from jambones.common.ids import new_sid

LIMIT = 2.0  # seconds for the answer; there is another look soon


@dataclass(frozen=True, slots=True)
class SbcLeg:
    """A leg as its SBC names it."""

    edge_id: str
    leg_id: str

    @classmethod
    def of(cls, edge: str | None, leg: str | None) -> Self | None:
        """From X-Jambones-Edge and X-Jambones-Leg."""
        name = (edge or "").partition(";")[0].strip()
        return cls(name, leg) if name and leg else None


@dataclass(frozen=True, slots=True)
class Packets:
    """RTP packets so far: of the party, and of the inside for it."""

    said: int
    heard: int


class NotThere(Exception):
    """The SBC or its rtpengine does not have the leg any more."""


Measure = Callable[[SbcLeg], Awaitable[Packets | None]]
"""None when nobody says; raises NotThere."""


def measuring(bus: Bus) -> Measure:
    """Ask the SBCs over the bus."""

    async def measure(leg: SbcLeg) -> Packets | None:
        question = LegCommand(edge_id=leg.edge_id, leg_id=leg.leg_id, op="media.stats", request_id=new_sid())
        try:
            result = (await bus.request(question, timeout=LIMIT)).result or {}
        except BusUnavailable:
            return None
        except RemoteError as exc:
            if exc.http_status == BusUnavailable.http_status:
                return None
            raise NotThere(exc.message) from exc
        return Packets(int(result.get("packets_in", 0)), int(result.get("packets_out", 0)))

    return measure


def wrong(before: tuple[Packets | None, ...], now: tuple[Packets | None, ...], *, first: bool) -> str:
    """What is wrong with two parties' audio between two looks; empty when nothing is, or nobody knows.

    Only what was just moved can have gone astray on its way; later a party that says nothing may have vanished.
    """
    said = [_grown(a.said, b.said) if a and b else None for a, b in zip(before, now, strict=True)]
    heard = [_grown(a.heard, b.heard) if a and b else None for a, b in zip(before, now, strict=True)]
    if first:
        astray = any(said[place] and heard[1 - place] is False for place in (0, 1))
        return "audio does not arrive" if astray else ""
    return "a party is silent" if False in said else ""


def _grown(before: int, now: int) -> bool:
    return now > before
