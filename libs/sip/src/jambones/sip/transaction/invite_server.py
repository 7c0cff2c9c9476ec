"""INVITE server transaction: RFC 3261 section 17.2.1, as corrected by RFC 6026.

Pure: an event goes in, what must be done comes out. The layer owns sockets and timers.
"""

from dataclasses import dataclass
from enum import Enum, auto

from jambones.sip.message import Request, Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import (
    Effect,
    Event,
    Fired,
    PassUp,
    Received,
    Respond,
    Send,
    Start,
    Stop,
    Terminate,
    Timer,
)


class State(Enum):
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


@dataclass(slots=True)
class InviteServerTransaction:
    reliable: bool
    timers: SipTimers
    state: State = State.PROCEEDING
    last: Response | None = None
    interval: float = 0.0

    def handle(self, event: Event) -> list[Effect]:
        match self.state, event:
            case State.PROCEEDING | State.COMPLETED, Received(Request("INVITE")):
                return self._resend()
            case State.PROCEEDING, Respond(Response(status) as reply) if status < 200:
                self.last = reply
                return [Send(reply)]
            case State.PROCEEDING, Respond(Response(status) as reply) if status < 300:
                self.state, self.last = State.ACCEPTED, reply
                return [Send(reply), Start(Timer.L, self.timers.give_up)]
            case State.PROCEEDING, Respond(reply):
                self.state, self.last, self.interval = State.COMPLETED, reply, self.timers.t1
                resend: list[Effect] = [] if self.reliable else [Start(Timer.G, self.interval)]
                return [Send(reply), *resend, Start(Timer.H, self.timers.give_up)]
            # A reliable provisional is retransmitted by its user: only the bytes pass through here (RFC 3262).
            # RFC 6026: the user agent repeats its own 2xx; we carry it and pass its ACK up.
            case State.ACCEPTED, Respond(Response(status) as reply) if 200 <= status < 300:
                return [Send(reply, again=True)]
            case State.ACCEPTED, Received(Request("ACK") as ack):
                return [PassUp(ack)]
            case State.COMPLETED, Fired(Timer.G):
                self.interval = min(2 * self.interval, self.timers.t2)
                return [*self._resend(), Start(Timer.G, self.interval)]
            case State.COMPLETED, Received(Request("ACK")):
                self.state = State.CONFIRMED
                if self.reliable:
                    return self._terminate()
                return [Stop(Timer.G), Stop(Timer.H), Start(Timer.I, self.timers.t4)]
            case State.COMPLETED, Fired(Timer.H):
                return self._terminate("no ACK")
            case (State.ACCEPTED, Fired(Timer.L)) | (State.CONFIRMED, Fired(Timer.I)):
                return self._terminate()
            case _:
                return []  # every other pair is absorbed, as in RFC 6026's figure 7

    def _resend(self) -> list[Effect]:
        return [] if self.last is None else [Send(self.last, again=True)]

    def _terminate(self, reason: str | None = None) -> list[Effect]:
        self.state = State.TERMINATED
        return [Terminate(reason)]
