"""The response samples of the contract's appendix, field by field: presence, null-ness and types."""

import re
from typing import Any

import pytest

from jambones.common.bus.rooms import LiveConference, LiveQueue, conferences_bucket, queues_bucket
from jambones.common.ids import AccountSid
from jambones.common.private import Private
from tests.integration.api.conftest import World
from tests.integration.api.test_quirks import put_record
from tests.support.tenants import Belongings, belongings, person

SID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HOOK = {"url": "http://example.com", "method": "POST", "username": None, "password": None}


class Is:
    """Equal to every text that fits a pattern."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.pattern.fullmatch(other) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"<{self.pattern.pattern}>"


A_SID, A_TIME = Is(SID), Is(TIME)


@pytest.fixture
async def ours(world: World) -> Belongings:
    return await belongings(world, "ours")


async def test_a_service_provider(world: World) -> None:
    body = {"name": "johndoe", "root_domain": "example.com", "registration_hook": {"url": "http://a.com"}}
    sid = await world.admin.make("/ServiceProviders", body)
    assert (await world.admin.get(f"/ServiceProviders/{sid}")).body == {
        "service_provider_sid": sid, "name": "johndoe", "description": None, "root_domain": "example.com",
        "ms_teams_fqdn": None, "registration_hook": HOOK | {"url": "http://a.com"},
    }  # fmt: skip


async def test_an_account(world: World, ours: Belongings) -> None:
    provider = ours.sids["service_provider_sid"]
    hook = {"url": "http://example.com/reg", "method": "get"}
    sid = await world.admin.make(
        "/Accounts", {"name": "daveh", "service_provider_sid": provider, "registration_hook": hook}
    )
    assert (await world.admin.get(f"/Accounts/{sid}")).body == {
        "account_sid": sid, "name": "daveh", "sip_realm": None, "service_provider_sid": provider,
        "device_calling_application_sid": None, "is_active": 1, "created_at": A_TIME, "plan_type": "trial",
        "stripe_customer_id": None, "webhook_secret": Is(re.compile(r"wh_secret_\w{21,22}")), "disable_cdrs": 0,
        "trial_end_date": None, "deactivated_reason": None, "device_to_call_ratio": 5, "subspace_client_id": None,
        "subspace_client_secret": None, "subspace_sip_teleport_id": None, "subspace_sip_teleport_destinations": None,
        "siprec_hook_sid": None, "record_all_calls": 0, "record_format": "mp3", "bucket_credential": None,
        "enable_debug_log": 0, "registration_hook": HOOK | {"url": "http://example.com/reg", "method": "GET"},
        "queue_event_hook": None,
    }  # fmt: skip


async def test_an_application(world: World, ours: Belongings) -> None:
    script = '[{"verb":"play","url":"http://example.com/a.wav"}]'
    words = {
        "fallback_speech_synthesis_vendor": "google", "fallback_speech_synthesis_language": "en-US",
        "fallback_speech_synthesis_voice": "man", "fallback_speech_synthesis_label": "label1",
        "fallback_speech_recognizer_vendor": "google", "fallback_speech_recognizer_language": "en-US",
        "fallback_speech_recognizer_label": "label1",
    }  # fmt: skip
    hooks = {name: {"url": "http://example.com"} for name in ("call_hook", "call_status_hook", "messaging_hook")}
    body = {"name": "daveh", "app_json": script, "use_for_fallback_speech": True, **words, **hooks}
    sid = await ours.tenant.make("/Applications", body)
    hook = {"webhook_sid": A_SID, **HOOK}
    expected = {
        "application_sid": sid, "name": "daveh", "service_provider_sid": None, "account_sid": ours.account,
        "app_json": script, "speech_synthesis_vendor": "google", "speech_synthesis_language": "en-US",
        "speech_synthesis_voice": "en-US-Standard-C", "speech_synthesis_label": None,
        "speech_recognizer_vendor": "google", "speech_recognizer_language": "en-US", "speech_recognizer_label": None,
        "use_for_fallback_speech": 1, **words, "env_vars": None, "created_at": A_TIME, "record_all_calls": 0,
        "call_hook": hook, "call_status_hook": hook, "messaging_hook": hook,
    }  # fmt: skip
    assert (await ours.tenant.get(f"/Applications/{sid}")).body == expected
    page = (await ours.tenant.get("/Applications", page=1, name="daveh")).body
    assert page == {"total": 1, "page": 1, "page_size": None, "data": [expected]}


async def test_a_carrier_with_gateway_and_number(world: World) -> None:
    body = {"name": "daveh", "e164_leading_plus": True, "outbound_sip_proxy": "foo.bar.com"}
    carrier = await world.admin.make("/VoipCarriers", body)
    assert (await world.admin.get(f"/VoipCarriers/{carrier}")).body == {
        "voip_carrier_sid": carrier, "name": "daveh", "description": None, "account_sid": None,
        "service_provider_sid": None, "application_sid": None, "e164_leading_plus": 1, "requires_register": 0,
        "register_username": None, "register_sip_realm": None, "register_password": None, "tech_prefix": None,
        "inbound_auth_username": None, "inbound_auth_password": None, "diversion": None, "is_active": 1,
        "created_at": A_TIME, "smpp_system_id": None, "smpp_password": None, "smpp_enquire_link_interval": 0,
        "smpp_inbound_system_id": None, "smpp_inbound_password": None, "register_from_user": None,
        "register_from_domain": None, "register_public_ip_in_contact": 0, "register_status": {},
        "dtmf_type": "rfc2833", "outbound_sip_proxy": "foo.bar.com", "trunk_type": "static_ip",
    }  # fmt: skip
    gateway = {"voip_carrier_sid": carrier, "ipv4": "192.168.1.1", "inbound": "1", "outbound": 1, "protocol": "tcp"}
    sid = await world.admin.make("/SipGateways", gateway)
    assert (await world.admin.get("/SipGateways", voip_carrier_sid=carrier)).body == [
        {
            "sip_gateway_sid": sid, "ipv4": "192.168.1.1", "netmask": 32, "port": None, "inbound": 1, "outbound": 1,
            "voip_carrier_sid": carrier, "is_active": 1, "send_options_ping": 0, "use_sips_scheme": 0,
            "pad_crypto": 0, "protocol": "tcp", "remove_ice": 0, "dtls_off": 0,
        }
    ]  # fmt: skip
    sid = await world.admin.make("/PhoneNumbers", {"number": "16173333456", "voip_carrier_sid": carrier})
    assert (await world.admin.get(f"/PhoneNumbers/{sid}")).body == {
        "phone_number_sid": sid, "number": "16173333456", "voip_carrier_sid": carrier, "account_sid": None,
        "application_sid": None, "service_provider_sid": None,
    }  # fmt: skip


async def test_clients_and_routes(world: World, ours: Belongings) -> None:
    await world.admin.delete(f"/Clients/{ours.sids['client_sid']}")
    body = {"username": "client1", "password": "sdf12412", "allow_direct_app_calling": 0}
    sid = await ours.tenant.make("/Clients", body)
    assert (await ours.tenant.get("/Clients")).body == [
        {
            "client_sid": sid, "account_sid": ours.account, "is_active": 1, "username": "client1",
            "password": "sXXXXXXX", "allow_direct_app_calling": 0, "allow_direct_queue_calling": 1,
            "allow_direct_user_calling": 1,
        }
    ]  # fmt: skip
    lcr = await world.admin.make("/Lcrs", {"name": "name"})
    assert (await world.admin.get(f"/Lcrs/{lcr}")).body == {
        "lcr_sid": lcr, "name": "name", "is_active": 1, "default_carrier_set_entry_sid": None,
        "service_provider_sid": None, "account_sid": None, "number_routes": 0,
    }  # fmt: skip
    route = {"lcr_sid": lcr, "regex": "1*", "description": "description", "priority": 1}
    sid = await world.admin.make("/LcrRoutes", route)
    shown = {"lcr_route_sid": sid, **route, "lcr_carrier_set_entries": []}
    assert (await world.admin.get("/LcrRoutes", lcr_sid=lcr)).body == [shown]
    carrier = await world.admin.make("/VoipCarriers", {"name": "x"})
    entry = {"workload": 1, "lcr_route_sid": sid, "voip_carrier_sid": carrier, "priority": 1}
    made = await world.admin.make("/LcrCarrierSetEntries", entry)
    rows = (await world.admin.get("/LcrCarrierSetEntries", lcr_route_sid=sid)).body
    assert rows == [{"lcr_carrier_set_entry_sid": made, **entry}]


async def test_keys_limits_and_edges(world: World, ours: Belongings) -> None:
    provider = ours.sids["service_provider_sid"]
    assert (await world.admin.get(f"/Accounts/{ours.account}/ApiKeys")).body == [
        {
            "api_key_sid": ours.sids["api_key_sid"], "token": ours.tenant.token, "account_sid": ours.account,
            "service_provider_sid": None, "expires_at": None, "last_used": A_TIME, "created_at": A_TIME,
        }
    ]  # fmt: skip
    path = f"/ServiceProviders/{provider}/Limits"
    limit = {"category": "voice_call_session", "quantity": 1000}
    sid = await world.admin.make(path, limit)
    rows = (await ours.owner.get(path)).body
    assert rows == [{"service_provider_limits_sid": sid, "service_provider_sid": provider, **limit}]
    (edge,) = (await ours.tenant.get("/Sbcs")).body
    assert edge == {
        "sbc_address_sid": ours.sids["sbc_address_sid"], "ipv4": "ours", "port": 5060, "tls_port": None,
        "wss_port": None, "service_provider_sid": provider, "last_updated": None,
    }  # fmt: skip


async def test_users_and_a_login(world: World, ours: Belongings) -> None:
    provider = ours.sids["service_provider_sid"]
    owned = {"account_sid": ours.account, "service_provider_sid": provider}
    await person(world, "admin", force_change=True)
    member = await person(world, "member", **owned, force_change=1)
    rows = {row["name"]: row for row in (await world.admin.get("/Users")).body}
    plain = {"user_sid": A_SID, "force_change": 1, "is_active": 1}
    assert rows["admin"] == {**plain, "name": "admin", "email": "admin@example.com", "scope": "admin"}
    assert rows["member"] == {
        **plain, "name": "member", "email": "member@example.com", "scope": "account", "account_name": "ours",
        "service_provider_name": "ours", **owned,
    }  # fmt: skip
    me = (await member.get("/Users/me")).body
    assert set(me) == {"user", "account", "sp"}
    assert me["user"] == {
        "user_sid": A_SID, "name": "member", "email": "member@example.com", "pending_email": None, "phone": None,
        **owned, "force_change": True, "provider": "local", "provider_userid": None, "scope": "read-write",
        "email_validated": False, "phone_validated": False, "email_content_opt_out": 0, "is_active": 1,
    }  # fmt: skip
    assert {"registration_hook_sid", "queue_event_hook_sid", "account_sid", "name"} <= set(me["account"])
    assert me["account"]["bucket_credential"] is None
    bucket = {"vendor": "azure", "name": "x", "connection_string": "AccountKey=s3cret"}
    assert (await ours.tenant.put(f"/Accounts/{ours.account}", {"bucket_credential": bucket})).status == 204
    shown = (await member.get("/Users/me")).body["account"]["bucket_credential"]
    assert shown == {**bucket, "connection_string": "AccounXXXXXXXXXXX"}
    assert {"service_provider_sid", "name", "registration_hook_sid"} <= set(me["sp"])
    seller = await person(world, "seller", service_provider_sid=provider)
    login = await seller.with_token(None).post("/login", {"username": "seller", "password": "correct horse 1"})
    assert login.body == {
        "token": Is(re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")), "user_sid": A_SID, "scope": "service_provider",
        "force_change": False, "permissions": [], "service_provider_sid": provider, "service_provider_name": "ours",
    }  # fmt: skip
    mine = (await seller.get("/Users/me")).body
    assert set(mine["account"].values()) == {None}


async def test_recent_calls_and_alerts(world: World, ours: Belongings) -> None:
    await put_record(
        world, ours, host="192.168.1.100", remote_host="3.55.24.34", sip_callid="abc",
        termination_reason="caller hungup", from_=Private("15083084809"), to=Private("18882349999"),
    )  # fmt: skip
    page = (await ours.tenant.get(f"/Accounts/{ours.account}/RecentCalls", page=1, count=25)).body
    (row,) = page["data"]
    sample: dict[str, Any] = {
        "attempted_at": A_TIME, "account_sid": ours.account, "answered": True, "call_sid": A_SID,
        "direction": "inbound", "duration": 45, "from": "15083084809", "host": "192.168.1.100",
        "remote_host": "3.55.24.34", "service_provider_sid": ours.sids["service_provider_sid"], "sip_callid": "abc",
        "sip_status": 200, "terminated_at": A_TIME, "termination_reason": "caller hungup", "to": "18882349999",
        "trunk": "twilio",
    }  # fmt: skip
    assert {name: row[name] for name in sample} == sample
    assert "answered_at" in row
    assert page | {"data": []} == {"total": 1, "page_size": "25", "page": "1", "data": []}
    alerts = (await ours.tenant.get(f"/Accounts/{ours.account}/Alerts", page=1, count=25)).body
    assert alerts == {"total": 0, "page_size": "25", "page": "1", "data": []}


async def test_queues_conferences_and_counts(world: World, ours: Belongings) -> None:
    sid = AccountSid(ours.account)
    await queues_bucket(world.bus).put(sid, "test", value=LiveQueue(account_sid=sid, name="test", length=1))
    for name in ("conf1", "conf2"):
        await conferences_bucket(world.bus).put(sid, name, value=LiveConference(account_sid=sid, name=name))
    assert (await ours.tenant.get(f"/Accounts/{sid}/Queues")).body == [{"name": "test", "length": 1}]
    assert (await ours.tenant.get(f"/Accounts/{sid}/Conferences")).body == ["conf1", "conf2"]
    await ours.tenant.delete(f"/Accounts/{sid}/Calls/{ours.sids['call_sid']}")
    assert (await ours.tenant.get(f"/Accounts/{sid}/CallCount")).body == {"inbound": 0, "outbound": 0}


async def test_a_speech_credential(world: World, ours: Belongings) -> None:
    path = f"/ServiceProviders/{ours.sids['service_provider_sid']}/SpeechCredentials"
    body = {"vendor": "deepgram", "label": "l1", "api_key": "abcdef1234", "use_for_tts": 0, "use_for_stt": 1}
    sid = await ours.owner.make(path, body)
    assert (await ours.owner.get(f"{path}/{sid}")).body == {
        "speech_credential_sid": sid, "service_provider_sid": ours.sids["service_provider_sid"], "account_sid": None,
        "vendor": "deepgram", "use_for_tts": 0, "use_for_stt": 1, "last_used": None, "last_tested": None,
        "tts_tested_ok": None, "stt_tested_ok": None, "created_at": A_TIME, "label": "l1", "api_key": "abcdefXXXX",
    }  # fmt: skip
    nvidia = await ours.owner.make(path, {"vendor": "nvidia", "riva_server_uri": "a:1"})
    tested = (await ours.owner.get(f"{path}/{nvidia}/test")).body
    assert tested == {"tts": {"status": "not tested"}, "stt": {"status": "not tested"}}


async def test_password_settings_that_are_not_set(world: World) -> None:
    assert (await world.admin.get("/PasswordSettings")).body == {"min_password_length": 8}


async def test_awkward_inputs_have_their_status(world: World, ours: Belongings) -> None:
    nobody = world.admin.with_token(None)
    shared = await ours.owner.make("/VoipCarriers", {"name": "shared"})
    json_type = {"Content-Type": "application/json"}
    assert (await nobody.get("/nowhere")).status == 401
    assert (await world.admin.get("/nowhere")).status == 404
    assert (await nobody.ask("OPTIONS", "/Accounts")).status == 204
    assert (await nobody.post("/ServiceProviders", {"name": "x"})).status == 401
    broken = await world.admin.ask("POST", "/ServiceProviders", b'{"name', headers=json_type)
    assert (broken.status, "msg" in broken.body) == (400, True)
    assert (await world.admin.post("/ServiceProviders", {"name": "ours"})).status == 422
    _, fresh = await world.provider("no users")
    assert (await fresh.get("/Users")).body == []
    assert (await nobody.post("/login", {})).status == 400
    assert (await nobody.post("/signin", {"email": "nobody@x", "password": "x"})).status == 404
    assert (await nobody.post("/signin", {"link": "nope"})).status == 403
    assert (await ours.tenant.get(f"/VoipCarriers/{shared}")).status == 400
    gateway = {"voip_carrier_sid": shared, "ipv4": "1.1.1.1", "port": "5060", "inbound": "1", "outbound": "0"}
    assert (await ours.tenant.post("/SipGateways", gateway)).status == 403
    assert (await ours.owner.post("/SipGateways", gateway)).status == 201
    assert (await ours.tenant.get("/AppEnv", url="http://127.0.0.1:1/")).status == 204
    assert (await ours.tenant.get(f"/Accounts/{ours.account}/RecentCalls/trace/{'0' * 32}")).status == 404
    assert (await ours.tenant.get(f"/Accounts/{ours.account}/RecentCalls/abc@1.2.3.4")).status == 404
