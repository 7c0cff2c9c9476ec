"""INVITE client transaction: RFC 3261 section 17.1.1, as corrected by RFC 6026.

Pure: an event goes in, what must be done comes out. The layer owns sockets and timers.
"""

from dataclasses import dataclass
from enum import Enum, auto

from jambones.sip.message import Request, Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import (
    Acknowledge,
    Effect,
    Event,
    Fail,
    Fired,
    PassUp,
    Received,
    Send,
    Start,
    Stop,
    Terminate,
    Timer,
    Unreachable,
)


class State(Enum):
    CALLING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


@dataclass(slots=True)
class InviteClientTransaction:
    request: Request
    reliable: bool
    timers: SipTimers
    state: State = State.CALLING
    interval: float = 0.0

    def start(self) -> list[Effect]:
        self.interval = self.timers.t1
        resend: list[Effect] = [] if self.reliable else [Start(Timer.A, self.interval)]
        return [Send(self.request), *resend, Start(Timer.B, self.timers.give_up)]

    def handle(self, event: Event) -> list[Effect]:
        match self.state, event:
            case State.CALLING | State.PROCEEDING, Received(Response(status) as reply) if status < 200:
                self.state = State.PROCEEDING
                return [Stop(Timer.A), Stop(Timer.B), PassUp(reply)]
            # RFC 6026: stay for 64·T1 to pass up retransmitted and forked 2xx.
            case State.CALLING | State.PROCEEDING, Received(Response(status) as reply) if status < 300:
                self.state = State.ACCEPTED
                return [Stop(Timer.A), Stop(Timer.B), PassUp(reply), Start(Timer.M, self.timers.give_up)]
            case State.CALLING | State.PROCEEDING, Received(Response() as reply):
                effects: list[Effect] = [Stop(Timer.A), Stop(Timer.B), Acknowledge(reply), PassUp(reply)]
                if self.reliable:
                    self.state = State.TERMINATED
                    return [*effects, Terminate()]
                self.state = State.COMPLETED
                return [*effects, Start(Timer.D, self.timers.timer_d)]
            case State.CALLING, Fired(Timer.A):
                self.interval *= 2
                return [Send(self.request, again=True), Start(Timer.A, self.interval)]
            case State.CALLING, Fired(Timer.B):
                return self._fail(408, "timeout")
            case State.COMPLETED, Received(Response(status) as reply) if status >= 300:
                return [Acknowledge(reply)]
            case State.ACCEPTED, Received(Response(status) as reply) if 200 <= status < 300:
                return [PassUp(reply)]
            case State.CALLING | State.PROCEEDING, Unreachable():
                return self._fail(503, "unreachable")
            case State.COMPLETED, Fired(Timer.D):
                return self._end()
            case State.ACCEPTED, Fired(Timer.M):
                return self._end()
            case _:
                return []

    def _fail(self, status: int, reason: str) -> list[Effect]:
        self.state = State.TERMINATED
        return [Fail(status, reason), Terminate(reason)]

    def _end(self) -> list[Effect]:
        self.state = State.TERMINATED
        return [Terminate()]
