"""Requests that are sent again, and too many requests."""

import asyncio

from jambones.api.rate import RateLimit
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


async def test_too_many_requests_are_refused_with_the_time_to_wait(world: World) -> None:
    world.api._rate = RateLimit(3)
    replies = [await world.admin.get("/Accounts") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert [reply.headers["RateLimit-Remaining"] for reply in replies] == ["2", "1", "0", "0"]
    assert 0 < int(replies[3].headers["Retry-After"]) <= 300
