"""Gateways that are marked down, in a watched copy: no round trip in the path of a call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from jambones.common.bus import Bucket, Bus, Changed, Removed, SnapshotDone
from jambones.common.bus.gateways import BUCKET, LONGEST, GatewayDown
from jambones.common.tasks import Tasks


class DownMarks:
    """`sid in marks`: whether that gateway is down now. Open it with `async with DownMarks.watching(bus)`."""

    def __init__(self) -> None:
        self._marks: dict[str, GatewayDown] = {}

    @classmethod
    @asynccontextmanager
    async def watching(cls, bus: Bus) -> AsyncIterator[Self]:
        """Watch inside the block; an empty copy means that all are up."""
        marks = cls()
        async with Tasks() as tasks:
            tasks.keep(lambda: marks.run(bus.bucket(BUCKET, GatewayDown, ttl=LONGEST)), name="watch gateways")
            yield marks

    async def run(self, bucket: Bucket[GatewayDown]) -> None:
        """Follow the bucket for ever."""
        async for change in bucket.watch():
            self.apply(change)

    def apply(self, change: Changed[GatewayDown] | Removed | SnapshotDone) -> None:
        """Take in one word of the watcher."""
        match change:
            case Changed(key=key, value=mark):
                self._marks[key[-1]] = mark
            case Removed(key=key):
                self._marks.pop(key[-1], None)
            case SnapshotDone():
                pass

    def __contains__(self, sid: object) -> bool:
        mark = self._marks.get(str(sid))
        return mark is not None and mark.holds

    def __len__(self) -> int:
        return sum(mark.holds for mark in self._marks.values())
