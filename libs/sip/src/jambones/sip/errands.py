"""The tasks of an endpoint: it owns them all, and ends them when it closes."""

import asyncio
from collections.abc import Coroutine
from logging import getLogger

from jambones.sip.stats import Stats

log = getLogger(__name__)


class Errands:
    """Handlers of calls and requests, and the small errands of legs."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Run ``work``, which sees to its own errors."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run a leg's errand; what it raises is logged and counted."""
        self.start(self._guarded(work))

    async def close(self, grace: float) -> None:
        """Wait ``grace`` seconds for what runs, then cancel it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception:
            self._stats.handler_errors += 1
            log.exception("an errand of a leg failed")
