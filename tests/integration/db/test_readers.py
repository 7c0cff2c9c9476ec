"""Reading without a transaction: the policies hold on connections that keep their tenant, and nothing is written."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from jambones.common.db.applications import Applications
from jambones.common.db.database import Database
from jambones.common.db.errors import DatabaseUnavailable, Forbidden, Invalid
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.secrets import KeyRing
from tests.support.accounts import account

NASTY = "x'; DROP TABLE accounts; --\\' \\"
NAMES = "SELECT string_agg(name, ' ' ORDER BY name) FROM applications"


@pytest.fixture
async def db(database_dsn: str) -> AsyncIterator[Database]:
    """One connection of each kind, so that everybody meets the connection of the one before."""
    async with Database.open(database_dsn, keys=KeyRing([bytes(32)]), size=1) as db:
        yield db


async def test_each_reader_sees_its_own_rows_whoever_used_the_connection_before(db: Database) -> None:
    one, two = await account(db, "one"), await account(db, "two")
    provider = Tenant(two.service_provider_sid)
    for _ in range(2):
        for tenant, names in ((one, "one"), (one, "one"), (two, "two"), (provider, "two"), (PLATFORM, "one two")):
            async with db.reading(tenant) as tx:
                assert await tx.fetchval(NAMES) == names  # SQL that forgot its tenant
        async with db.transaction(PLATFORM) as tx:
            assert await tx.fetchval(NAMES) == "one two"
        async with db.transaction(two) as tx:
            assert await tx.fetchval(NAMES) == "two"


async def test_a_tenant_above_reads_with_its_own_eyes(db: Database) -> None:
    one, two = await account(db, "one"), await account(db, "two")
    async with db.reading(one, identity=Tenant(one.service_provider_sid)) as tx:
        assert [row.name for row in await Applications(tx).select()] == ["one"]
    async with db.reading(two, identity=Tenant(one.service_provider_sid)) as tx:  # somebody forgot to check
        assert await Applications(tx).select() == []
        assert await tx.fetchval(NAMES) == "one"


async def test_a_connection_without_a_tenant_sees_nothing(db: Database) -> None:
    await account(db, "one")
    async with db._reading.acquire() as connection:
        assert await connection.fetchval("SELECT current_user") == "jambones_tenant"
        assert await connection.fetchval(NAMES) is None


async def test_a_reader_that_was_called_off_leaves_no_eyes_behind(db: Database) -> None:
    one, two = await account(db, "one"), await account(db, "two")
    async with db.reading(one) as tx:
        assert await tx.fetchval(NAMES) == "one"
    for turns in range(1, 12):  # called off after ever more turns of the loop

        async def reader() -> None:
            async with db.reading(two) as tx:
                await tx.fetchval("SELECT pg_sleep(0.01)")

        task = asyncio.create_task(reader())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for tenant, names in ((one, "one"), (two, "two"), (one, "one")):
            async with db.reading(tenant) as tx:
                assert await tx.fetchval(NAMES) == names


async def test_values_cannot_leave_their_place(db: Database) -> None:
    await account(db, "one")
    async with db.reading(Tenant(NASTY, NASTY)) as tx:
        assert await tx.fetchval("SELECT current_setting('jambones.account_sid')") == NASTY
        assert await tx.fetchval(NAMES) is None


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE applications SET name = 'x' RETURNING name",
        "DELETE FROM applications RETURNING name",
        "CREATE TABLE x ()",
    ],
)
async def test_what_reads_cannot_write(db: Database, sql: str) -> None:
    one = await account(db, "one")
    with pytest.raises((DatabaseUnavailable, Forbidden)):
        async with db.reading(one) as tx:
            await tx.fetchval(sql)
    for tenant in (one, PLATFORM):
        async with db.reading(tenant) as tx:
            with pytest.raises(RuntimeError):
                await tx.execute("DELETE FROM applications")
            with pytest.raises(RuntimeError):
                await tx.executemany("DELETE FROM applications WHERE name = $1", [("one",)])
            assert await tx.fetchval(NAMES) == "one"


async def test_a_statement_that_fails_does_not_spoil_the_next(db: Database) -> None:
    one = await account(db, "one")
    with pytest.raises(Invalid):
        async with db.reading(one) as tx:
            await tx.fetchval("SELECT 1/0")
    async with db.reading(one) as tx:
        assert await tx.fetchval(NAMES) == "one"
