"""A 2xx to INVITE, repeated by the user agent until its ACK comes: RFC 3261 section 13.3.1.4."""

from collections.abc import Callable

from jambones.sip.timers import SipTimers, Timer, TimerWheel


class AwaitedAck:
    """Repeats at T1, doubling up to T2, and gives up after 64·T1; on reliable transports too, as the RFC asks."""

    __slots__ = ("_interval", "_on_timeout", "_resend", "_spent", "_timer", "_timers", "_wheel", "cseq")

    def __init__(
        self,
        cseq: int,
        wheel: TimerWheel,
        timers: SipTimers,
        resend: Callable[[], None],
        on_timeout: Callable[[], None],
    ) -> None:
        self.cseq = cseq
        self._wheel = wheel
        self._timers = timers
        self._resend = resend
        self._on_timeout = on_timeout
        self._interval = timers.t1
        self._spent = 0.0
        self._timer: Timer = wheel.after(self._interval, self._fired)

    def arrived(self) -> None:
        self._timer.cancel()

    def _fired(self) -> None:
        self._spent += self._interval
        left = self._timers.give_up - self._spent
        if left <= 0:
            self._on_timeout()
            return
        self._resend()
        self._interval = min(2 * self._interval, self._timers.t2, left)
        self._timer = self._wheel.after(self._interval, self._fired)
