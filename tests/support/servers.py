"""Real servers for tests: one PostgreSQL and one NATS a test process, on free ports, ended with it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from jambones.local.nats import NatsServer
from jambones.local.ports import free_port
from jambones.local.postgres import FAST, PostgresServer
from jambones.local.servers import RunningServer, running

TEMPLATE = "jambones_template"


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A directory that is deleted after the block; short, since sockets may be put there."""
    path = Path(tempfile.mkdtemp(prefix=f"jb-{name}-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that does not care for the safety of its data."""
    with scratch("pg") as directory:
        server = PostgresServer(directory, free_port(), settings={**FAST, "shared_buffers": "32MB"})
        with running(server, directory / "log"):
            yield server


@contextmanager
def nats() -> Iterator[RunningServer]:
    """A NATS with JetStream; the test may stop, kill and start it."""
    with scratch("nats") as directory:
        server = NatsServer(directory, free_port())
        with running(server, directory / "log") as child:
            yield child


class Databases:
    """Databases cloned of one template that has the schema: a new one costs some milliseconds."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._count = 0

    async def make_template(self) -> None:
        from jambones.common.db.migrate import migrate

        await self._run(f'CREATE DATABASE "{TEMPLATE}"')
        await migrate(self.server.dsn(TEMPLATE))

    async def create(self) -> str:
        """Make a database; returns its DSN."""
        self._count += 1
        name = f"test_{self._count}"
        await self._run(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
        return self.server.dsn(name)

    async def drop(self, dsn: str) -> None:
        await self._run(f'DROP DATABASE IF EXISTS "{dsn.rpartition("/")[2]}" WITH (FORCE)')

    async def _run(self, sql: str) -> None:
        connection = await asyncpg.connect(self.server.dsn("postgres"))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()
