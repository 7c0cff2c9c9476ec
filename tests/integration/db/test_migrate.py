"""Migrations on a real server."""

import asyncio

import pytest

from jambones.common.db.migrate import Migration, MigrationChanged, migrate, migrations, status
from tests.support.servers import Databases


async def test_processes_that_start_together_do_the_work_once(databases: Databases) -> None:
    await databases._run("CREATE DATABASE empty")
    dsn = databases.server.dsn("empty")
    try:
        done = await asyncio.gather(*[migrate(dsn) for _ in range(3)])
        assert sorted(map(len, done)) == [0, 0, len(migrations())]
        assert await migrate(dsn) == []
        assert {entry.state for entry in await status(dsn)} == {"applied"}
        first, *rest = migrations()
        with pytest.raises(MigrationChanged):
            await migrate(dsn, [Migration(first.name, first.sql + "\n"), *rest])
    finally:
        await databases.drop(dsn)
