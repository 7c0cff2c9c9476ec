"""Whose is what: every operation with another tenant's sids, under every scope, and the verdicts that clients know."""

from uuid import uuid4

import pytest

from jambones.api.operations import Operation
from jambones.api.resources import RESOURCES
from jambones.api.wire import Input
from tests.integration.api.conftest import Client, World

HOOKS = {"call_hook": {"url": "http://example.com/call"}, "call_status_hook": {"url": "https://example.com/status"}}
OPERATIONS = [operation for resource in RESOURCES for operation in resource]


async def belongings(world: World, name: str) -> tuple[dict[str, str], Client, Client]:
    """A service provider with an account that has one of everything; sids by parameter name, and the two keys."""
    provider, owner = await world.provider(name)
    account, tenant = await world.account(provider, name)
    sids = {"service_provider_sid": provider, "account_sid": account}
    sids["application_sid"] = await tenant.make("/Applications", {"name": name, **HOOKS})
    sids["voip_carrier_sid"] = await tenant.make("/VoipCarriers", {"name": name})
    gateway = {"voip_carrier_sid": sids["voip_carrier_sid"], "ipv4": "10.1.1.1"}
    sids["sip_gateway_sid"] = await tenant.make("/SipGateways", gateway)
    number = {"number": "1508", "voip_carrier_sid": sids["voip_carrier_sid"]}
    sids["phone_number_sid"] = await tenant.make("/PhoneNumbers", number)
    sids["api_key_sid"] = (await tenant.get(f"/Accounts/{account}/ApiKeys")).body[0]["api_key_sid"]
    sids["client_sid"] = await tenant.make("/Clients", {"username": name, "password": "secret"})
    sids["lcr_sid"] = await tenant.make("/Lcrs", {"name": name})
    route = {"lcr_sid": sids["lcr_sid"], "regex": "1", "priority": 1}
    sids["lcr_route_sid"] = await tenant.make("/LcrRoutes", route)
    entry = {"lcr_route_sid": sids["lcr_route_sid"], "voip_carrier_sid": sids["voip_carrier_sid"]}
    sids["entry_sid"] = await tenant.make("/LcrCarrierSetEntries", entry)
    sids["webhook_sid"] = await tenant.make("/Webhooks", {"url": "http://example.com/x"})
    credential = {"vendor": "deepgram", "api_key": "0123456789"}
    sids["speech_credential_sid"] = await tenant.make(f"/Accounts/{account}/SpeechCredentials", credential)
    person = {"name": name, "email": f"{name}@x", "initial_password": "a good one"}
    sids["user_sid"] = (await tenant.post("/Users", person)).body["user_sid"]
    return sids, owner, tenant


def path_of(operation: Operation, sids: dict[str, str]) -> str:
    path = operation.path
    for name in operation.params:
        path = path.replace(f"{{{name}}}", sids.get(name, "a.b.cc" if name == "sip_realm" else str(uuid4())))
    return path


async def test_nobody_reaches_into_another_tenant(world: World) -> None:
    theirs, their_owner, their_tenant = await belongings(world, "theirs")
    _, owner, tenant = await belongings(world, "ours")
    query = {"page": "1", "count": "5", "voip_carrier_sid": theirs["voip_carrier_sid"]}
    before = await everything(their_tenant, theirs)
    for client in (owner, tenant):
        for operation in OPERATIONS:
            if operation.public or operation.later or not any(name in theirs for name in operation.params):
                continue
            body: object = {"name": "stolen", "username": "stolen", **HOOKS, "category": "device", "quantity": 1}
            if operation.path.endswith("/Routes"):
                body = [{"regex": "1", "priority": 1, "lcr_carrier_set_entries": [{"voip_carrier_sid": str(uuid4())}]}]
            elif operation.path.endswith("/RegisteredSipUsers"):
                body = []
            reply = await client.ask(
                operation.method,
                path_of(operation, theirs),
                body if operation.body is not None else None,
                **(query if operation.method in ("GET", "DELETE") else {}),
            )
            expected = (400, 403, 404, 422) if operation.operation_id != "createCall" else (403, 480)
            assert reply.status in expected, (operation.method, operation.path, reply)
    assert before == await everything(their_tenant, theirs)
    assert (await their_owner.get("/Accounts")).body[0]["account_sid"] == theirs["account_sid"]


async def test_nothing_answers_5xx_to_its_owner(world: World) -> None:
    sids, owner, tenant = await belongings(world, "ours")
    for client in (tenant, owner, world.admin):
        for operation in OPERATIONS:
            if operation.method == "DELETE" or operation.later:
                continue
            for sid in (sids, {}, dict.fromkeys(sids, "junk")):
                body = {} if operation.body is not None else None
                reply = await client.ask(operation.method, path_of(operation, sid), body)
                assert reply.status < 500, (operation.method, operation.path, reply)


@pytest.mark.timeout(180)
async def test_no_value_of_any_field_answers_5xx(world: World) -> None:
    sids, _, _ = await belongings(world, "ours")
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


async def everything(tenant: Client, sids: dict[str, str]) -> list[object]:
    paths = [
        "/Applications", "/VoipCarriers", "/PhoneNumbers", "/Clients", "/Lcrs", f"/LcrRoutes/{sids['lcr_route_sid']}",
        f"/LcrCarrierSetEntries/{sids['entry_sid']}", f"/Webhooks/{sids['webhook_sid']}",
        f"/SipGateways/{sids['sip_gateway_sid']}",
        f"/Accounts/{sids['account_sid']}/Limits",
    ]  # fmt: skip
    return [(await tenant.get(path)).body for path in paths]


async def test_foreign_sids_get_the_verdicts_that_clients_know(world: World) -> None:
    theirs, _, _ = await belongings(world, "theirs")
    ours, owner, tenant = await belongings(world, "ours")
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
    ours, owner, tenant = await belongings(world, "ours")
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
    sids, owner, tenant = await belongings(world, "ours")
    client = {"account": tenant, "service_provider": owner, "admin": world.admin}[scope]
    await owner.put(f"/Accounts/{sids['account_sid']}", {"device_calling_application_sid": sids["application_sid"]})
    assert (await client.delete(f"/Accounts/{sids['account_sid']}")).status == 204
    assert (await world.admin.get("/Applications")).body == []
    assert (await world.admin.get("/VoipCarriers")).body == []
    assert (await tenant.get("/Applications")).status == 401
