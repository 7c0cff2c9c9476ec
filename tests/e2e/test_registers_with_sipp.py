"""REGISTER with SIPp: the whole life of a registration, and floods that nobody notices."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from jambones.common.bus import Bus
from jambones.common.db.clients import Clients
from jambones.common.db.seed import ACCOUNT_SID
from jambones.common.db.tenant import PLATFORM
from jambones.local.platform import LocalPlatform
from jambones.sbc.registrations import registrations_bucket
from tests.support import sipp
from tests.support.configuring import configuring

pytestmark = pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed")

MOST_MIB = 60
USER = "sipp"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[LocalPlatform]:
    made = LocalPlatform(tmp_path / "p", ports="auto", fast=True)
    async with made:
        async with configuring(made) as (database, _), database.transaction(PLATFORM) as tx:
            # SIPp's own password, when it is given none.
            await Clients(tx).add({"account_sid": ACCOUNT_SID, "username": USER, "password": "password"})
        await asyncio.sleep(1)  # the registrar hears of it within a moment
        yield made


async def memory(platform: LocalPlatform, service: str) -> float:
    """MiB that a service holds."""
    url = f"http://127.0.0.1:{platform.children[service].http_port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("process_resident_memory_bytes")) / 2**20


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_registration_lives_is_refreshed_and_ends(platform: LocalPlatform, transport: str) -> None:
    keys = {"realm": platform.seeded.sip_realm}
    outcome = await sipp.run("registers_and_leaves", platform.sip, USER, transport=transport, keys=keys)

    assert outcome.good, outcome.log
    async with Bus.connect([platform.nats_url], name="test") as bus:
        assert await registrations_bucket(bus).entries() == []


async def test_a_flood_is_answered_and_leaves_nothing_behind(platform: LocalPlatform) -> None:
    keys = {"realm": platform.seeded.sip_realm}
    before = [await memory(platform, service) for service in ("sbc-inbound", "registrar")]
    outcome = await sipp.run("registers_in_vain", platform.sip, "guess", calls=3000, rate=300, keys=keys)
    assert outcome.good, outcome.log
    await asyncio.sleep(1)
    after = [await memory(platform, service) for service in ("sbc-inbound", "registrar")]
    assert all(now - then < MOST_MIB for now, then in zip(after, before, strict=True)), (before, after)

    outcome = await sipp.run("registers_and_leaves", platform.sip, USER, keys=keys)
    assert outcome.good, outcome.log
