"""How many requests each caller may make in a window of five minutes, in this process."""

import asyncio
import math
from dataclasses import dataclass

WINDOW = 300.0
MOST_CALLERS = 100_000


@dataclass
class _Window:
    ends: float
    used: int = 0


class RateLimit:
    """Fixed windows; `limit` 0 is no limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._windows: dict[str, _Window] = {}

    def take(self, caller: str) -> tuple[bool, dict[str, str]]:
        """Whether one more request is allowed, and the headers that say how many are left."""
        if not self.limit:
            return True, {}
        now = asyncio.get_running_loop().time()
        window = self._windows.get(caller)
        if window is None or window.ends <= now:
            if len(self._windows) >= MOST_CALLERS:
                self._windows = {name: known for name, known in self._windows.items() if known.ends > now}
            window = self._windows[caller] = _Window(now + WINDOW)
        window.used += 1
        reset = max(1, math.ceil(window.ends - now))
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - window.used)),
            "RateLimit-Reset": str(reset),
        }
        return window.used <= self.limit, headers
