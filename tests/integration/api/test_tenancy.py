"""Whose is what: the verdicts that clients know, what is shared, and that nothing answers 5xx."""

from uuid import uuid4

import pytest

from jambones.api.wire import Input
from tests.integration.api.conftest import Client, World
from tests.support.tenants import HOOKS, OPERATIONS, belongings, path_of


async def tenants(world: World, name: str) -> tuple[dict[str, str], Client, Client]:
    """Sids by parameter name, the key of a service provider and that of its account."""
    made = await belongings(world, name)
    return made.sids, made.owner, made.tenant


async def test_nothing_answers_5xx_to_its_owner(world: World) -> None:
    sids, owner, tenant = await tenants(world, "ours")
    for client in (tenant, owner, world.admin):
        for operation in OPERATIONS:
            if operation.method == "DELETE" or operation.later or operation.media_type == "text/event-stream":
                continue
            for sid in (sids, {}, dict.fromkeys(sids, "junk")):
                body = {} if operation.body is not None else None
                reply = await client.ask(operation.method, path_of(operation, sid), body)
                assert reply.status < 500, (operation.method, operation.path, reply)


@pytest.mark.timeout(180)
async def test_no_value_of_any_field_answers_5xx(world: World) -> None:
    sids, _, _ = await tenants(world, "ours")
    values = (None, "", "x" * 10_000, -1, 10**12, [], {}, "\0", True, {"url": "\0"}, "2026-13-01", "sip:a b")
    good = {"name": "n", "number": "1", "ipv4": "1.1.1.1", **HOOKS, **sids}
    for operation in OPERATIONS:
        if operation.body is None or not issubclass(operation.body, Input):
            continue
        fields = {name: good[name] for name in operation.body.model_fields if name in good}
        for name in operation.body.model_fields:
            for value in values:
                reply = await world.admin.ask(operation.method, path_of(operation, sids), fields | {name: value})
                assert reply.status < 500, (operation.method, operation.path, name, value, reply)


async def test_foreign_sids_get_the_verdicts_that_clients_know(world: World) -> None:
    theirs, _, _ = await tenants(world, "theirs")
    ours, owner, tenant = await tenants(world, "ours")
    account, provider = theirs["account_sid"], theirs["service_provider_sid"]
    for client, method, path, body, status, words in [
        (tenant, "GET", f"/Accounts/{account}", None, 403, "insufficient permissions"),
        (tenant, "PUT", f"/Accounts/{account}", {"name": "x"}, 403, "insufficient permissions"),
        (owner, "GET", f"/Accounts/{account}", None, 403, "insufficient permissions"),
        (tenant, "POST", "/Accounts", {"name": "x"}, 403, "insufficient permissions"),
        (tenant, "GET", f"/Applications/{theirs['application_sid']}", None, 404, ""),
        (tenant, "PUT", f"/Applications/{theirs['application_sid']}", {"name": "x"}, 403, "insufficient privileges"),
        (tenant, "DELETE", f"/Applications/{theirs['application_sid']}", None, 422, "insufficient permissions"),
        (tenant, "DELETE", f"/Applications/{uuid4()}", None, 400, "application does not exist"),
        (owner, "DELETE", f"/Applications/{theirs['application_sid']}", None, 403, ""),
        (owner, "POST", "/Applications", {"name": "x", "account_sid": account, **HOOKS}, 403, "insufficient priv"),
        (owner, "POST", "/Applications", {"name": "x", **HOOKS}, 400, "missing required field: 'account_sid'"),
        (tenant, "GET", f"/VoipCarriers/{theirs['voip_carrier_sid']}", None, 400, "insufficient privileges"),
        (tenant, "PUT", f"/VoipCarriers/{theirs['voip_carrier_sid']}", {}, 422, "carrier belongs to a different user"),
        (tenant, "DELETE", f"/VoipCarriers/{theirs['voip_carrier_sid']}", None, 422, ""),
        (tenant, "GET", f"/PhoneNumbers/{theirs['phone_number_sid']}", None, 404, ""),
        (owner, "GET", f"/PhoneNumbers/{theirs['phone_number_sid']}", None, 400, "insufficient privileges"),
        (tenant, "PUT", f"/PhoneNumbers/{theirs['phone_number_sid']}", {}, 403, ""),
        (tenant, "DELETE", f"/PhoneNumbers/{theirs['phone_number_sid']}", None, 403, ""),
        (owner, "GET", f"/ServiceProviders/{provider}", None, 403, "insufficient permissions"),
        (owner, "POST", "/ServiceProviders", {"name": "x"}, 403, "only admin users can add a service provider"),
        (owner, "POST", "/ApiKeys", {}, 400, "service provider token may not be used to create admin token"),
        (owner, "POST", "/ApiKeys", {"account_sid": account}, 400, "only be used to create tokens for the same"),
        (owner, "DELETE", f"/ApiKeys/{theirs['api_key_sid']}", None, 400, "api key from another service provider"),
        (tenant, "DELETE", f"/ApiKeys/{theirs['api_key_sid']}", None, 400, "associated with a different account"),
        (world.admin, "DELETE", f"/ServiceProviders/{provider}", None, 403, "insufficient privileges"),
        (world.admin, "PUT", f"/Accounts/{account}", {"service_provider_sid": ours["account_sid"]}, 400, "may not be"),
        (world.admin, "PUT", f"/Accounts/{uuid4()}", {}, 400, "account not found for sid"),
    ]:  # fmt: skip
        reply = await client.ask(method, path, body)
        assert reply.status == status, (method, path, reply)
        assert words in (reply.msg if words else "")


async def test_an_account_reads_what_its_provider_shares(world: World) -> None:
    ours, owner, tenant = await tenants(world, "ours")
    shared = await owner.make("/VoipCarriers", {"name": "shared"})
    assert {row["voip_carrier_sid"] for row in (await tenant.get("/VoipCarriers")).body} == {
        shared, ours["voip_carrier_sid"]
    }  # fmt: skip
    own = await tenant.get(f"/Accounts/{ours['account_sid']}/VoipCarriers")
    assert [row["voip_carrier_sid"] for row in own.body] == [ours["voip_carrier_sid"]]
    provider = ours["service_provider_sid"]
    for path in ("Accounts", "Applications", "PhoneNumbers", "ApiKeys", "VoipCarriers"):
        assert (await tenant.get(f"/ServiceProviders/{provider}/{path}")).status == 200
    assert len((await tenant.get("/ServiceProviders")).body) == 1
    assert (await tenant.get(f"/ServiceProviders/{provider}/ApiKeys")).body == []


@pytest.mark.parametrize("scope", ["account", "service_provider", "admin"])
async def test_deleting_an_account_takes_all_it_owns(world: World, scope: str) -> None:
    sids, owner, tenant = await tenants(world, "ours")
    client = {"account": tenant, "service_provider": owner, "admin": world.admin}[scope]
    await owner.put(f"/Accounts/{sids['account_sid']}", {"device_calling_application_sid": sids["application_sid"]})
    assert (await client.delete(f"/Accounts/{sids['account_sid']}")).status == 204
    assert (await world.admin.get("/Applications")).body == []
    assert (await world.admin.get("/VoipCarriers")).body == []
    assert (await tenant.get("/Applications")).status == 401
