"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing else is left to do.

It works on the loop that is running, so any test runner will do. A call of an hour takes milliseconds, and always
takes the same ones.
"""

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

REAL_IO = 0.25  # real seconds to wait for the test's own I/O before the clock may jump


class _Clock:
    """The clock of one loop, and the selector that moves it instead of waiting."""

    def __init__(self, selector: selectors.BaseSelector, now: float) -> None:
        self.now = now
        self.users = 0
        self.busy = 0
        self._selector = selector

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._selector.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return self._selector.select(None)  # no timer at all: only real I/O or a thread can go on
        if self.busy and (ready := self._selector.select(REAL_IO)):
            return ready
        self.now += timeout
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)


_clocks: dict[asyncio.AbstractEventLoop, _Clock] = {}


@contextmanager
def virtual_time() -> Iterator[None]:
    """Run the current event loop in virtual time inside the block. May be nested.

    Raises RuntimeError with loops that are not asyncio's own selector loop (uvloop).
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.SelectorEventLoop):
        raise RuntimeError("virtual time needs asyncio's own event loop")  # noqa: TRY004 - not an argument
    patched: Any = loop  # its selector has no public name, and `time` is a method to mypy
    clock = _clocks.get(loop)
    if clock is None:
        clock = _clocks[loop] = _Clock(patched._selector, loop.time())
        patched._selector = clock
        patched.time = lambda: clock.now
    clock.users += 1
    try:
        yield
    finally:
        clock.users -= 1
        if not clock.users:
            patched._selector = clock._selector
            del patched.time, _clocks[loop]


@contextmanager
def real_io() -> Iterator[None]:
    """Somebody else's code runs inside the block and may wait for files, threads or sockets: give it real time."""
    clock = _clocks.get(asyncio.get_running_loop())
    if clock is None:
        yield
        return
    clock.busy += 1
    try:
        yield
    finally:
        clock.busy -= 1


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    await asyncio.sleep(1e-6)  # the clock moves only when nothing is left to do
