"""`python -m jambones.api` as operators run it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from jambones.common.db.database import Database
from jambones.common.db.seed import Seeded, seed
from jambones.common.secrets import KeyRing
from jambones.local.ports import free_port
from jambones.local.servers import tied


@dataclass
class Running:
    process: asyncio.subprocess.Process
    url: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, token: str = "", body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.request(method, self.url + path, headers=headers, json=body) as reply:
            is_json = reply.content_type == "application/json"
            return reply.status, await (reply.json() if is_json else reply.text())

    async def ready(self) -> bool:
        try:
            return (await self.ask("GET", "/readyz"))[0] == 200
        except aiohttp.ClientError:
            return False


@dataclass
class Place:
    """Where processes of one platform run."""

    settings: dict[str, str]
    seeded: Seeded

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Running]:
        port = free_port()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JAMBONES_")}
        environment = clean | self.settings | {"JAMBONES_HTTP_PORT": str(port)}
        command = tied([sys.executable, "-m", "jambones.api"], signal.SIGKILL)
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        try:
            async with asyncio.timeout(60), aiohttp.ClientSession() as session:
                running = Running(process, f"http://127.0.0.1:{port}", session)
                while not await running.ready():
                    await asyncio.sleep(0.1)
                yield running
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def place(dsn: str, nats_url: str, spool: Path) -> Place:
    keys = KeyRing.generate()
    async with Database.open(dsn, keys=KeyRing.parse(keys)) as db:
        seeded = await seed(db)
    settings = {
        "JAMBONES_DB_DSN": dsn, "JAMBONES_NATS_URLS": nats_url, "JAMBONES_ENCRYPTION_KEYS": keys,
        "JAMBONES_SPOOL_DIR": str(spool),
    }  # fmt: skip
    return Place(settings, seeded)


async def test_the_process_gets_ready_serves_and_stops(database_dsn: str, nats_url: str, tmp_path: Path) -> None:
    here = await place(database_dsn, nats_url, tmp_path)
    key = here.seeded.account_key
    async with here.api() as api:
        status, accounts = await api.ask("GET", "/v1/Accounts", key)
        assert (status, accounts[0]["account_sid"]) == (200, here.seeded.account_sid)
        _, numbers = await api.ask("GET", "/v1/PhoneNumbers", key)
        assert numbers[0]["number"] == here.seeded.number
        # A key that was used a moment ago is refused at once when it is deleted.
        _, made = await api.ask("POST", "/v1/ApiKeys", key, {"account_sid": here.seeded.account_sid})
        assert (await api.ask("GET", "/v1/Accounts", made["token"]))[0] == 200
        assert (await api.ask("DELETE", f"/v1/ApiKeys/{made['sid']}", key))[0] == 204
        assert (await api.ask("GET", "/v1/Accounts", made["token"]))[0] == 401
        _, metrics = await api.ask("GET", "/metrics")
        assert 'resource="Accounts"' in metrics
        api.process.send_signal(signal.SIGTERM)
        assert await api.process.wait() == 0


async def test_a_key_deleted_at_one_process_is_refused_by_another(
    database_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    here = await place(database_dsn, nats_url, tmp_path)
    key, loop = here.seeded.account_key, asyncio.get_running_loop()
    async with here.api() as one, here.api() as other:
        _, made = await one.ask("POST", "/v1/ApiKeys", key, {"account_sid": here.seeded.account_sid})
        assert (await other.ask("GET", "/v1/Accounts", made["token"]))[0] == 200
        assert (await one.ask("DELETE", f"/v1/ApiKeys/{made['sid']}", key))[0] == 204
        deleted = loop.time()
        while (await other.ask("GET", "/v1/Accounts", made["token"]))[0] == 200:
            await asyncio.sleep(0.01)
        # A second is the promise, doubled for a busy machine; unheard, the key would have been known for five.
        assert loop.time() - deleted < 2
