"""Reliable provisional responses: RFC 3262, both sides. Pure but for the timers it is given."""

from collections import deque
from collections.abc import Callable
from random import randrange

from jambones.sip.message import Request, Response
from jambones.sip.timers import SipTimers, Timer, TimerWheel

OPTION = "100rel"


class ReliableSender:
    """The server's side: one provisional at a time, repeated until its PRACK; the next ones wait."""

    def __init__(
        self,
        wheel: TimerWheel,
        timers: SipTimers,
        transmit: Callable[[Response, bool], None],
        on_give_up: Callable[[], None],
    ) -> None:
        self._wheel = wheel
        self._timers = timers
        self._transmit = transmit
        self._on_give_up = on_give_up
        self._rseq = randrange(1, 2**16)
        self._current: Response | None = None
        self._late: Response | None = None
        """What was not acknowledged yet when the final response went out: its PRACK may still come (section 3)."""
        self._waiting: deque[Response] = deque()
        self._timer: Timer | None = None
        self._interval = 0.0
        self._spent = 0.0
        self.on_idle: Callable[[], None] | None = None

    @property
    def outstanding(self) -> bool:
        return self._current is not None

    @property
    def current(self) -> Response | None:
        """What waits for its PRACK."""
        return self._current

    def send(self, response: Response) -> None:
        response.headers.add("Require", OPTION)
        if self._current is not None:
            self._waiting.append(response)
        else:
            self._begin(response)

    def acknowledged(self, prack: Request) -> bool:
        """A PRACK came; False when it matches nothing (then it gets a 481)."""
        current = self._current or self._late
        if current is None:
            return False
        parts = (prack.headers.get("RAck") or "").split()
        cseq = current.cseq
        if parts != [str(self._rseq), str(cseq.number), cseq.method]:
            return False
        self._stop()
        self._late = None
        self._rseq += 1
        if self._waiting:
            self._begin(self._waiting.popleft())
        elif self.on_idle is not None:
            self.on_idle()
        return True

    def close(self) -> None:
        """A final response was sent: nothing is repeated any more (section 3)."""
        self._late = self._current
        self._stop()
        self._waiting.clear()
        self.on_idle = None

    def _begin(self, response: Response) -> None:
        response.headers.set("RSeq", str(self._rseq))
        self._current, self._interval, self._spent = response, self._timers.t1, 0.0
        self._transmit(response, False)
        self._timer = self._wheel.after(self._interval, self._again)

    def _again(self) -> None:
        self._spent += self._interval
        if self._current is None:
            return
        if self._spent >= self._timers.give_up:
            self.close()
            self._on_give_up()
            return
        self._transmit(self._current, True)
        self._interval *= 2
        self._timer = self._wheel.after(min(self._interval, self._timers.give_up - self._spent), self._again)

    def _stop(self) -> None:
        self._current = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ReliableReceiver:
    """The client's side, for one early dialog: which reliable provisionals are in order."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def rack_for(self, response: Response) -> tuple[str | None, bool]:
        """(RAck value to send in a PRACK or None, whether to tell the user of the response).

        A response out of order is dropped, so that its sender repeats it (section 4); a repeated one needs nothing, as
        its PRACK is a transaction that repeats itself.
        """
        rseq = response.headers.get("RSeq")
        if rseq is None or not rseq.isdecimal() or len(rseq) > 10 or OPTION not in response.require:
            return None, True
        number = int(rseq)
        if self._last is not None and number != self._last + 1:
            return None, False
        self._last = number
        return f"{number} {response.cseq}", True
