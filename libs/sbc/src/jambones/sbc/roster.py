"""The calls in progress of an SBC: those whose feature server died, their counts, and their end with the process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
from prometheus_client.metrics_core import Metric

from jambones.common.bus.calls import Direction
from jambones.common.bus.nodes import NodeDirectory
from jambones.common.metrics import gauged
from jambones.sbc.admission import Leases

log = structlog.get_logger(__name__)
FAREWELL = 2.0


class Listed(Protocol):
    """A call of the roster."""

    @property
    def leg_id(self) -> str: ...

    @property
    def node_id(self) -> str | None:
        """The feature server that has the call."""
        ...

    @property
    def tenants(self) -> tuple[str, ...]:
        """Whose calls this one counts among, once it is counted."""
        ...

    async def probe(self) -> None:
        """Ask the feature server whether it knows the call; when it does not, the call ends."""
        ...

    async def end(self, reason: str) -> None:
        """Hang up both sides for a reason of the platform's."""
        ...


async def end_orphans(calls: Mapping[str, Listed], nodes: NodeDirectory, *, connected: bool, after: float) -> None:
    """End the calls that nobody would send a BYE for: of feature servers that are silent for `after` seconds, and of
    those that were restarted and know nothing of them.
    """
    if not connected or not nodes.ready:
        return
    if restarted := nodes.restarted():
        orphans = [call for call in calls.values() if call.node_id in restarted]
        log.warning("feature server restarted", nodes=sorted(restarted), calls=len(orphans))
        await asyncio.gather(*(call.probe() for call in orphans))
    for call in list(calls.values()):
        if call.node_id is not None and nodes.silent_for(call.node_id) > after:
            log.warning("feature server lost", node=call.node_id, leg=call.leg_id)
            await call.end("media lost")


async def reconcile(calls: Mapping[str, Listed], leases: Leases) -> None:
    """Set the counts to what is really in progress."""
    truth = Counter(sid for call in calls.values() for sid in call.tenants)
    if found := leases.reconcile(truth):
        log.error("call counts were wrong", differences=found)


@asynccontextmanager
async def farewell(calls: Mapping[str, Listed]) -> AsyncIterator[None]:
    """Calls that are left when the block ends are hung up, and their records written."""
    try:
        yield
    finally:
        for call in list(calls.values()):
            await call.end("server shutdown")
        loop = asyncio.get_running_loop()
        until = loop.time() + FAREWELL
        while calls and loop.time() < until:  # noqa: ASYNC110 - a number without an event
            await asyncio.sleep(0.05)


def of_the_roster(direction: Direction, calls: Mapping[str, Listed], nodes: NodeDirectory) -> Iterator[Metric]:
    """Calls in progress, and the feature servers they may be on."""
    going = gauged("jambones_sip_calls")
    going.add_metric([direction], len(calls))
    servers = gauged("jambones_fs_nodes")
    for state, count in sorted(Counter(node.state for node in nodes.nodes).items()):
        servers.add_metric([state], count)
    yield from (going, servers)
