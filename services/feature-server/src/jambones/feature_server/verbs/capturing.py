"""Key sequences that a dial reports: buffers, patterns, and which of them is matched. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

FORGOTTEN_AFTER = 3.0  # seconds without a key
_KEPT = 64


@dataclass
class Captured:
    """The keys of one leg. A match does not clear them."""

    patterns: Sequence[str]
    _keys: str = ""
    _last: float = float("-inf")

    def press(self, key: str, now: float) -> str | None:
        """The first pattern that what was pressed now ends with; `now`: seconds of any clock that goes forward."""
        if now - self._last >= FORGOTTEN_AFTER:
            self._keys = ""
        self._keys, self._last = (self._keys + key)[-_KEPT:], now
        return next((pattern for pattern in self.patterns if pattern and self._keys.endswith(pattern)), None)
