"""Writes of state that changes often: only the newest value of a key is written, a moment after it changed.

Calls never wait for this. While NATS is away the newest values wait, one a key.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from pydantic import BaseModel

from jambones.common.bus.bucket import Bucket, Key
from jambones.common.errors import BusUnavailable

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=BaseModel)

RETRY = 2.0  # seconds to wait after NATS did not take a value


class CoalescedWriter(Generic[M]):
    """Writes into one bucket. `run()` it in a task of its own."""

    def __init__(self, bucket: Bucket[M], *, delay: float) -> None:
        """`delay`: seconds a value may wait for a newer one."""
        self._bucket = bucket
        self._delay = delay
        self._waiting: dict[Key, Callable[[], M] | None] = {}
        self._written: set[Key] = set()
        self._wake = asyncio.Event()

    def put(self, key: Key, value: Callable[[], M]) -> None:
        """Have `value()` written; it is called when it is written, not before."""
        self._waiting[key] = value
        self._wake.set()

    def delete(self, key: Key) -> None:
        """Have the key removed; if it was never written, nothing happens at all."""
        if key in self._written:
            self._waiting[key] = None
            self._wake.set()
        else:
            self._waiting.pop(key, None)

    def leave(self, key: Key) -> None:
        """No more values of this key will come."""
        self._written.discard(key)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(self._delay)
            if not await self.flush():
                await asyncio.sleep(RETRY)

    async def flush(self) -> bool:
        """Write what waits; False when some of it could not be written."""
        self._wake.clear()
        todo, self._waiting = self._waiting, {}
        for key, value in todo.items():
            try:
                if value is None:
                    self._written.discard(key)
                    await self._bucket.post(*key, value=None)
                else:
                    self._written.add(key)
                    await self._bucket.post(*key, value=value())
            except BusUnavailable as exc:
                log.debug("state not written", bucket=self._bucket.name, error=str(exc))
                self._waiting = todo | self._waiting
                self._wake.set()
                return False
        return True
