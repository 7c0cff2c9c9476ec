"""The configuration of a platform that runs, changed past the API; whoever has it in memory is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jambones.common.bus import Bus
from jambones.common.db.database import Database
from jambones.common.secrets import KeyRing
from jambones.local.platform import LocalPlatform


@asynccontextmanager
async def configuring(platform: LocalPlatform) -> AsyncIterator[tuple[Database, Bus]]:
    """Its database, and its bus, which hears of every change."""
    keys = KeyRing.parse(platform.secrets["encryption"])
    async with (
        Bus.connect([platform.nats_url], name="test") as bus,
        Database.open(platform.dsn, keys=keys, size=2, application="test") as database,
    ):
        database.announce = bus.publish
        yield database, bus
