"""Fixtures of all tests: real servers, started at their first use."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jambones.local import ports
from jambones.local.postgres import PostgresServer
from jambones.local.servers import RunningServer
from tests.support import servers

if TYPE_CHECKING:
    from jambones.common.bus import Bus

# A test that hangs is a failed test; those that need longer say so with their own mark.
LIMITS = {"unit": 20, "integration": 60, "e2e": 180}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        kind = next((part for part in item.path.parts if part in LIMITS), "unit")
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LIMITS[kind]))
        if kind != "unit" and item.get_closest_marker(kind) is None:
            item.add_marker(getattr(pytest.mark, kind))
        if kind == "e2e" and item.get_closest_marker("xdist_group") is None:
            # Whole platforms with real-time audio: one after the other.
            item.add_marker(pytest.mark.xdist_group("e2e"))


def pytest_configure() -> None:
    """Processes that test at the same time start platforms at the same time: a stretch of ports for each."""
    if (worker := os.environ.get("PYTEST_XDIST_WORKER")) is not None:
        each = len(ports.DEFAULT) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        first = ports.DEFAULT.start + int(worker.removeprefix("gw")) * each
        os.environ[ports.RANGE] = f"{first}-{first + each - 1}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL for this test process."""
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres_server: PostgresServer) -> servers.Databases:
    """Makes databases that have the schema."""
    made = servers.Databases(postgres_server)
    asyncio.run(made.make_template())
    return made


@pytest.fixture
async def database_dsn(databases: servers.Databases) -> AsyncIterator[str]:
    """A database of this test's own, with the schema and nothing in it."""
    dsn = await databases.create()
    yield dsn
    await databases.drop(dsn)


@pytest.fixture(scope="session")
def shared_nats() -> Iterator[RunningServer]:
    """NATS for this test process; tests that share it use subjects and buckets of their own."""
    with servers.nats() as server:
        yield server


@pytest.fixture
def nats_url(shared_nats: RunningServer) -> str:
    """The address of NATS."""
    return str(getattr(shared_nats.server, "url"))  # noqa: B009 - the Protocol of servers has no address


@pytest.fixture
def own_nats() -> Iterator[RunningServer]:
    """NATS for one test, which may stop, kill and start it."""
    with servers.nats() as server:
        yield server


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator["Bus"]:
    """A bus on the shared NATS."""
    from jambones.common.bus import Bus

    async with Bus.connect([nats_url], name="test") as bus:
        yield bus


@pytest.fixture(scope="session")
def published() -> Path:
    """SDKs that others published, in `node_modules`, and `node`; scripts/test-clients fetches what is missing."""
    root = Path(__file__).parents[1]
    done = subprocess.run([root / "scripts" / "test-clients"], check=False, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        pytest.fail(done.stderr.strip(), pytrace=False)
    return root / ".cache" / "test-clients"
