"""Non-INVITE server transaction: RFC 3261 section 17.2.2. Pure: an event goes in, what must be done comes out."""

from dataclasses import dataclass
from enum import Enum, auto

from jambones.sip.message import Request, Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import Effect, Event, Fired, Received, Respond, Send, Start, Terminate, Timer


class State(Enum):
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


@dataclass(slots=True)
class NonInviteServerTransaction:
    reliable: bool
    timers: SipTimers
    state: State = State.TRYING
    last: Response | None = None

    def handle(self, event: Event) -> list[Effect]:
        match self.state, event:
            case State.TRYING | State.PROCEEDING, Respond(Response(status) as reply) if status < 200:
                self.state, self.last = State.PROCEEDING, reply
                return [Send(reply)]
            case State.TRYING | State.PROCEEDING, Respond(reply):
                self.last = reply
                if self.reliable:
                    self.state = State.TERMINATED
                    return [Send(reply), Terminate()]
                self.state = State.COMPLETED
                return [Send(reply), Start(Timer.J, self.timers.give_up)]
            case State.PROCEEDING | State.COMPLETED, Received(Request()):
                return [] if self.last is None else [Send(self.last, again=True)]
            case State.COMPLETED, Fired(Timer.J):
                self.state = State.TERMINATED
                return [Terminate()]
            case _:
                return []
