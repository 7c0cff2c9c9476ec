"""kill -9 of what stands around calls, while 200 of them run: calls go on, and every record is there once."""

import asyncio
import json
import os
import signal
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web

from bench import sipp
from bench.application import tone
from jambones.local.platform import LocalPlatform
from jambones.local.supervisor import http_ok
from tests.support.scripted import PATIENT

CALLS = 200
RATE = 25
RECORDS_LIMIT = 45.0

pytestmark = [
    pytest.mark.skipif(not sipp.available(), reason="SIPp is not installed"),
    pytest.mark.timeout(180),
]


@asynccontextmanager
async def application(script: list[dict[str, Any]]) -> AsyncIterator[str]:
    """An application that answers every call with `script`; gives its origin."""
    sound = tone(1.0)

    async def call(request: web.Request) -> web.Response:
        return web.json_response(script)

    async def status(request: web.Request) -> web.Response:
        return web.Response()

    async def play(request: web.Request) -> web.Response:
        return web.Response(body=sound, content_type="audio/wav")

    app = web.Application()
    app.add_routes([web.post("/call", call), web.post("/status", status), web.get("/tone.wav", play)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(directory: Path, **options: Any) -> AsyncIterator[LocalPlatform]:
    """A platform whose application plays a second of sound and hangs up; PostgreSQL keeps what it has committed."""
    script: list[dict[str, Any]] = []
    async with application(script) as origin:
        script += options.pop("script", [{"play": {"url": f"{origin}/tone.wav"}}, {"verb": "hangup"}])
        async with LocalPlatform(directory, ports="auto", hook_url=f"{origin}/call", env=PATIENT) as platform:
            yield platform


def records(platform: LocalPlatform) -> list[dict[str, Any]]:
    """All call records, through the REST API: a record that comes between two pages moves the others, so read again."""
    found, totals = pages(platform)
    while totals != {len(found)}:
        found, totals = pages(platform)
    return found


def pages(platform: LocalPlatform) -> tuple[list[dict[str, Any]], set[int]]:
    """Each page once, and how many records there were at each."""
    found: list[dict[str, Any]] = []
    totals: set[int] = set()
    page = 1
    while True:
        url = f"{platform.api_url}/Accounts/{platform.seeded.account_sid}/RecentCalls?page={page}&count=100&days=1"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {platform.seeded.account_key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            answered = json.load(answer)
        found += answered["data"]
        totals.add(answered["total"])
        if len(answered["data"]) < 100:
            return found, totals
        page += 1


async def all_records(platform: LocalPlatform, count: int) -> list[dict[str, Any]]:
    """The records once there are `count` of them, or what there is when that takes too long."""
    loop = asyncio.get_running_loop()
    until = loop.time() + RECORDS_LIMIT
    while True:
        try:
            found = await asyncio.to_thread(records, platform)
        except OSError:
            found = []
        if len(found) >= count or loop.time() > until:
            return found
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("victim", ["api", "postgres", "nats"])
async def test_calls_and_records_survive(victim: str, tmp_path: Path) -> None:
    async with running(tmp_path) as platform:
        await asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=5, calls=5, limit=20)
        before = len(await all_records(platform, 5))
        calling = asyncio.create_task(
            asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=RATE, calls=CALLS, limit=60)
        )
        await asyncio.sleep(3)
        pid = platform.children[victim].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)  # the supervisor starts it again
        load = await calling

        assert load.failed == 0, load.errors
        found = await all_records(platform, before + CALLS)
        twice = [sid for sid, count in Counter(row["sip_callid"] for row in found).items() if count > 1]
        assert (len(found), twice) == (before + CALLS, [])
        assert {row["sip_status"] for row in found} == {200}
        assert {row["answered"] for row in found} == {True}


async def test_a_media_worker_takes_only_its_own_calls_with_it(tmp_path: Path) -> None:
    waiting = [{"verb": "answer"}, {"verb": "pause", "length": 60}]
    async with running(tmp_path, script=waiting) as platform:
        before = len(await all_records(platform, 0))
        calling = asyncio.create_task(
            asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=10, calls=10, limit=40)
        )
        await asyncio.sleep(3)
        server = psutil.Process(platform.children["feature-server"].pid or 0)
        (worker,) = [child for child in server.children() if "jambones.media" in child.cmdline()]
        worker.kill()
        load = await calling

        assert load.failed == 0, load.errors  # the caller got its BYE
        found = (await all_records(platform, before + 10))[:10]
        assert {row["termination_reason"] for row in found} == {"media lost"}
        port = platform.children["feature-server"].http_port
        while not await http_ok(platform.host, port, "/readyz"):  # its new worker is starting
            await asyncio.sleep(0.05)
        again = asyncio.create_task(
            asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=5, calls=1, limit=20)
        )
        await asyncio.sleep(2)
        workers = [child for child in server.children() if "jambones.media" in child.cmdline()]
        assert [child.pid for child in workers] != [worker.pid]
        workers[0].kill()  # ends the call, which would wait for a minute
        assert (await again).failed == 0


async def test_a_killed_feature_server_ends_its_calls_with_a_cause_and_comes_back(tmp_path: Path) -> None:
    waiting = [{"verb": "answer"}, {"verb": "pause", "length": 90}]
    async with running(tmp_path, script=waiting) as platform:
        calling = asyncio.create_task(
            asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=20, calls=20, limit=60)
        )
        await asyncio.sleep(4)
        os.kill(platform.children["feature-server"].pid or 0, signal.SIGKILL)  # the supervisor starts it again
        load = await calling

        assert load.failed == 0, load.errors  # every caller got a BYE, long before the script's end
        found = await all_records(platform, 20)
        assert Counter(row["termination_reason"] for row in found) == {"media lost": 20}
        again = asyncio.create_task(
            asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=5, calls=1, limit=30)
        )
        await asyncio.sleep(2)
        os.kill(platform.children["feature-server"].pid or 0, signal.SIGKILL)
        assert (await again).failed == 0
