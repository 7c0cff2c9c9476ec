"""What a transaction is told lasts until its end, whatever the values look like."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from jambones.common.db.accounts import Accounts
from jambones.common.db.database import Database
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.metrics import Metrics

NASTY = "x'; DROP TABLE accounts; --\\' \\"


@pytest.fixture
async def db(database_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(database_dsn, size=1) as db:
        yield db


async def test_values_cannot_leave_their_quotes(db: Database) -> None:
    async with db.transaction(Tenant(NASTY, NASTY), audit=f'{{"path": "{NASTY}"}}') as tx:
        assert await tx.fetchval("SELECT current_setting('jambones.account_sid')") == NASTY
        assert NASTY in await tx.fetchval("SELECT current_setting('jambones.audit')")
        assert await tx.fetchval("SELECT count(*) FROM accounts") == 0


async def test_the_next_user_of_the_connection_meets_nothing_of_it(db: Database) -> None:
    with suppress(ZeroDivisionError):
        async with db.transaction(Tenant("sp", "a"), audit="{}") as tx:
            await tx.fetch("SELECT 1")
            raise ZeroDivisionError
    async with db.transaction(PLATFORM) as tx:
        assert await tx.fetchval("SELECT current_user") != "jambones_tenant"
        assert not await tx.fetchval("SELECT current_setting('jambones.account_sid', true)")
        assert not await tx.fetchval("SELECT current_setting('jambones.audit', true)")


async def test_a_snapshot_cannot_write(db: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with db.transaction(PLATFORM, snapshot=True) as tx:
            await tx.execute("DELETE FROM lcr")


async def test_each_operation_is_measured_by_name(database_dsn: str) -> None:
    metrics = Metrics(process=False)
    async with Database.open(database_dsn, size=1, metrics=metrics) as db:
        async with db.transaction(PLATFORM) as tx:
            await Accounts(tx).select(name=NASTY)
        async with db.reading(Tenant("sp", "a")) as reading:
            await Accounts(reading).select(name=NASTY)

    text = metrics.render().decode()
    for name, count in (("connection", 2), ("begin", 1), ("select accounts", 2), ("commit", 1)):
        assert f'jambones_db_seconds_count{{query="{name}"}} {count}.0' in text
    assert "DROP" not in text
