"""How many requests may be made in a window: of a key or user, an account, a service provider; in this process.

The answer travels as draft-ietf-httpapi-ratelimit-headers says (RateLimit-Policy, RateLimit), and as the older fields
RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset of the policy that is nearest to its end.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 300.0
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `limit` requests in a window for `who`; `name` is what the headers call it."""

    name: str
    who: str
    limit: int


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether the request may go on."""

    headers: dict[str, str]
    broken: Policy | None = None
    first: bool = False
    """The first refusal of the window."""
    retry_after: int = 0


class RateLimit:
    """Fixed windows of five minutes."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}

    def take(self, policies: Sequence[Policy]) -> Ruling:
        """Count one request against each policy whose limit is not 0; a refused one counts against none."""
        policies = [policy for policy in policies if policy.limit]
        if not policies:
            return Ruling({})
        now = asyncio.get_running_loop().time()
        windows = [self._window(policy, now) for policy in policies]
        pairs = list(zip(policies, windows, strict=True))
        broken = next(((policy, window) for policy, window in pairs if window.used >= policy.limit), None)
        first = False
        if broken is None:
            for window in windows:
                window.used += 1
        else:
            # One step over the limit remembers that somebody was told.
            first = broken[1].used == broken[0].limit
            broken[1].used = broken[0].limit + 1
        left = [(policy, max(0, policy.limit - window.used), _seconds(window, now)) for policy, window in pairs]
        tight = min(left, key=lambda item: (item[1], -item[2]))
        headers = {
            "RateLimit-Policy": ", ".join(f'"{policy.name}";q={policy.limit};w={WINDOW:.0f}' for policy, _, _ in left),
            "RateLimit": ", ".join(f'"{policy.name}";r={rest};t={reset}' for policy, rest, reset in left),
            "RateLimit-Limit": str(tight[0].limit),
            "RateLimit-Remaining": str(tight[1]),
            "RateLimit-Reset": str(tight[2]),
        }
        if broken is None:
            return Ruling(headers)
        return Ruling(headers, broken[0], first, _seconds(broken[1], now))

    def _window(self, policy: Policy, now: float) -> _Window:
        key = (policy.name, policy.who)
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            if len(self._windows) >= MOST_COUNTED:
                self._windows = {key: known for key, known in self._windows.items() if known.ends > now}
            window = self._windows[key] = _Window(now + WINDOW)
        return window


def _seconds(window: _Window, now: float) -> int:
    return max(1, math.ceil(window.ends - now))
