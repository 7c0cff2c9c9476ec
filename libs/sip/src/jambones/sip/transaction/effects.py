"""What goes into a transaction's state machine and what comes out. The machines do no I/O and read no clock."""

from dataclasses import dataclass
from enum import Enum

from jambones.sip.message import Request, Response


class Timer(Enum):
    """The timers of RFC 3261 table 4 and RFC 6026."""

    A = "A"
    B = "B"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    I = "I"  # noqa: E741
    J = "J"
    K = "K"
    L = "L"
    M = "M"

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Received:
    """A message came from the network."""

    message: Request | Response


@dataclass(frozen=True, slots=True)
class Respond:
    """The user of a server transaction answers."""

    response: Response


@dataclass(frozen=True, slots=True)
class Fired:
    """A timer that was started ran out."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The transport could not deliver: ICMP, a refused or a lost connection."""


@dataclass(frozen=True, slots=True)
class Send:
    message: Request | Response
    again: bool = False
    """A retransmission: the same bytes as before."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Send the ACK of this failure (client INVITE only)."""

    final: Response


@dataclass(frozen=True, slots=True)
class Start:
    timer: Timer
    delay: float


@dataclass(frozen=True, slots=True)
class Stop:
    timer: Timer


@dataclass(frozen=True, slots=True)
class PassUp:
    """Give a message to the transaction user."""

    message: Request | Response


@dataclass(frozen=True, slots=True)
class Fail:
    """Tell the user of a client transaction that it ended without an answer: as if this status had come."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """The transaction is over and can be forgotten."""

    reason: str | None = None


Event = Received | Respond | Fired | Unreachable
Effect = Send | Acknowledge | Start | Stop | PassUp | Fail | Terminate
