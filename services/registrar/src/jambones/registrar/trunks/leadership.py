"""One process of all does a work: a lease in a bucket, taken with compare-and-set and kept by renewing it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict

from jambones.common.bus import Bus
from jambones.common.clock import now_ms
from jambones.common.errors import BusUnavailable, Conflict
from jambones.common.tasks import cancel

log = structlog.get_logger(__name__)

BUCKET = "leaders"


class Holder(BaseModel):
    """Who leads, and until when."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    node_id: str
    until: int
    """Milliseconds since 1970."""


class Leadership:
    """`await leadership.run(work)`: `work()` runs while this process leads, and is cancelled when it does not any more.

    The lease ends before another process may take it: `work` is cancelled when it could not be renewed in time.
    """

    def __init__(self, bus: Bus, name: str, node_id: str, *, seconds: float = 30.0) -> None:
        self._bucket = bus.bucket(BUCKET, Holder, ttl=seconds)
        self._name = name
        self._node_id = node_id
        self._seconds = seconds
        self._revision: int | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        task: asyncio.Task[None] | None = None
        renewed = 0.0
        try:
            while True:
                asked = loop.time()
                held = await self._hold()
                if held:
                    renewed = asked
                # While NATS is away nobody else can take it either, but its time must not be overrun.
                lost = held is False or loop.time() - renewed > self._seconds * 2 / 3
                if task is not None and lost:
                    log.info("no longer leads", work=self._name)
                    await cancel(task)
                    task = None
                if held and (task is None or task.done()):
                    if task is not None and not task.cancelled() and (error := task.exception()) is not None:
                        log.error("task failed", task=self._name, exc_info=error)
                    log.info("leads", work=self._name)
                    task = loop.create_task(work(), name=self._name)
                await asyncio.sleep(self._seconds / 6)
        finally:
            if task is not None:
                await cancel(task)
            await self._leave()

    async def _hold(self) -> bool | None:
        """Take or renew the lease; None when it cannot be known."""
        value = Holder(node_id=self._node_id, until=now_ms() + round(self._seconds * 1000))
        try:
            if self._revision is not None:
                self._revision = await self._bucket.update(self._name, value=value, revision=self._revision)
                return True
            known = await self._bucket.get(self._name)
            if known is None:
                self._revision = await self._bucket.create(self._name, value=value)
            elif known.value.until < now_ms():
                self._revision = await self._bucket.update(self._name, value=value, revision=known.revision)
            else:
                return False
        except Conflict:
            self._revision = None
            return False
        except BusUnavailable:
            return None
        return True

    async def _leave(self) -> None:
        """Give it back, so that nobody waits for its time to run out."""
        if self._revision is None:
            return
        try:
            async with asyncio.timeout(1):
                await self._bucket.delete(self._name, revision=self._revision)
        except (BusUnavailable, Conflict, TimeoutError):
            return
