"""PostgreSQL goes away and comes back while the API serves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from jambones.common.db.database import Database
from jambones.common.db.migrate import migrate
from jambones.local.ports import free_port
from jambones.local.postgres import FAST, PostgresServer
from jambones.local.servers import RunningServer, running
from tests.integration.api.conftest import RING, World
from tests.support import servers
from tests.support.tenants import HOOKS


@dataclass
class Outage:
    """A PostgreSQL of this test's own."""

    child: RunningServer
    server: PostgresServer


@pytest.fixture
def outage() -> Iterator[Outage]:
    with servers.scratch("pg") as directory:
        server = PostgresServer(directory, free_port(), settings=FAST)
        with running(server, directory / "log") as child:
            yield Outage(child, server)


@pytest.fixture
async def db(outage: Outage) -> AsyncIterator[Database]:
    await servers.Databases(outage.server)._run("CREATE DATABASE away")
    await migrate(outage.server.dsn("away"))
    async with Database.open(outage.server.dsn("away"), keys=RING, size=5, acquire_timeout=1) as db:
        yield db


async def test_while_postgresql_is_away_requests_get_503_and_then_all_is_well(world: World, outage: Outage) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    outage.child.stop()
    for method, path, body in [
        ("GET", "/Applications", None), ("POST", "/Applications", {"name": "x", **HOOKS}),
        ("PUT", f"/Accounts/{account}", {"name": "y"}), ("DELETE", f"/Accounts/{account}", None),
        ("GET", f"/Accounts/{account}/RecentCalls?page=1&count=5", None),
        ("POST", "/login", {"username": "a", "password": "b"}),
    ]:  # fmt: skip
        reply = await tenant.ask(method, path, body)
        assert reply.status == 503, (method, path, reply)
        assert int(reply.headers["Retry-After"]) > 0
        assert reply.msg
    async with tenant.session.get(tenant.url.removesuffix("/v1") + "/health") as health:
        assert health.status == 200
    outage.child.start()
    async with asyncio.timeout(30):
        while (reply := await tenant.get("/Applications")).status == 503:
            await asyncio.sleep(0.1)
    assert (reply.status, reply.body) == (200, [])
    assert (await tenant.get(f"/Accounts/{account}")).body["name"] == "acme"
    assert (await tenant.post("/Applications", {"name": "x", **HOOKS})).status == 201
