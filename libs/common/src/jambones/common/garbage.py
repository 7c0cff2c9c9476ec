"""When the cycle collector may hold up the event loop.

Calls leave no cycles behind (tests see to it), so the collector has little to find. To find that out it looks through
every object: half a second under load. Young ones are looked through in steps of a few milliseconds, all of them when
it matters least.
"""

import gc
import time
from collections.abc import Callable

LOOK_EVERY = 60.0
WHEN_IDLE, AT_LATEST = 600.0, 7200.0  # seconds since the last time
_YOUNG, _MIDDLE, _NEVER = 5_000, 10, 1_000_000


class Collections:
    """Full collections: every ten minutes while there are no calls, every two hours whatever there is."""

    def __init__(self, calls: Callable[[], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._clock = clock
        self._last = clock()

    def begin(self) -> None:
        """Leave out what is here now, for good, and look through the young only."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)

    async def look(self) -> bool:
        """Collect if it is time; whether it did."""
        if self._clock() - self._last < (AT_LATEST if self._calls() else WHEN_IDLE):
            return False
        gc.collect()
        self._last = self._clock()
        return True
