"""Clients, least-cost routing, edges, templates and settings."""

from tests.integration.api.conftest import World

TWILIO = "7d509a18-bbff-4c5d-b21e-b99bf8f8c49a"


async def test_a_client_lives(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    sid = await tenant.make("/Clients", {"username": "client1", "password": "sdf12412", "is_active": 1})
    shown = (await tenant.get(f"/Clients/{sid}")).body
    assert shown == {
        "client_sid": sid, "account_sid": account, "is_active": 1, "username": "client1", "password": "sXXXXXXX",
        "allow_direct_app_calling": 1, "allow_direct_queue_calling": 1, "allow_direct_user_calling": 1,
    }  # fmt: skip
    assert [shown] == (await tenant.get("/Clients")).body
    taken = await tenant.post("/Clients", {"username": "CLIENT1"})
    assert (taken.status, taken.msg) == (400, "the client's username already exists")
    _, stranger = await world.provider("other")
    refused = await stranger.post("/Clients", {"account_sid": account, "username": "x"})
    assert (refused.status, refused.msg) == (403, "insufficient permissions")
    assert (await tenant.put(f"/Clients/{sid}", {"is_active": 0, "password": "sXXXXXXX"})).status == 204
    assert (await tenant.get(f"/Clients/{sid}")).body == shown | {"is_active": 0}
    assert (await tenant.put(f"/Clients/{sid}", {"password": "new"})).status == 204
    assert (await tenant.get(f"/Clients/{sid}")).body["password"] == "nXX"
    assert (await tenant.delete(f"/Clients/{sid}")).status == 204
    assert (await tenant.get(f"/Clients/{sid}")).status == 404


async def test_a_routing_table_lives(world: World) -> None:
    provider, owner = await world.provider()
    _, tenant = await world.account(provider)
    carrier = await tenant.make("/VoipCarriers", {"name": "a"})
    lcr = await tenant.make("/Lcrs", {"name": "name", "account_sid": ""})
    again = await tenant.post("/Lcrs", {"name": "b"})
    assert (again.status, "already has an active call routing table." in again.msg) == (400, True)
    shared = await owner.make("/Lcrs", {"name": "shared"})
    for client, sids in ((owner, {lcr, shared}), (world.admin, {lcr, shared}), (tenant, {lcr})):
        listed = (await client.get(f"/ServiceProviders/{provider}/Lcrs")).body
        assert {row["lcr_sid"] for row in listed} == sids
    routes = [
        {"regex": "1", "priority": 1, "lcr_carrier_set_entries": [{"voip_carrier_sid": carrier, "lcr_route_sid": ""}]},
        {"regex": ".*", "priority": 9999, "lcr_carrier_set_entries": [{"voip_carrier_sid": carrier}]},
    ]
    assert (await tenant.post(f"/Lcrs/{lcr}/Routes", routes)).status == 204
    shown = (await tenant.get(f"/Lcrs/{lcr}")).body
    assert shown["number_routes"] == 2
    stored = (await tenant.get("/LcrRoutes", lcr_sid=lcr)).body
    assert [route["priority"] for route in stored] == [1, 9999]
    assert (
        stored[1]["lcr_carrier_set_entries"][0]["lcr_carrier_set_entry_sid"] == shown["default_carrier_set_entry_sid"]
    )
    stored[0]["regex"] = "2"
    assert (await tenant.put(f"/Lcrs/{lcr}/Routes", stored)).status == 204
    assert [route["regex"] for route in (await tenant.get("/LcrRoutes", lcr_sid=lcr)).body] == ["2", ".*"]
    assert (await tenant.delete(f"/VoipCarriers/{carrier}")).status == 422
    refused = await tenant.post(f"/Lcrs/{lcr}/Routes", [{"regex": "1", "priority": 1}])
    assert refused.msg == "Lcr Route batch process require lcr_carrier_set_entries"
    assert (await tenant.delete(f"/LcrRoutes/{stored[0]['lcr_route_sid']}")).status == 204
    assert (await tenant.delete(f"/Lcrs/{lcr}")).status == 204
    assert (await tenant.delete(f"/VoipCarriers/{carrier}")).status == 204


async def test_templates_become_carriers(world: World) -> None:
    assert TWILIO in {
        row["predefined_carrier_sid"] for row in (await world.admin.with_token(None).get("/PredefinedCarriers")).body
    }
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    sid = (await tenant.post(f"/Accounts/{account}/PredefinedCarriers/{TWILIO}")).body["sid"]
    await owner.make(f"/ServiceProviders/{provider}/PredefinedCarriers/{TWILIO}", None)
    second = (await tenant.post(f"/Accounts/{account}/PredefinedCarriers/{TWILIO}")).body["sid"]
    assert (await tenant.get(f"/VoipCarriers/{sid}")).body["name"] == "Twilio"
    assert (await tenant.get(f"/VoipCarriers/{second}")).body["name"].startswith("Twilio-")
    assert len((await tenant.get("/SipGateways", voip_carrier_sid=sid)).body) > 5


async def test_edges_are_the_providers_own_or_the_platforms(world: World) -> None:
    provider, owner = await world.provider()
    assert (await owner.post("/Sbcs", {"ipv4": "1.2.3.4"})).status == 403
    shared = await world.admin.make("/Sbcs", {"ipv4": "1.2.3.4"})
    (row,) = (await owner.get("/Sbcs")).body
    assert row == {
        "sbc_address_sid": shared, "ipv4": "1.2.3.4", "port": 5060, "tls_port": None, "wss_port": None,
        "service_provider_sid": None, "last_updated": None,
    }  # fmt: skip
    own = await world.admin.make("/Sbcs", {"ipv4": "5.6.7.8", "service_provider_sid": provider})
    assert [row["sbc_address_sid"] for row in (await owner.get("/Sbcs")).body] == [own]
    assert (await world.admin.delete(f"/Sbcs/{own}")).status == 204


async def test_platform_settings_are_kept(world: World) -> None:
    admin = world.admin
    _, owner = await world.provider()
    assert (await owner.get("/PasswordSettings")).body == {"min_password_length": 8}
    assert (await owner.post("/PasswordSettings", {"min_password_length": 9})).status == 403
    assert (await admin.post("/PasswordSettings", {"min_password_length": 7})).status == 400
    reply = await admin.post("/PasswordSettings", {"min_password_length": 15})
    assert (reply.status, reply.body) == (201, {})
    assert (await owner.get("/PasswordSettings")).body == {
        "min_password_length": 15, "require_digit": 0, "require_special_character": 0
    }  # fmt: skip
    assert (await admin.get("/SystemInformation")).body == {}
    assert (await owner.get("/SystemInformation")).body["status"] == "fail"
    reply = await admin.post("/SystemInformation", {"domain_name": "a.com", "sip_domain_name": ""})
    assert (reply.status, reply.body["sip_domain_name"], reply.body["log_level"]) == (201, "", "info")


async def test_what_is_not_there_yet_says_so(world: World) -> None:
    assert (await world.admin.get("/MicrosoftTeamsTenants")).body == []
    assert (await world.admin.get("/SmppGateways", voip_carrier_sid="x")).body == []
    reply = await world.admin.post("/SmppGateways", {})
    assert (reply.status, reply.msg[:15]) == (501, "not implemented")


async def test_what_lives_nowhere_is_an_empty_list(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    for path in ("Queues", "Conferences"):
        assert (await tenant.get(f"/Accounts/{account}/{path}")).body == []
    refused = await tenant.get(f"/Accounts/{account}/RegisteredSipUsers")
    assert (refused.status, refused.msg) == (400, "account does not have sip_realm configuration")
    assert (await tenant.post(f"/Accounts/{account}/SipRealms/acme.example.com")).status == 204
    assert (await tenant.post(f"/Accounts/{account}/SipRealms/example.com")).status == 400
    for realm, free in (("ACME.example.com", False), ("other.example.com", True)):
        assert (await tenant.get("/Availability", type="subdomain", value=realm)).body == {"available": free}
    assert (await tenant.get("/Availability", type="fax")).status == 400
    body = {"name": "ann", "email": "ann@example.com", "initial_password": "correct horse 1"}
    assert (await tenant.post("/Users", body)).status == 201
    for kind, value, free in (
        ("email", "Ann@example.com", False),
        ("email", "bob@example.com", True),
        ("phone", "16173333456", True),
    ):
        assert (await tenant.get("/Availability", type=kind, value=value)).body == {"available": free}
    assert (await tenant.post(f"/Accounts/{account}/RegisteredSipUsers", ["u"])).body == [
        {"name": "u", "contact": None, "expiryTime": 0, "protocol": None, "registered_status": "inactive"}
    ]
    assert (await tenant.post(f"/Accounts/{account}/RegisteredSipUsers")).body == []


async def test_buckets_of_recordings_hide_their_secret(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}"
    credential = {
        "vendor": "aws_s3", "access_key_id": "AK", "secret_access_key": "0123456789", "name": "b", "region": "r"
    }  # fmt: skip
    assert (await tenant.put(path, {"bucket_credential": credential})).status == 204
    shown = (await tenant.get(path)).body["bucket_credential"]
    assert shown == credential | {"secret_access_key": "012345XXXX"}
    assert (await tenant.put(path, {"bucket_credential": shown | {"region": "s"}})).status == 204
    assert (await tenant.put(path, {"bucket_credential": {"vendor": "floppy"}})).msg == "unknown storage vendor: floppy"
    assert (await tenant.put(path, {"bucket_credential": {"vendor": "aws_s3"}})).status == 400
    assert (await tenant.put(path, {"bucket_credential": {"vendor": "none"}})).status == 204
    assert (await tenant.get(path)).body["bucket_credential"] is None
