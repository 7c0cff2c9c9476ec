"""What edges hear of blocked sources, and what tenants see of edges."""

import asyncio

from jambones.common.bus import Bus
from jambones.common.bus.registrar import BLOCKED, LONGEST_BLOCK, Block
from jambones.common.clock import now_ms
from jambones.common.db.database import Database
from jambones.common.db.sbc_addresses import SbcAddresses
from jambones.common.db.tenant import PLATFORM
from jambones.common.tasks import Tasks
from jambones.registrar.blocks import Guard
from jambones.sbc_inbound.addresses import report
from jambones.sbc_inbound.blocks import follow_blocks
from jambones.sbc_inbound.filter import IngressFilter
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sip.transport import Address

STRANGER = "198.51.100.7"


async def until_blocked(ingress: IngressFilter, address: str, blocked: bool) -> None:
    async with asyncio.timeout(10):
        while bool(ingress.blocked(address, asyncio.get_running_loop().time())) is not blocked:
            await asyncio.sleep(0.02)


async def test_every_edge_hears_of_a_block_and_of_its_end(bus: Bus) -> None:
    edges = [IngressFilter(), IngressFilter()]
    guard = Guard(bus, per_source=3, per_user=0, seconds=60, is_gateway=lambda address: address == "192.0.2.1")
    async with Tasks() as tasks:
        for ingress in edges:
            tasks.start(follow_blocks(bus, ingress), name="follow")
        for _ in range(3):
            await guard.failed(STRANGER, None)
            await guard.failed("192.0.2.1", None)
        for ingress in edges:
            await until_blocked(ingress, STRANGER, True)
            assert not ingress.blocked("192.0.2.1", asyncio.get_running_loop().time())
        await bus.bucket(BLOCKED, Block, ttl=LONGEST_BLOCK).delete(STRANGER)
        for ingress in edges:
            await until_blocked(ingress, STRANGER, False)


async def test_a_block_ends_by_itself_and_one_for_ever_outlives_the_bucket(bus: Bus) -> None:
    ingress = IngressFilter()
    guard = Guard(bus, per_source=3, per_user=0, seconds=60, is_gateway=lambda address: False)
    await guard.block("198.51.100.8", 1, "test")
    await guard.block("198.51.100.9", 0, "test")
    async with Tasks() as tasks:
        tasks.start(follow_blocks(bus, ingress), name="follow")
        await until_blocked(ingress, "198.51.100.9", True)
        await until_blocked(ingress, "198.51.100.8", False)
    bucket = bus.bucket(BLOCKED, Block, ttl=LONGEST_BLOCK)
    before = await bucket.get("198.51.100.9")
    await guard.keep_long_ones()
    after = await bucket.get("198.51.100.9")
    assert before is not None
    assert after is not None
    assert after.revision > before.revision
    assert after.value.until > now_ms() + LONGEST_BLOCK * 1000


async def test_tenants_see_the_edges_that_report(database_dsn: str) -> None:
    listening = [Address("udp", "10.0.0.5", 5060), Address("wss", "10.0.0.5", 8443)]
    settings = EdgeSettings(public_ip="203.0.113.5", sip_listen=tuple(map(str, listening)))
    async with Database.open(database_dsn, keys=None, size=1) as database:
        for _ in range(2):
            await report(database, settings, listening)
        async with database.transaction(PLATFORM) as tx:
            rows = await SbcAddresses(tx).select()
            await tx.execute("UPDATE sbc_addresses SET last_updated = now() - interval '2 hours'")
        assert [(row.ipv4, row.port, row.wss_port) for row in rows] == [("203.0.113.5", 5060, 8443)]
        await report(database, settings.model_copy(update={"public_ip": "203.0.113.6"}), listening)
        async with database.transaction(PLATFORM) as tx:
            assert [row.ipv4 for row in await SbcAddresses(tx).select()] == ["203.0.113.6"]
