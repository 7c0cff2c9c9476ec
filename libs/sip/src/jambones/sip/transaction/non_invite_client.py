"""Non-INVITE client transaction: RFC 3261 section 17.1.2. Pure: an event goes in, what must be done comes out."""

from dataclasses import dataclass
from enum import Enum, auto

from jambones.sip.message import Request, Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import (
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
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


@dataclass(slots=True)
class NonInviteClientTransaction:
    request: Request
    reliable: bool
    timers: SipTimers
    state: State = State.TRYING
    interval: float = 0.0

    def start(self) -> list[Effect]:
        self.interval = self.timers.t1
        resend: list[Effect] = [] if self.reliable else [Start(Timer.E, self.interval)]
        return [Send(self.request), *resend, Start(Timer.F, self.timers.give_up)]

    def handle(self, event: Event) -> list[Effect]:
        match self.state, event:
            case State.TRYING | State.PROCEEDING, Received(Response(status) as reply) if status < 200:
                self.state = State.PROCEEDING
                return [PassUp(reply)]
            case State.TRYING | State.PROCEEDING, Received(Response() as reply):
                effects: list[Effect] = [Stop(Timer.E), Stop(Timer.F), PassUp(reply)]
                if self.reliable:
                    self.state = State.TERMINATED
                    return [*effects, Terminate()]
                self.state = State.COMPLETED
                return [*effects, Start(Timer.K, self.timers.t4)]
            case State.TRYING, Fired(Timer.E):
                self.interval = min(2 * self.interval, self.timers.t2)
                return [Send(self.request, again=True), Start(Timer.E, self.interval)]
            case State.PROCEEDING, Fired(Timer.E):
                return [Send(self.request, again=True), Start(Timer.E, self.timers.t2)]
            case State.TRYING | State.PROCEEDING, Fired(Timer.F):
                return self._fail(408, "timeout")
            case State.TRYING | State.PROCEEDING, Unreachable():
                return self._fail(503, "unreachable")
            case State.COMPLETED, Fired(Timer.K):
                self.state = State.TERMINATED
                return [Terminate()]
            case _:
                return []

    def _fail(self, status: int, reason: str) -> list[Effect]:
        self.state = State.TERMINATED
        return [Fail(status, reason), Terminate(reason)]
