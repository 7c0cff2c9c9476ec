"""Guessing of passwords: counted per source and per user, in this process; who guesses too much is not heard.

A block of a source is told to all edges. A user is only shielded for the rest of the minute, and never against a source
he is registered from: nobody can lock somebody else out.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

WINDOW = 60.0
MOST = 20_000


@dataclass
class FailureCounts:
    """Times of failures by key within the last minute; the key that failed longest ago is forgotten first."""

    limit: int
    _times: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict, repr=False)

    def failed(self, key: str, now: float) -> bool:
        """Count one; True when this one reaches the limit."""
        if self.limit <= 0:
            return False
        times = self._times.setdefault(key, deque(maxlen=self.limit))
        self._times.move_to_end(key)
        times.append(now)
        if len(self._times) > MOST:
            self._times.popitem(last=False)
        return self.reached(key, now)

    def reached(self, key: str, now: float) -> bool:
        times = self._times.get(key)
        return times is not None and len(times) >= self.limit > 0 and now - times[0] < WINDOW

    def forget(self, key: str) -> None:
        self._times.pop(key, None)
