"""The configuration snapshot in force: loaded whole, replaced whole, kept while the database is away.

Changes are heard on the bus and gathered for a moment, so that a bulk import costs one load; a full load every minute
makes up for an event that was missed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import structlog

from jambones.common.errors import JambonesError
from jambones.common.tasks import Tasks

log = structlog.get_logger(__name__)
T = TypeVar("T")

GATHER = 0.1  # seconds that changes are gathered
RETRY = (0.5, 1.0, 2.0, 5.0)


class Directory(Generic[T]):
    """Holds `tables`. `load` reads them all and may fail; `changes` yields something for every change."""

    def __init__(self, load: Callable[[], Awaitable[T]], empty: T, *, period: float = 60) -> None:
        """`empty` is what there is before the first load that succeeds."""
        self._load, self._period = load, period
        self._wanted = asyncio.Event()
        self.tables = empty
        self.loaded = False
        """Has a load succeeded yet?"""
        self.loads = 0
        self.failures = 0

    @asynccontextmanager
    async def opened(self, changes: Callable[[], AsyncIterator[object]]) -> AsyncIterator["Directory[T]"]:
        """Load once (or start empty while that fails) and keep fresh while inside."""
        async with Tasks() as tasks:
            tasks.keep(lambda: self._listen(changes), name="listen for configuration")
            await self._reload()
            tasks.keep(self._keep_fresh, name="refresh configuration")
            yield self

    async def _listen(self, changes: Callable[[], AsyncIterator[object]]) -> None:
        async for _ in changes():
            self._wanted.set()

    async def _keep_fresh(self) -> None:
        while True:
            failed = not self.loaded or self.failures
            wait = RETRY[min(self.failures, len(RETRY)) - 1] if failed else self._period
            try:
                async with asyncio.timeout(wait):
                    await self._wanted.wait()
            except TimeoutError:
                pass  # time for a full load
            else:
                await asyncio.sleep(GATHER)
            await self._reload()

    async def _reload(self) -> None:
        self._wanted.clear()  # before the load: a change during it asks for another one
        try:
            self.tables = await self._load()
        except (JambonesError, OSError, TimeoutError) as exc:
            self.failures += 1
            if self.failures in (1, 10, 100):
                log.warning("configuration not loaded, going on with what is known", error=str(exc))
            return
        if not self.loaded or self.failures:
            log.info("configuration loaded", tables=str(self.tables))
        self.loaded, self.failures = True, 0
        self.loads += 1
