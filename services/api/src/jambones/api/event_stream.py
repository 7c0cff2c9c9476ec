"""Server-sent events (WHATWG HTML, section 9.2): a response that goes on, and the queue in front of a slow reader."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from aiohttp import web

WAITING = 256
"""Events that wait for one reader; more are dropped, and it is told how many."""


class Outbox:
    """A bounded queue of events for one reader. The newest are dropped, and what was dropped is said in its place."""

    def __init__(self, limit: int = WAITING) -> None:
        self._limit = limit
        self._items: deque[bytes] = deque()
        self._dropped = 0
        self._filled = asyncio.Event()

    def put(self, item: bytes) -> None:
        if self._dropped or len(self._items) >= self._limit:
            self._dropped += 1  # until the reader has caught up: a gap is one gap
        else:
            self._items.append(item)
        self._filled.set()

    async def take(self) -> bytes:
        """All that waits, and what was lost behind it; waits for something."""
        await self._filled.wait()
        self._filled.clear()
        said = [*self._items]
        self._items.clear()
        if self._dropped:
            said.append(event("dropped", {"count": self._dropped}))
            self._dropped = 0
        return b"".join(said)


def event(kind: str, data: dict[str, Any], event_id: str = "") -> bytes:
    """One event as it is sent; JSON has no line breaks, so it is one line of data."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def comment(text: str) -> bytes:
    """What readers pass over: it keeps the connection alive and finds out that it is gone."""
    return f": {text}\n\n".encode()


class EventStream(web.StreamResponse):
    """Sends what `chunks` yields until it ends or the reader has gone; closes it in the task that ran it."""

    def __init__(self, chunks: AsyncIterator[bytes], content_type: str) -> None:
        # X-Accel-Buffering: a proxy that gathers a response before it passes it on would hold events back.
        super().__init__(headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"})
        self.content_type = content_type
        self._chunks = chunks

    async def write_eof(self, data: bytes = b"") -> None:
        async with aclosing(self._chunks) as chunks:  # type: ignore[type-var]  # an async generator
            try:
                async for chunk in chunks:
                    await self.write(chunk)
            except (ConnectionError, TimeoutError):
                return
        await super().write_eof(data)
