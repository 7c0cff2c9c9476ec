"""Who wishes to be logged at debug, as it is configured: accounts with `enable_debug_log`, or the whole platform.

Every process that has a database and a bus follows it; a change holds within a second.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from jambones.common import logs
from jambones.common.bus import Bus
from jambones.common.bus.config import ConfigChanged
from jambones.common.db.accounts import Accounts
from jambones.common.db.database import Database
from jambones.common.db.platform import system_information
from jambones.common.db.tenant import PLATFORM
from jambones.common.directory import Directory

ENTITIES = frozenset({"account", "system_information"})


@dataclass(frozen=True)
class DebugWishes:
    everything: bool = False
    """`log_level` of the system information is debug. Its default, info, asks for nothing: the process's own holds."""
    accounts: frozenset[str] = frozenset()

    @classmethod
    async def load(cls, db: Database) -> "DebugWishes":
        """What is configured now. Raises DatabaseUnavailable."""
        async with db.reading(PLATFORM) as tx:
            platform = await system_information(tx)
            return cls(platform is not None and platform.log_level == "debug", await Accounts(tx).at_debug())

    def __str__(self) -> str:
        return "debug for all" if self.everything else f"debug for {len(self.accounts)} accounts"


@asynccontextmanager
async def followed(db: Database, bus: Bus) -> AsyncIterator[None]:
    """This process logs as it is wished, inside the block."""

    async def load() -> DebugWishes:
        wishes = await DebugWishes.load(db)
        logs.verbosity.set_debug(wishes.everything, wishes.accounts)
        return wishes

    async def changes() -> AsyncIterator[ConfigChanged]:
        async for change in bus.subscribe(ConfigChanged):
            if change.entity in ENTITIES:
                yield change

    try:
        async with Directory(load, DebugWishes()).opened(changes):
            yield
    finally:
        logs.verbosity.set_debug(False)
