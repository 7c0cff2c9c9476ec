"""The reference's administration application against our API: the requests of its pages, as its forms fill them.

Written from what the application sends and reads, page by page, since its own code needs a build and a browser. It
sends `Content-Type: application/json` always, reads JSON from every 200 and 201, sends null or empty text for what a
form left empty, sends back what it read, and writes its queries without percent signs.
"""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.integration.clients.rest.conftest import Tenant
from tests.integration.clients.rest.portal import (
    APPLICATION,
    BUCKET,
    CARRIER,
    GATEWAY,
    HOOK,
    NO_HOOK,
    PASSWORD,
    SPEECH,
    Portal,
)


@pytest.fixture(params=["admin", "service_provider", "account"])
async def portal(request: pytest.FixtureRequest, tenant: Tenant) -> AsyncIterator[Portal]:
    """Somebody of the scope who has logged in and has the tenant's service provider in view."""
    owner: dict[str, Any] = {"service_provider_sid": None, "account_sid": None}
    if request.param != "admin":
        owner["service_provider_sid"] = tenant.provider_sid
    if request.param == "account":
        owner["account_sid"] = tenant.account_sid
    person = {
        "name": "ann", "email": "ann@example.com", "initial_password": PASSWORD, "force_change": False,
        "is_active": True, "is_view_only": False,
    }  # fmt: skip
    assert (await tenant.world.admin.post("/Users", person | owner)).status == 201
    async with aiohttp.ClientSession() as session:
        portal = Portal(f"{tenant.url}/api/v1", session)
        await portal.logs_in("ann")
        (provider,) = await portal.get("/ServiceProviders")
        portal.provider_sid = provider["service_provider_sid"]
        assert portal.provider_sid == tenant.provider_sid
        yield portal


async def the_first_page_and_every_list_load(portal: Portal, tenant: Tenant) -> None:
    me = await portal.get("/Users/me")
    assert me["user"]["name"] == "ann"
    await portal.get(f"/Users/{me['user']['user_sid']}")
    provider, account = f"/ServiceProviders/{portal.provider_sid}", f"/Accounts/{tenant.account_sid}"
    for path in (
        "/Users", "/Accounts", "/Applications", "/VoipCarriers", "/PhoneNumbers", "/Clients", "/Lcrs", "/Sbcs",
        "/Smpps", "/MicrosoftTeamsTenants", "/PredefinedCarriers", "/PasswordSettings", f"{provider}/Accounts",
        f"{provider}/Applications", f"{provider}/VoipCarriers", f"{provider}/PhoneNumbers", f"{provider}/ApiKeys",
        f"{provider}/SpeechCredentials", f"{account}/Applications", f"{account}/VoipCarriers", f"{account}/ApiKeys",
        f"{account}/SpeechCredentials", f"{account}/Limits", f"{account}/Limits?category=voice_call_session",
        f"GoogleCustomVoices?account_sid={tenant.account_sid}&service_provider_sid={portal.provider_sid}&label=",
    ):  # fmt: skip
        found = await portal.get("/" + path.lstrip("/"))
        assert isinstance(found, dict if path == "/PasswordSettings" else list), path
    for path in (f"{account}/RecentCalls", f"{account}/Alerts"):
        query = "page=1&count=25&days=7&filter=+1508" if path.endswith("Calls") else "page=1&count=10&days=30"
        page = await portal.get(f"{path}?{query}")
        assert (page["total"], page["data"]) == (0, [])
    for path in (f"{provider}/Applications", f"{account}/Applications", "/Applications"):
        listed = await portal.get(f"{path}?page=1&page_size=25&name=a" if "Prov" not in path else path)
        assert [row["name"] for row in (listed if isinstance(listed, list) else listed["data"])] == ["a"]
    for path in (f"{provider}/VoipCarriers", "/VoipCarriers", "/PhoneNumbers"):
        page = await portal.get(f"{path}?page=1&page_size=25&account_sid={tenant.account_sid}&name=")
        assert page == {"total": 0, "page": 1, "page_size": 25, "data": []}
    # What a call's details ask for when nothing of the kind is kept: the page then shows nothing.
    for part in ("a@192.0.2.1", "a@192.0.2.1/invite/pcap", "trace/0af7651916cd43dd8448eb211c80319c"):
        await portal.get(f"{account}/RecentCalls/{part}", 404)
    await portal.ask("GET", "/AppEnv?url=http://127.0.0.1:1/app", status=204)
    voices = await portal.get(f"{portal.speech}/speech/supportedLanguagesAndVoices?vendor=google&label=")
    assert voices["tts"][0]["voices"][0]["value"]
    free = await portal.get("/Availability?type=subdomain&value=new.example.org")
    assert free == {"available": True}
    if portal.scope == "admin":
        assert await portal.get("/SystemInformation") == {}
        assert "size" in await portal.get("/TtsCache")
        await portal.ask("DELETE", "/TtsCache")
    assert "size" in await portal.get(f"{account}/TtsCache")
    if portal.scope != "account":
        await portal.get(f"{provider}/Limits")
        await portal.get(f"{provider}/RecentCalls?page=1&count=25&days=1")


async def an_application_is_edited(portal: Portal, tenant: Tenant) -> None:
    body = APPLICATION | {"account_sid": tenant.account_sid}
    sid = (await portal.ask("POST", "/Applications", body))["sid"]
    row = await portal.get(f"/Applications/{sid}")
    assert (row["speech_synthesis_vendor"], row["messaging_hook"], row["env_vars"]) == ("google", None, None)
    changed = body | {
        "name": "menu 2", "call_hook": row["call_hook"] | {"url": "https://example.com/2"}, "env_vars": {},
        "call_status_hook": row["call_status_hook"], "app_json": '[{"verb": "hangup"}]',
        "speech_synthesis_vendor": "aws", "speech_synthesis_voice": "Joanna", "use_for_fallback_speech": 1,
        "fallback_speech_synthesis_vendor": "google",
    }  # fmt: skip
    await portal.ask("PUT", f"/Applications/{sid}", changed)
    now = await portal.get(f"/Applications/{sid}")
    assert (now["name"], now["speech_synthesis_voice"], now["use_for_fallback_speech"]) == ("menu 2", "Joanna", 1)
    assert now["call_hook"] == row["call_hook"] | {"url": "https://example.com/2"}
    await portal.get("/MicrosoftTeamsTenants")
    await portal.ask("DELETE", f"/Applications/{sid}")
    await portal.get(f"/Applications/{sid}", 404)


async def a_carrier_with_gateways_and_numbers_is_edited(portal: Portal, tenant: Tenant) -> None:
    body = CARRIER | {"account_sid": tenant.account_sid, "service_provider_sid": portal.provider_sid}
    sid = (await portal.ask("POST", f"{portal.carriers}/", body))["sid"]
    made = await portal.ask("POST", "/SipGateways", GATEWAY | {"voip_carrier_sid": sid})
    row = await portal.get(f"/VoipCarriers/{sid}")
    assert (row["register_status"], row["is_active"], row["account_sid"]) == ({}, 1, tenant.account_sid)
    (gateway,) = await portal.get(f"/SipGateways?voip_carrier_sid={sid}")
    assert await portal.get(f"/SmppGateways?voip_carrier_sid={sid}") == []
    registering = CARRIER | {
        "requires_register": True, "register_username": "joe", "register_password": "x",
        "register_sip_realm": "sip.example.com", "account_sid": tenant.account_sid, "trunk_type": "reg",
        "application_sid": tenant.application_sid,
    }  # fmt: skip
    await portal.ask("PUT", f"{portal.carriers}/{sid}", registering)
    kept = {name: value for name, value in gateway.items() if name != "sip_gateway_sid"}
    await portal.ask("PUT", f"/SipGateways/{made['sid']}", kept | {"outbound": 1, "port": None, "protocol": "tls/srtp"})
    (gateway,) = await portal.get(f"/SipGateways?voip_carrier_sid={sid}")
    assert (gateway["outbound"], gateway["port"], gateway["protocol"]) == (1, None, "tls/srtp")

    number = {"account_sid": tenant.account_sid, "application_sid": tenant.application_sid}
    wanted = number | {"number": "15083084809", "voip_carrier_sid": sid}
    number_sid = (await portal.ask("POST", "/PhoneNumbers", wanted))["sid"]
    found = await portal.get(f"/PhoneNumbers?page=1&page_size=25&account_sid={tenant.account_sid}&filter=+1508")
    assert [row["number"] for row in found["data"]] == ["15083084809"]
    await portal.ask("PUT", f"/PhoneNumbers/{number_sid}", number | {"application_sid": None})
    assert (await portal.get(f"/PhoneNumbers/{number_sid}"))["application_sid"] is None
    refused = await portal.ask("DELETE", f"/VoipCarriers/{sid}", status=422)
    assert refused["msg"] == "cannot delete voip carrier with active phone numbers"
    await portal.ask("DELETE", f"/PhoneNumbers/{number_sid}")
    await portal.ask("DELETE", f"/SipGateways/{made['sid']}")
    await portal.ask("DELETE", f"/VoipCarriers/{sid}")
    template = (await portal.get("/PredefinedCarriers"))[0]["predefined_carrier_sid"]
    owner = f"/Accounts/{tenant.account_sid}"
    copied = await portal.ask("POST", f"{owner}/PredefinedCarriers/{template}")
    await portal.get(f"/VoipCarriers/{copied['sid']}")


async def an_account_is_edited(portal: Portal, tenant: Tenant) -> None:
    path = f"/Accounts/{tenant.account_sid}"
    account = await portal.get(path)
    form = {
        "name": "acme", "sip_realm": None, "webhook_secret": account["webhook_secret"], "siprec_hook_sid": None,
        "queue_event_hook": NO_HOOK, "registration_hook": HOOK, "record_all_calls": 0, "record_format": "mp3",
        "device_calling_application_sid": tenant.application_sid, "enable_debug_log": False,
        "bucket_credential": {"vendor": "none"},
    }  # fmt: skip
    await portal.ask("PUT", path, form)
    first = await portal.get(path)
    assert first["registration_hook"] == HOOK
    assert (first["queue_event_hook"], first["bucket_credential"]) == (None, None)
    await portal.ask("PUT", path, form | {"registration_hook": first["registration_hook"], "bucket_credential": BUCKET})
    second = await portal.get(path)
    assert second["bucket_credential"]["secret_access_key"] not in ("", BUCKET["secret_access_key"])
    again = form | {
        "bucket_credential": second["bucket_credential"],
        "record_all_calls": 1,
        "registration_hook": NO_HOOK,
    }
    await portal.ask("PUT", path, again)
    third = await portal.get(path)
    assert third == second | {"record_all_calls": 1, "registration_hook": None}
    await portal.ask("PUT", path, form | {"bucket_credential": {"vendor": ""}})  # as older versions clear it
    assert (await portal.get(path))["bucket_credential"] is None
    secret = await portal.get(f"{path}/WebhookSecret?regenerate=true")
    assert secret["webhook_secret"] != account["webhook_secret"]
    tested = await portal.ask("POST", f"{path}/BucketCredentialTest", {"vendor": "azure", "name": "x"}, 200)
    assert tested["status"] == "failed"
    await portal.ask("POST", f"{path}/SipRealms/acme.sip.example.org", status=204)
    assert (await portal.get(path))["sip_realm"] == "acme.sip.example.org"
    await portal.ask("PUT", path, form | {"sip_realm": "acme.sip.example.org"})
    key = await portal.ask("POST", "/ApiKeys", {"account_sid": tenant.account_sid})
    await portal.ask("DELETE", f"/ApiKeys/{key['sid']}")
    users = await portal.ask("POST", f"{path}/RegisteredSipUsers", ["joe"], 200)
    assert users[0]["registered_status"] == "inactive"
    if portal.scope != "account":
        await portal.ask("POST", f"{path}/Limits", {"category": "voice_call_session", "quantity": 5})
        assert (await portal.get(f"{path}/Limits"))[0]["quantity"] == 5
        await portal.ask("DELETE", f"{path}/Limits?category=voice_call_session")
        new = {
            "name": "new", "sip_realm": None, "queue_event_hook": NO_HOOK, "registration_hook": NO_HOOK,
            "service_provider_sid": portal.provider_sid,
        }  # fmt: skip
        made = await portal.ask("POST", "/Accounts", new)
        await portal.ask("DELETE", f"/Accounts/{made['sid']}", {"password": ""})


async def a_speech_service_is_edited(portal: Portal, tenant: Tenant) -> None:
    body = SPEECH | {"service_provider_sid": portal.provider_sid, "account_sid": tenant.account_sid}
    sid = (await portal.ask("POST", portal.speech, body))["sid"]
    row = await portal.get(f"{portal.speech}/{sid}")
    assert (row["vendor"], row["label"], row["use_for_tts"]) == ("deepgram", "main", 1)
    assert row["api_key"] != SPEECH["api_key"]
    await portal.ask("PUT", f"{portal.speech}/{sid}", body | {"use_for_tts": 0, "api_key": row["api_key"]})
    assert await portal.get(f"{portal.speech}/{sid}") == row | {"use_for_tts": 0}
    await portal.ask("DELETE", f"/ServiceProviders/{portal.provider_sid}/SpeechCredentials/{sid}")
    await portal.get(f"{portal.speech}/{sid}", 404)


async def a_client_and_a_routing_table_are_edited(portal: Portal, tenant: Tenant) -> None:
    form = {
        "account_sid": tenant.account_sid, "username": "desk", "password": "s3cret", "is_active": True,
        "allow_direct_app_calling": True, "allow_direct_queue_calling": True, "allow_direct_user_calling": True,
    }  # fmt: skip
    client = (await portal.ask("POST", "/Clients", form))["sid"]
    row = await portal.get(f"/Clients/{client}")
    await portal.ask("PUT", f"/Clients/{client}", form | {"is_active": False, "password": row["password"]})
    assert await portal.get(f"/Clients/{client}") == row | {"is_active": 0}
    await portal.ask("DELETE", f"/Clients/{client}")

    carrier = await tenant.client.make("/VoipCarriers", {"name": "trunk"})
    mine = tenant.account_sid if portal.scope != "service_provider" else ""
    lcr = {"name": "lcr", "is_active": True, "account_sid": mine, "service_provider_sid": portal.provider_sid}
    sid = (await portal.ask("POST", "/Lcrs", lcr))["sid"]
    entry = {"lcr_route_sid": "", "voip_carrier_sid": carrier, "priority": 0}
    routes = [
        {"lcr_sid": "", "regex": "1508", "priority": 0, "lcr_carrier_set_entries": [entry]},
        {"lcr_sid": "", "regex": ".*", "desciption": "System Default Route", "priority": 9999,
         "lcr_carrier_set_entries": [entry]},
    ]  # fmt: skip
    await portal.ask("POST", f"/Lcrs/{sid}/Routes", routes, 204)
    assert [row["number_routes"] for row in await portal.get("/Lcrs")] == [2]
    stored = await portal.get(f"/LcrRoutes?lcr_sid={sid}")
    assert [row["priority"] for row in stored] == [0, 9999]
    changed = [stored[0] | {"regex": "1617"}, *stored[1:], routes[0] | {"regex": "49", "priority": 1}]
    await portal.ask("PUT", f"/Lcrs/{sid}", lcr | {"name": "cheapest"})
    await portal.ask("PUT", f"/Lcrs/{sid}/Routes", changed)
    now = await portal.get(f"/LcrRoutes?lcr_sid={sid}")
    assert [row["regex"] for row in now] == ["1617", "49", ".*"]
    assert [row["voip_carrier_sid"] for row in now[1]["lcr_carrier_set_entries"]] == [carrier]
    await portal.get(f"/LcrCarrierSetEntries?lcr_route_sid={now[0]['lcr_route_sid']}")
    await portal.ask("DELETE", f"/LcrRoutes/{now[1]['lcr_route_sid']}")
    # Older versions of the portal write routes and entries one by one.
    route = (await portal.ask("POST", "/LcrRoutes", {"lcr_sid": sid, "regex": "44", "priority": 2}))["sid"]
    one = (await portal.ask("POST", "/LcrCarrierSetEntries", entry | {"lcr_route_sid": route}))["sid"]
    await portal.ask("PUT", f"/LcrRoutes/{route}", {"lcr_sid": sid, "regex": "45", "priority": 2})
    await portal.ask(
        "PUT", f"/LcrCarrierSetEntries/{one}", entry | {"lcr_route_sid": route, "workload": 1, "priority": 1}
    )
    await portal.ask("DELETE", f"/Lcrs/{sid}")
    assert await portal.get("/Lcrs") == []


async def users_are_edited(portal: Portal, tenant: Tenant) -> None:
    form = {
        "name": "bob", "email": "bob@example.com", "initial_password": PASSWORD, "force_change": True,
        "is_active": True, "is_view_only": False, "service_provider_sid": portal.provider_sid,
        "account_sid": tenant.account_sid,
    }  # fmt: skip
    bob = (await portal.ask("POST", "/Users", form))["user_sid"]
    row = await portal.get(f"/Users/{bob}")
    assert (row["is_active"], row["force_change"], row["is_view_only"]) == (1, 1, False)
    await portal.ask("PUT", f"/Users/{bob}", form | {"initial_password": None, "is_view_only": True})
    assert (await portal.get(f"/Users/{bob}"))["is_view_only"] is True
    other = Portal(portal.url, portal.session)
    await other.logs_in("bob")
    change = {"old_password": PASSWORD, "new_password": "battery staple 2"}
    await other.ask("PUT", f"/Users/{bob}", change)
    assert (await other.get("/Users/me"))["user"]["force_change"] in (False, 0)
    await portal.ask("DELETE", f"/Users/{bob}")
    me = (await portal.get("/Users/me"))["user"]
    mine = form | {
        "name": "ann", "email": "ann2@example.com", "initial_password": None, "force_change": False,
        "service_provider_sid": None if portal.scope == "admin" else portal.provider_sid,
        "account_sid": tenant.account_sid if portal.scope == "account" else None,
    }  # fmt: skip
    await portal.ask("PUT", f"/Users/{me['user_sid']}", mine)
    assert (await portal.get(f"/Users/{me['user_sid']}"))["email"] == "ann2@example.com"


async def settings_are_saved(portal: Portal, tenant: Tenant) -> None:
    path = f"/ServiceProviders/{portal.provider_sid}"
    if portal.scope == "account":
        refused = await portal.ask("PUT", path, {"name": "x"}, 403)
        assert refused["msg"] == "insufficient permissions to update service provider"
        return
    await portal.ask("PUT", path, {"name": "renamed", "ms_teams_fqdn": None})
    assert (await portal.get(path))["name"] == "renamed"
    await portal.ask("POST", f"{path}/Limits", {"category": "voice_call_session", "quantity": "1000"})
    await portal.ask("DELETE", f"{path}/Limits?category=voice_call_session")
    key = await portal.ask("POST", "/ApiKeys", {"service_provider_sid": portal.provider_sid})
    assert key["token"] in [row["token"] for row in await portal.get(f"{path}/ApiKeys")]
    if portal.scope == "admin":
        rules = {"min_password_length": 8, "require_digit": 1, "require_special_character": 0}
        assert await portal.ask("POST", "/PasswordSettings", rules) == {}
        shown = await portal.get("/PasswordSettings")
        assert {name: shown[name] for name in rules} == rules
        system = {
            "domain_name": "", "sip_domain_name": "sip.example.com", "monitoring_domain_name": "",
            "private_network_cidr": "10.0.0.0/8,", "log_level": "info",
        }  # fmt: skip
        saved = await portal.ask("POST", "/SystemInformation", system)
        assert {name: saved[name] for name in system} == system
        assert (await portal.get("/SystemInformation"))["sip_domain_name"] == "sip.example.com"
        new = (await portal.ask("POST", "/ServiceProviders", {"name": "another"}))["sid"]
        await portal.ask("DELETE", f"/ServiceProviders/{new}")


async def somebody_logs_out(portal: Portal, tenant: Tenant) -> None:
    await portal.ask("POST", "/logout", status=204)
    async with portal.session.get(
        f"{portal.url}/Accounts", headers={"Authorization": f"Bearer {portal.token}"}
    ) as gone:
        assert gone.status == 401


PAGES = (
    the_first_page_and_every_list_load, an_application_is_edited, a_carrier_with_gateways_and_numbers_is_edited,
    an_account_is_edited, a_speech_service_is_edited, a_client_and_a_routing_table_are_edited, users_are_edited,
    settings_are_saved, somebody_logs_out,
)  # fmt: skip


async def test_somebody_goes_through_all_pages(portal: Portal, tenant: Tenant) -> None:
    for page in PAGES:
        await page(portal, tenant)
