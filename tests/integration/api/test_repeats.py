"""Requests that are sent again, and too many requests."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from jambones.api.rate import RateLimit
from jambones.common import clock
from jambones.common.bus.calls import Alert
from jambones.common.db.idempotent_answers import IdempotentAnswers
from jambones.common.db.tenant import PLATFORM
from tests.integration.api.conftest import World


async def test_a_post_with_the_same_key_is_done_once(world: World) -> None:
    headers, body = {"Idempotency-Key": "abc"}, {"name": "sp"}
    first = await world.admin.ask("POST", "/ServiceProviders", body, headers=headers)
    again = await world.admin.ask("POST", "/ServiceProviders", body, headers=headers)
    assert (first.status, again.status, first.body) == (201, 201, again.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await world.admin.ask("POST", "/ServiceProviders", {"name": "other"}, headers=headers)
    assert other.status == 422
    assert len((await world.admin.get("/ServiceProviders")).body) == 1
    many = await asyncio.gather(
        *[
            world.admin.ask("POST", "/ServiceProviders", {"name": "x"}, headers={"Idempotency-Key": "x"})
            for _ in range(5)
        ]
    )
    assert {reply.status for reply in many} <= {201, 409}
    assert len((await world.admin.get("/ServiceProviders")).body) == 2


async def test_a_refused_post_leaves_the_key_free(world: World) -> None:
    headers = {"Idempotency-Key": "abc"}
    assert (await world.admin.ask("POST", "/ServiceProviders", {}, headers=headers)).status == 400
    taken = await world.admin.ask("POST", "/Accounts", {"name": "x", "service_provider_sid": "junk"}, headers=headers)
    assert taken.status == 400
    assert (await world.admin.ask("POST", "/ServiceProviders", {"name": "x"}, headers=headers)).status == 201
    key = {"Idempotency-Key": "x" * 300}
    assert (await world.admin.ask("POST", "/ServiceProviders", {"name": "y"}, headers=key)).status == 400


async def test_a_key_is_forgotten_after_24_hours_and_not_before(world: World) -> None:
    headers, body = {"Idempotency-Key": "abc"}, {"name": "sp"}
    first = await world.admin.ask("POST", "/ServiceProviders", body, headers=headers)
    now = datetime.now(UTC)
    with clock.replaced(lambda: now + timedelta(hours=23, minutes=59)):
        again = await world.admin.ask("POST", "/ServiceProviders", body, headers=headers)
    assert (again.status, again.body) == (201, first.body)
    with clock.replaced(lambda: now + timedelta(hours=24, minutes=1)):
        later = await world.admin.ask("POST", "/ServiceProviders", {"name": "other"}, headers=headers)
    assert (later.status, "Idempotent-Replayed" in later.headers) == (201, False)


async def test_a_key_in_flight_is_409_until_its_request_must_have_died(world: World) -> None:
    headers, body = {"Idempotency-Key": "abc"}, {"name": "sp"}
    digest = hashlib.sha256(json.dumps(["/serviceproviders", body], sort_keys=True).encode()).digest()
    async with world.db.transaction(PLATFORM) as tx:
        caller = await tx.fetchval("SELECT 'api key ' || api_key_sid FROM api_keys")
        assert await IdempotentAnswers(tx).begin(caller, "abc", digest) is None
    busy = await world.admin.ask("POST", "/ServiceProviders", body, headers=headers)
    assert (busy.status, busy.body["status"]) == (409, 409)
    now = datetime.now(UTC)
    with clock.replaced(lambda: now + timedelta(minutes=3)):
        assert (await world.admin.ask("POST", "/ServiceProviders", body, headers=headers)).status == 201


async def test_keys_of_different_callers_do_not_meet(world: World) -> None:
    sp, _ = await world.provider()
    headers = {"Idempotency-Key": "abc"}
    replies = [
        await (await world.account(sp, name))[1].ask("POST", "/Clients", {"username": "ann"}, headers=headers)
        for name in ("a", "b")
    ]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].body != replies[1].body


async def test_a_login_can_be_repeated_by_the_one_who_made_it(world: World) -> None:
    headers, body = {"Idempotency-Key": "abc"}, {"email": "nobody@example.com"}
    nobody = world.admin.with_token(None)
    first = await nobody.ask("POST", "/forgot-password", body, headers=headers)
    again = await nobody.ask("POST", "/forgot-password", body, headers=headers)
    assert first.status == again.status
    if first.status < 400:
        assert again.headers["Idempotent-Replayed"] == "true"
        other = await nobody.ask("POST", "/forgot-password", {"email": "other@example.com"}, headers=headers)
        assert other.status == 422


async def test_a_key_and_an_account_have_limits_and_one_alert(world: World) -> None:
    sp, _ = await world.provider()
    acme, tenant = await world.account(sp)
    other = await world.key(account_sid=acme)
    await world.admin.post(f"/Accounts/{acme}/Limits", {"category": "api_rate", "quantity": 4})
    world.api._settings = world.api._settings.model_copy(update={"rate_limit": 3})
    world.api._rate = RateLimit()
    async with world.bus.subscribe(Alert, account_sid=acme) as alerts:
        replies = [await tenant.get("/Applications") for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        assert [reply.headers["RateLimit-Remaining"] for reply in replies] == ["2", "1", "0", "0"]
        assert replies[0].headers["RateLimit-Policy"] == '"key";q=3;w=300, "account";q=4;w=300'
        assert replies[0].headers["RateLimit"] == '"key";r=2;t=300, "account";r=3;t=300'
        assert 0 < int(replies[3].headers["Retry-After"]) <= 300
        assert "key" in replies[3].msg
        more = [await other.get("/Applications") for _ in range(3)]
        assert [reply.status for reply in more] == [200, 429, 429]
        assert "account" in more[1].msg
        first = await anext(aiter(alerts))
    assert (first.alert_type, first.account_sid) == ("account-api-limit", acme)


async def test_errors_have_the_members_of_rfc_9457_beside_msg(world: World) -> None:
    sp, provider = await world.provider()
    for reply in (
        await world.admin.post("/ServiceProviders", {}),
        await provider.get("/no-such-thing"),
        await provider.get("/Applications/junk"),
        await provider.get(f"/Accounts/{uuid4()}"),
        await provider.ask("DELETE", "/login"),
        await provider.get(f"/ServiceProviders/{sp}/RecentCalls/x"),
        await provider.get("/AppEnv"),
    ):
        assert reply.headers["Content-Type"].startswith("application/json"), reply
        body = reply.body
        assert {"msg", "type", "title", "status", "detail", "instance"} <= set(body), reply
        assert body["status"] in (reply.status, "fail")
        assert body["detail"] == body["msg"]
        assert body["instance"].startswith("urn:uuid:")
