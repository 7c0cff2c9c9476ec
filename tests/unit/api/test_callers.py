"""Remembering who holds an API key."""

import asyncio
from datetime import UTC, datetime, timedelta

from jambones.api.ask import Caller
from jambones.api.callers import Callers
from jambones.common import clock
from jambones.common.bus.config import ConfigChanged
from jambones.common.db.tenant import Tenant
from tests.support.virtual_time import in_virtual_time

ANN = Caller(Tenant("sp", "ann"), name="api key 1")


@in_virtual_time
async def test_a_caller_is_known_for_five_seconds() -> None:
    callers = Callers(lambda: True)
    callers.remember("token", ANN, None, callers.generation)
    assert callers.get("token") is ANN
    await asyncio.sleep(4.9)
    assert callers.get("token") is ANN
    await asyncio.sleep(0.2)
    assert callers.get("token") is None


@in_virtual_time
async def test_a_change_is_forgotten_at_once_and_what_was_read_before_it_is_not_remembered() -> None:
    callers = Callers(lambda: True)
    before = callers.generation
    callers.remember("token", ANN, None, before)
    callers.changed(ConfigChanged(entity="application", sid="x"))
    assert callers.get("token") is ANN
    callers.changed(ConfigChanged(entity="api_key", sid="x"))
    assert callers.get("token") is None
    callers.remember("token", ANN, None, before)
    assert callers.get("token") is None


@in_virtual_time
async def test_a_key_that_expires_is_not_known_any_more() -> None:
    callers, now = Callers(lambda: True), datetime.now(UTC)
    callers.remember("token", ANN, now + timedelta(seconds=2), callers.generation)
    with clock.replaced(lambda: now + timedelta(seconds=3)):
        assert callers.get("token") is None


@in_virtual_time
async def test_nothing_is_known_while_changes_are_not_heard() -> None:
    heard = True
    callers = Callers(lambda: heard)
    callers.remember("token", ANN, None, callers.generation)
    heard = False
    assert callers.get("token") is None
    callers.remember("other", ANN, None, callers.generation)
    heard = True
    assert callers.get("other") is None
