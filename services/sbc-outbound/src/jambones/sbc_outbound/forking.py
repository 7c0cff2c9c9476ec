"""One answer out of several: what the caller of a user with several devices is told when none took the call.

RFC 3261 section 16.7, as far as it matters to a B2BUA. Pure.
"""

from collections.abc import Sequence

_LAST = (401, 407, 408, 487)
"""Statuses that say least about the person who was called."""
_FIRST = (486, 480)


def best(statuses: Sequence[int]) -> int:
    """The index of the status to pass on: any 6xx, else the lowest class, there busy and away before silence."""

    def rank(index: int) -> tuple[int, int]:
        status = statuses[index]
        if status >= 600:
            return 0, index
        place = _FIRST.index(status) if status in _FIRST else len(_FIRST)
        return status // 100, place if status not in _LAST else len(_FIRST) + 1

    return min(range(len(statuses)), key=rank)
