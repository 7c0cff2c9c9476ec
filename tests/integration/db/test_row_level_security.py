"""The second wall between tenants: even SQL that forgets its tenant finds nothing of others."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from jambones.common.db.applications import Applications
from jambones.common.db.clients import Clients
from jambones.common.db.database import Database
from jambones.common.db.errors import Forbidden
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.secrets import KeyRing
from tests.support.accounts import account

TABLES = ("accounts", "applications", "clients")


@pytest.fixture
async def db(database_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(database_dsn, keys=KeyRing([bytes(32)]), size=4) as db:
        yield db


async def test_a_query_without_a_tenant_sees_the_tenants_rows_only(db: Database) -> None:
    one, two = await account(db, "one"), await account(db, "two")
    for tenant, count in ((one, 1), (two, 1), (Tenant(one.service_provider_sid), 1), (PLATFORM, 2)):
        async with db.transaction(tenant) as tx:
            for table in TABLES:
                assert await tx.fetchval(f"SELECT count(*) FROM {table}") == count, (tenant, table)
    async with db.transaction(one) as tx:
        assert await tx.execute("UPDATE applications SET name = 'x'") == 1
        assert await tx.execute("DELETE FROM clients WHERE account_sid = $1", two.account_sid) == 0


async def test_a_tenant_cannot_write_rows_of_another(db: Database) -> None:
    one, two = await account(db, "one"), await account(db, "two")
    with pytest.raises(Forbidden):
        async with db.transaction(one) as tx:
            await Applications(tx).add({"name": "stolen", "account_sid": two.account_sid})
    with pytest.raises(Forbidden):
        async with db.transaction(one) as tx:
            await tx.execute("UPDATE applications SET account_sid = $1", two.account_sid)


@pytest.mark.parametrize("table", ["sessions", "reset_links", "login_failures", "idempotent_answers"])
async def test_what_is_the_platforms_is_closed_to_tenants(db: Database, table: str) -> None:
    one = await account(db, "one")
    with pytest.raises(Forbidden):
        async with db.transaction(one) as tx:
            await tx.fetch(f"SELECT * FROM {table}")


async def test_the_tenant_ends_with_its_transaction(db: Database) -> None:
    one = await account(db, "one")
    await account(db, "two")
    for _ in range(8):
        async with db.transaction(one) as tx:
            assert await tx.fetchval("SELECT count(*) FROM accounts") == 1
        async with db.transaction(PLATFORM) as tx:
            assert await tx.fetchval("SELECT count(*) FROM accounts") == 2


async def test_secrets_are_sealed_at_rest(db: Database, database_dsn: str) -> None:
    tenant = await account(db, "one")
    connection = await asyncpg.connect(database_dsn)
    stored = await connection.fetchval("SELECT password FROM clients")
    secret = await connection.fetchval("SELECT webhook_secret FROM accounts")
    await connection.close()
    assert stored.startswith("j1.")
    assert "sesame" not in stored
    assert secret.startswith("j1.")
    async with db.transaction(tenant) as tx:
        (client,) = await Clients(tx).select()
    assert client.password is not None
    assert client.password.reveal() == "open sesame"


SHARED_WITH_ALL = {
    "predefined_carriers",
    "predefined_sip_gateways",
    "permissions",
    "password_settings",
    "schema_version",
}
"""Tables without policies that tenants may read: they hold nothing of anybody."""


async def test_the_role_of_tenants_has_no_way_round_the_policies(db: Database) -> None:
    async with db.transaction(PLATFORM) as tx:
        role = await tx.fetchrow("SELECT * FROM pg_roles WHERE rolname = 'jambones_tenant'")
        assert role is not None
        for power in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolcanlogin", "rolreplication"):
            assert not role[power], power
        owned = await tx.fetch("SELECT relname FROM pg_class WHERE relowner = 'jambones_tenant'::regrole")
        assert not owned
        members = await tx.fetch("SELECT 1 FROM pg_auth_members WHERE member = 'jambones_tenant'::regrole")
        assert not members


async def test_every_table_that_tenants_may_touch_has_policies_or_holds_nothing_of_anybody(db: Database) -> None:
    async with db.transaction(PLATFORM) as tx:
        tables = await tx.fetch(
            """
            SELECT c.relname, c.relrowsecurity, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
              has_table_privilege('jambones_tenant', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')
              AND has_table_privilege('jambones_tenant', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES')
            """
        )
    names = {row["relname"] for row in tables}
    assert {"accounts", "users", "recent_calls", "api_keys", "speech_credentials"} <= names
    for row in tables:
        if row["relname"] in SHARED_WITH_ALL:
            assert not row["writes"], row
        else:
            assert row["relrowsecurity"], row
            assert row["policies"], row


@pytest.mark.parametrize(
    "sql",
    [
        "SET LOCAL row_security = off; SELECT * FROM accounts",
        "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
        "DROP POLICY owns ON accounts",
        "ALTER ROLE jambones_tenant BYPASSRLS",
        "CREATE TABLE accounts_copy AS SELECT * FROM accounts",
        "TRUNCATE applications CASCADE",
        "COPY accounts TO PROGRAM 'cat'",
    ],
)
async def test_a_tenant_cannot_switch_the_policies_off(db: Database, sql: str) -> None:
    one = await account(db, "one")
    await account(db, "two")
    with pytest.raises(Forbidden):
        async with db.transaction(one) as tx:
            await tx.execute(sql)
    async with db.transaction(one) as tx:
        assert await tx.fetchval("SELECT count(*) FROM accounts") == 1


async def test_values_cannot_become_sql(db: Database) -> None:
    one = await account(db, "one")
    two = await account(db, "two")
    async with db.transaction(one) as tx:
        with pytest.raises(Exception, match=r"multiple commands|syntax"):
            await tx.connection.fetch("RESET ROLE; SELECT * FROM accounts WHERE name = $1", "two")
    async with db.transaction(one) as tx:
        assert await Applications(tx).select(name=f"x' OR account_sid = '{two.account_sid}") == []


async def test_a_tenant_above_looks_with_its_own_eyes(db: Database) -> None:
    one, two = await account(db, "one"), await account(db, "two")
    provider = Tenant(one.service_provider_sid)
    async with db.transaction(one, identity=provider) as tx:
        assert [row.name for row in await Applications(tx).select()] == ["one"]
    async with db.transaction(two, identity=provider) as tx:  # somebody forgot to check
        assert await Applications(tx).select() == []
        assert await tx.fetchval("SELECT count(*) FROM accounts") == 1


async def test_the_policies_of_an_account_do_not_read_the_other_accounts(db: Database) -> None:
    one = await account(db, "one")
    await account(db, "two")
    for table in ("applications", "clients"):
        async with db.transaction(one) as tx:
            sql = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM {table} WHERE account_sid = $1"
            plan = [row[0] for row in await tx.fetch(sql, one.account_sid)]
        scans = [line for line in plan if "on accounts" in line]
        assert scans
        assert all("never executed" in scan for scan in scans), "\n".join(plan)
