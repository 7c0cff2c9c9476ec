"""Registrations: REGISTER → 401 → REGISTER with digest → registration hook → 200, each of another device.

SIPp registers over UDP, with a hook that answers at once and one that takes 100 ms; then ten thousand clients register
over WebSockets and stay. The reference is Kamailio as a registrar that knows the password itself.
"""

import asyncio
import hashlib
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil

from bench import kamailio, sipp
from bench.figure import Figure
from bench.running import ENVIRONMENT, Cost, application, cost_of, pids, tree
from jambones.local.platform import LocalPlatform
from tests.support.scripted import Office, ScriptedApplication

LADDER = (50, 100, 150, 200, 300, 400, 600)
KAMAILIO = 1000
SECONDS = 8
LATE_MS = 500.0
"""The rate is too high when the 95th percentile exceeds this, long before anything fails: a REGISTER is repeated."""
HELD = 10_000
SERVICES = ("sbc-inbound", "registrar")


def run() -> list[Figure]:
    if not sipp.available():
        print("SIPp is not installed (apt: sip-tester): the bench of registrations is left out", file=sys.stderr)
        return []
    return asyncio.run(_run())


async def _run() -> list[Figure]:
    reference = await asyncio.to_thread(_reference)
    with tempfile.TemporaryDirectory(prefix="jb-bench-") as directory, application() as port:
        hook = f"http://127.0.0.1:{port}/register"
        async with LocalPlatform(Path(directory), ports="auto", env=ENVIRONMENT) as platform:
            desk = Office(platform, ScriptedApplication(f"http://127.0.0.1:{port}"))
            quick = await _climb(desk, hook, "register.per_second", "the hook answers at once", reference)
            slow = await _climb(
                desk, f"{hook}?delay=100", "register.per_second_slow_hook", "the hook takes 100 ms", None
            )
            await _hook(desk, hook)
            return [*quick, *slow, await _held(platform)]


async def _climb(desk: Office, hook: str, name: str, note: str, reference: tuple[float, float] | None) -> list[Figure]:
    await _hook(desk, hook)
    best: tuple[int, sipp.Load, Cost] | None = None
    for rate in LADDER:
        before = cost_of(desk.platform)
        load = await asyncio.to_thread(_register, desk.platform.sip, desk.platform.seeded.sip_realm, rate)
        cost = cost_of(desk.platform).minus(before)
        late = load.setup(0.95)
        print(f"  {rate}/s: {load.failed} failed, p95 {late:.0f} ms; CPU ms each: {cost.per_call(load.placed)}")
        if load.failed or late > LATE_MS:
            break
        best = (rate, load, cost)
    if best is None:
        return [Figure(name, 0, "/s", note=f"not even {LADDER[0]} a second")]
    rate, load, cost = best
    cpu = 1000 * cost.ours / load.placed
    at = f"{note}; p95 {load.setup(0.95):.0f} ms; highest of {LADDER} without failures and p95 below {LATE_MS:.0f} ms"
    figures = [Figure(name, rate, "/s", note=at)]
    if reference is not None:
        spent, p95 = reference
        each = f"{cost.per_call(load.placed)}; reference: Kamailio at {KAMAILIO}/s, p95 {p95:.0f} ms"
        figures.append(Figure("register.cpu_ms", cpu, "ms", spent or None, cpu / spent if spent else None, each))
    return figures


async def _hook(desk: Office, url: str) -> None:
    await desk.api("PUT", desk.account, {"registration_hook": {"url": url, "method": "POST"}})
    await asyncio.sleep(2)  # the registrar hears of it


def _register(target: str, realm: str, rate: int) -> sipp.Load:
    user = f"d{time.monotonic_ns()}x"
    calls = rate * SECONDS
    return sipp.call(target, user, rate=rate, calls=calls, scenario="registering", keys={"realm": realm})


def _reference() -> tuple[float, float]:
    """CPU milliseconds of Kamailio for one registration, and the 95th percentile of their times; zeros without it."""
    if not kamailio.available():
        print("Kamailio is not installed: no reference", file=sys.stderr)
        return 0.0, 0.0
    with kamailio.running(realm="bench.example") as (port, process):
        before = kamailio.spent(process)
        load = _register(f"127.0.0.1:{port}", "bench.example", KAMAILIO)
        print(f"  Kamailio at {KAMAILIO}/s: {load.failed} failed, p95 {load.setup(0.95):.1f} ms")
        return 1000 * (kamailio.spent(process) - before) / load.placed, load.setup(0.95)


# ---- clients that stay


async def _held(platform: LocalPlatform) -> Figure:
    before = _resident(platform)
    url, realm = f"http://127.0.0.1:{platform.layout.ws}/", platform.seeded.sip_realm
    free = asyncio.Semaphore(50)
    async with AsyncExitStack() as stack:
        # An edge takes some thousand connections of one source.
        sessions = [
            await stack.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, local_addr=(f"127.0.0.{2 + each}", 0)))
            )
            for each in range(4)
        ]

        async def client(number: int) -> aiohttp.ClientWebSocketResponse | None:
            async with free:
                try:
                    async with asyncio.timeout(30):
                        socket = await sessions[number % 4].ws_connect(url, protocols=["sip"], max_msg_size=65536)
                        return socket if await _registered(socket, f"w{number}", realm) else None
                except (aiohttp.ClientError, TimeoutError, TypeError):
                    return None

        started = time.monotonic()
        sockets = [socket for socket in await asyncio.gather(*map(client, range(HELD))) if socket is not None]
        seconds = time.monotonic() - started
        await asyncio.sleep(3)
        after = _resident(platform)
        grown = {name: (after[name] - before[name]) / 1024 / max(1, len(sockets)) for name in SERVICES}
    note = f"{len(sockets)} of {HELD} clients held over WebSocket, made in {seconds:.0f} s: "
    note += ", ".join(f"{name} {value:.1f}" for name, value in grown.items())
    return Figure("register.rss_kib_per_client", sum(grown.values()), "KiB", note=note)


def _resident(platform: LocalPlatform) -> dict[str, int]:
    def of(process: psutil.Process) -> int:
        return int(process.memory_info().rss)

    return {name: sum(map(of, tree(pid))) for name, pid in pids(platform).items() if name in SERVICES}


async def _registered(socket: aiohttp.ClientWebSocketResponse, user: str, realm: str) -> bool:
    """REGISTER, answer the challenge; whether it came to a 200."""
    await socket.send_str(_message(user, realm, 1))
    challenge = await socket.receive_str()
    found = re.search(r'nonce="([^"]+)"', challenge)
    if found is None:
        return False
    nonce, uri, count, mine = found[1], f"sip:{realm}", "00000001", "0a4f113b"

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    proof = md5(f"{md5(f'{user}:{realm}:password')}:{nonce}:{count}:{mine}:auth:{md5(f'REGISTER:{uri}')}")
    opaque = re.search(r'opaque="([^"]+)"', challenge)
    await socket.send_str(
        _message(
            user, realm, 2,
            f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{proof}", algorithm=MD5, qop=auth, nc={count}, cnonce="{mine}"'
            + (f', opaque="{opaque[1]}"' if opaque else "") + "\r\n",
        )
    )  # fmt: skip
    return (await socket.receive_str()).startswith("SIP/2.0 200")


def _message(user: str, realm: str, sequence: int, more: str = "") -> str:
    return (
        f"REGISTER sip:{realm} SIP/2.0\r\nVia: SIP/2.0/WS {user}.invalid;branch=z9hG4bK{user}{sequence}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{user}@{realm}>;tag={user}\r\nTo: <sip:{user}@{realm}>\r\n"
        f"Call-ID: {user}@bench\r\nCSeq: {sequence} REGISTER\r\n"
        f"Contact: <sip:{user}@{user}.invalid;transport=ws>\r\nExpires: 3600\r\n{more}Content-Length: 0\r\n\r\n"
    )
