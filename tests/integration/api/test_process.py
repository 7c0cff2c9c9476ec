"""`python -m jambones.api` as operators run it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp

from jambones.common.db.database import Database
from jambones.common.db.seed import seed
from jambones.common.secrets import KeyRing
from jambones.local.ports import free_port


async def test_the_process_gets_ready_serves_and_stops(database_dsn: str, nats_url: str, tmp_path: Path) -> None:
    keys, port = KeyRing.generate(), free_port()
    async with Database.open(database_dsn, keys=KeyRing.parse(keys)) as db:
        seeded = await seed(db)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JAMBONES_")}
    settings = {
        "JAMBONES_DB_DSN": database_dsn, "JAMBONES_NATS_URLS": nats_url, "JAMBONES_HTTP_PORT": str(port),
        "JAMBONES_ENCRYPTION_KEYS": keys, "JAMBONES_SPOOL_DIR": str(tmp_path),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "jambones.api", env=clean | settings)
    url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {seeded.account_key}"}
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while not await ready(session, url):
                await asyncio.sleep(0.1)
            async with session.get(f"{url}/v1/Accounts", headers=headers) as reply:
                assert reply.status == 200
                assert (await reply.json())[0]["account_sid"] == seeded.account_sid
            async with session.get(f"{url}/v1/PhoneNumbers", headers=headers) as reply:
                assert (await reply.json())[0]["number"] == seeded.number
            # A key that was used a moment ago is refused at once when it is deleted.
            async with session.post(
                f"{url}/v1/ApiKeys", json={"account_sid": seeded.account_sid}, headers=headers
            ) as reply:
                made = await reply.json()
            own = {"Authorization": f"Bearer {made['token']}"}
            async with session.get(f"{url}/v1/Accounts", headers=own) as reply:
                assert reply.status == 200
            async with session.delete(f"{url}/v1/ApiKeys/{made['sid']}", headers=headers) as reply:
                assert reply.status == 204
            async with session.get(f"{url}/v1/Accounts", headers=own) as reply:
                assert reply.status == 401
            async with session.get(f"{url}/metrics") as reply:
                assert 'resource="Accounts"' in await reply.text()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/readyz") as reply:
            return reply.status == 200
    except aiohttp.ClientError:
        return False
