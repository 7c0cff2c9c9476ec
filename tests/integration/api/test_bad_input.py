"""What nobody should send: injections, odd texts, wrong types, endless values, two writers at once."""

import asyncio
import io
import json
from contextlib import redirect_stdout
from typing import Any

import pytest
import structlog

from tests.integration.api.conftest import World
from tests.support.tenants import HOOKS, Belongings, belongings

SQL = (
    "'; DROP TABLE accounts; --",
    "' OR '1'='1",
    "x') UNION SELECT token FROM api_keys --",
    "\\'; SELECT pg_sleep(9)",
)
ODD = ("ünï©ødé", "日本語", "👩‍👩‍👧", "a\u202eb", "e\u0301", "$(id)", "{{7*7}}", "%s%n", "<b>x</b>")
HEADERS = ("x\r\nSet-Cookie: a=b", "x\nX-Evil: 1", "x\r\n\r\nHTTP/1.1 200 OK")


@pytest.fixture
async def ours(world: World) -> Belongings:
    return await belongings(world, "ours")


@pytest.mark.parametrize("text", SQL)
async def test_sql_stays_text(world: World, ours: Belongings, text: str) -> None:
    sid = await ours.tenant.make("/Applications", {"name": text, **HOOKS})
    assert (await ours.tenant.get(f"/Applications/{sid}")).body["name"] == text
    rows = (await ours.tenant.get("/Applications", name=text)).body
    assert [row["application_sid"] for row in rows] == [sid]
    for path in (f"/Applications/{text}", f"/Accounts/{text}", f"/Accounts/{ours.account}/Calls/{text}"):
        assert (await ours.tenant.get(path)).status in (400, 403, 404), path
    page = {"page": "1", "count": "5"}
    for query in ({"filter": text}, {"trunk": text}, {"direction": text}, {"start": text}, {"days": text}):
        reply = await ours.tenant.get(f"/Accounts/{ours.account}/RecentCalls", **page, **query)
        assert reply.status in (200, 400), query
        assert reply.status == 400 or reply.body["total"] == 0
    assert (await world.admin.with_token(None).post("/login", {"username": text, "password": text})).status == 403
    assert (await world.admin.with_token(text).get("/Accounts")).status == 401
    assert len((await world.admin.get("/Accounts")).body) == 1


@pytest.mark.parametrize("text", ODD)
async def test_any_text_comes_back_as_it_was_sent(world: World, ours: Belongings, text: str) -> None:
    sid = await ours.tenant.make("/VoipCarriers", {"name": text, "description": text})
    shown = (await ours.tenant.get(f"/VoipCarriers/{sid}")).body
    assert (shown["name"], shown["description"]) == (text, text)
    assert [row["name"] for row in (await ours.tenant.get("/VoipCarriers", name=text)).body] == [text]


async def test_wildcards_of_filters_are_text(world: World, ours: Belongings) -> None:
    for name in ("100%", "a_b", "a\\b"):
        await ours.tenant.make("/Applications", {"name": name, **HOOKS})
    for text, names in (("%", ["100%"]), ("_", ["a_b"]), ("\\", ["a\\b"]), ("%_", [])):
        assert [row["name"] for row in (await ours.tenant.get("/Applications", name=text)).body] == names, text


@pytest.mark.parametrize("text", HEADERS)
async def test_no_header_can_be_smuggled_in(world: World, ours: Belongings, text: str) -> None:
    for path, body in (
        ("/VoipCarriers", {"name": text}),
        ("/Applications", {"name": text, **HOOKS, "call_hook": {"url": f"http://a.com/{text}"}}),
        ("/Webhooks", {"url": f"http://a.com/{text}"}),
        ("/PhoneNumbers", {"number": text, "voip_carrier_sid": ours.sids["voip_carrier_sid"]}),
        (f"/Accounts/{ours.account}/Calls", {"from": text, "to": {"type": "phone", "number": text}}),
    ):
        reply = await ours.tenant.post(path, body)
        assert reply.status < 500, path
        assert "Set-Cookie" not in reply.headers
        assert "X-Evil" not in reply.headers
        assert path == "/VoipCarriers" or reply.status in (400, 480), path
    missing = await ours.tenant.get("/AppEnv", url=f"http://a.com/{text}")
    assert missing.status == 400


async def test_no_line_can_be_written_into_the_log(world: World, ours: Belongings) -> None:
    lines = io.StringIO()
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.PrintLoggerFactory(lines)
    )
    try:
        with redirect_stdout(lines):
            for text in ('x\n{"event": "forged"}', "x\r\nforged", "\x1b[31mforged"):
                await ours.tenant.post("/VoipCarriers", {"name": text})
                await ours.tenant.get("/Applications", name=text)
                await ours.tenant.ask("GET", "/Applications", headers={"Idempotency-Key": "a"})
    finally:
        structlog.configure(**before)
    for line in lines.getvalue().splitlines():
        assert json.loads(line)["event"] != "forged"


async def test_values_that_are_none_or_nothing(world: World, ours: Belongings) -> None:
    for body in ({"name": ""}, {"name": None}, {"name": []}, {"name": {}}, {"name": "x" * 65}, {"name": "a\0b"}, {}):
        reply = await ours.tenant.post("/VoipCarriers", body)
        assert reply.status == 400, body
        assert "name" in reply.msg or "NUL" in reply.msg or "valid" in reply.msg
    for body in ([], "x", 5, None, True):
        data = json.dumps(body).encode()
        reply = await ours.tenant.ask("POST", "/VoipCarriers", data, headers={"Content-Type": "application/json"})
        assert reply.status == 400, body
    for query in ({"page": "-1"}, {"page": "1e9"}, {"page": "9" * 30}, {"page": "1", "page_size": "x"}, {"page": "٣"}):
        assert (await ours.tenant.get("/Applications", **query)).status == 400, query
    huge = await ours.tenant.get("/Applications", page="999999999", page_size="999999999")
    assert (huge.status, huge.body["data"]) == (200, [])
    assert (await ours.tenant.get("/Applications", name="a\0b")).status == 400


async def test_a_body_of_a_mebibyte_is_read_and_a_larger_one_refused(world: World, ours: Belongings) -> None:
    json_type = {"Content-Type": "application/json"}
    for size, status in ((1024 * 1024 - 200, 400), (1024 * 1024 + 1, 413)):
        body = b'{"name": "' + b"x" * size + b'"}'
        assert (await ours.tenant.ask("POST", "/VoipCarriers", body, headers=json_type)).status == status
    wide = json.dumps({f"k{n}": n for n in range(40_000)} | {"name": "wide"}).encode()
    assert (await ours.tenant.ask("POST", "/VoipCarriers", wide, headers=json_type)).status == 201


async def race(*requests: Any) -> list[int]:
    return sorted(reply.status for reply in await asyncio.gather(*requests))


async def test_of_two_writers_at_once_one_wins(world: World, ours: Belongings) -> None:
    number = {"number": "16175551212", "voip_carrier_sid": ours.sids["voip_carrier_sid"]}
    realm, name = {"name": "x", "sip_realm": "race.example.com"}, {"name": "race", **HOOKS}
    person = {"name": "race", "email": "race@example.com", "initial_password": "correct horse 1"}
    label = {"vendor": "deepgram", "label": "race", "api_key": "0123456789"}
    for client, path, body in [
        (ours.tenant, "/PhoneNumbers", number), (ours.owner, "/Accounts", realm), (ours.tenant, "/Applications", name),
        (ours.tenant, "/Users", person), (ours.tenant, f"/Accounts/{ours.account}/SpeechCredentials", label),
        (world.admin, "/ServiceProviders", {"name": "race"}),
    ]:  # fmt: skip
        assert await race(*(client.post(path, body) for _ in range(4))) == [201, 422, 422, 422], path
    clients = [ours.tenant.post("/Clients", {"username": "race", "password": "x"}) for _ in range(4)]
    assert await race(*clients) == [201, 400, 400, 400]
    taken = f"/Accounts/{ours.account}/SipRealms/race.example.com"
    assert (await ours.tenant.post(taken)).status == 422


async def test_two_limits_at_once_are_one_row(world: World, ours: Belongings) -> None:
    path = f"/Accounts/{ours.account}/Limits"
    body = {"category": "device", "quantity": 1}
    assert await race(*(ours.owner.post(path, body | {"quantity": n}) for n in range(4))) == [201] * 4
    assert len((await ours.tenant.get(path)).body) == 1


async def test_a_routing_table_that_is_made_twice_at_once_is_one(world: World) -> None:
    provider, _ = await world.provider()
    _, tenant = await world.account(provider)
    assert await race(*(tenant.post("/Lcrs", {"name": "race"}) for _ in range(4))) == [201, 400, 400, 400]


async def test_a_deletion_and_an_update_at_once_leave_nothing_half_done(world: World, ours: Belongings) -> None:
    path = f"/VoipCarriers/{await ours.tenant.make('/VoipCarriers', {'name': 'x'})}"
    gateway = {"voip_carrier_sid": path.rpartition("/")[2], "ipv4": "1.1.1.1"}
    found = await race(
        ours.tenant.delete(path), ours.tenant.put(path, {"name": "y"}), ours.tenant.post("/SipGateways", gateway)
    )
    assert all(status in (201, 204, 400, 403, 404, 422) for status in found), found
