"""The events of one leg on their way to its one consumer: in order, bounded, ending after Ended."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Self

from jambones.sip.events import Ended, LegEvent

_LIMIT = 128


class EventQueue(AsyncIterator[LegEvent]):
    """An iterator that may be dropped and taken up again: what was not read yet is still there.

    ``put`` says False when the consumer is too far behind; the event is then dropped. Ended always finds room.
    """

    def __init__(self) -> None:
        self._events: deque[LegEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False

    def put(self, event: LegEvent) -> bool:
        if self._ended:
            return False
        if isinstance(event, Ended):
            self._ended = True
        elif len(self._events) >= _LIMIT:
            return False
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        return True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LegEvent:
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            if self._waiter is not None and not self._waiter.done():
                raise RuntimeError("a leg's events have one consumer")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._events.popleft()
