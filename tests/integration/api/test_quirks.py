"""The quirks that existing clients rely on, one test each, named after the register of the contract (Q1 to Q32).

Longer than 400 lines: one register, one file, read from Q1 to Q32.
"""

import base64
import json
from typing import Any
from uuid import uuid4

import jwt
import pytest

from jambones.common import clock
from jambones.common.bus.control import CallUpdated, UpdateCall
from jambones.common.db.recent_calls import RecentCall, RecentCalls
from jambones.common.db.tenant import PLATFORM
from jambones.common.private import Private
from tests.integration.api.conftest import Client, World
from tests.support.tenants import HOOKS, PASSWORD, TWILIO, Belongings, belongings, person

TTS = ("google", "aws", "microsoft", "wellsaid", "nuance", "nvidia", "elevenlabs", "whisper")
STT = (
    "google", "aws", "microsoft", "nuance", "deepgram", "nvidia", "cobalt", "soniox", "assemblyai", "voxist", "gladia",
)  # fmt: skip
MODELS = ("deepgram", "elevenlabs", "whisper")


@pytest.fixture
async def ours(world: World) -> Belongings:
    return await belongings(world, "ours")


async def put_record(world: World, owner: Belongings, **values: Any) -> None:
    now = clock.now()
    columns: dict[str, Any] = {
        "record_id": str(uuid4()), "attempted_at": now, "terminated_at": now, "account_sid": owner.account,
        "service_provider_sid": owner.sids["service_provider_sid"], "call_sid": str(uuid4()), "direction": "inbound",
        "answered": True, "sip_status": 200, "duration": 45, "trunk": "twilio",
    }  # fmt: skip
    row = RecentCall(**(columns | {"from_": Private("15083084809"), "to": Private("18882349999")} | values))
    async with world.db.transaction(PLATFORM) as tx:
        assert await RecentCalls(tx).store([row]) == 1


async def test_q01_booleans_are_integers(world: World, ours: Belongings) -> None:
    client = ours.tenant
    flags = {
        f"/SipGateways/{ours.sids['sip_gateway_sid']}": ("inbound", "outbound", "is_active", "pad_crypto", "dtls_off"),
        f"/Applications/{ours.sids['application_sid']}": ("use_for_fallback_speech", "record_all_calls"),
        f"/Clients/{ours.sids['client_sid']}": ("is_active", "allow_direct_app_calling"),
        f"/Accounts/{ours.account}": ("is_active", "disable_cdrs", "record_all_calls", "enable_debug_log"),
        f"/VoipCarriers/{ours.sids['voip_carrier_sid']}": ("e164_leading_plus", "requires_register", "is_active"),
    }
    for path, names in flags.items():
        body = (await client.get(path)).body
        for name in names:
            assert type(body[name]) is int, (path, name)
            assert body[name] in (0, 1)
    for sent, kept in ((True, 1), (False, 0), ("1", 1), ("0", 0), ("true", 1), ("false", 0), (1, 1), (0, 0)):
        assert (await client.put(f"/Clients/{ours.sids['client_sid']}", {"is_active": sent})).status == 204
        assert (await client.get(f"/Clients/{ours.sids['client_sid']}")).body["is_active"] == kept
    # What is true JSON: the user's own page, the view-only mark, the outcome of a call.
    user = (await ours.tenant.get(f"/Users/{ours.sids['user_sid']}")).body
    assert user["is_view_only"] is False
    assert type(user["is_active"]) is int


async def test_q02_hooks_of_accounts_have_four_keys_and_of_applications_five(world: World, ours: Belongings) -> None:
    account = (await ours.tenant.get(f"/Accounts/{ours.account}")).body
    assert set(account["registration_hook"]) == {"url", "method", "username", "password"}
    assert account["queue_event_hook"] is None
    application = (await ours.tenant.get(f"/Applications/{ours.sids['application_sid']}")).body
    for name in ("call_hook", "call_status_hook"):
        assert set(application[name]) == {"webhook_sid", "url", "method", "username", "password"}
    again = {"name": "renamed", "registration_hook": account["registration_hook"]}
    assert (await ours.tenant.put(f"/Accounts/{ours.account}", again)).status == 204
    changed = (await ours.tenant.get(f"/Accounts/{ours.account}")).body
    assert changed["registration_hook"] == account["registration_hook"]


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_q03_put_and_post_both_update_a_call(world: World, ours: Belongings, method: str) -> None:
    path = f"/Accounts/{ours.account}/Calls/{ours.sids['call_sid']}"

    async def update(question: UpdateCall) -> CallUpdated:
        if "sip_request" in question.changes:
            return CallUpdated(status=200, body={"status": 603, "reason": "Decline"})
        return CallUpdated()

    async with world.bus.serve(UpdateCall, update, call_sid=ours.sids["call_sid"]):
        reply = await ours.tenant.ask(method, path, {"mute_status": "mute"})
        assert (reply.status, reply.body) == (202, "Accepted")
        request = {"method": "INFO", "content_type": "application/json", "content": "{}"}
        reply = await ours.tenant.ask(method, path, {"sip_request": request})
        assert (reply.status, reply.body) == (200, {"status": 603, "reason": "Decline"})


async def test_q04_a_list_is_an_array_unless_a_page_is_asked_for(world: World, ours: Belongings) -> None:
    account, provider = ours.account, ours.sids["service_provider_sid"]
    for path in ("/Applications", f"/Accounts/{account}/Applications", "/VoipCarriers", "/PhoneNumbers",
                 f"/ServiceProviders/{provider}/VoipCarriers"):  # fmt: skip
        rows = (await ours.owner.get(path)).body
        assert isinstance(rows, list)
        assert (await ours.owner.get(path, page_size=1)).body == rows
        page = {"total": 1, "page": 1, "data": rows}
        assert (await ours.owner.get(path, page=1)).body == page | {"page_size": None}
        assert (await ours.owner.get(path, page=0, page_size=7)).body == page | {"page_size": 7}
        beyond = (await ours.owner.get(path, page=999999999, page_size=50)).body
        assert (beyond["total"], beyond["data"]) == (1, [])


async def test_q05_recent_calls_come_in_pages(world: World, ours: Belongings) -> None:
    for kind in ("RecentCalls", "Alerts"):
        for owner in (f"/Accounts/{ours.account}", f"/ServiceProviders/{ours.sids['service_provider_sid']}"):
            path = f"{owner}/{kind}"
            empty = (await ours.owner.get(path, page=1, count=25)).body
            assert empty == {"total": 0, "page_size": "25", "page": "1", "data": []}
            for query, words in [
                ({}, 'missing or invalid "page" query arg'), ({"page": 0, "count": 5}, '"page"'),
                ({"page": "x", "count": 5}, '"page"'), ({"page": 1}, 'missing or invalid "count" query arg'),
                ({"page": 1, "count": 501}, '"count"'), ({"page": 1, "count": 0}, '"count"'),
                ({"page": 1, "page_size": 25}, '"count"'),
            ]:  # fmt: skip
                refused = await ours.owner.get(path, **query)
                assert refused.status == 400, query
                assert words in refused.msg
    await put_record(world, ours)
    path = f"/Accounts/{ours.account}/RecentCalls"
    past = {"start": "2001-01-01T00:00:00.000Z", "end": "2001-01-02T00:00:00.000Z"}
    assert (await ours.tenant.get(path, page=1, count=25, **past)).body["total"] == 0
    assert (await ours.tenant.get(path, page=1, count=25, days=1, **past)).body["total"] == 1


async def test_q06_the_filter_is_camel_case_and_the_answer_snake_case(world: World, ours: Belongings) -> None:
    path = f"/Accounts/{ours.account}/Calls"
    (call,) = (await ours.tenant.get(path, callStatus="in-progress")).body
    assert call["call_status"] == "in-progress"
    assert not {name for name in call if name != name.lower()}
    assert (await ours.tenant.get(path, callStatus="ringing")).body == []
    assert (await ours.tenant.get(path, call_status="ringing")).body == [call]


async def test_q07_a_signed_token_without_a_user_is_taken(world: World, ours: Belongings) -> None:
    claims = {"account_sid": ours.account, "scope": "account", "permissions": ["PROVISION_USERS"]}
    client = world.admin.with_token(signed(world, claims))
    assert (await client.get(f"/Accounts/{ours.account}/Calls")).status == 200
    assert len((await client.get("/ServiceProviders")).body) == 1
    other = await belongings(world, "other")
    assert (await client.get(f"/Accounts/{other.account}/Calls")).status == 403
    gone = claims | {"account_sid": str(uuid4())}
    assert (await world.admin.with_token(signed(world, gone)).get("/Accounts")).status == 401


def signed(world: World, claims: dict[str, Any]) -> str:
    assert world.api.parts is not None
    assert world.api.parts.settings.jwt_secret is not None
    return jwt.encode(claims, world.api.parts.settings.jwt_secret.get_secret_value(), algorithm="HS256")


async def test_q08_a_logout_ends_the_token(world: World, ours: Belongings) -> None:
    client = await person(world, "joe", account_sid=ours.account)
    assert (await client.get("/Users/me")).status == 200
    assert (await client.post("/logout")).status == 204
    refused = await client.get("/Users/me")
    assert (refused.status, refused.body) == (401, "Unauthorized")
    assert (await ours.tenant.post("/logout")).status == 204  # an API key has no session to end
    assert (await ours.tenant.get("/Applications")).status == 200


async def test_q09_junk_sids_are_400_and_unknown_ones_404(world: World, ours: Belongings) -> None:
    junk, nobody = "xxxx", str(uuid4())
    for path in ("Applications", "VoipCarriers", "PhoneNumbers", "Clients", "Lcrs", "Users", "Webhooks", "Accounts"):
        reply = await world.admin.get(f"/{path}/{junk}")
        assert (reply.status, reply.msg) == (400, "Bad request"), path
        assert (await world.admin.get(f"/{path}/{nobody}")).status == 404, path
    reply = await world.admin.get(f"/Accounts/{junk}/SpeechCredentials")
    assert (reply.status, reply.body["message"]) == (400, "invalid AccountsSid format")
    assert reply.body["status"] == "fail"
    for method, path, words in [
        ("PUT", f"/SipGateways/{nobody}", "invalid sip_gateway_sid"),
        ("DELETE", f"/SipGateways/{nobody}", "invalid sip_gateway_sid"), ("PUT", f"/Lcrs/{nobody}", "unknown lcr_sid"),
        ("PUT", f"/Users/{nobody}", "Invalid request: user_sid does not exist"),
        ("PUT", f"/Accounts/{nobody}", "account not found for sid"),
    ]:  # fmt: skip
        reply = await world.admin.ask(method, path, {"name": "x"} if method == "PUT" else None)
        assert reply.status == 400, path
        assert words in reply.msg


async def test_q10_each_kind_has_its_own_verdict_for_foreign_things(world: World, ours: Belongings) -> None:
    theirs = await belongings(world, "theirs")
    application, carrier = theirs.sids["application_sid"], theirs.sids["voip_carrier_sid"]
    assert (await ours.tenant.get(f"/Applications/{application}")).status == 404
    assert (await ours.tenant.get(f"/VoipCarriers/{carrier}")).status == 400
    assert (await ours.tenant.delete(f"/VoipCarriers/{carrier}")).status == 422
    reply = await ours.tenant.get(f"/Accounts/{theirs.account}")
    assert (reply.status, reply.msg) == (403, "insufficient permissions")
    reply = await ours.owner.post("/Applications", {"name": "x", "account_sid": theirs.account, **HOOKS})
    assert (reply.status, reply.msg) == (403, "insufficient privileges")


async def test_q11_creations_that_answer_something_else(world: World, ours: Belongings) -> None:
    key = (await ours.tenant.post("/ApiKeys", {"account_sid": ours.account, "token": "mine"})).body
    assert set(key) == {"sid", "token"}
    assert key["token"] != "mine"
    user = {"name": "new", "email": "new@example.com", "initial_password": PASSWORD}
    assert set((await ours.tenant.post("/Users", user)).body) == {"user_sid"}
    reply = await world.admin.post("/PasswordSettings", {"min_password_length": 12})
    assert (reply.status, reply.body) == (201, {})
    reply = await world.admin.post("/SystemInformation", {"domain_name": "a.com", "sip_domain_name": ""})
    assert reply.status == 201
    assert reply.body == (await world.admin.get("/SystemInformation")).body == {
        "domain_name": "a.com", "sip_domain_name": "", "monitoring_domain_name": None, "private_network_cidr": None,
        "log_level": "info",
    }  # fmt: skip


async def test_q12_the_secret_is_ours_and_the_realm_in_lower_case(world: World, ours: Belongings) -> None:
    body = {"name": "x", "webhook_secret": "mine", "sip_realm": "DRACHTIO.Example.org"}
    sid = await ours.owner.make("/Accounts", body)
    account = (await ours.owner.get(f"/Accounts/{sid}")).body
    assert account["webhook_secret"].startswith("wh_secret_")
    assert account["sip_realm"] == "drachtio.example.org"
    assert (await ours.owner.post("/Accounts", body | {"sip_realm": "drachtio.EXAMPLE.org"})).status == 422


async def test_q13_the_method_of_a_hook_may_have_any_case(world: World, ours: Belongings) -> None:
    for sent, kept in (("get", "GET"), ("Post", "POST"), (None, "POST")):
        hook = {"url": "http://a.com/reg", "method": sent}
        sid = await ours.owner.make("/Accounts", {"name": "x", "registration_hook": hook})
        assert (await ours.owner.get(f"/Accounts/{sid}")).body["registration_hook"]["method"] == kept
    inside = {"url": "http://my_service:3000/reg", "method": ""}  # names in private networks; forms leave things empty
    sid = await ours.owner.make("/Accounts", {"name": "x", "registration_hook": inside})
    shown = (await ours.owner.get(f"/Accounts/{sid}")).body["registration_hook"]
    assert (shown["url"], shown["method"]) == ("http://my_service:3000/reg", "POST")
    refused = await ours.owner.post(
        "/Accounts", {"name": "x", "registration_hook": {"url": "http://a", "method": "PATCH"}}
    )
    assert refused.status == 400


async def test_q14_a_plus_before_a_number_is_dropped(world: World, ours: Belongings) -> None:
    body = {"number": "+16173333456", "voip_carrier_sid": ours.sids["voip_carrier_sid"]}
    sid = await ours.tenant.make("/PhoneNumbers", body)
    assert (await ours.tenant.get(f"/PhoneNumbers/{sid}")).body["number"] == "16173333456"
    assert (await ours.tenant.post("/PhoneNumbers", body | {"number": "16173333456"})).status == 422
    for text in ("+1617", " 1617", "1617", "617"):
        rows = (await ours.tenant.get("/PhoneNumbers", filter=text)).body
        assert [row["phone_number_sid"] for row in rows] == [sid], text


async def test_q15_messages_are_exact(world: World, ours: Belongings) -> None:
    account, carrier = ours.account, ours.sids["voip_carrier_sid"]
    shared = await ours.owner.make("/VoipCarriers", {"name": "shared"})
    domain = "must be a valid domain or IP address (no sip: prefix, no spaces)"
    url = "http://example.com"
    for client, method, path, body, status, words in [
        (ours.owner, "POST", "/VoipCarriers", {"name": "x", "application_sid": "foobar"}, 400, "account_sid missing"),
        (ours.tenant, "POST", "/VoipCarriers", {"name": "x", "application_sid": "foobar"}, 400,
         "unknown application_sid"),
        (world.admin, "POST", "/VoipCarriers", {"name": "x", "account_sid": "foobar"}, 400, "unknown account_sid"),
        (ours.tenant, "POST", "/VoipCarriers", {}, 400, "missing field name"),
        (ours.tenant, "PUT", f"/VoipCarriers/{carrier}", {"requires_register": True}, 400,
         "register_username is required when requires_register is true"),
        (ours.tenant, "POST", "/VoipCarriers", {"name": "x", "requires_register": 1, "register_username": "u"}, 400,
         "register_password is required when requires_register is true"),
        (ours.tenant, "PUT", f"/VoipCarriers/{carrier}", {"register_username": "a b"}, 400,
         "register_username must not contain whitespace"),
        (ours.tenant, "PUT", f"/VoipCarriers/{carrier}", {"register_sip_realm": ""}, 400,
         "register_sip_realm must not be empty string; use null to fall back to gateway IP"),
        (ours.tenant, "PUT", f"/VoipCarriers/{carrier}", {"register_sip_realm": "sip:a.com"}, 400,
         f"register_sip_realm {domain}"),
        (ours.tenant, "PUT", f"/VoipCarriers/{carrier}", {"register_from_domain": "a com"}, 400,
         f"register_from_domain {domain}"),
        (ours.tenant, "DELETE", f"/VoipCarriers/{carrier}", None, 422,
         "cannot delete voip carrier with active phone numbers"),
        (ours.tenant, "PUT", f"/VoipCarriers/{carrier}", {"voip_carrier_sid": carrier}, 400,
         "primary key voip_carrier_sid is immutable"),
        (ours.tenant, "POST", "/SipGateways", {"voip_carrier_sid": shared, "ipv4": "1.1.1.1"}, 403,
         "insufficient privileges"),
        (ours.tenant, "POST", "/SipGateways", {"ipv4": "1.1.1.1"}, 400, "missing voip_carrier_sid"),
        (ours.tenant, "GET", "/SipGateways", None, 400, "missing voip_carrier_sid"),
        (ours.tenant, "POST", "/SipGateways", {"voip_carrier_sid": carrier, "ipv4": "1.1.1.1 "}, 400,
         "Gateway must not contain whitespace"),
        (ours.tenant, "POST", "/SipGateways", {"voip_carrier_sid": carrier, "ipv4": "a.b", "inbound": 1}, 400,
         "Inbound gateway must be IPv4 address"),
        (ours.tenant, "POST", "/SipGateways",
         {"voip_carrier_sid": carrier, "ipv4": "a.b", "outbound": 1, "netmask": 24}, 400,
         "For outbound only gateway netmask can only be 32"),
        (ours.tenant, "POST", "/ApiKeys", {}, 400,
         "an account level token can only be used to create account level tokens for the same account"),
        (ours.owner, "POST", "/ApiKeys", {}, 400, "service provider token may not be used to create admin token"),
        (ours.owner, "POST", "/ApiKeys", {"service_provider_sid": str(uuid4())}, 400,
         "a service provider token can only be used to create tokens for the same service provider"),
        (ours.tenant, "POST", "/Applications", {"name": "x"}, 400,
         "'call_hook' must be an object when adding an application"),
        (ours.owner, "POST", "/Applications", {"name": "x", **HOOKS}, 400, "missing required field: 'account_sid'"),
        (ours.tenant, "POST", "/Applications", {"name": "x", **HOOKS, "call_hook": {"url": url + " "}}, 400,
         "call_hook URL contains leading/trailing whitespace"),
        (ours.tenant, "POST", "/Applications", {"name": "x", **HOOKS, "call_hook": {"url": "http://a_b.c"}}, 400,
         "call_hook URL has invalid hostname a_b.c"),
        (ours.tenant, "POST", "/Applications", {"name": "x", **HOOKS, "call_status_hook": {"url": "ftp://a.c"}}, 400,
         "call_status_hook URL has missing or invalid protocol ftp"),
        (ours.tenant, "POST", "/Applications", {"name": "x", **HOOKS, "app_json": '[{"verb": "play"}]'}, 400,
         "Error: play: missing value for url"),
        (ours.tenant, "POST", "/PhoneNumbers", {"voip_carrier_sid": carrier}, 400, "number is required"),
        (ours.tenant, "POST", "/PhoneNumbers", {"number": "1 2", "voip_carrier_sid": carrier}, 400,
         "number cannot contain whitespace"),
        (ours.tenant, "POST", "/PhoneNumbers", {"number": "1", "voip_carrier_sid": "nope"}, 400,
         "voip_carrier not found for sid nope"),
        (ours.tenant, "PUT", f"/PhoneNumbers/{ours.sids['phone_number_sid']}", {"number": "2"}, 400,
         "number may not be modified"),
        (ours.tenant, "PUT", f"/PhoneNumbers/{ours.sids['phone_number_sid']}", {"voip_carrier_sid": shared}, 400,
         "voip_carrier_sid may not be modified"),
        (ours.owner, "PUT", f"/Accounts/{account}", {"service_provider_sid": str(uuid4())}, 400,
         "service_provider_sid may not be modified"),
        (world.admin, "POST", "/Accounts", {"name": "x"}, 400, "missing field service_provider_sid"),
        (world.admin, "POST", "/Accounts", {"name": "x", "service_provider_sid": "nope"}, 400,
         "service_provider not found for sid nope"),
        (ours.tenant, "POST", "/Clients", {"username": "OURS", "password": "x"}, 400,
         "the client's username already exists"),
        (ours.owner, "POST", "/Clients", {"username": "x"}, 400, "missing field account_sid"),
        (ours.tenant, "POST", "/Clients", {}, 400, "missing field username"),
        (ours.tenant, "POST", f"/Accounts/{account}/SipRealms/a.b", None, 400, "invalid sip_realm: a.b"),
    ]:  # fmt: skip
        reply = await client.ask(method, path, body)
        assert (reply.status, reply.msg) == (status, words), (method, path, body)


async def test_q16_secrets_are_obscured_and_come_back_as_they_were(world: World, ours: Belongings) -> None:
    sid = await ours.tenant.make("/Clients", {"username": "client1", "password": "sdf12412"})
    assert (await ours.tenant.get(f"/Clients/{sid}")).body["password"] == "sXXXXXXX"
    assert (await ours.tenant.put(f"/Clients/{sid}", {"password": "sXXXXXXX"})).status == 204
    stored = await stored_password(world, sid)
    assert stored == "sdf12412"
    bucket = {
        "vendor": "s3_compatible", "endpoint": "http://127.0.0.1:1", "name": "b", "access_key_id": "k",
        "secret_access_key": "0123456789",
    }  # fmt: skip
    path = f"/Accounts/{ours.account}"
    assert (await ours.tenant.put(path, {"bucket_credential": bucket})).status == 204
    shown = (await ours.tenant.get(path)).body["bucket_credential"]
    assert shown == bucket | {"secret_access_key": "012345XXXX"}
    for listing in ("/Accounts", f"/ServiceProviders/{ours.sids['service_provider_sid']}/Accounts"):
        assert (await ours.tenant.get(listing)).body[0]["bucket_credential"] == shown
    assert (await ours.tenant.put(path, {"bucket_credential": shown | {"name": "c"}})).status == 204
    async with world.db.transaction(PLATFORM) as tx:
        from jambones.common.db.accounts import Accounts

        account = await Accounts(tx).get(ours.account)
    assert account is not None
    assert account.bucket_credential is not None
    assert json.loads(account.bucket_credential.reveal()) == bucket | {"name": "c"}


async def stored_password(world: World, sid: str) -> str:
    from jambones.common.db.clients import Clients

    async with world.db.transaction(PLATFORM) as tx:
        row = await Clients(tx).get(sid)
    assert row is not None
    assert row.password is not None
    return row.password.reveal()


async def test_q17_who_may_only_look_is_known_by_the_permissions(world: World, ours: Belongings) -> None:
    viewer = await person(world, "viewer", account_sid=ours.account, is_view_only=True)
    refused = await viewer.post("/Applications", {"name": "x", **HOOKS})
    assert (refused.status, refused.msg) == (403, "User has view-only access")
    assert (await viewer.get("/Applications")).status == 200
    me = (await viewer.get("/Users/me")).body["user"]["user_sid"]
    assert (await ours.tenant.get(f"/Users/{me}")).body["is_view_only"] is True
    change = {"old_password": PASSWORD, "new_password": "battery staple 2"}
    assert (await viewer.put(f"/Users/{me}", change)).status == 204
    from jambones.common.db.users import Users

    async with world.db.transaction(PLATFORM) as tx:
        await Users(tx).permit(me, ["VIEW_ONLY", "PROVISION_SERVICES"])
    assert (await viewer.post("/Applications", {"name": "x", **HOOKS})).status == 201
    claims = jwt.decode(viewer.token or "", options={"verify_signature": False})
    assert claims["is_view_only"] is True


async def test_q18_a_wrong_password_is_403_and_the_seventh_try_is_locked_out(world: World, ours: Belongings) -> None:
    await person(world, "joe", account_sid=ours.account)
    nobody = world.admin.with_token(None)
    for _ in range(6):
        assert (await nobody.post("/login", {"username": "joe", "password": "wrong"})).status == 403
    locked = await nobody.post("/login", {"username": "joe", "password": PASSWORD})
    assert locked.status == 403
    assert locked.body["error"].startswith("Maximum login attempts reached.")
    assert (await nobody.post("/login", {"username": "nobody", "password": "x"})).status == 403
    assert (await nobody.post("/login", {})).status == 400


async def test_q19_an_update_of_a_gateway_checks_what_it_brings(world: World, ours: Belongings) -> None:
    path = f"/SipGateways/{ours.sids['sip_gateway_sid']}"
    assert (await ours.tenant.put(path, {"netmask": 24, "outbound": False})).status == 204
    row = (await ours.tenant.get(path)).body
    assert (row["netmask"], row["outbound"]) == (24, 0)
    whole = row | {"ipv4": "192.0.2.7", "netmask": "32", "port": "5060", "inbound": "1"}
    assert (await ours.tenant.put(path, {k: v for k, v in whole.items() if k != "sip_gateway_sid"})).status == 204
    assert (await ours.tenant.put(path, {"ipv4": "not-an-ip.example.com", "inbound": True})).status == 400


async def test_q20_password_settings_have_defaults(world: World, ours: Belongings) -> None:
    assert (await ours.tenant.get("/PasswordSettings")).body == {"min_password_length": 8}
    assert (await ours.tenant.post("/PasswordSettings", {"min_password_length": 9})).status == 403
    for length in (7, 21):
        assert (await world.admin.post("/PasswordSettings", {"min_password_length": length})).status == 400
    assert (await world.admin.post("/PasswordSettings", {"require_digit": True})).status == 201
    expected = {"min_password_length": 8, "require_digit": 1, "require_special_character": 0}
    assert (await ours.tenant.get("/PasswordSettings")).body == expected


async def test_q21_the_status_of_a_registration_is_an_object(world: World, ours: Belongings) -> None:
    path = f"/VoipCarriers/{ours.sids['voip_carrier_sid']}"
    assert (await ours.tenant.get(path)).body["register_status"] == {}
    status = {"status": "ok", "reason": "200 OK", "cseq": "2", "callId": "a", "timestamp": "1", "expires": 300}
    async with world.db.transaction(PLATFORM) as tx:
        await tx.execute("UPDATE voip_carriers SET register_status = $1", json.dumps(status))
    assert (await ours.tenant.get(path)).body["register_status"] == status
    assert (await ours.tenant.get("/VoipCarriers")).body[0]["register_status"] == status


@pytest.mark.parametrize("vendor", sorted({*TTS, *STT, *MODELS}))
async def test_q22_voices_are_listed_without_a_credential(world: World, vendor: str) -> None:
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    path = "SpeechCredentials/speech/supportedLanguagesAndVoices"
    found = await tenant.get(f"/Accounts/{account}/{path}", vendor=vendor, create_new="true")
    assert found.status == 200
    assert found.body == (await owner.get(f"/ServiceProviders/{provider}/{path}", vendor=vendor)).body
    if vendor in TTS:
        language = found.body["tts"][0]
        assert {"value", "name", "voices"} == set(language)
        assert {"value", "name"} <= set(language["voices"][0])
    if vendor in STT:
        assert {"value", "name"} == set(found.body["stt"][0])
    if vendor in MODELS:
        assert {"value", "name"} == set(found.body["models"][0])
    assert (await tenant.get(f"/Accounts/{account}/{path}", vendor="nobody")).status == 422
    assert (await tenant.get(f"/Accounts/{account}/{path}")).status == 400


@pytest.mark.parametrize(
    "body",
    [
        {"vendor": "nvidia", "riva_server_uri": "a:1"},
        {"vendor": "cobalt", "cobalt_server_uri": "a:1"},
        {"vendor": "custom:mine", "auth_token": "x", "custom_stt_url": "ws://a", "use_for_tts": False},
    ],
)
async def test_q23_vendors_without_a_tester_are_not_tested(
    world: World, ours: Belongings, body: dict[str, Any]
) -> None:
    path = f"/Accounts/{ours.account}/SpeechCredentials"
    sid = await ours.tenant.make(path, body)
    shown = (await ours.tenant.get(f"{path}/{sid}/test")).body
    assert shown == {"tts": {"status": "not tested"}, "stt": {"status": "not tested"}}
    assert (await ours.tenant.get(f"{path}/{sid}")).body["last_tested"] is None


async def test_q24_public_operations_need_no_token(world: World, ours: Belongings) -> None:
    nobody = world.admin.with_token(None)
    templates = (await nobody.get("/PredefinedCarriers")).body
    assert TWILIO in [row["predefined_carrier_sid"] for row in templates]
    path = f"/ServiceProviders/{ours.sids['service_provider_sid']}/PredefinedCarriers/{TWILIO}"
    assert (await nobody.post(path)).status == 401
    first = await ours.owner.make(path, None)
    second = await ours.owner.make(path, None)
    names = [(await ours.owner.get(f"/VoipCarriers/{sid}")).body["name"] for sid in (first, second)]
    assert names[0] == "Twilio"
    assert names[1].startswith("Twilio-")
    assert len((await ours.owner.get("/SipGateways", voip_carrier_sid=first)).body) == 10
    for path in ("/login", "/signin", "/forgot-password", "/register"):
        assert (await nobody.post(path, {})).status in (400, 501), path


async def test_q25_paths_and_empty_bodies_are_forgiven(world: World, ours: Belongings) -> None:
    json_type = {"Content-Type": "application/json"}
    for path in (f"/accounts/{ours.account}/", f"/ACCOUNTS/{ours.account.upper()}", f"/Accounts/{ours.account}//"):
        assert (await ours.tenant.get(path)).status == 200, path
    body = json.dumps({"name": "slash"}).encode()
    assert (await ours.tenant.ask("POST", "/VoipCarriers/", body, headers=json_type)).status == 201
    assert (await ours.tenant.ask("GET", "/Applications", b"", headers=json_type)).status == 200
    path = f"/Accounts/{ours.account}/RegisteredSipUsers"
    assert (await ours.tenant.ask("POST", path, b"", headers=json_type)).status == 200
    sid = await ours.tenant.make("/Clients", {"username": "u", "password": "p"})
    assert (await ours.tenant.ask("DELETE", f"/Clients/{sid}", b"", headers=json_type)).status == 204
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await ours.tenant.ask("POST", "/VoipCarriers", b"name=form&is_active=1", headers=form)).status == 201
    broken = await ours.tenant.ask("POST", "/VoipCarriers", b'{"name":', headers=json_type)
    assert broken.status == 400
    assert broken.msg


async def test_q26_an_account_goes_with_all_it_has_and_a_provider_does_not(world: World, ours: Belongings) -> None:
    refused = await world.admin.delete(f"/ServiceProviders/{ours.sids['service_provider_sid']}")
    assert (refused.status, refused.msg) == (403, "insufficient privileges")
    reply = await ours.owner.ask("DELETE", f"/Accounts/{ours.account}", {"password": "portal"})
    assert reply.status == 204
    for path in ("/Applications", "/VoipCarriers", "/PhoneNumbers", "/Clients", "/Lcrs", "/Users"):
        assert (await ours.owner.get(path)).body == [], path
    assert (await world.admin.delete(f"/ServiceProviders/{ours.sids['service_provider_sid']}")).status == 204


async def test_q27_an_account_reads_the_lists_of_its_provider(world: World, ours: Belongings) -> None:
    provider = ours.sids["service_provider_sid"]
    other, _ = await world.account(provider, "other")
    await ours.owner.make("/Applications", {"name": "x", "account_sid": other, **HOOKS})
    for path, count in (("Accounts", 1), ("Applications", 1), ("PhoneNumbers", 1), ("VoipCarriers", 1), ("ApiKeys", 0)):
        rows = (await ours.tenant.get(f"/ServiceProviders/{provider}/{path}")).body
        assert len(rows) == count, path
        assert all(row["account_sid"] == ours.account for row in rows)
    (own,) = (await ours.tenant.get("/ServiceProviders")).body
    assert own["service_provider_sid"] == provider


async def test_q28_an_account_deletes_its_speech_through_the_provider(world: World, ours: Belongings) -> None:
    sid, provider = ours.sids["speech_credential_sid"], ours.sids["service_provider_sid"]
    shared = {"vendor": "deepgram", "api_key": "0123456789"}
    above = await ours.owner.make(f"/ServiceProviders/{provider}/SpeechCredentials", shared)
    assert (await ours.tenant.delete(f"/ServiceProviders/{provider}/SpeechCredentials/{above}")).status == 403
    assert (await ours.tenant.delete(f"/ServiceProviders/{provider}/SpeechCredentials/{sid}")).status == 204
    assert (await ours.tenant.delete(f"/Accounts/{ours.account}/SpeechCredentials")).status == 404
    assert (await ours.tenant.delete(f"/Accounts/{ours.account}/SpeechCredentials/junk")).status == 400


async def test_q29_the_default_route_of_a_routing_table(world: World, ours: Belongings) -> None:
    sid = await ours.owner.make("/Lcrs", {"name": "x", "account_sid": "", "default_carrier_set_entry_sid": ""})
    carrier = await ours.owner.make("/VoipCarriers", {"name": "shared"})
    routes = [
        {"lcr_route_sid": "", "regex": ".*", "priority": 9999,
         "lcr_carrier_set_entries": [{"voip_carrier_sid": carrier, "lcr_route_sid": ""}]},
        {"regex": "44", "priority": 0, "lcr_carrier_set_entries": [{"voip_carrier_sid": carrier, "workload": 2}]},
    ]  # fmt: skip
    assert (await ours.owner.post(f"/Lcrs/{sid}/Routes", routes)).status == 204
    shown = (await ours.owner.get("/LcrRoutes", lcr_sid=sid)).body
    assert [row["priority"] for row in shown] == [0, 9999]
    lcr = (await ours.owner.get(f"/Lcrs/{sid}")).body
    entry = shown[1]["lcr_carrier_set_entries"][0]["lcr_carrier_set_entry_sid"]
    assert (lcr["default_carrier_set_entry_sid"], lcr["number_routes"]) == (entry, 2)
    assert (await ours.owner.put(f"/Lcrs/{sid}/Routes", [shown[0] | {"regex": "45"}])).status == 204
    assert len((await ours.owner.get("/LcrRoutes", lcr_sid=sid)).body) == 2
    for body, words in [
        ([{"regex": "1", "priority": 1}], "Lcr Route batch process require lcr_carrier_set_entries"),
        ([{"regex": "1", "priority": 1, "lcr_carrier_set_entries": [{}]}],
         "One of lcr_carrier_set_entries is missing voip_carrier_sid"),
        ([{"regex": "1", "priority": 1, "lcr_carrier_set_entries": [{"voip_carrier_sid": "x"}]}],
         "unknown voip_carrier_sid"),
    ]:  # fmt: skip
        reply = await ours.owner.post(f"/Lcrs/{sid}/Routes", body)
        assert (reply.status, reply.msg) == (400, words)
    second = await ours.owner.post("/Lcrs", {"name": "y"})
    assert second.status == 400
    assert second.msg.endswith("already has an active call routing table.")
    assert (await ours.owner.delete(f"/Lcrs/{sid}")).status == 204
    assert (await ours.owner.get("/LcrRoutes", lcr_sid=sid)).body == []


async def test_q30_a_get_makes_a_new_webhook_secret(world: World, ours: Belongings) -> None:
    path = f"/Accounts/{ours.account}/WebhookSecret"
    secret = (await ours.tenant.get(path)).body["webhook_secret"]
    assert secret.startswith("wh_secret_")
    assert (await ours.tenant.get(path)).body == {"webhook_secret": secret}
    fresh = (await ours.tenant.get(path, regenerate="true")).body["webhook_secret"]
    assert fresh.startswith("wh_secret_")
    assert fresh != secret
    assert (await ours.tenant.get(f"/Accounts/{ours.account}")).body["webhook_secret"] == fresh


async def test_q31_what_deletion_dialogs_fetch_are_arrays(world: World, ours: Belongings) -> None:
    for client in (ours.tenant, ours.owner, world.admin):
        for path in ("Applications", "PhoneNumbers", "Accounts", "MicrosoftTeamsTenants", "Lcrs", "SmppGateways",
                     "GoogleCustomVoices", f"Accounts/{ours.account}/ApiKeys"):  # fmt: skip
            reply = await client.get(f"/{path}")
            assert reply.status == 200, path
            assert isinstance(reply.body, list), path
    assert isinstance((await ours.tenant.get("/LcrRoutes", lcr_sid=ours.sids["lcr_sid"])).body, list)


async def test_q32_the_first_change_of_a_password_keeps_the_token(world: World, ours: Belongings) -> None:
    client = await person(world, "joe", account_sid=ours.account, force_change=True)
    login = {"username": "joe", "password": PASSWORD}
    reply = await client.with_token(None).post("/login", login)
    assert reply.body["force_change"] is True
    assert len(reply.body["token"].split(".")) == 3
    claims = json.loads(base64.urlsafe_b64decode(reply.body["token"].split(".")[1] + "=="))
    assert {"scope", "permissions", "is_view_only", "user_sid", "name", "account_sid", "account_name"} <= set(claims)
    joe: Client = client.with_token(reply.body["token"])
    change = {"old_password": PASSWORD, "new_password": "battery staple 2"}
    assert (await joe.put(f"/Users/{reply.body['user_sid']}", change)).status == 204
    me = await joe.get("/Users/me")
    assert (me.status, me.body["user"]["force_change"]) == (200, False)
    again = await joe.with_token(None).post("/login", login | {"password": "battery staple 2"})
    assert again.body["force_change"] is False


def test_every_quirk_of_the_register_has_a_test() -> None:
    names = [name for name in globals() if name.startswith("test_q")]
    assert [name[6:8] for name in names] == [f"{number:02}" for number in range(1, 33)]
