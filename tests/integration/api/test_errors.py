"""What the API refuses, and with which words."""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api.conftest import World

HOOKS = {"call_hook": {"url": "http://example.com/call"}, "call_status_hook": {"url": "https://example.com/status"}}
CARRIER_REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({}, "missing field name"),
    ({"name": "x" * 65}, "invalid name"),
    ({"name": None}, "missing field name"),
    ({"name": "x", "requires_register": True}, "register_username is required when requires_register is true"),
    (
        {"name": "x", "requires_register": True, "register_username": "u"},
        "register_password is required when requires_register is true",
    ),
    ({"name": "x", "register_username": "a b"}, "register_username must not contain whitespace"),
    ({"name": "x", "register_sip_realm": ""}, "register_sip_realm must not be empty string"),
    ({"name": "x", "register_sip_realm": "sip:a.b"}, "register_sip_realm must be a valid domain or IP address"),
    ({"name": "x", "register_from_domain": "nodots"}, "register_from_domain must be a valid domain or IP address"),
    ({"name": "x", "application_sid": "foobar"}, "unknown application_sid"),
    ({"name": "x", "trunk_type": "carrier-pigeon"}, "invalid trunk_type"),
    ({"name": "x\0"}, "valid"),
]
APPLICATION_REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({}, "missing field name"),
    ({"name": "x"}, "'call_hook' must be an object when adding an application"),
    ({"name": "x", "call_hook": {"url": "http://a_b.com"}}, "call_hook URL has invalid hostname a_b.com"),
    ({"name": "x", "call_hook": {"url": " http://a.com"}}, "call_hook URL contains leading/trailing whitespace"),
    ({"name": "x", "call_hook": {"url": "ftp://a.com"}}, "call_hook URL has missing or invalid protocol"),
    ({"name": "x", "call_hook": {"url": ""}}, "call_hook URL is invalid"),
    ({"name": "x", **HOOKS, "app_json": "{"}, "app_json is not JSON"),
    ({"name": "x", **HOOKS, "app_json": '[{"verb": "play"}]'}, "play"),
    ({"name": "x", **HOOKS, "record_all_calls": "perhaps"}, "invalid record_all_calls"),
]


@pytest.mark.parametrize(("body", "words"), CARRIER_REFUSALS)
async def test_a_carrier_that_cannot_be_is_refused(world: World, body: dict[str, Any], words: str) -> None:
    provider, _ = await world.provider()
    _, tenant = await world.account(provider)
    reply = await tenant.post("/VoipCarriers", body)
    assert reply.status == 400, reply
    assert words in reply.msg


@pytest.mark.parametrize(("body", "words"), APPLICATION_REFUSALS)
async def test_an_application_that_cannot_be_is_refused(world: World, body: dict[str, Any], words: str) -> None:
    provider, _ = await world.provider()
    _, tenant = await world.account(provider)
    call_hook = body.get("call_hook")
    if call_hook is not None and "call_status_hook" not in body:
        body = body | {"call_status_hook": HOOKS["call_status_hook"]}
    reply = await tenant.post("/Applications", body)
    assert reply.status == 400, reply
    assert words in reply.msg


async def test_gateways_are_checked(world: World) -> None:
    provider, owner = await world.provider()
    _, tenant = await world.account(provider)
    carrier = await tenant.make("/VoipCarriers", {"name": "a"})
    shared = await owner.make("/VoipCarriers", {"name": "b"})
    for body, status, words in [
        ({}, 400, "missing voip_carrier_sid"),
        ({"voip_carrier_sid": carrier}, 400, "missing field ipv4"),
        ({"voip_carrier_sid": str(uuid4()), "ipv4": "1.2.3.4"}, 400, "invalid voip_carrier_sid"),
        ({"voip_carrier_sid": carrier, "ipv4": "1.2.3.4 "}, 400, "Gateway must not contain whitespace"),
        ({"voip_carrier_sid": carrier, "ipv4": "a.b.c", "inbound": 1}, 400, "Inbound gateway must be IPv4 address"),
        (
            {"voip_carrier_sid": carrier, "ipv4": "a.b.c", "outbound": 1, "netmask": 24},
            400,
            "For outbound only gateway netmask can only be 32",
        ),
        ({"voip_carrier_sid": carrier, "ipv4": "1.2.3.4", "port": 65536}, 400, "invalid port"),
        ({"voip_carrier_sid": carrier, "ipv4": "1.2.3.4", "port": "x"}, 400, "invalid port"),
        ({"voip_carrier_sid": shared, "ipv4": "1.2.3.4"}, 403, "insufficient privileges"),
    ]:
        reply = await tenant.post("/SipGateways", body)
        assert (reply.status, words in reply.msg) == (status, True), (body, reply)
    sid = await tenant.make("/SipGateways", {"voip_carrier_sid": carrier, "ipv4": "1.2.3.4", "port": ""})
    assert (await tenant.get(f"/SipGateways/{sid}")).body["port"] is None
    assert (await tenant.get("/SipGateways")).msg == "missing voip_carrier_sid"
    assert (await tenant.get("/SipGateways", voip_carrier_sid=shared)).body == []
    assert (await tenant.get("/SipGateways", voip_carrier_sid=str(uuid4()))).status == 400
    assert (await tenant.put(f"/SipGateways/{uuid4()}", {})).msg == "invalid sip_gateway_sid"


async def test_a_request_without_a_known_token_is_unauthorized(world: World) -> None:
    for token in (None, "foo", str(uuid4()), "ü"):
        client = world.admin.with_token(token)
        for path in ("/Accounts", "/nowhere"):
            headers = {"Authorization": f"Bearer {token}"} if token == "ü" else None
            reply = await (world.admin.with_token(None) if headers else client).ask("GET", path, headers=headers)
            assert (reply.status, reply.body) == (401, "Unauthorized")
            assert reply.headers["WWW-Authenticate"] == 'Bearer realm="Users"'


async def test_paths_are_forgiving(world: World) -> None:
    root = world.admin.url.removesuffix("/v1")
    for path in ("/accounts", "/Accounts/", "/ACCOUNTS"):
        assert (await world.admin.get(path)).status == 200
    for base in ("", "/v1", "/api/v1"):
        async with world.admin.session.get(
            f"{root}{base}/Accounts", headers={"Authorization": f"Bearer {world.admin.token}"}
        ) as reply:
            assert reply.status == 200
    async with world.admin.session.get(f"{root}/health") as reply:
        assert (reply.status, await reply.text()) == (200, "OK")
    assert (await world.admin.get("/nowhere")).status == 404
    wrong = await world.admin.put("/ApiKeys/x/y", {})
    assert wrong.status == 404
    assert (await world.admin.delete("/Accounts")).status == 404
    wrong = await world.admin.post(f"/Accounts/{uuid4()}", {})
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, PUT, DELETE")
    preflight = await world.admin.with_token(None).ask("OPTIONS", "/Accounts")
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, "*")


async def test_bodies_are_forgiving_but_not_without_end(world: World) -> None:
    admin, json = world.admin, {"Content-Type": "application/json"}
    assert (await admin.ask("GET", "/Accounts", headers=json)).status == 200
    for body, status in (
        (b"", 400), (b"{", 400), (b"[1]", 400), (b'"x"', 400), (b"null", 400), (b"\xff", 400), (b"[" * 5000, 400),
        (b'{"name": NaN}', 400), (b'{"name": "\\ud800"}', 400), (b'{"name": {}}', 400), (b"9" * 5000, 400),
        (b'{"name": "' + b"x" * 2_000_000 + b'"}', 413),
    ):  # fmt: skip
        reply = await admin.ask("POST", "/ServiceProviders", body, headers=json)
        assert reply.status == status, (body[:20], reply)
        assert reply.msg
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await admin.ask("POST", "/ServiceProviders", b"name=form+made", headers=form)).status == 201


async def test_problems_carry_the_members_of_rfc_9457(world: World) -> None:
    reply = await world.admin.get(f"/Accounts/{uuid4()}")
    assert (reply.status, reply.body["status"], reply.body["title"]) == (404, 404, "Not Found")
    reply = await world.admin.get("/Accounts/junk/Alerts", page=1, count=5)
    assert (reply.status, reply.body["status"], reply.body["message"]) == (400, "fail", "invalid AccountsSid format")
    assert (await world.admin.get("/Accounts/junk")).body["msg"] == "Bad request"


async def test_a_missing_database_is_a_503(world: World) -> None:
    await world.db._pool.close()
    reply = await world.admin.get("/Accounts")
    assert (reply.status, "Retry-After" in reply.headers) == (503, True)
    parts, world.api.parts = world.api.parts, None
    assert (await world.admin.get("/Accounts")).status == 503
    world.api.parts = parts


async def test_the_description_is_there_without_a_token(world: World) -> None:
    reply = await world.admin.with_token(None).get("/openapi.json")
    assert reply.status == 200
    assert reply.body["openapi"] == "3.1.0"
    assert "/Accounts/{account_sid}/Calls" in reply.body["paths"]
    assert reply.body["components"]["schemas"]["Account"]["properties"]["is_active"]["enum"] == [0, 1]
