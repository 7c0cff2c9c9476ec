"""How many calls there may be: counts shared between edges as leases, and one call's place in them.

A lease is this edge's count for one tenant (account or service provider) in a key-value bucket whose entries expire;
the total is the sum over edges, so the calls of a crashed edge leave the sum by themselves. Each edge watches the
bucket, hence knows the others' counts without asking. Writes are coalesced: one in flight, the newest count next.

Far below a limit a call is admitted from what is known. Near the limit the own count is written first and must come
back through the watch: the watch is ordered, so all that others wrote before is then known too, and two edges cannot
both take the last place.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, Protocol

import structlog
from pydantic import BaseModel, ConfigDict

from jambones.common.bus.bucket import Changed, Removed, SnapshotDone
from jambones.common.errors import BusUnavailable
from jambones.common.tasks import Tasks, cancel

log = structlog.get_logger(__name__)


class CallState(Enum):
    NEW = auto()
    COUNTED = auto()
    ABORTED = auto()
    RELEASED = auto()


@dataclass(slots=True)
class CountedCall:
    """The counting of one call: decremented exactly once, even when it ends while the increment is in flight.

    The methods answer whether the count must now go down.
    """

    state: CallState = CallState.NEW

    def counted(self) -> bool:
        """The increment has completed."""
        match self.state:
            case CallState.NEW:
                self.state = CallState.COUNTED
                return False
            case CallState.ABORTED:
                self.state = CallState.RELEASED
                return True
            case _:
                return False

    def ended(self) -> bool:
        """The call was cancelled, failed or hung up."""
        match self.state:
            case CallState.NEW:
                self.state = CallState.ABORTED
                return False
            case CallState.COUNTED:
                self.state = CallState.RELEASED
                return True
            case _:
                return False


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` calls for the tenant `sid`."""

    sid: str
    calls: int

    @property
    def near(self) -> int:
        """From this total on the others' newest counts matter."""
        return self.calls - max(20, self.calls // 5)


class Lease(BaseModel):
    """Calls in progress for one tenant on one SBC: bucket `leases`, key ("in" or "out", tenant sid, node)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    calls: int


class LeaseStore(Protocol):
    """The bucket of leases, as far as it is needed here."""

    async def put(self, *key: str, value: Lease) -> int:
        """Returns the revision; raises BusUnavailable."""
        ...

    def watch(self, *prefix: str) -> AsyncIterator[Changed[Lease] | Removed | SnapshotDone]: ...


@dataclass(slots=True)
class _Own:
    """This edge's lease for one tenant: the count, and the calls that wait for it to be written and seen."""

    count: int = 0
    dirty: bool = False
    writing: asyncio.Task[None] | None = None
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


class Leases:
    """The counts of all edges, seen from this one. Times in seconds."""

    def __init__(
        self,
        edge: str,
        store: LeaseStore,
        *,
        ttl: float = 60,
        beat: float = 20,
        patience: float = 0.5,
        gather: float = 0.1,
        direction: Literal["in", "out"] = "in",
    ) -> None:
        """`gather`: how long changes of a count are gathered into one write. Each direction is counted for itself."""
        self._direction = direction
        self._edge, self._store = edge, store
        self._ttl, self._beat, self._patience, self._gather = ttl, beat, patience, gather
        self._own: dict[str, _Own] = {}
        self._others: dict[str, dict[str, tuple[int, float]]] = {}
        self._seen = 0
        self._unseen: list[tuple[int, asyncio.Future[None]]] = []
        self._tasks = Tasks()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Leases"]:
        """Watch and refresh while inside; the own leases are taken back at the end."""
        async with self._tasks:
            self._tasks.keep(self._watch, name="watch leases")
            self._tasks.every(self._beat, self._refresh, name="refresh leases")
            try:
                yield self
            finally:
                await self._take_back()

    def total(self, sid: str) -> int:
        """Calls in progress for the tenant, on all edges."""
        now = asyncio.get_running_loop().time()
        own = self._own.get(sid)
        others = self._others.get(sid, {}).values()
        return (own.count if own else 0) + sum(count for count, until in others if until > now)

    def own(self) -> Mapping[str, int]:
        """This edge's counts by tenant."""
        return {sid: own.count for sid, own in self._own.items() if own.count}

    async def take(self, call: CountedCall, sids: tuple[str, ...], limits: tuple[Limit, ...]) -> Limit | None:
        """Count a call for its tenants; the limit it breaks, if any (the call is then not counted).

        When this is cancelled, or the call ends meanwhile, nothing stays counted.
        """
        for sid in sids:
            self._change(sid, +1)
        broken: Limit | None = None
        done = False
        try:
            for limit in limits:
                if self.total(limit.sid) > limit.near:
                    await self._known_everywhere(limit.sid)
            broken = next((limit for limit in limits if self.total(limit.sid) > limit.calls), None)
            done = broken is None
        finally:
            if not done or call.counted():
                for sid in sids:
                    self._change(sid, -1)
        return broken

    def release(self, call: CountedCall, sids: tuple[str, ...]) -> None:
        """The call is over; safe to repeat, and before `take` has returned."""
        if call.ended():
            for sid in sids:
                self._change(sid, -1)

    def reconcile(self, truth: Mapping[str, int]) -> dict[str, int]:
        """Set the own counts to what is really in progress; the differences found are bugs, so tell them."""
        found = {}
        for sid in {*self._own, *truth}:
            own = self._own.get(sid)
            if off := (own.count if own else 0) - truth.get(sid, 0):
                found[sid] = off
                self._change(sid, -off)
        return found

    def _change(self, sid: str, step: int) -> _Own:
        own = self._own.setdefault(sid, _Own())
        own.count += step
        own.dirty = True
        if own.writing is None:
            own.writing = self._tasks.start(self._write(sid, own), name="write lease")
        return own

    async def _write(self, sid: str, own: _Own) -> None:
        """Write until the newest count is out: changes made meanwhile share the next write."""
        try:
            while own.dirty:
                # Calls of the next moment share one write, unless somebody has to know the count exactly.
                with suppress(TimeoutError):
                    async with asyncio.timeout(0 if own.waiters else self._gather):
                        await own.hurry.wait()
                own.hurry.clear()
                own.dirty = False
                waiters, own.waiters = own.waiters, []
                try:
                    revision = await self._store.put(self._direction, sid, self._edge, value=Lease(calls=own.count))
                except BusUnavailable as exc:
                    # Calls go on with what is known; the refresh writes again.
                    log.warning("lease not written", error=str(exc))
                    revision = 0
                for waiter in waiters:
                    self._await_revision(revision, waiter)
        finally:
            own.writing = None
            if own.count == 0 and not own.dirty:
                self._own.pop(sid, None)

    async def _known_everywhere(self, sid: str) -> None:
        """Wait until the own count has been written and seen in the watch; not longer than the patience."""
        own = self._own[sid]
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        own.waiters.append(waiter)
        own.hurry.set()
        self._change(sid, 0)
        # A bus that is away must not stop calls: then what is known decides.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await waiter

    def _await_revision(self, revision: int, waiter: asyncio.Future[None]) -> None:
        if revision > self._seen:
            self._unseen.append((revision, waiter))
        elif not waiter.done():
            waiter.set_result(None)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        async for change in self._store.watch(self._direction):
            match change:
                case Changed((_, sid, edge), lease, revision):
                    if edge != self._edge:
                        self._others.setdefault(sid, {})[edge] = (lease.calls, loop.time() + self._ttl)
                    self._seen = max(self._seen, revision)
                    waiting, self._unseen = self._unseen, []
                    for wanted, waiter in waiting:
                        self._await_revision(wanted, waiter)
                case Removed((_, sid, edge)) if sid in self._others:
                    self._others[sid].pop(edge, None)
                case _:
                    continue

    async def _refresh(self) -> None:
        """Rewrite the leases before they expire, and forget those of edges that did not."""
        for sid in list(self._own):
            self._change(sid, 0)
        now = asyncio.get_running_loop().time()
        for sid, edges in list(self._others.items()):
            for edge in [edge for edge, (calls, until) in edges.items() if until <= now or not calls]:
                del edges[edge]
            if not edges:
                del self._others[sid]

    async def _take_back(self) -> None:
        """Stop writing and clear the own leases; they would expire by themselves, but later."""
        await cancel(*(own.writing for own in self._own.values() if own.writing is not None))
        with suppress(BusUnavailable, TimeoutError):
            async with asyncio.timeout(1):
                for sid in list(self._own):
                    await self._store.put(self._direction, sid, self._edge, value=Lease(calls=0))
        self._own.clear()
