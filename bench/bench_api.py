"""The REST API: requests a second and their times, beside aiohttp with a constant and with a `SELECT 1` from the pool.

The API is a process of its own on a PostgreSQL and a NATS of its own. Call records are made in the database itself, in
steps of 10^4, 10^6 and, with BENCH_RECORDS=10000000, 10^7; the plan of their page is printed at each step.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import asyncpg
import psutil
import uvloop

from bench.figure import Figure
from bench.http_load import Load, load, request
from jambones.common.db.database import Database
from jambones.common.db.migrate import migrate
from jambones.common.db.seed import seed
from jambones.common.secrets import KeyRing
from jambones.local.ports import free_port
from jambones.local.servers import tied
from tests.support import servers

SECONDS = 4.0
CONNECTIONS = 16
FEW = 4
"""Connections where times are measured: enough to keep it busy, not to make a queue."""
STEPS = (10_000, 1_000_000, 10_000_000)
ACCOUNTS = 10
MONTHS = 3


def run() -> list[Figure]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run())


async def _run() -> list[Figure]:
    print(f"  load average {os.getloadavg()[0]:.2f}", flush=True)
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(servers.postgres())
        nats = stack.enter_context(servers.nats())
        dsn, keys = postgres.dsn("postgres"), KeyRing.generate()
        await migrate(dsn)
        async with Database.open(dsn, keys=KeyRing.parse(keys)) as db:
            seeded = await seed(db)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JAMBONES_")} | {
            "JAMBONES_DB_DSN": dsn, "JAMBONES_NATS_URLS": str(getattr(nats.server, "url")),  # noqa: B009
            "JAMBONES_ENCRYPTION_KEYS": keys, "JAMBONES_LOG_LEVEL": "warning",
            "JAMBONES_SPOOL_DIR": stack.enter_context(tempfile.TemporaryDirectory(prefix="jb-spool-")),
        }  # fmt: skip
        port, beside = free_port(), free_port()
        reference = await stack.enter_async_context(_process(["bench.api_reference", str(beside), dsn], {}, beside))
        api = await stack.enter_async_context(
            _process(["jambones.api"], environment | {"JAMBONES_HTTP_PORT": str(port)}, port)
        )
        token, account = seeded.account_key, seeded.account_sid
        application, applications = await _provision(port, token)
        figures = await _requests(port, beside, api, reference, token, application, applications)
        return figures + await _records(dsn, port, token, account)


async def _requests(
    port: int, beside: int, api: psutil.Process, reference: psutil.Process, token: str, application: str, count: int
) -> list[Figure]:
    constant, constant_cpu = await _measure(reference, beside, request("GET", "/constant"))
    select, select_cpu = await _measure(reference, beside, request("GET", "/select"))
    get, get_cpu = await _measure(api, port, request("GET", f"/v1/Applications/{application}", token))
    for name, one, cpu in (
        ("constant", constant, constant_cpu),
        ("SELECT 1", select, select_cpu),
        ("get", get, get_cpu),
    ):
        print(
            f"  {name}: {one.per_second:.0f}/s, median {one.median:.2f} ms, p99 {one.quantile(0.99):.2f} ms, "
            f"{1000 * cpu:.3f} ms CPU a request, {one.failed} failed",
            flush=True,
        )
    few = await load(
        port, lambda n: request("GET", f"/v1/Applications/{application}", token), connections=FEW, seconds=SECONDS
    )
    few_select = await load(beside, lambda n: request("GET", "/select"), connections=FEW, seconds=SECONDS)
    hundred = await load(
        port, lambda n: request("GET", "/v1/Applications?page=1&page_size=100", token), connections=FEW, seconds=SECONDS
    )

    def creation(number: int) -> bytes:
        return request("POST", "/v1/Applications", token, _application(f"made {number}"))

    made = await load(port, creation, connections=FEW, seconds=SECONDS)
    p99 = few_select.quantile(0.99)
    note = f"{FEW} connections; reference: SELECT 1"
    return [
        Figure("api.constant.rps", constant.per_second, "req/s", note="aiohttp, a constant"),
        Figure(
            "api.get.rps", get.per_second, "req/s", select.per_second, get.per_second / select.per_second,
            "by sid; reference: aiohttp, a constant after SELECT 1 through the pool",
        ),
        Figure("api.get.ratio", get.per_second / select.per_second, "", 0.4, None, "reference: the goal"),
        Figure("api.get.p99_ms", few.quantile(0.99), "ms", p99, few.quantile(0.99) / p99, note),
        Figure("api.list100.p99_ms", hundred.quantile(0.99), "ms", p99, hundred.quantile(0.99) / p99,
               f"{note}; 100 of {count} with hooks, median {hundred.median:.1f}, {hundred.failed} failed"),
        Figure("api.create_application.p99_ms", made.quantile(0.99), "ms", p99, made.quantile(0.99) / p99,
               f"{note}; with two hooks and the audit log, {made.per_second:.0f}/s, {made.failed} failed"),
    ]  # fmt: skip


async def _measure(process: psutil.Process, port: int, data: bytes) -> tuple[Load, float]:
    """A load after a warm-up, and the CPU seconds of the process for each request."""
    await load(port, lambda n: data, connections=CONNECTIONS, seconds=1)
    before = process.cpu_times()
    done = await load(port, lambda n: data, connections=CONNECTIONS, seconds=SECONDS)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return done, spent / max(1, len(done.millis))


async def _records(dsn: str, port: int, token: str, account: str) -> list[Figure]:
    """The first page of an account's calls, while the table grows."""
    most = int(os.environ.get("BENCH_RECORDS", "1000000"))
    figures, there = [], 0
    connection = await asyncpg.connect(dsn)
    try:
        await _partitions(connection)
        first: float | None = None
        for step in (step for step in STEPS if step <= most):
            started = time.monotonic()
            await _grow(connection, account, there, step)
            there = step
            print(f"  {step:,} records after {time.monotonic() - started:.0f} s", flush=True)
            await _plan(connection, account)
            path = f"/v1/Accounts/{account}/RecentCalls?page=1&count=25"
            await load(port, lambda n, path=path: request("GET", path, token), connections=FEW, seconds=1)  # type: ignore[misc]
            done = await load(port, lambda n, path=path: request("GET", path, token), connections=FEW, seconds=SECONDS)  # type: ignore[misc]
            name = {10_000: "10k", 1_000_000: "1m", 10_000_000: "10m"}[step]
            p99 = done.quantile(0.99)
            first = first or p99
            note = f"a tenth of them the account's; median {done.median:.1f}, {done.failed} failed; reference: 10k"
            figures.append(Figure(f"api.recent_calls.p99_ms_{name}", p99, "ms", first, p99 / first, note))
    finally:
        await connection.close()
    return figures


async def _partitions(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for month in range(MONTHS + 1):
        sql = "SELECT ensure_partition('recent_calls', now() - $1 * interval '1 month')"
        await connection.execute(sql, month)


async def _grow(connection: "asyncpg.Connection[asyncpg.Record]", account: str, there: int, wanted: int) -> None:
    """Records from `there` to `wanted`, spread over three months and ten accounts."""
    # Indexes that are filled in no order are made afterwards, as they would be after a restore.
    definitions = [
        (row["indexname"], row["indexdef"])
        for row in await connection.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'recent_calls'")
        if not row["indexname"].endswith("_pkey")
    ]
    for name, _ in definitions:
        await connection.execute(f"DROP INDEX {name}")
    while there < wanted:
        upto = min(wanted, there + 1_000_000)
        await connection.execute(
            """
            INSERT INTO recent_calls (record_id, attempted_at, answered_at, terminated_at, account_sid, call_sid,
              sip_callid, "from", "to", direction, answered, sip_status, duration, termination_reason, host,
              remote_host, trunk)
            SELECT 'bench-' || n, at, at + interval '2 s', at + interval '60 s',
              CASE WHEN n % $4 = 0 THEN $3 ELSE 'other-' || n % $4 END, gen_random_uuid()::text,
              md5(n::text) || '@192.0.2.1', '1555' || n, '1666' || n,
              CASE n % 3 WHEN 0 THEN 'outbound' ELSE 'inbound' END, n % 5 <> 0,
              CASE WHEN n % 5 <> 0 THEN 200 ELSE 486 END, 58, 'caller hungup', '10.0.0.1', '192.0.2.1', 'trunk'
            FROM (SELECT n, now() - interval '90 days' * (($2 - n)::float8 / ($2 - $1 + 1)) AS at
                  FROM generate_series($1::bigint, $2::bigint) AS n) AS s
            """,
            there + 1, upto, account, ACCOUNTS, timeout=600,
        )  # fmt: skip
        there = upto
    await connection.execute("SET maintenance_work_mem = '1GB'")
    for _, definition in definitions:
        await connection.execute(definition.replace(" ON ONLY ", " ON "), timeout=600)
    await connection.execute("VACUUM (ANALYZE) recent_calls", timeout=600)


async def _plan(connection: "asyncpg.Connection[asyncpg.Record]", account: str) -> None:
    sql = "SELECT * FROM recent_calls WHERE (account_sid = $1) ORDER BY attempted_at DESC, record_id LIMIT 25"
    for row in await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {sql}", account):
        print(f"    {row[0]}", flush=True)


def _application(name: str) -> bytes:
    hook = '{"url":"https://example.com/hook","method":"POST"}'
    return f'{{"name":"{name}","call_hook":{hook},"call_status_hook":{hook}}}'.encode()


async def _provision(port: int, token: str, count: int = 200) -> tuple[str, int]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    sid = ""
    async with aiohttp.ClientSession(headers=headers) as session:
        for number in range(count):
            url, body = f"http://127.0.0.1:{port}/v1/Applications", _application(f"app {number}")
            async with session.post(url, data=body) as reply:
                reply.raise_for_status()
                sid = (await reply.json())["sid"]
    return sid, count


@asynccontextmanager
async def _process(module: list[str], environment: dict[str, str], port: int) -> AsyncIterator[psutil.Process]:
    """`python -m module`, once it answers."""
    process = subprocess.Popen(tied([sys.executable, "-m", *module], signal.SIGKILL), env=environment or None)
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while True:
                try:
                    path = "readyz" if module[0] == "jambones.api" else "constant"
                    async with session.get(f"http://127.0.0.1:{port}/{path}") as reply:
                        if reply.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)
