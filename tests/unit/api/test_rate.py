"""Limits of requests, in virtual time."""

import asyncio

from jambones.api.rate import Policy, RateLimit
from tests.support.virtual_time import in_virtual_time

KEY, ACCOUNT = Policy("key", "k", 2), Policy("account", "a", 3)


@in_virtual_time
async def test_a_window_ends_and_begins_anew() -> None:
    rate = RateLimit()
    assert [rate.take([KEY]).broken for _ in range(3)] == [None, None, KEY]
    await asyncio.sleep(299)
    assert rate.take([KEY]).retry_after == 1
    await asyncio.sleep(1)
    assert rate.take([KEY]).broken is None


@in_virtual_time
async def test_a_refused_request_counts_against_no_policy() -> None:
    rate = RateLimit()
    rulings = [rate.take([KEY, ACCOUNT]) for _ in range(5)]
    assert [ruling.broken for ruling in rulings] == [None, None, KEY, KEY, KEY]
    assert (
        rate.take([Policy("key", "other", 9), ACCOUNT]).headers["RateLimit"] == '"key";r=8;t=300, "account";r=0;t=300'
    )


@in_virtual_time
async def test_the_first_refusal_of_a_window_is_told_apart() -> None:
    rate = RateLimit()
    assert [rate.take([KEY]).first for _ in range(5)] == [False, False, True, False, False]


@in_virtual_time
async def test_the_older_fields_are_those_of_the_policy_nearest_to_its_end() -> None:
    headers = RateLimit().take([Policy("key", "k", 9), ACCOUNT]).headers
    assert headers["RateLimit-Policy"] == '"key";q=9;w=300, "account";q=3;w=300'
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("3", "2")


@in_virtual_time
async def test_no_limit_says_nothing() -> None:
    assert RateLimit().take([Policy("key", "k", 0)]).headers == {}
