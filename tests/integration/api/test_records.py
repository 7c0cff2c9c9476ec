"""Call records and alerts on their way from the stream to the pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jambones.api.records import RecordKeeper
from jambones.common.bus import Bus
from jambones.common.bus.calls import Alert, CallRecord
from jambones.common.clock import now_ms
from jambones.common.db.database import Database
from jambones.common.db.tenant import PLATFORM
from jambones.common.ids import AccountSid, CallSid, ServiceProviderSid
from jambones.common.metrics import Metrics
from jambones.common.private import Private
from jambones.common.tasks import Tasks
from jambones.local.servers import RunningServer
from tests.integration.api.conftest import RING, World
from tests.support import servers


def record(account: str, **values: Any) -> CallRecord:
    now = now_ms()
    given = {
        "account_sid": AccountSid(account), "direction": "inbound", "from_": Private("15083084809"),
        "to": Private("18882349999"), "sip_callid": str(uuid4()), "answered": True, "sip_status": 200,
        "attempted_at": now - 60_000, "answered_at": now - 45_000, "terminated_at": now, "duration": 45,
        "termination_reason": "caller hungup", "trunk": "twilio", "call_sid": CallSid(str(uuid4())),
        "reasons": ("number 1888",),
    }  # fmt: skip
    return CallRecord(**(given | values))


async def rows(db: Database, table: str = "recent_calls") -> int:
    async with db.transaction(PLATFORM) as tx:
        return int(await tx.fetchval(f"SELECT count(*) FROM {table}"))


async def until(db: Database, count: int, table: str = "recent_calls") -> None:
    async with asyncio.timeout(20):
        while await rows(db, table) < count:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def keeping(bus: Bus, db: Database) -> AsyncIterator[Metrics]:
    metrics = Metrics(process=False)
    keeper = RecordKeeper(bus, db, metrics)
    async with Tasks() as tasks:
        tasks.start(keeper.keep_calls(), name="calls")
        tasks.start(keeper.keep_alerts(), name="alerts")
        yield metrics
        assert tasks.failures == 0


@pytest.fixture
async def own_bus(own_nats: RunningServer) -> AsyncIterator[Bus]:
    async with Bus.connect([own_nats.server.url]) as bus:  # type: ignore[attr-defined]
        yield bus


async def test_records_become_pages(world: World, own_bus: Bus) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    mine = [
        record(account, service_provider_sid=ServiceProviderSid(provider), attempted_at=now_ms() - 1000 * n)
        for n in range(5)
    ]
    missed = record(account, answered=False, direction="outbound", trunk="other", sip_status=487, from_=Private("x\0é"))
    async with keeping(own_bus, world.db):
        for event in [*mine, missed, record(str(uuid4()))]:
            await own_bus.record(event)
        await own_bus.record(
            Alert(account_sid=AccountSid(account), alert_type="no-tts", message="none", url="http://x")
        )
        await until(world.db, 7)
        await until(world.db, 1, "alerts")
    path = f"/Accounts/{account}/RecentCalls"
    page = (await tenant.get(path, page=1, count=25)).body
    assert (page["total"], page["page"], page["page_size"]) == (6, "1", "25")
    first = page["data"][0]
    assert (first["call_sid"], first["answered"], first["duration"]) == (mine[0].call_sid, True, 45)
    assert [row["attempted_at"] for row in page["data"]] == sorted(
        (r["attempted_at"] for r in page["data"]), reverse=True
    )
    second = (await tenant.get(path, page=2, count=4)).body
    assert len(second["data"]) == 2
    for query, total in [
        ({"direction": "outbound"}, 1), ({"answered": "false"}, 1), ({"answered": "perhaps"}, 6),
        ({"trunk": "other"}, 1),
        ({"filter": "0848"}, 5), ({"filter": mine[2].call_sid}, 1), ({"days": 1, "start": "2050-01-01"}, 6),
        ({"start": "2050-01-01T00:00:00Z"}, 0), ({"end": "2020-01-01"}, 0),
    ]:  # fmt: skip
        assert (await tenant.get(path, page=1, count=25, **query)).body["total"] == total, query
    for query in (
        {},
        {"page": 1},
        {"count": 5},
        {"page": 0, "count": 5},
        {"page": 1, "count": 501},
        {"page": "x", "count": 5},
    ):
        reply = await tenant.get(path, **query)
        assert (reply.status, "query arg" in reply.msg) == (400, True), query
    assert (await tenant.get(path, page=1, count=5, start="x")).status == 400
    assert (await world.admin.get(f"/ServiceProviders/{provider}/RecentCalls", page=1, count=5)).body["total"] == 5
    explained = (await tenant.get(f"{path}/{mine[0].call_sid}/explain")).body
    assert explained["reasons"] == ["number 1888"]
    alerts = (await tenant.get(f"/Accounts/{account}/Alerts", page=1, count=5)).body
    assert (alerts["total"], alerts["data"][0]["detail"]) == (1, "http://x")


async def test_a_record_that_comes_twice_is_one_row(db: Database, own_bus: Bus) -> None:
    account = str(uuid4())
    event = record(account)
    keeper = RecordKeeper(own_bus, db, Metrics(process=False))
    await keeper._insert([event, event])
    await keeper._insert([event])
    assert await rows(db) == 1


async def test_what_cannot_be_stored_is_parked_and_the_rest_goes_on(db: Database, own_bus: Bus) -> None:
    account = str(uuid4())
    async with keeping(own_bus, db) as metrics:
        await own_bus.record(record(account))
        await own_bus.record(record("x" * 40))
        await own_bus.record(record(account, attempted_at=10**18))
        await own_bus.record(record(account, termination_reason="y" * 1000))
        await until(db, 2)
        async with asyncio.timeout(10):
            while b'result="parked"} 2.0' not in metrics.render():
                await asyncio.sleep(0.05)
    assert await rows(db) == 2


async def test_records_wait_for_postgresql(own_bus: Bus, tmp_path: Path) -> None:
    with servers.scratch("pg") as directory:
        from jambones.common.db.migrate import migrate
        from jambones.local.ports import free_port
        from jambones.local.postgres import FAST, PostgresServer
        from jambones.local.servers import running

        server = PostgresServer(directory, free_port(), settings=FAST)
        with running(server, directory / "log") as child:
            databases = servers.Databases(server)
            await databases._run("CREATE DATABASE away")
            await migrate(server.dsn("away"))
            async with Database.open(server.dsn("away"), keys=RING, acquire_timeout=1) as db, keeping(own_bus, db):
                account = str(uuid4())
                await own_bus.record(record(account))
                await until(db, 1)
                child.stop()
                for _ in range(20):
                    await own_bus.record(record(account))
                await own_bus.flush()
                await asyncio.sleep(1.5)
                child.start()
                await until_back(db, 21)
                await asyncio.sleep(0.5)
                assert await rows(db) == 21


async def until_back(db: Database, count: int) -> None:
    async with asyncio.timeout(30):
        while not await db.ping() or await rows(db) < count:
            await asyncio.sleep(0.1)
