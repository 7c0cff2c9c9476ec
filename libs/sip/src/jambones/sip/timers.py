"""Timer values of RFC 3261 table 4, and the one wheel on which every timer of an endpoint turns."""

import heapq
import math
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from logging import getLogger
from typing import Any

log = getLogger(__name__)

_LONG = 40.0  # seconds; above this a timer may be half a second late
_COARSE = 50  # grains


@dataclass(frozen=True, slots=True)
class SipTimers:
    """Times in seconds. Defaults are RFC 3261's."""

    t1: float = 0.5
    """Round trip estimate: first retransmission interval; transactions give up after 64 of it."""
    t2: float = 4.0
    """Longest interval between retransmissions."""
    t4: float = 5.0
    """How long a message may stay in the network."""
    timer_c: float = 180.0
    """How long an INVITE of ours may ring after its last provisional response; 0 = for ever."""
    timer_d: float = 32.0
    """How long a failed INVITE's retransmitted final responses are acknowledged."""
    prack_hold: float = 0.5
    """How long a 2xx waits for an outstanding PRACK (RFC 3262)."""
    glare_owner: tuple[float, float] = (2.1, 4.0)
    """Wait after 491 when we own the Call-ID (RFC 3261 section 14.1)."""
    glare_other: tuple[float, float] = (0.0, 2.0)
    """Wait after 491 when the peer owns the Call-ID."""
    session_expires: int = 1800
    """The session interval (RFC 4028) that calls of ours ask for; 0 = do not ask. Peers that ask get theirs anyway."""
    min_se: int = 90
    """The shortest session interval we take."""
    connect: float = 4.0
    """How long opening a connection may take, its TLS handshake included."""
    idle_close: float = 3600.0
    """A connection without traffic that no registration and no dialog needs is closed after this."""
    flow_grace: float = 32.0
    """How long a leg lives without its flow, when only the client can open another: time to come back and register."""

    @property
    def give_up(self) -> float:
        """64·T1: timers B, F, H, L and M."""
        return 64 * self.t1


class Timer:
    """A pending call; ``cancel()`` may come at any time, also after it fired."""

    __slots__ = ("_args", "_bucket", "_callback")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], bucket: "dict[Timer, None] | None" = None
    ) -> None:
        self._callback: Callable[..., object] | None = callback
        self._args = args
        self._bucket = bucket

    @property
    def pending(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None
        self._args = ()
        if self._bucket is not None:
            self._bucket.pop(self, None)
            self._bucket = None

    def fire(self) -> None:
        callback, args = self._callback, self._args
        self._callback = None
        self._args = ()
        self._bucket = None
        if callback is not None:
            callback(*args)


class TimerWheel:
    """All timers of an endpoint on one loop timer.

    Times round up to ``grain`` seconds, long ones to half a second; timers of one grain share a bucket, so that
    starting and cancelling one (as happens to nearly all of SIP's) costs a dict entry and no heap work.
    """

    def __init__(self, loop: AbstractEventLoop, grain: float = 0.01) -> None:
        self._loop = loop
        self._grain = grain
        self._buckets: dict[int, dict[Timer, None]] = {}
        self._order: list[int] = []
        self._handle: TimerHandle | None = None
        self._armed_for = math.inf

    def after(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        tick = math.ceil((self._loop.time() + delay) / self._grain)
        if delay > _LONG:
            tick += -tick % _COARSE
        bucket = self._buckets.get(tick)
        if bucket is not None:
            timer = Timer(callback, args, bucket)
            bucket[timer] = None
            return timer
        bucket = self._buckets[tick] = {}
        timer = Timer(callback, args, bucket)
        bucket[timer] = None
        heapq.heappush(self._order, tick)
        if tick < self._armed_for:
            self._arm(tick)
        return timer

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._buckets.clear()
        self._order.clear()

    def _arm(self, tick: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = tick
        self._handle = self._loop.call_at(tick * self._grain, self._turn)

    def _turn(self) -> None:
        self._handle, self._armed_for = None, math.inf
        # Half a grain of slack: the loop may call a hair before the time it was given.
        now = (self._loop.time() + self._grain / 2) / self._grain
        while self._order and self._order[0] <= now:
            for timer in list(self._buckets.pop(heapq.heappop(self._order))):
                try:
                    timer.fire()
                except Exception:
                    log.exception("a timer's callback failed")
        # A callback may have armed the wheel for a timer of its own that is later than others that wait.
        if self._order and self._order[0] < self._armed_for:
            self._arm(self._order[0])
