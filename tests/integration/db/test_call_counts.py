"""Totals of calls from the counts of days are those that counting the records gives, whatever came and went."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from jambones.common.db.database import Database
from jambones.common.db.migrate import migrate, migrations
from jambones.common.db.pages import Period, ensure_partitions, forget_before
from jambones.common.db.recent_calls import CallFilter, RecentCall, RecentCalls
from jambones.common.db.tenant import PLATFORM, Tenant
from tests.support.servers import Databases

NOW = datetime(2026, 6, 15, 13, 30, tzinfo=UTC)
TENANTS = [Tenant("sp1", "a"), Tenant("sp1", "b"), Tenant("sp2", "c"), Tenant("sp1"), Tenant("sp2")]


@pytest.fixture
async def db(database_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(database_dsn, size=2) as db:
        yield db


def records(chance: random.Random, count: int, *, first: int = 0) -> list[RecentCall]:
    """Calls of the last hundred days, some at midnight; some name no service provider."""
    made = []
    for n in range(first, first + count):
        at = NOW - timedelta(seconds=chance.randrange(100 * 86400))
        if chance.random() < 0.2:
            at = at.replace(hour=0, minute=0, second=0)
        account = chance.choice("abc")
        provider = {"a": "sp1", "b": "sp1", "c": "sp2"}[account] if chance.random() < 0.9 else None
        direction = chance.choice(("inbound", "outbound"))
        made.append(
            RecentCall.model_validate(
                {"record_id": f"r{n}", "attempted_at": at, "account_sid": account, "service_provider_sid": provider,
                 "direction": direction, "answered": chance.random() < 0.5}
            )
        )  # fmt: skip
    return made


async def check(db: Database, chance: random.Random) -> None:
    """Many questions, as each tenant, as its provider and as the platform; the answers beside those of counting."""
    for _ in range(60):
        tenant = chance.choice(TENANTS)
        start, end = sorted(NOW - timedelta(seconds=chance.randrange(110 * 86400)) for _ in range(2))
        if chance.random() < 0.3:
            end = start + timedelta(hours=chance.randrange(60))
        if chance.random() < 0.3:
            start, end = (moment.replace(hour=0, minute=0, second=0) for moment in (start, end))
        period = chance.choice([Period(), Period(start), Period(None, end), Period(start, end)])
        wanted = CallFilter(
            period, direction=chance.choice([None, "inbound"]), answered=chance.choice([None, True, False])
        )
        for eyes in (tenant, Tenant(tenant.service_provider_sid), PLATFORM):
            where = wanted.where()
            column, sid = "account_sid", tenant.account_sid
            if sid is None:
                column, sid = "service_provider_sid", tenant.service_provider_sid
            where.add(f"{column} = {{}}", sid)
            async with db.reading(tenant, identity=eyes) as tx:
                counted = await tx.fetchval(f"SELECT count(*) FROM recent_calls WHERE {where}", *where.args)
                assert (await RecentCalls(tx).page(wanted, page=1, count=1)).total == counted, (tenant, eyes, wanted)


async def test_totals_are_those_of_the_records(db: Database) -> None:
    chance = random.Random(7)
    async with db.transaction(PLATFORM) as tx:
        for months in range(3):
            await ensure_partitions(tx, NOW - timedelta(days=30 * months))
        calls, rows = RecentCalls(tx), records(chance, 900)
        assert await calls.store(rows[:600]) == 600
        assert await calls.store(rows[300:]) == 300  # half of them once more
    await check(db, chance)
    async with db.transaction(PLATFORM) as tx:
        await forget_before(tx, NOW - timedelta(days=40))  # months, and what is in the default partition
    await check(db, chance)
    async with db.transaction(PLATFORM) as tx:
        await tx.execute("DELETE FROM recent_calls WHERE account_sid = 'a'")
        await RecentCalls(tx).store(records(chance, 100, first=900))
    await check(db, chance)
    async with db.transaction(PLATFORM) as tx:
        await forget_before(tx, NOW + timedelta(days=62))
        assert await tx.fetchval("SELECT count(*) FROM recent_calls") == 0
        assert await tx.fetchval("SELECT count(*) FROM call_counts") == 0


async def test_a_tenant_reads_no_counts_of_another(db: Database) -> None:
    async with db.transaction(PLATFORM) as tx:
        await RecentCalls(tx).store(records(random.Random(1), 50))
    for tenant in TENANTS:
        async with db.reading(tenant) as tx:
            seen = await tx.fetch("SELECT DISTINCT tenant_sid, service_provider_sid FROM call_counts")
            assert seen
            for row in seen:
                if tenant.account_sid:
                    assert row["tenant_sid"] == tenant.account_sid
                else:
                    assert row["service_provider_sid"] == tenant.service_provider_sid


async def test_records_from_before_the_counts_are_counted(databases: Databases) -> None:
    await databases._run("CREATE DATABASE older")
    dsn = databases.server.dsn("older")
    try:
        await migrate(dsn, [step for step in migrations() if step.name < "0009"])
        async with Database.open(dsn, size=2) as db:
            chance = random.Random(3)
            async with db.transaction(PLATFORM) as tx:
                await RecentCalls(tx).store(records(chance, 300))
            await migrate(dsn)
            await check(db, chance)
    finally:
        await databases.drop(dsn)
