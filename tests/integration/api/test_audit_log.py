"""The audit log: who changed what, with the values before and after; nothing escapes it, nothing is taken from it."""

from typing import Any

import asyncpg
import pytest

from jambones.common.db import accounts, api_keys, applications, clients, speech_credentials, voip_carriers, webhooks
from jambones.common.db.audit_log import AuditLog
from jambones.common.db.database import Database
from jambones.common.db.migrate import migrate
from jambones.common.db.tenant import PLATFORM
from tests.integration.api.conftest import Client, World
from tests.support.servers import Databases

HOOK = {"url": "https://user:canary-url@example.com/hook", "username": "u", "password": "canary-hook"}


async def log(client: Client, path: str = "", **query: Any) -> list[dict[str, Any]]:
    reply = await client.get(f"{path}/AuditLog", page=1, count=100, **query)
    assert reply.status == 200, reply
    return list(reply.body["data"])


async def test_an_update_shows_what_was_and_what_is(world: World) -> None:
    sp, _ = await world.provider()
    acme, tenant = await world.account(sp)
    app = await tenant.make("/Applications", {"name": "one", "call_hook": HOOK, "call_status_hook": HOOK})
    await tenant.put(f"/Applications/{app}", {"name": "two"})

    (entry,) = await log(tenant, operation="updateApplication")

    assert (entry["entity"], entry["sid"], entry["action"]) == ("applications", app, "update")
    assert (entry["before"], entry["after"], entry["fields"]) == ({"name": "one"}, {"name": "two"}, ["name"])
    assert (entry["account_sid"], entry["service_provider_sid"]) == (acme, sp)
    assert entry["caller"].startswith("api key ")
    assert entry["address"] == "127.0.0.1"
    made = await log(tenant, operation="createApplication", entity="applications")
    assert made[0]["after"]["name"] == "one"
    assert made[0]["request_id"] == (await log(tenant, entity="webhooks"))[0]["request_id"]


async def test_secrets_are_masked_and_their_change_is_seen(world: World) -> None:
    sp, _ = await world.provider()
    _, tenant = await world.account(sp)
    await tenant.make("/Applications", {"name": "one", "call_hook": HOOK, "call_status_hook": HOOK})
    client = await tenant.make("/Clients", {"username": "ann", "password": "canary-client"})
    await tenant.put(f"/Clients/{client}", {"password": "canary-other"})

    entries = await log(world.admin)

    assert "canary" not in str(entries)
    assert "j1." not in str(entries)
    changed = next(entry for entry in entries if entry["operation"] == "updateClient")
    assert (changed["before"], changed["after"]) == ({"password": "***"}, {"password": "***"})
    hook = next(entry for entry in entries if entry["entity"] == "webhooks")
    assert hook["after"]["url"] == "https://***@example.com/hook"


async def test_every_sealed_column_is_masked_by_its_trigger(db: Database) -> None:
    repositories = (
        accounts.Accounts, api_keys.ApiKeys, applications.Applications, clients.Clients,
        speech_credentials.SpeechCredentials, voip_carriers.VoipCarriers, webhooks.Webhooks,
    )  # fmt: skip
    async with db.transaction(PLATFORM) as tx:
        for repository in repositories:
            sql = "SELECT tgargs FROM pg_trigger WHERE tgname = 'note_change' AND tgrelid = $1::regclass"
            arguments = (await tx.fetchval(sql, repository.TABLE)).decode().split("\0")
            assert set(arguments[1].split(",")) >= repository.SEALED, repository.TABLE


async def test_a_deletion_shows_everything_that_went(world: World) -> None:
    sp, provider = await world.provider()
    acme, tenant = await world.account(sp)
    await tenant.make("/Clients", {"username": "ann", "password": "canary-client"})
    await world.admin.delete(f"/Accounts/{acme}")

    entries = await log(provider, action="delete")

    assert {entry["entity"] for entry in entries} >= {"accounts", "clients"}
    assert {entry["operation"] for entry in entries} == {"deleteAccount"}
    assert {entry["service_provider_sid"] for entry in entries} == {sp}


async def test_a_request_that_changes_no_row_has_an_entry_and_a_refused_one_has_none(world: World) -> None:
    sp, _ = await world.provider()
    acme, tenant = await world.account(sp)
    before = len(await log(tenant))
    assert (await tenant.put(f"/Accounts/{acme}/Calls/{acme}", {"call_status": "completed"})).status >= 400
    assert (await tenant.put(f"/Accounts/{sp}", {"name": "x"})).status >= 400
    assert len(await log(tenant)) == before
    assert (await tenant.put(f"/Accounts/{acme}", {})).status in (204, 400)
    same = {"name": (await tenant.get(f"/Accounts/{acme}")).body["name"]}
    assert (await tenant.put(f"/Accounts/{acme}", same)).status == 204

    entries = await log(tenant, operation="updateAccount")

    assert entries[0]["action"] is None
    assert (entries[0]["status"], entries[0]["fields"]) == (204, ["name"])


async def test_each_tenant_sees_its_own_entries_and_not_who_is_above_it(world: World) -> None:
    sp, provider = await world.provider()
    acme, tenant = await world.account(sp, "acme")
    other, bob = await world.account(sp, "bob")
    await provider.put(f"/Accounts/{acme}", {"name": "by provider"})
    await world.admin.put(f"/Accounts/{acme}", {"name": "by platform"})
    await bob.put(f"/Accounts/{other}", {"name": "by bob"})

    mine = await log(tenant, f"/Accounts/{acme}", entity="accounts", action="update")
    assert [entry["caller"] for entry in mine] == ["the platform", "the service provider"]
    assert {entry["address"] for entry in mine} == {""}
    assert {entry["account_sid"] for entry in await log(tenant)} == {acme}
    seen = await log(provider, f"/ServiceProviders/{sp}", entity="accounts", action="update")
    assert seen[0]["caller"].startswith("api key ")
    assert seen[1]["caller"] == "the platform"
    assert all(entry["caller"].startswith("api key ") for entry in await log(world.admin, entity="accounts"))
    assert (await bob.get(f"/Accounts/{acme}/AuditLog", page=1, count=1)).status == 403
    assert (await bob.get(f"/ServiceProviders/{sp}/AuditLog", page=1, count=1)).status == 403
    assert (await bob.get("/AuditLog")).status == 400


async def test_pages_and_filters(world: World) -> None:
    for number in range(5):
        await world.admin.make("/ServiceProviders", {"name": f"sp{number}"})

    reply = await world.admin.get("/AuditLog", page=2, count=2, entity="service_providers")

    assert (reply.body["total"], len(reply.body["data"])) == (5, 2)
    assert [entry["after"]["name"] for entry in reply.body["data"]] == ["sp2", "sp1"]
    assert await log(world.admin, start="2099-01-01") == []
    assert len(await log(world.admin, days=1, sid=reply.body["data"][0]["sid"])) == 1


@pytest.mark.parametrize(
    "sql", ["UPDATE audit_log SET caller = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
async def test_a_superuser_cannot_change_an_entry_by_accident(world: World, sql: str) -> None:
    await world.provider()
    with pytest.raises(asyncpg.RaiseError):
        async with world.db.transaction(PLATFORM) as tx:
            await tx.execute(sql)


async def test_the_services_role_may_add_read_and_forget_what_is_old(databases: Databases) -> None:
    await databases._run("CREATE ROLE operator LOGIN CREATEROLE")
    await databases._run("CREATE DATABASE operated OWNER operator")
    await databases._run("GRANT jambones_tenant TO operator WITH ADMIN OPTION")
    # What a role that makes another one has over it: it may grant it, but is not a member.
    await databases._run("GRANT jambones_audit TO operator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    dsn = databases.server.dsn("operated")
    own = dsn.replace(dsn.partition("//")[2].partition("@")[0], "operator", 1)
    try:
        await migrate(own)
        connection = await asyncpg.connect(own)
        try:
            await connection.execute(
                "INSERT INTO service_providers (service_provider_sid, name) VALUES ('sp', 'made in SQL')"
            )
            entry = await connection.fetchrow("SELECT * FROM audit_log")
            assert (entry["caller"], entry["operation"]) == ("database operator", "sql")
            for sql in ("UPDATE audit_log SET caller = ''", "DELETE FROM audit_log", "TRUNCATE audit_log"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(sql)
            assert (
                await connection.fetchval("SELECT forget_audit_before(now())") == 0
            )  # not what is younger than 90 days
            await connection.execute(
                "INSERT INTO audit_log (at, caller, operation, path, address, fields) "
                "VALUES (now() - interval '100 days', 'x', 'x', '', '', '{}')"
            )
            assert await connection.fetchval("SELECT forget_audit_before(now() - interval '99 days')") == 1
            assert await connection.fetchval("SELECT count(*) FROM audit_log") == 1
        finally:
            await connection.close()
    finally:
        await databases.drop(dsn)
        await databases._run("DROP OWNED BY operator")
        await databases._run("DROP ROLE operator")


async def test_the_keeper_forgets(world: World) -> None:
    async with world.db.transaction(PLATFORM) as tx:
        await tx.execute(
            "INSERT INTO audit_log (at, caller, operation, path, address, fields) "
            "VALUES (now() - interval '500 days', 'x', 'x', '', '', '{}')"
        )
        from jambones.common import clock

        assert await AuditLog(tx).forget_before(clock.now()) == 1
