"""Every operation with every kind of token, with own and with foreign sids: the statuses of the table of access."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest

from jambones.api import guards
from jambones.api.access import TABLE, Access
from jambones.api.operations import Operation
from jambones.common import clock
from jambones.common.bus.control import CallUpdated, UpdateCall
from jambones.common.db import alerts, audit_log, pages, recent_calls
from jambones.common.db.repository import Repository
from jambones.common.db.tenant import Scope, Tenant
from tests.integration.api.conftest import Client, Reply, World
from tests.integration.api.test_calls import feature_server
from tests.support.tenants import OPERATIONS, PASSWORD, Belongings, belongings, body_of, person, send

SERVED = [operation for operation in OPERATIONS if not operation.later]
HOLDERS: dict[str, Scope] = {
    "admin key": "admin", "provider key": "service_provider", "account key": "account", "admin user": "admin",
    "provider user": "service_provider", "account user": "account", "viewer": "account",
}  # fmt: skip
BELOW = [name for name, scope in HOLDERS.items() if scope != "admin"]
LAST = (
    "deletePhoneNumber", "deleteSipGateway", "deleteLcrEntry", "deleteLcrRoute", "deleteLcr", "createLcr",
    "deleteVoipCarrier", "deleteApplication", "deleteClient", "deleteSpeechCredential",
    "deleteServiceProviderSpeechCredential", "deleteAccountLimits", "deleteServiceProviderLimits", "deleteSbc",
    "deleteCall", "deleteApiKey", "deleteUser", "changePassword", "logout", "deleteAccount",
)  # fmt: skip
CANARY = "canary7"


async def holder(world: World, name: str, ours: Belongings) -> Client:
    """The client of a kind of token."""
    provider = {"service_provider_sid": ours.sids["service_provider_sid"]}
    account = provider | {"account_sid": ours.account}
    match name:
        case "admin key":
            return world.admin
        case "provider key":
            return ours.owner
        case "account key":
            return ours.tenant
        case "admin user":
            return await person(world, "boss")
        case "provider user":
            return await person(world, "reseller", **provider)
        case "account user":
            return await person(world, "member", **account)
        case _:
            return await person(world, "viewer", **account, is_view_only=True)


def only_looks(name: str, operation: Operation) -> bool:
    """Whether this holder may not do it because it may only look."""
    harmless = operation.public or operation.operation_id in ("logout", "changePassword")
    return name == "viewer" and operation.method != "GET" and not harmless


def expected_for_own(name: str, operation: Operation, access: Access) -> set[int]:
    if only_looks(name, operation):
        return {403}
    if HOLDERS[name] not in access.scopes:
        return {access.refused}
    if access.users_only and "key" in name:
        return {403}
    return {access.own or operation.status} | ({204} if operation.empty else set())


def late(operation: Operation, scope: Scope) -> int:
    """What takes away what others need comes last."""
    if operation.operation_id == "deleteServiceProvider" and scope == "admin":
        return len(LAST)
    return LAST.index(operation.operation_id) if operation.operation_id in LAST else -1


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", HOLDERS)
async def test_everybody_uses_what_is_theirs(world: World, name: str) -> None:
    ours = await belongings(world, "ours")
    client = await holder(world, name, ours)
    await person(world, "joe")
    path = f"/Accounts/{ours.account}/SpeechCredentials"
    second = await ours.tenant.make(path, {"vendor": "nvidia", "riva_server_uri": "x"})

    async def update(question: UpdateCall) -> CallUpdated:
        return CallUpdated()

    asked: list[Any] = []
    async with feature_server(world, asked), world.bus.serve(UpdateCall, update, call_sid=ours.sids["call_sid"]):
        for operation in sorted(SERVED, key=lambda operation: late(operation, HOLDERS[name])):
            sids = dict(ours.sids)
            if operation.operation_id.endswith("ServiceProviderSpeechCredential"):
                sids["speech_credential_sid"] = second
            match operation.operation_id:  # others were made by examples and are in use
                case "deleteVoipCarrier" | "deleteAccountVoipCarrier":
                    sids["voip_carrier_sid"] = await ours.tenant.make("/VoipCarriers", {"name": operation.operation_id})
                case "deleteApplication" | "deleteAccountApplication":
                    spare = {"name": operation.operation_id, "app_json": '[{"verb": "hangup"}]'}
                    sids["application_sid"] = await ours.tenant.make("/Applications", spare)
                case "deleteApiKey" | "deleteAccountApiKey":
                    spare = {"account_sid": ours.account}
                    sids["api_key_sid"] = (await world.admin.post("/ApiKeys", spare)).body["sid"]
                case "logout" | "deleteAccount":
                    client = await relogged(world, client, name)
                case "deleteServiceProvider" if HOLDERS[name] == "admin":
                    for account in (await world.admin.get("/Accounts")).body:
                        await world.admin.delete(f"/Accounts/{account['account_sid']}")
            reply = await send(client, operation, sids)
            expected = expected_for_own(name, operation, TABLE[operation.operation_id])
            assert reply.status in expected, (operation.operation_id, expected, reply)


def leaked(reply: Reply, sent: str, theirs: Belongings) -> list[str]:
    """What of another tenant is in a body; its sids that the request named do not count."""
    text = json.dumps(reply.body)
    hidden = [sid for name, sid in theirs.sids.items() if sid not in sent and name != "predefined_carrier_sid"]
    return [word for word in (CANARY, *hidden) if word in text]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", BELOW)
async def test_nobody_reaches_what_is_not_theirs(world: World, name: str) -> None:
    theirs, ours = await belongings(world, CANARY), await belongings(world, "ours")
    client = await holder(world, name, ours)
    before = await everything(world, theirs)
    asked: list[Any] = []
    async with feature_server(world, asked):
        for operation in SERVED:
            access = TABLE[operation.operation_id]
            expected = access.foreign_to(HOLDERS[name])
            if expected is None:
                reply = await send(client, operation, ours.sids, bodies=theirs.sids)
                if operation.operation_id in ("logout", "changePassword"):
                    client = await relogged(world, client, name)
                elif operation.body is not None and foreign_words(operation, theirs, HOLDERS[name]):
                    assert 400 <= reply.status < 500, (operation.operation_id, reply)
            else:
                reply = await send(client, operation, theirs.sids, bodies=ours.sids)
                wanted = 403 if only_looks(name, operation) else expected
                assert reply.status == wanted, (operation.operation_id, wanted, reply)
            assert not leaked(reply, json.dumps(theirs.sids), theirs), (operation.operation_id, reply)
            assert CANARY not in json.dumps(reply.body), (operation.operation_id, reply)
            if len([param for param in operation.params if param.endswith("_sid")]) > 1:
                mixed = theirs.sids | {word: ours.sids[word] for word in ("account_sid", "service_provider_sid")}
                reply = await send(client, operation, mixed, bodies=ours.sids)
                if "predefined_carrier_sid" not in operation.params:
                    assert reply.status in (403, 404), (operation.operation_id, reply)
                assert CANARY not in json.dumps(reply.body)
    assert not asked
    assert before == await everything(world, theirs)


def foreign_words(operation: Operation, theirs: Belongings, scope: Scope) -> set[str]:
    """The sids of others in the operation's body; who owns what is made is not for the body of a tenant to say."""
    text = json.dumps(body_of(operation, theirs.sids))
    named = {name for name, sid in theirs.sids.items() if f'"{sid}"' in text}
    return named - {"service_provider_sid", "account_sid" if scope == "account" else ""}


async def relogged(world: World, client: Client, name: str) -> Client:
    """The same person after a logout; keys stay."""
    if "key" in name:
        return client
    login = {"admin user": "boss", "provider user": "reseller", "account user": "member", "viewer": "viewer"}[name]
    for password in (PASSWORD, "battery staple 2"):
        reply = await world.admin.with_token(None).post("/login", {"username": login, "password": password})
        if reply.status == 200:
            return world.admin.with_token(reply.body["token"])
    raise AssertionError(reply)


async def everything(world: World, owner: Belongings) -> list[object]:
    """All that the platform sees of a tenant."""
    account, provider = owner.account, owner.sids["service_provider_sid"]
    paths = [
        f"/Accounts/{account}", f"/ServiceProviders/{provider}", f"/Accounts/{account}/Applications",
        f"/Accounts/{account}/VoipCarriers", f"/Accounts/{account}/ApiKeys", f"/Accounts/{account}/Limits",
        f"/Accounts/{account}/SpeechCredentials", f"/ServiceProviders/{provider}/SpeechCredentials",
        f"/ServiceProviders/{provider}/VoipCarriers", f"/ServiceProviders/{provider}/Limits",
        f"/ServiceProviders/{provider}/ApiKeys", f"/ServiceProviders/{provider}/PhoneNumbers",
        f"/Lcrs/{owner.sids['lcr_sid']}", f"/LcrRoutes/{owner.sids['lcr_route_sid']}",
        f"/LcrCarrierSetEntries/{owner.sids['entry_sid']}", f"/Webhooks/{owner.sids['webhook_sid']}",
        f"/SipGateways/{owner.sids['sip_gateway_sid']}", f"/Clients/{owner.sids['client_sid']}",
        f"/Users/{owner.sids['user_sid']}", f"/Accounts/{account}/Calls",
    ]  # fmt: skip
    found: list[object] = [(await world.admin.get(path)).body for path in paths]
    for key in found[4]:  # type: ignore[attr-defined]  # a list of keys: being used changes them
        key.pop("last_used")
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["provider key", "account key", "account user"])
async def test_row_level_security_alone_holds(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = await belongings(world, CANARY), await belongings(world, "ours")
    client = await holder(world, name, ours)
    before = await everything(world, theirs)
    with monkeypatch.context() as patch:
        switch_off(patch.setattr)
        shown = 0
        for operation in SERVED:
            if operation.public or operation.operation_id in ("logout", "changePassword", "createCall"):
                continue
            for bodies in (ours, theirs):
                reply = await send(client, operation, theirs.sids, bodies=bodies.sids)
                assert reply.status < 500 or reply.status == 503, (operation.operation_id, reply)
                assert not leaked(reply, json.dumps(theirs.sids), theirs), (operation.operation_id, reply)
                shown += reply.status == 200
        assert shown > 20
    assert before == await everything(world, theirs)


def switch_off(replace: Callable[[Any, str, Any], None]) -> None:
    """The application's own checks: guards say yes to all, and repositories do not ask for the tenant's rows only."""

    def nothing(*args: Any, **kwargs: Any) -> None:
        return None

    replace(guards, "may_use", lambda ask, account: True)
    replace(guards, "only_admin", nothing)
    for guard in ("service_provider_part", "service_provider_list"):
        replace(guards, guard, lambda ask, name="service_provider_sid": Tenant(ask.params[name]))
    kinds = [Repository, *Repository.__subclasses__()]
    for kind in kinds:
        for method in ("owned", "visible"):
            if method in vars(kind):
                replace(kind, method, nothing)
    for module in (pages, recent_calls, alerts, audit_log):
        if hasattr(module, "owned_by"):
            replace(module, "owned_by", nothing)


async def test_no_or_a_wrong_token_gets_nowhere(world: World) -> None:
    ours = await belongings(world, "ours")
    assert world.api.parts is not None
    assert world.api.parts.settings.jwt_secret is not None
    secret = world.api.parts.settings.jwt_secret.get_secret_value()
    claims = {"account_sid": ours.account, "scope": "account", "permissions": []}
    tokens = [
        None, str(uuid4()), "junk", jwt.encode(claims, "x" * 40, algorithm="HS256"),
        jwt.encode(claims | {"exp": clock.now().timestamp() - 1}, secret, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
    ]  # fmt: skip
    for token in tokens:
        client = world.admin.with_token(token)
        for operation in OPERATIONS:
            reply = await send(client, operation, ours.sids)
            if operation.public:
                assert reply.status != 401, operation.operation_id
            else:
                assert (reply.status, reply.body) == (401, "Unauthorized"), operation.operation_id
                assert reply.headers["WWW-Authenticate"] == 'Bearer realm="Users"'
    assert (await world.admin.with_token(None).get("/nowhere")).status == 401
    assert (await world.admin.get("/nowhere")).status == 404
