"""Who holds an API key, remembered for a moment so that most requests cost no query for it.

Forgotten when a key, an account or a limit changes, which every process hears of; a change not heard of is noticed
within five seconds. While NATS is away nothing is remembered. Users' tokens are looked up at every request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jambones.api.ask import Caller
from jambones.common import clock
from jambones.common.bus.config import ConfigChanged

LIFETIME = 5.0
CAPACITY = 10_000
ENTITIES = frozenset({"api_key", "account", "service_provider", "limits"})


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    expires_at: datetime | None
    until: float


class Callers:
    """By token. `heard` says whether changes are heard of now."""

    def __init__(self, heard: Callable[[], bool]) -> None:
        self._heard = heard
        self._known: dict[str, _Known] = {}
        self.generation = 0
        """Goes up with every change: what was read before it is not remembered."""

    def get(self, token: str) -> Caller | None:
        known = self._known.get(token)
        if known is None or not self._heard():
            return None
        if known.until <= asyncio.get_running_loop().time():
            del self._known[token]
            return None
        return None if known.expires_at is not None and known.expires_at <= clock.now() else known.caller

    def remember(self, token: str, caller: Caller, expires_at: datetime | None, generation: int) -> None:
        """`generation`: what it was before the caller was read."""
        if generation != self.generation or not self._heard():
            return
        if len(self._known) >= CAPACITY:
            self._known.clear()
        self._known[token] = _Known(caller, expires_at, asyncio.get_running_loop().time() + LIFETIME)

    def changed(self, change: ConfigChanged) -> None:
        if change.entity in ENTITIES:
            self.forget()

    def forget(self) -> None:
        self._known.clear()
        self.generation += 1
