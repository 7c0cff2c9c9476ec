"""Each resource through its whole life: make, list, show, change, delete."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from jambones.common import clock
from tests.integration.api.conftest import World

HOOKS = {"call_hook": {"url": "http://example.com/call"}, "call_status_hook": {"url": "https://example.com/status"}}


async def test_a_service_provider_lives(world: World) -> None:
    admin = world.admin
    sid = await admin.make(
        "/ServiceProviders",
        {"name": "johndoe", "root_domain": "example.com", "registration_hook": {"url": "http://a.com"}},
    )
    shown = {
        "service_provider_sid": sid, "name": "johndoe", "description": None, "root_domain": "example.com",
        "ms_teams_fqdn": None,
        "registration_hook": {"url": "http://a.com", "method": "POST", "username": None, "password": None},
    }  # fmt: skip
    assert [shown] == (await admin.get("/ServiceProviders")).body
    assert shown == (await admin.get(f"/ServiceProviders/{sid}")).body
    assert (await admin.put(f"/ServiceProviders/{sid}", {"description": "x"})).status == 204
    assert shown | {"description": "x"} == (await admin.get(f"/ServiceProviders/{sid}")).body
    assert (await admin.post("/ServiceProviders", {"name": "JohnDoe"})).status == 422
    assert (await admin.delete(f"/ServiceProviders/{sid}")).status == 204
    assert (await admin.get(f"/ServiceProviders/{sid}")).status == 404


async def test_an_account_lives(world: World) -> None:
    provider, owner = await world.provider()
    sid = await owner.make(
        "/Accounts",
        {
            "name": "daveh", "sip_realm": "Acme.Example.COM", "webhook_secret": "mine",
            "registration_hook": {"url": "http://example.com/reg", "method": "get"},
        },
    )  # fmt: skip
    account = (await owner.get(f"/Accounts/{sid}")).body
    assert account["sip_realm"] == "acme.example.com"
    assert account["service_provider_sid"] == provider
    assert account["webhook_secret"].startswith("wh_secret_")
    assert account["registration_hook"] == {
        "url": "http://example.com/reg", "method": "GET", "username": None, "password": None
    }  # fmt: skip
    assert account["queue_event_hook"] is None
    assert account["is_active"] == 1
    assert account["enable_debug_log"] == 0
    assert account["created_at"].endswith("Z")
    assert "registration_hook_sid" not in account
    assert [account] == (await owner.get("/Accounts")).body
    assert [account] == (await owner.get(f"/ServiceProviders/{provider}/Accounts")).body

    changes = {"name": "new", "registration_hook": {"url": ""}, "queue_event_hook": {"url": "http://q.example.com"}}
    assert (await owner.put(f"/Accounts/{sid}", changes)).status == 204
    account = (await owner.get(f"/Accounts/{sid}")).body
    assert account["name"] == "new"
    assert account["registration_hook"] is None
    assert account["queue_event_hook"]["url"] == "http://q.example.com"
    assert (await owner.delete(f"/Accounts/{sid}")).status == 204
    assert (await world.admin.get(f"/Accounts/{sid}")).status == 404


async def test_an_application_lives(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    body = {"name": "daveh", "account_sid": account, "use_for_fallback_speech": 1, "env_vars": {"A": [1]}, **HOOKS}
    sid = await tenant.make("/Applications", body)
    shown = (await tenant.get(f"/Applications/{sid}")).body
    hook = shown["call_hook"]
    assert {"webhook_sid", "url", "method", "username", "password"} == set(hook)
    assert shown["use_for_fallback_speech"] == 1
    assert shown["env_vars"] == {"A": [1]}
    assert shown["messaging_hook"] is None
    assert shown["speech_synthesis_vendor"] == "google"

    again = hook | {"url": "wss://example.com/ws"}
    changes = {"call_hook": again, "speech_synthesis_vendor": None, "account_sid": account}
    assert (await tenant.put(f"/Applications/{sid}", changes)).status == 204
    shown = (await tenant.get(f"/Applications/{sid}")).body
    assert shown["call_hook"] == again
    assert [shown] == (await tenant.get("/Applications")).body
    assert [shown] == (await tenant.get(f"/Accounts/{account}/Applications/")).body
    assert {"total": 1, "page": 1, "page_size": None, "data": [shown]} == (
        await tenant.get("/Applications", page=0)
    ).body
    assert (await tenant.get("/Applications", page=1, page_size=5, name="nobody")).body == {
        "total": 0,
        "page": 1,
        "page_size": 5,
        "data": [],
    }
    assert (await tenant.delete(f"/Applications/{sid}")).status == 204
    assert (await tenant.get(f"/Applications/{sid}")).status == 404


async def test_a_carrier_with_gateways_and_numbers_lives(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    carrier = await tenant.make("/VoipCarriers/", {"name": "daveh", "outbound_sip_proxy": "foo.bar.com"})
    shown = (await tenant.get(f"/VoipCarriers/{carrier}")).body
    assert shown["register_status"] == {}
    assert shown["account_sid"] == account
    assert shown["service_provider_sid"] == provider
    assert (await tenant.put(f"/VoipCarriers/{carrier}", {"is_active": "0"})).status == 204
    assert (await tenant.get("/VoipCarriers")).body == [shown | {"is_active": 0}]

    gateway = await tenant.make(
        "/SipGateways",
        {"voip_carrier_sid": carrier, "ipv4": "192.168.1.1", "port": "5060", "inbound": "1", "outbound": True},
    )
    shown = (await tenant.get(f"/SipGateways/{gateway}")).body
    assert shown == {
        "sip_gateway_sid": gateway, "ipv4": "192.168.1.1", "netmask": 32, "port": 5060, "inbound": 1, "outbound": 1,
        "voip_carrier_sid": carrier, "is_active": 1, "send_options_ping": 0, "use_sips_scheme": 0, "pad_crypto": 0,
        "protocol": "udp", "remove_ice": 0, "dtls_off": 0,
    }  # fmt: skip
    assert (await tenant.put(f"/SipGateways/{gateway}", {"netmask": 24, "outbound": False})).status == 204
    assert [shown | {"netmask": 24, "outbound": 0}] == (await tenant.get("/SipGateways", voip_carrier_sid=carrier)).body

    number = await tenant.make("/PhoneNumbers", {"number": "+16173333456", "voip_carrier_sid": carrier})
    shown = (await tenant.get(f"/PhoneNumbers/{number}")).body
    assert shown == {
        "phone_number_sid": number, "number": "16173333456", "voip_carrier_sid": carrier, "account_sid": account,
        "application_sid": None, "service_provider_sid": provider,
    }  # fmt: skip
    assert (await tenant.post("/PhoneNumbers", {"number": "16173333456", "voip_carrier_sid": carrier})).status == 422
    application = await tenant.make("/Applications", {"name": "a", **HOOKS})
    assert (await tenant.put(f"/PhoneNumbers/{number}", {"application_sid": application})).status == 204
    assert (await tenant.get("/PhoneNumbers", filter="+1617")).body == [shown | {"application_sid": application}]

    refused = await tenant.delete(f"/Applications/{application}")
    assert (refused.status, refused.msg) == (422, "cannot delete application with phone numbers")
    refused = await tenant.delete(f"/VoipCarriers/{carrier}")
    assert (refused.status, refused.msg) == (422, "cannot delete voip carrier with active phone numbers")
    assert (await tenant.delete(f"/PhoneNumbers/{number}")).status == 204
    assert (await tenant.delete(f"/SipGateways/{gateway}")).status == 204
    assert (await tenant.delete(f"/VoipCarriers/{carrier}")).status == 204
    assert (await tenant.delete(f"/Applications/{application}")).status == 204


async def test_limits_live(world: World) -> None:
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/Limits"
    sid = await owner.make(path, {"category": "voice_call_session", "quantity": "5"})
    assert sid == await owner.make(path, {"category": "voice_call_session", "quantity": 7})
    row = {"account_limits_sid": sid, "account_sid": account, "category": "voice_call_session", "quantity": 7}
    assert [row] == (await tenant.get(path)).body
    assert (await tenant.get(path, category="device")).body == []
    assert (await tenant.post(path, {"category": "device", "quantity": 1})).status == 403
    assert (await owner.delete(path, category="voice_call_session")).status == 204
    assert (await tenant.get(path)).body == []
    path = f"/ServiceProviders/{provider}/Limits"
    await owner.make(path, {"category": "device", "quantity": 1})
    assert len((await owner.get(path)).body) == 1
    assert (await tenant.get(path)).status == 403


async def test_an_api_key_lives(world: World) -> None:
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    (key,) = (await tenant.get(f"/Accounts/{account}/ApiKeys")).body
    assert key["token"] == tenant.token
    assert isinstance(key["last_used"], str)
    assert (await tenant.get("/ApiKeys")).body == [key | {"last_used": ANY}]
    assert [row["token"] for row in (await owner.get("/ApiKeys")).body] == [owner.token]
    assert world.admin.token in [row["token"] for row in (await world.admin.get("/ApiKeys")).body]
    assert (await tenant.delete(f"/ApiKeys/{key['api_key_sid']}")).status == 204
    assert (await tenant.get("/Applications")).status == 401
    expired = await world.admin.post("/ApiKeys", {"expires_at": "2020-01-01T00:00:00Z"})
    assert (await world.admin.with_token(expired.body["token"]).get("/Accounts")).status == 401
    before = clock.now()
    brief = await world.admin.post("/ApiKeys", {"account_sid": account, "expiry_secs": "3600"})
    (shown,) = (await owner.get(f"/Accounts/{account}/ApiKeys")).body
    assert shown["api_key_sid"] == brief.body["sid"]
    assert timedelta(minutes=59) < datetime.fromisoformat(shown["expires_at"]) - before < timedelta(minutes=62)
    assert len((await owner.get(f"/ServiceProviders/{provider}/ApiKeys")).body) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "an account level token can only be used to create account level tokens for the same account"),
        ({"service_provider_sid": "sp"}, "an account level token can only be used"),
    ],
)
async def test_an_account_makes_keys_for_itself_only(world: World, body: dict[str, Any], words: str) -> None:
    provider, _ = await world.provider()
    _, tenant = await world.account(provider)
    reply = await tenant.post("/ApiKeys", body)
    assert reply.status == 400
    assert words in reply.msg


async def test_every_write_is_announced_after_its_commit(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    world.changes.clear()
    sid = await tenant.make("/Applications", {"name": "a", **HOOKS})
    await tenant.put(f"/Applications/{sid}", {"name": "b"})
    await tenant.put(f"/Accounts/{account}", {"name": "b"})
    await tenant.delete(f"/Applications/{sid}")
    told = [(change.entity, change.sid) for change in world.changes]
    assert told.count(("application", sid)) == 3
    assert ("account", account) in told
