"""Signalling: INVITE → hook → answer → play a second → hang up, through sbc-inbound and feature-server.

SIPp places the calls, a web application in a process of its own answers the hooks; all of it on this machine. The
reference is the same SIPp calling a SIPp that answers, plays nothing and hangs up after the same second.
"""

import asyncio
import re
import sys
import tempfile
import urllib.request
from pathlib import Path

from bench import sipp
from bench.figure import Figure
from bench.running import APART, ENVIRONMENT, Cost, application, cost_of, pids, tree
from jambones.local.platform import LocalPlatform
from jambones.local.ports import free_port

LADDER = (60, 80, 100, 120, 140, 160)
TARGET = 100
SECONDS = 12
FAILED_SHARE = 0.001
LATE = 500.0
"""Milliseconds to the answer: a rate at which one call in twenty waits longer is not sustained, it only queues."""
HELD = 200


def run() -> list[Figure]:
    if not sipp.available():
        print("SIPp is not installed (apt: sip-tester): the signalling bench is left out", file=sys.stderr)
        return []
    return asyncio.run(_run())


async def _run() -> list[Figure]:
    reference, reference_cpu = await asyncio.to_thread(_reference)
    with tempfile.TemporaryDirectory(prefix="jb-bench-") as directory, application() as port:
        hook = f"http://127.0.0.1:{port}/call"
        async with LocalPlatform(Path(directory), ports="auto", hook_url=hook, env=ENVIRONMENT) as platform:
            return await _measure(platform, port, reference, reference_cpu)


async def _measure(platform: LocalPlatform, port: int, reference: sipp.Load, reference_cpu: float) -> list[Figure]:
    await asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=20, calls=60)  # warm caches
    rss = await _memory(platform, port)  # first: what a load leaves behind is used again by the calls that are held

    half, half_cost = await _load(platform, TARGET // 2)
    _tell(TARGET // 2, half, half_cost)
    best: tuple[int, sipp.Load, Cost] | None = None
    for rate in LADDER:
        load, cost = await _load(platform, rate)
        good = load.failed <= FAILED_SHARE * load.placed and load.setup(0.95) <= LATE
        _tell(rate, load, cost)
        if not good:
            break
        best = (rate, load, cost)
    sustained = best[0] if best else 0
    stalls = await asyncio.to_thread(_stalls, platform)

    cost = best[2] if best else half_cost
    calls = best[1].placed if best else half.placed
    cpu_ms, reference_ms = 1000 * cost.ours / calls, 1000 * reference_cpu / reference.placed
    highest = f"highest of {LADDER} without failures, p95 below {LATE:.0f} ms"
    figures = [
        Figure("call.per_second", sustained, "calls/s", note=highest),
        Figure(
            "call.cpu_ms", cpu_ms, "ms/call", reference_ms, cpu_ms / reference_ms if reference_ms else None,
            f"at {sustained}/s: {cost.per_call(calls)}; reference: SIPp answering",
        ),
        Figure(
            "call.setup_p95_ms", half.setup(0.95), "ms", reference.setup(0.95), None,
            f"INVITE to 200 at {TARGET // 2}/s, median {half.median_ms:.0f}",
        ),
    ]  # fmt: skip
    if "rtpengine" in cost.seconds:
        figures.append(
            Figure("rtpengine.cpu_ms", 1000 * cost.seconds["rtpengine"] / calls, "ms/call", note="with the audio")
        )
    worst = max(stalls.values(), default=0.0)
    figures += [
        Figure(
            "loop.stall_max_ms", 1000 * worst, "ms",
            note=", ".join(f"{name} {1000 * value:.0f}" for name, value in sorted(stalls.items())),
        ),
        rss,
    ]  # fmt: skip
    return figures


def _tell(rate: int, load: sipp.Load, cost: Cost) -> None:
    line = f"  {rate}/s: {load.failed} failed, p95 {load.setup(0.95):.0f} ms; CPU ms a call: "
    print(line + cost.per_call(load.placed) + (f"; {load.errors[:300]}" if load.failed else ""), flush=True)


async def _load(platform: LocalPlatform, rate: int) -> tuple[sipp.Load, Cost]:
    before = cost_of(platform)
    load = await asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=rate, calls=rate * SECONDS)
    await asyncio.sleep(1)  # records on their way to the database belong to the calls
    return load, cost_of(platform).minus(before)


def _reference() -> tuple[sipp.Load, float]:
    port = free_port()
    with sipp.callee(port) as callee:
        load = sipp.call(f"127.0.0.1:{port}", "1", rate=TARGET, calls=TARGET * 5)
        spent = callee.cpu_times()
        return load, spent.user + spent.system


def _stalls(platform: LocalPlatform) -> dict[str, float]:
    """The longest stall of each event loop in the last minute, in seconds."""
    found = {}
    for name, child in platform.children.items():
        if not child.http_port:
            continue
        url = f"http://{platform.host}:{child.http_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            match = re.search(rb"^jambones_asyncio_loop_stall_seconds(?:{[^}]*})? (\S+)", answer.read(), re.MULTILINE)
        if match:
            found[name] = float(match[1])
    return found


async def _memory(platform: LocalPlatform, port: int) -> Figure:
    """Resident memory per live call: calls that wait, held all at once."""

    def resident() -> int:
        return sum(p.memory_info().rss for name, pid in pids(platform).items() if name not in APART for p in tree(pid))

    await asyncio.to_thread(_post, f"http://127.0.0.1:{port}/hold?seconds=15")
    before = resident()
    calling = asyncio.create_task(
        asyncio.to_thread(sipp.call, platform.sip, platform.seeded.number, rate=40, calls=HELD, limit=60)
    )
    await asyncio.sleep(HELD / 40 + 4)
    held = resident()
    load = await calling
    await asyncio.to_thread(_post, f"http://127.0.0.1:{port}/hold?seconds=0")
    return Figure(
        "call.rss_kib", (held - before) / 1024 / HELD, "KiB/call", note=f"{HELD} calls held, {load.failed} failed"
    )


def _post(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5):
        pass
