"""The calls of this process: how many, which, and whether another one may come in."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jambones.common.ids import CallSid
from jambones.feature_server.calls.session import CallSession

CPS_WINDOW = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Above these a new call is sent elsewhere; 0 is no limit."""

    calls: int = 0
    per_second: float = 0.0
    loop_lag: float = 0.2
    """Seconds the event loop may run late."""
    tick_late: float = 0.02
    """Seconds that one media tick in ten may be late."""


class CallRegistry:
    """Live calls by sid."""

    def __init__(self, limits: Limits, *, loop_lag: Callable[[], float], tick_late: Callable[[], float]) -> None:
        self._limits = limits
        self._loop_lag = loop_lag
        self._tick_late = tick_late
        self._calls: dict[CallSid, CallSession] = {}
        self._arrivals: deque[float] = deque()
        self._count = 0
        self.draining = False

    def __len__(self) -> int:
        """Calls, those included whose first hook is still being asked."""
        return self._count

    def __iter__(self) -> Iterator[CallSession]:
        return iter(tuple(self._calls.values()))

    def find(self, call_sid: str) -> CallSession | None:
        return self._calls.get(CallSid(call_sid))

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A call takes its place inside the block. Ask `refusal` before."""
        self._arrivals.append(asyncio.get_running_loop().time())
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    @contextmanager
    def listed(self, session: CallSession) -> Iterator[None]:
        """`find` knows the call inside the block."""
        self._calls[session.info.call_sid] = session
        try:
            yield
        finally:
            del self._calls[session.info.call_sid]

    def per_second(self) -> float:
        """New calls a second, over the last ten seconds."""
        now = asyncio.get_running_loop().time()
        while self._arrivals and now - self._arrivals[0] > CPS_WINDOW:
            self._arrivals.popleft()
        return len(self._arrivals) / CPS_WINDOW

    def refusal(self) -> str | None:
        """Why no further call can be taken now, or None."""
        if self.draining:
            return "draining"
        return self.full()

    def full(self) -> str | None:
        """Which limit is reached, or None."""
        limits = self._limits
        if limits.calls and self._count >= limits.calls:
            return f"{self._count} calls"
        if limits.per_second and self._last_second() >= limits.per_second:
            return f"{limits.per_second:g} calls a second"
        if not self._count:
            # Others make the machine late (or this process has only just started): refusing relieves nobody.
            return None
        if limits.loop_lag and (lag := self._loop_lag()) > limits.loop_lag:
            return f"the event loop runs {lag * 1000:.0f} ms late"
        if limits.tick_late and (late := self._tick_late()) > limits.tick_late:
            return f"media ticks run {late * 1000:.0f} ms late"
        return None

    def _last_second(self) -> int:
        now = asyncio.get_running_loop().time()
        count = 0
        for arrival in reversed(self._arrivals):
            if now - arrival > 1.0:
                break
            count += 1
        return count
