"""Tenants of the API's tests that own one of everything, and requests made of the operations with their sids."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from jambones.api.examples import EXAMPLES
from jambones.api.operations import Operation
from jambones.api.resources import RESOURCES
from jambones.api.resources.calls import calls_bucket
from jambones.common.bus.calls import LiveCall
from jambones.common.ids import AccountSid, CallSid
from jambones.common.private import Private
from tests.integration.api.conftest import Client, Reply, World

HOOKS = {"call_hook": {"url": "http://example.com/call"}, "call_status_hook": {"url": "https://example.com/status"}}
OPERATIONS: list[Operation] = [operation for resource in RESOURCES for operation in resource]
TWILIO = "7d509a18-bbff-4c5d-b21e-b99bf8f8c49a"
PASSWORD = "correct horse 1"
WORDS = {"sip_realm": "a.b.cc", "username": "joe", "method": "invite", "year": "2026", "month": "01", "day": "31",
         "format": "wav"}  # fmt: skip


@dataclass
class Belongings:
    """Sids by parameter name, and who may use them."""

    name: str
    sids: dict[str, str]
    owner: Client
    """The service provider's key."""
    tenant: Client
    """The account's key."""

    @property
    def account(self) -> str:
        return self.sids["account_sid"]


async def belongings(world: World, name: str) -> Belongings:
    """A service provider with an account that has one of everything; `name` is in all names and secrets."""
    provider, owner = await world.provider(name)
    account, tenant = await world.account(provider, name)
    sids = {"service_provider_sid": provider, "account_sid": account, "predefined_carrier_sid": TWILIO}
    realm, hook = f"{name}.sip.example.org", {"url": f"http://{name}.example.com/x", "password": f"{name}-secret"}
    await world.admin.put(f"/Accounts/{account}", {"sip_realm": realm, "registration_hook": hook})
    sids["application_sid"] = await tenant.make("/Applications", {"name": name, "env_vars": {"A": name}, **HOOKS})
    sids["voip_carrier_sid"] = await tenant.make("/VoipCarriers", {"name": name, "register_password": name})
    gateway = {"voip_carrier_sid": sids["voip_carrier_sid"], "ipv4": f"{name}.example.com", "outbound": 1}
    sids["sip_gateway_sid"] = await tenant.make("/SipGateways", gateway)
    number = {"number": f"1508{name}", "voip_carrier_sid": sids["voip_carrier_sid"]}
    sids["phone_number_sid"] = await tenant.make("/PhoneNumbers", number)
    sids["api_key_sid"] = (await tenant.get(f"/Accounts/{account}/ApiKeys")).body[0]["api_key_sid"]
    sids["client_sid"] = await tenant.make("/Clients", {"username": name, "password": name})
    sids["lcr_sid"] = await tenant.make("/Lcrs", {"name": name})
    route = {"lcr_sid": sids["lcr_sid"], "regex": "1", "priority": 1, "description": name}
    sids["lcr_route_sid"] = await tenant.make("/LcrRoutes", route)
    entry = {"lcr_route_sid": sids["lcr_route_sid"], "voip_carrier_sid": sids["voip_carrier_sid"]}
    sids["entry_sid"] = await tenant.make("/LcrCarrierSetEntries", entry)
    sids["webhook_sid"] = await tenant.make("/Webhooks", hook)
    credential = {"vendor": "nvidia", "riva_server_uri": name, "label": name}
    sids["speech_credential_sid"] = await tenant.make(f"/Accounts/{account}/SpeechCredentials", credential)
    sids["sbc_address_sid"] = await world.admin.make("/Sbcs", {"ipv4": name, "service_provider_sid": provider})
    person = {"name": name, "email": f"{name}@example.com", "initial_password": PASSWORD}
    sids["user_sid"] = (await tenant.post("/Users", person)).body["user_sid"]
    sids["call_sid"] = await put_call(world, account, name)
    return Belongings(name, sids, owner, tenant)


async def put_call(world: World, account: str, name: str = "1617") -> str:
    call = LiveCall(
        call_sid=CallSid(str(uuid4())), account_sid=AccountSid(account), direction="inbound", from_=Private("1508"),
        to=Private(name), call_id="abc@1.2.3.4", sip_status=200, call_status="in-progress",
    )  # fmt: skip
    await calls_bucket(world.bus).put(account, call.call_sid, value=call)
    return call.call_sid


async def person(world: World, name: str, **owner: Any) -> Client:
    """Somebody who has logged in."""
    body = {"name": name, "email": f"{name}@example.com", "initial_password": PASSWORD, **owner}
    assert (await world.admin.post("/Users", body)).status == 201
    reply = await world.admin.with_token(None).post("/login", {"username": name, "password": PASSWORD})
    return world.admin.with_token(reply.body["token"])


def path_of(operation: Operation, sids: dict[str, str]) -> str:
    path = operation.path
    for name in operation.params:
        path = path.replace(f"{{{name}}}", sids.get(name) or WORDS.get(name) or str(uuid4()))
    return path


def body_of(operation: Operation, sids: dict[str, str]) -> Any:
    """The operation's example with these sids."""
    return _with(EXAMPLES.get(operation.operation_id), sids)


def _with(value: Any, sids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: sids[name] if name in sids else _with(inner, sids) for name, inner in value.items()}
    return [_with(inner, sids) for inner in value] if isinstance(value, list) else value


async def send(
    client: Client, operation: Operation, sids: dict[str, str], *, bodies: dict[str, str] | None = None
) -> Reply:
    """The operation's request with `sids` in the path and the query, and `bodies` (or the same) in the body."""
    query = {
        "page": "1", "count": "5", "seconds": "1", "vendor": "google", "type": "subdomain", "value": "free.example.net",
        "url": "http://127.0.0.1:1/", "number": "15551234", "source": "192.0.2.1",
    }  # fmt: skip
    query |= {name: sids[name] for name in ("voip_carrier_sid", "lcr_sid", "lcr_route_sid") if name in sids}
    body = body_of(operation, sids if bodies is None else bodies) if operation.body is not None else None
    if operation.operation_id == "testBucketCredential":
        body = body | {"vendor": "s3_compatible", "endpoint": "http://127.0.0.1:1"}
    return await client.ask(
        operation.method, path_of(operation, sids), body, **(query if operation.method == "GET" else {})
    )
