"""PostgreSQL's first start may be interrupted; the next one begins anew."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from jambones.local.ports import free_port
from jambones.local.postgres import PostgresServer
from jambones.local.servers import running

PREPARES = """
import sys
from pathlib import Path
from jambones.local.postgres import PostgresServer

PostgresServer(Path(sys.argv[1]), 1, password="x").prepare()
"""


async def test_a_first_start_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    directory = tmp_path / "postgres"
    killed = subprocess.Popen([sys.executable, "-c", PREPARES, str(directory)])
    deadline = time.monotonic() + 30
    while not list(directory.glob("*/PG_VERSION")):
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL

    server = PostgresServer(directory, free_port(), password="secret")
    with running(server, tmp_path / "log"):
        connection = await asyncpg.connect(server.dsn("postgres"))
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
