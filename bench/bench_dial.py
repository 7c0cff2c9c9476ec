"""Calls through both SBCs: INVITE → hook → dial → the callee rings and answers at once, hangs up after a second.

SIPp calls and SIPp is called. The reference is Kamailio as a record-routing proxy between the same two. Failover is
what a first gateway that answers 503 costs, beside the same route without it.

The caller gets early media before anybody rings, so that what he sees of the ringing is the answer that follows it: the
times are those from INVITE to 200, which are a little longer.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from bench import kamailio, sipp
from bench.figure import Figure
from bench.running import ENVIRONMENT, Cost, application, cost_of
from jambones.local.platform import LocalPlatform
from jambones.local.ports import free_port
from tests.support.scripted import Office, ScriptedApplication

LADDER = (20, 30, 40, 50, 60, 80)
SECONDS = 10
FAILED_SHARE = 0.001
FEW = 5
"""Calls a second where one call's times are of interest."""


def run() -> list[Figure]:
    if not sipp.available():
        print("SIPp is not installed (apt: sip-tester): the bench of dial is left out", file=sys.stderr)
        return []
    return asyncio.run(_run())


async def _run() -> list[Figure]:
    with _callee("ringing") as callee, tempfile.TemporaryDirectory(prefix="jb-bench-") as directory:
        reference, reference_cpu = await asyncio.to_thread(_reference, callee)
        with application() as port:
            app = f"http://127.0.0.1:{port}"
            hook = f"{app}/dial?uri={quote(f'sip:callee@127.0.0.1:{callee}')}"
            async with LocalPlatform(Path(directory), ports="auto", hook_url=hook, env=ENVIRONMENT) as platform:
                figures = await _rate(platform, reference, reference_cpu)
                with _callee("refusing") as broken:
                    failover = await _failover(Office(platform, ScriptedApplication(app)), callee, broken)
    return [*figures, failover]


async def _rate(platform: LocalPlatform, reference: sipp.Load, reference_cpu: float) -> list[Figure]:
    number = platform.seeded.number or ""
    await _load(platform, number, 10)  # warm caches
    few, _ = await _load(platform, number, FEW)
    best: tuple[int, sipp.Load, Cost] | None = None
    for rate in LADDER:
        load, cost = await _load(platform, number, rate)
        each = cost.per_call(load.placed)
        print(f"  {rate}/s: {load.failed} failed, answered p95 {load.setup(0.95):.0f} ms; CPU ms a call: {each}")
        if load.failed > FAILED_SHARE * load.placed:
            print(f"  {load.errors[:300]}")
            break
        best = (rate, load, cost)
    if best is None:
        return [Figure("dial.per_second", 0, "calls/s", note=f"not even {LADDER[0]} a second")]
    rate, load, cost = best
    cpu_ms, reference_ms = 1000 * cost.ours / load.placed, 1000 * reference_cpu / max(1, reference.placed)
    return [
        Figure("dial.per_second", rate, "calls/s", note=f"highest of {LADDER} without failures"),
        Figure(
            "dial.cpu_ms", cpu_ms, "ms/call", reference_ms or None, cpu_ms / reference_ms if reference_ms else None,
            f"at {rate}/s: {cost.per_call(load.placed)}; reference: Kamailio proxying the same call",
        ),
        Figure(
            "dial.ringing_p95_ms", few.setup(0.95), "ms", reference.setup(0.95) if reference.setup_ms else None, None,
            f"INVITE to 200 at {FEW}/s, median {few.median_ms:.1f}; at {rate}/s {load.setup(0.95):.0f}",
        ),
    ]  # fmt: skip


async def _failover(desk: Office, callee: int, broken: int) -> Figure:
    """What a first gateway out of order costs a call."""
    for number, dialled in (("15550201", "4920000"), ("15550202", "4420000")):
        await desk.provision(number, f"{desk.app.origin}/dial?number={dialled}")  # on the carrier that is there already
    sids = []
    for name, port in (("broken", broken), ("good", callee)):
        sids.append((await desk.api("POST", "/VoipCarriers", {"name": name}))["sid"])
        gateway = {"voip_carrier_sid": sids[-1], "ipv4": "127.0.0.1", "port": port, "inbound": 0, "outbound": 1}
        await desk.api("POST", "/SipGateways", gateway)
    routed = (await desk.api("POST", "/Lcrs", {"name": "bench", "account_sid": desk.platform.seeded.account_sid}))[
        "sid"
    ]
    both = [{"voip_carrier_sid": sid, "priority": rank} for rank, sid in enumerate(sids)]
    routes = [
        {"regex": "44", "priority": 0, "lcr_carrier_set_entries": both},
        {"regex": ".*", "priority": 9999, "lcr_carrier_set_entries": both[1:]},
    ]
    await desk.api("POST", f"/Lcrs/{routed}/Routes", routes)
    await asyncio.sleep(2)  # the edge and the egress hear of it
    straight, _ = await _load(desk.platform, "15550201", FEW)
    around, _ = await _load(desk.platform, "15550202", FEW)
    lost = around.median_ms - straight.median_ms
    note = f"median INVITE to 200, {around.median_ms:.1f} instead of {straight.median_ms:.1f}, "
    note += f"{straight.failed + around.failed} failed; reference: without the first gateway"
    return Figure("dial.failover_ms", lost, "ms", straight.median_ms, None, note)


async def _load(platform: LocalPlatform, number: str, rate: int) -> tuple[sipp.Load, Cost]:
    before = cost_of(platform)
    load = await asyncio.to_thread(sipp.call, platform.sip, number, rate=rate, calls=rate * SECONDS)
    await asyncio.sleep(1)  # records on their way to the database belong to the calls
    return load, cost_of(platform).minus(before)


def _reference(callee: int) -> tuple[sipp.Load, float]:
    """The same calls through Kamailio, and its CPU seconds; nothing where it is not installed."""
    if not kamailio.available():
        print("Kamailio is not installed: no reference", file=sys.stderr)
        return sipp.Load(0, 0, 0, [], ""), 0.0
    with kamailio.running(gateway=callee) as (port, process):
        before = kamailio.spent(process)
        rate = LADDER[-1]
        load = sipp.call(f"127.0.0.1:{port}", "1", rate=rate, calls=rate * SECONDS)
        return load, kamailio.spent(process) - before


@contextmanager
def _callee(scenario: str) -> Iterator[int]:
    port = free_port()
    with sipp.callee(port, scenario=scenario):
        yield port
