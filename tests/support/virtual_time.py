"""An event loop whose clock jumps: when nothing is ready to run, time moves to the next timer at once.

For unit tests: a call of ten minutes with its retries and time-outs runs in milliseconds and always alike.

    @in_virtual_time
    async def test_it_gives_up_after_32_seconds() -> None: ...
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
START = 1_000_000.0


class _Selector(selectors.SelectSelector):
    """Instead of waiting it moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0.0
        self.limit = 30 * 86400.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := super().select(0):
            return ready
        if timeout is None:
            # Nothing will ever wake this loop but a thread (an executor): wait for it in real time, not for ever.
            if ready := super().select(5):
                return ready
            raise DeadlockError("every task waits and no timer is set")
        if timeout > 0:
            self.moved += timeout
            if self.moved > self.limit:
                raise DeadlockError("a month of virtual time has passed")
        return []


class DeadlockError(AssertionError):
    """The code under test waits for something that cannot come."""


class VirtualTime(asyncio.SelectorEventLoop):
    """The loop. `loop.time()` starts at a million seconds, so that code that mistakes 0 for "unset" is found."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return START + self._virtual.moved

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start."""
        return self._virtual.moved


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(work)


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Decorator: run this asynchronous test in virtual time. Asynchronous fixtures do not work with it."""

    @functools.wraps(test)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return wrapper
