"""The configuration snapshot: replaced whole, kept while the database is away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jambones.common.directory import Directory
from jambones.common.errors import Unavailable


class Source:
    """A database whose content, absence and slowness a test sets."""

    def __init__(self) -> None:
        self.accounts: list[str] = []
        self.away = False
        self.loads = 0

    async def load(self) -> tuple[str, ...]:
        self.loads += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable
        return tuple(self.accounts)


class Changes:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[object] = asyncio.Queue()

    async def __call__(self) -> AsyncIterator[object]:
        while True:
            yield await self.queue.get()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting takes no time: what was waited for is noted."""
    waited: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float, *args: Any) -> None:
        if seconds:
            waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr("jambones.common.directory.asyncio.sleep", at_once)
    return waited


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_change_brings_the_new_configuration(clock: list[float]) -> None:
    source, changes = Source(), Changes()
    async with Directory(source.load, ()).opened(changes) as directory:
        assert directory.loaded
        source.accounts = ["ann"]
        for _ in range(20):
            changes.queue.put_nowait("changed")
        await settle()

        assert list(directory.tables) == ["ann"]
        assert source.loads <= 3  # a burst of changes costs one load, not twenty


async def test_what_is_known_is_kept_while_the_database_is_away(clock: list[float]) -> None:
    source, changes = Source(), Changes()
    source.accounts = ["ann"]
    async with Directory(source.load, ()).opened(changes) as directory:
        source.away = True
        changes.queue.put_nowait("changed")
        await settle()

        assert directory.failures
        assert list(directory.tables) == ["ann"]


async def test_it_starts_empty_when_the_database_is_away(clock: list[float]) -> None:
    source, changes = Source(), Changes()
    source.away = True
    async with Directory(source.load, ()).opened(changes) as directory:
        assert not directory.loaded
        source.away = False
        changes.queue.put_nowait("changed")
        await settle()
        assert directory.loaded
