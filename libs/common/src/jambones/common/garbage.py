"""When the cycle collector may hold up the event loop.

Calls leave no cycles behind (tests see to it), so the collector has little to find. To find that out it looks through
every object: half a second under load. Young ones are looked through in steps of a few milliseconds, all of them when
it matters least.
"""

import gc
import mmap
import time
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY = 60.0
WHEN_IDLE, AT_LATEST = 600.0, 3600.0  # seconds since the last time
GROWN = 1.25
"""Times the memory after the last collection: what others' code leaves behind (closed connections) must not pile up."""
_YOUNG, _MIDDLE, _NEVER = 5_000, 10, 1_000_000


def resident() -> int:
    """Bytes of memory that this process has; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


class Collections:
    """Full collections: every ten minutes while there are no calls; else when memory has grown, or after an hour."""

    def __init__(
        self,
        calls: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
        memory: Callable[[], int] = resident,
    ) -> None:
        """`memory`: bytes in use."""
        self._calls = calls
        self._clock = clock
        self._memory = memory
        self._last, self._used = clock(), memory()

    def begin(self) -> None:
        """Leave out what is here now, for good, and look through the young only."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        self._used = self._memory()

    async def look(self) -> bool:
        """Collect if it is time; whether it did."""
        waited = self._clock() - self._last
        if waited < (AT_LATEST if self._calls() else WHEN_IDLE) and self._memory() <= GROWN * self._used:
            return False
        gc.collect()
        self._last, self._used = self._clock(), self._memory()
        return True
