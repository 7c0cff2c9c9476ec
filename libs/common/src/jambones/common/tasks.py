"""Tasks that have an owner: started in a scope, cancelled and awaited when the scope closes."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Self

import structlog

log = structlog.get_logger(__name__)

SLOW = 10.0
"""Seconds after which a task that was cancelled should have ended; some say good-bye to others first."""

WELL = 60.0
"""Seconds after which a task that failed had been well: the next pause is short again."""


class Tasks:
    """The owner of a group of background tasks.

    Unlike `asyncio.TaskGroup`, a task that fails does not end its siblings: it is logged and counted (`failures`).
    Use `async with Tasks() as tasks`.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure
        self._closing = False
        self.failures = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `work` until it ends or this owner closes."""
        if self._closing:
            work.close()
            raise RuntimeError(f"{name}: its owner is closing")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def every(self, seconds: float, work: Callable[[], Awaitable[object]], *, name: str) -> asyncio.Task[Any]:
        """Call `work` every `seconds`, the first time now; a failing round is logged and the next one comes."""

        async def rounds() -> None:
            while True:
                try:
                    await work()
                except Exception as exc:
                    self._note(name, exc)
                    heed_cancellation()
                await asyncio.sleep(seconds)

        return self.start(rounds(), name=name)

    def keep(self, work: Callable[[], Coroutine[Any, Any, Any]], *, name: str) -> asyncio.Task[Any]:
        """Run `work()` for ever: when it ends or raises it is started again after a pause; a failure is logged."""

        async def again() -> None:
            loop, delays = asyncio.get_running_loop(), backoff()
            while True:
                started = loop.time()
                try:
                    await work()
                except Exception as exc:
                    self._note(name, exc)
                    heed_cancellation()
                if loop.time() - started > WELL:
                    delays = backoff()
                await asyncio.sleep(next(delays))

        return self.start(again(), name=name)

    async def close(self) -> None:
        """Cancel all tasks and wait for them."""
        self._closing = True
        await cancel(*self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._note(task.get_name(), exc)

    def _note(self, name: str, exc: BaseException) -> None:
        self.failures += 1
        log.error("task failed", task=name, exc_info=exc)
        if self._on_failure is not None:
            self._on_failure(name, exc)


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel `tasks` and wait until all have ended, whatever they raise.

    A cancellation of the caller meanwhile is kept until they have ended, then passed on. Those that take longer than
    `SLOW` seconds are named in the log, with where they stand.
    """
    own = asyncio.current_task()
    waiting = {task for task in tasks if task is not own}
    for task in waiting:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    patience: float | None = SLOW
    while waiting:
        try:
            ended, waiting = await asyncio.wait(waiting, timeout=patience)
        except asyncio.CancelledError as exc:
            cancelled = exc
            continue
        for task in ended:
            # The cancellation's traceback refers to whoever ran the task, often its owner: a circle. This takes it out.
            if task.cancelled():
                with suppress(asyncio.CancelledError):
                    task.exception()
        if not ended:
            patience = None
            for task in waiting:
                log.warning("task does not end", task=task.get_name(), at=_where(task))
    if cancelled is not None:
        raise cancelled


def _where(task: asyncio.Task[Any]) -> str | None:
    """The line of the outermost coroutine that `task` waits in; asyncio tells no more of those inside."""
    frames = task.get_stack(limit=1)
    return f"{frames[0].f_code.co_qualname}:{frames[0].f_lineno}" if frames else None


def heed_cancellation() -> None:
    """Raise CancelledError when this task was cancelled and what it awaited has kept that to itself.

    nats-py does at some places: it raises an error of its own instead when the connection is closed as well.
    """
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


def backoff(first: float = 0.25, limit: float = 10.0) -> Iterator[float]:
    """Seconds to wait before each next try: doubling up to `limit`, each with up to a quarter of jitter, for ever."""
    delay = first
    while True:
        yield delay * random.uniform(0.75, 1.0)
        delay = min(limit, delay * 2)
