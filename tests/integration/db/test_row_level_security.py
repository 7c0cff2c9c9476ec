"""The second wall between tenants: even SQL that forgets its tenant finds nothing of others."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from jambones.common.db.accounts import Accounts, new_webhook_secret
from jambones.common.db.applications import Applications
from jambones.common.db.clients import Clients
from jambones.common.db.database import Database
from jambones.common.db.errors import Forbidden
from jambones.common.db.service_providers import ServiceProviders
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.secrets import KeyRing

TABLES = ("accounts", "applications", "clients")


@pytest.fixture
async def db(database_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(database_dsn, keys=KeyRing([bytes(32)]), size=4) as db:
        yield db


async def account(db: Database, name: str) -> Tenant:
    async with db.transaction(PLATFORM) as tx:
        provider = (await ServiceProviders(tx).add({"name": name})).service_provider_sid
        values = {"name": name, "service_provider_sid": provider, "webhook_secret": new_webhook_secret()}
        tenant = (await Accounts(tx).add(values)).tenant
        await Applications(tx).add({"name": name, "account_sid": tenant.account_sid})
        await Clients(tx).add({"username": name, "account_sid": tenant.account_sid, "password": "open sesame"})
    return tenant


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
        client = await Clients(tx).by_username(tenant.account_sid or "", "ONE")
    assert client is not None
    assert client.password is not None
    assert client.password.reveal() == "open sesame"
