"""Nodes: heartbeats of processes, and choosing one of them without asking anybody.

Each process writes itself into the bucket `nodes` every five seconds, and at once when its state changes. Those who
choose keep a watched copy, so that a choice is local: no round trip in the path of a call.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal, Self

import structlog
from pydantic import BaseModel, ConfigDict

from jambones.common import clock
from jambones.common.bus.bucket import Bucket, Changed, Removed, SnapshotDone
from jambones.common.bus.bus import Bus
from jambones.common.errors import BusUnavailable
from jambones.common.ids import NodeId, new_sid
from jambones.common.tasks import Tasks

log = structlog.get_logger(__name__)
BUCKET = "nodes"
TTL = 15.0
EVERY = 5.0
LOOK = 1.0
"""Seconds after which a node looks whether its state is still what it said."""
FRESH = 10.0
"""A node whose last heartbeat is older is not chosen."""
FAILED_FOR = 5.0
"""A node that failed somebody is not chosen by them for so long, while there is another."""

Kind = Literal["fs", "edge", "re", "api", "registrar", "outbound", "recorder"]
State = Literal["open", "draining", "full"]


class Node(BaseModel):
    """A process, as it describes itself."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    kind: Kind
    id: NodeId
    sip: str = ""
    """Where it takes SIP: "udp:10.0.0.7:5060"."""
    http: str = ""
    state: State = "open"
    calls: int = 0
    max_calls: int = 0
    """0: no limit."""
    cps: float = 0.0
    cpu: float = 0.0
    loop_lag_ms: float = 0.0
    version: str = ""
    zone: str = ""
    labels: dict[str, str] = {}
    at: int = 0
    """Milliseconds since 1970 when it was written."""
    run: str = ""
    """Another one for each start of the process: a node that was restarted knows nothing of its calls."""

    def __str__(self) -> str:
        return f"{self.kind}.{self.id}"


class Heartbeat:
    """Writes this process into `nodes`: every five seconds, at once on a change of state, soon on a change of load."""

    def __init__(self, bucket: Bucket[Node], node: Node, *, refresh: Callable[[Node], Node] | None = None) -> None:
        self._bucket = bucket
        self._node = node if node.run else node.model_copy(update={"run": new_sid()[:8]})
        self._refresh = refresh
        self._dirty = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def beating(
        cls, bus: Bus, node: Node, *, refresh: Callable[[Node], Node] | None = None
    ) -> AsyncIterator[Self]:
        """Beat inside the block, and be gone after it. `refresh` fills in the load just before each beat."""
        heartbeat = cls(nodes_bucket(bus), node, refresh=refresh)
        async with Tasks() as tasks:
            tasks.keep(heartbeat.run, name="heartbeat")
            tasks.keep(heartbeat._again, name="heartbeat after an outage")
            try:
                yield heartbeat
            finally:
                await tasks.close()
                await heartbeat.leave()

    @property
    def node(self) -> Node:
        return self._node

    def update(self, *, state: State | None = None, calls: int | None = None, max_calls: int | None = None) -> None:
        """Say what has changed; it is written at once."""
        changed = {
            name: value
            for name, value in (("state", state), ("calls", calls), ("max_calls", max_calls))
            if value is not None and value != getattr(self._node, name)
        }
        if changed:
            self._node = self._node.model_copy(update=changed)
            self._dirty.set()

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            await self._write()
            written = self._node.state
            try:
                async with asyncio.timeout(EVERY):
                    await self._until_news(written)
                    if self._node.state == written:
                        await asyncio.sleep(0.25)  # a burst of new calls is one beat
            except TimeoutError:
                pass

    async def _until_news(self, written: State) -> None:
        """Until something has changed. Of a state that `refresh` finds nobody tells."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._dirty.wait()
                    return
            if self._refresh is not None and (found := self._refresh(self._node)).state != written:
                self._node = found
                return

    async def _again(self) -> None:
        while True:
            await self._bucket.until_reconnected()
            self._dirty.set()

    async def leave(self) -> None:
        """Take the node out, so that nobody waits for its time to run out."""
        try:
            async with asyncio.timeout(1):
                await self._bucket.delete(self._node.kind, self._node.id)
        except (BusUnavailable, TimeoutError):
            return

    async def _write(self) -> None:
        self._dirty.clear()
        if self._refresh is not None:
            self._node = self._refresh(self._node)
        try:
            node = self._node.model_copy(update={"at": clock.now_ms()})
            await self._bucket.put(node.kind, node.id, value=node)
        except BusUnavailable as exc:
            log.debug("heartbeat not written", error=str(exc))


@dataclass(frozen=True)
class Choice:
    """The node chosen, or None; and why, for the log, the call record and `explain`."""

    node: Node | None
    reasons: tuple[str, ...]


@dataclass
class _Seen:
    node: Node
    heard: float
    """Loop time of its last heartbeat."""
    assigned: int = 0
    """Calls given to it since then: its own count does not have them yet."""

    @property
    def load(self) -> float:
        calls = self.node.calls + self.assigned
        return calls / self.node.max_calls if self.node.max_calls else calls / 1000


class NodeDirectory:
    """A local copy of the nodes of one kind. Open it with `async with NodeDirectory.watching(bus, "fs")`."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._seen: dict[NodeId, _Seen] = {}
        self._failed: dict[NodeId, float] = {}
        self._restarted: set[NodeId] = set()
        self._ready = asyncio.Event()
        self._waiters: set[asyncio.Event] = set()

    @classmethod
    @asynccontextmanager
    async def watching(cls, bus: Bus, kind: Kind) -> AsyncIterator[Self]:
        """Watch inside the block. `ready` turns true with the first snapshot; the block does not wait for it."""
        directory = cls(kind)
        async with Tasks() as tasks:
            tasks.keep(lambda: directory.run(nodes_bucket(bus)), name=f"watch nodes {kind}")
            yield directory

    async def run(self, bucket: Bucket[Node]) -> None:
        """Follow the bucket for ever."""
        async for change in bucket.watch(self.kind):
            self.apply(change)

    def apply(self, change: Changed[Node] | Removed | SnapshotDone) -> None:
        """Take in one word of the watcher."""
        match change:
            case Changed(value=node):
                now = asyncio.get_running_loop().time()
                # A value of the snapshot may be old; trust its own stamp, as far as clocks agree.
                age = 0.0 if self._ready.is_set() else min(max(0.0, (clock.now_ms() - node.at) / 1000), TTL)
                before = self._seen.get(node.id)
                if before is not None and before.node.run != node.run:
                    self._restarted.add(node.id)
                    self._failed.pop(node.id, None)
                self._seen[node.id] = _Seen(node, now - age)
            case Removed(missing=True):
                pass  # the server lost its memory, the node need not be gone: its age decides
            case Removed(key=key):
                self._seen.pop(NodeId(key[-1]), None)
            case SnapshotDone():
                self._ready.set()
        for waiter in self._waiters:
            waiter.set()

    @property
    def ready(self) -> bool:
        """True when the first snapshot is complete; before that an empty directory means nothing."""
        return self._ready.is_set()

    async def until_ready(self) -> None:
        await self._ready.wait()

    async def changed(self) -> None:
        """Wait for the next change."""
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            await waiter.wait()
        finally:
            self._waiters.discard(waiter)

    @property
    def nodes(self) -> list[Node]:
        """All whose heartbeat is fresh, in any state."""
        now = asyncio.get_running_loop().time()
        return [seen.node for seen in self._seen.values() if now - seen.heard < FRESH]

    def get(self, node_id: str) -> Node | None:
        """The node of this id while its heartbeat is fresh."""
        return next((node for node in self.nodes if node.id == node_id), None)

    def silent_for(self, node_id: str) -> float:
        """Seconds since this node was last heard of; infinite when it said goodbye, or never came."""
        seen = self._seen.get(NodeId(node_id))
        return asyncio.get_running_loop().time() - seen.heard if seen is not None else float("inf")

    def restarted(self) -> set[NodeId]:
        """The nodes that were started anew since this was last asked."""
        found, self._restarted = self._restarted, set()
        return found

    def failed(self, node_id: NodeId) -> None:
        """It did not take a call: pass it over for five seconds, while another one can."""
        self._failed[node_id] = asyncio.get_running_loop().time() + FAILED_FOR

    def choose(self, *, zone: str = "", exclude: Collection[str] = (), old: bool = False) -> Choice:
        """Choose a node for a new call: of two drawn at random, the one with less load.

        Candidates are open, heard of within ten seconds, below their limit and not in `exclude`. Those that have failed
        in the last five seconds are kept for when there is no other. Those of `zone` come first. `old`: heartbeats
        cannot come now, so their age says nothing.
        """
        candidates, reasons = self._candidates(zone, exclude, old=old)
        if not candidates:
            return Choice(None, (*reasons, f"no {self.kind} node can take a call"))
        drawn = random.sample(candidates, min(2, len(candidates)))
        best = min(drawn, key=lambda seen: seen.load)
        best.assigned += 1
        others = ", ".join(f"{seen.node} {seen.load:.2f}" for seen in drawn if seen is not best)
        reasons.append(f"{best.node} chosen" + (f" over {others}" if others else ": the only candidate"))
        return Choice(best.node, tuple(reasons))

    def would_choose(self, *, zone: str = "", old: bool = False) -> Choice:
        """The likeliest choice of this moment, the least loaded candidate, for a dry run: nothing is counted."""
        candidates, reasons = self._candidates(zone, (), old=old)
        if not candidates:
            return Choice(None, (*reasons, f"no {self.kind} node can take a call"))
        by_load = sorted(candidates, key=lambda seen: seen.load)
        reasons += [f"{seen.node}: load {seen.load:.2f}" for seen in by_load]
        if len(candidates) > 2:
            reasons.append("each call draws two of these at random and takes the one with less load")
        return Choice(by_load[0].node, tuple(reasons))

    def _candidates(self, zone: str, exclude: Collection[str], *, old: bool) -> tuple[list[_Seen], list[str]]:
        """Who can take a call, and why others cannot."""
        now = asyncio.get_running_loop().time()
        reasons: list[str] = [] if self.ready else ["the list of nodes is not complete yet"]
        candidates: list[_Seen] = []
        failed: list[_Seen] = []
        for seen in self._seen.values():
            if (why := self._unfit(seen, now, exclude, old=old)) is not None:
                reasons.append(f"{seen.node}: {why}")
            elif self._has_failed(seen.node.id, now):
                failed.append(seen)
            else:
                candidates.append(seen)
        if failed and not candidates:
            # It may have stumbled over one call; to refuse all of five seconds would be certain harm.
            candidates = failed
            reasons.append("whoever could take it failed a moment ago, and is tried again")
        else:
            reasons += [f"{seen.node}: failed a moment ago" for seen in failed]
        if zone and (near := [seen for seen in candidates if seen.node.zone == zone]):
            if len(near) < len(candidates):
                reasons.append(f"zone {zone} preferred")
            candidates = near
        return candidates, reasons

    def _unfit(self, seen: _Seen, now: float, exclude: Collection[str], *, old: bool) -> str | None:
        node = seen.node
        if node.id in exclude:
            return "already tried"
        if now - seen.heard >= FRESH and not old:
            return f"no heartbeat for {now - seen.heard:.0f} s"
        if node.state != "open":
            return node.state
        if node.max_calls and node.calls + seen.assigned >= node.max_calls:
            return f"{node.calls} calls of {node.max_calls}"
        return None

    def _has_failed(self, node_id: NodeId, now: float) -> bool:
        until = self._failed.get(node_id)
        if until is not None and now >= until:
            del self._failed[node_id]
            return False
        return until is not None


def nodes_bucket(bus: Bus) -> Bucket[Node]:
    """The bucket of all nodes, keys (kind, id)."""
    return bus.bucket(BUCKET, Node, ttl=TTL, memory=True)
