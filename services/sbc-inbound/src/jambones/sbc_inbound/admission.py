"""How many calls there may be: counts shared between edges as leases, and one call's place in them.

A lease is this edge's count for one account (or service provider) in a key-value bucket whose entries expire; the total
is the sum over edges, so the calls of a crashed edge leave the sum by themselves. Each edge watches the bucket, hence
knows the others' counts without asking. Writes are coalesced: one in flight, the newest count next.

Far below a limit a call is admitted from what is known. Near the limit the own count is written first and must come
back through the watch: the watch is ordered, so all that others wrote before is then known too, and two edges cannot
both take the last place.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

logger = logging.getLogger(__name__)


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


class LeaseStore(Protocol):
    """The bucket of leases. Keys are `in.<sid>.<edge>`."""

    async def put(self, key: str, count: int) -> None: ...

    def watch(self) -> AsyncIterator[tuple[str, int | None]]:
        """Every entry there is, then each change in order, our own too; None for a deleted one."""
        ...


@dataclass(slots=True)
class _Own:
    """This edge's lease for one tenant: the count, and how far it is written and seen in the watch."""

    count: int = 0
    changed: int = 0  # number of the newest change
    confirmed: int = 0  # number of the newest change seen coming back
    writing: asyncio.Task[None] | None = None
    pending: list[tuple[int, int]] = field(default_factory=list)  # (change, count) written, not yet seen
    waiters: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)


class Leases:
    """The counts of all edges, seen from this one."""

    def __init__(
        self, edge: str, store: LeaseStore, *, ttl: float = 60, beat: float = 20, patience: float = 0.5
    ) -> None:
        self._edge, self._store = edge, store
        self._ttl, self._beat, self._patience = ttl, beat, patience
        self._own: dict[str, _Own] = {}
        self._others: dict[str, dict[str, tuple[int, float]]] = {}
        self._writes: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Leases"]:
        """Watch and refresh while inside; the own leases are taken back at the end."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch()), group.create_task(self._refresh())]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await self._take_back()

    def total(self, sid: str) -> int:
        """Calls in progress for the tenant, on all edges."""
        now = asyncio.get_running_loop().time()
        others = self._others.get(sid, {})
        own = self._own.get(sid)
        return (own.count if own else 0) + sum(count for count, until in others.values() if until > now)

    def own(self) -> Mapping[str, int]:
        """This edge's counts by tenant."""
        return {sid: own.count for sid, own in self._own.items() if own.count}

    async def take(self, call: CountedCall, sids: tuple[str, ...], limits: tuple[Limit, ...]) -> Limit | None:
        """Count a call for its tenants; the limit it breaks, if any (the call is then not counted).

        When this is cancelled, or the call ends meanwhile, nothing stays counted.
        """
        for sid in sids:
            self._change(sid, +1)
        done = False
        try:
            for limit in limits:
                if self.total(limit.sid) > limit.calls - max(20, limit.calls // 5):
                    await self._confirmed(limit.sid)
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
        """Set the own counts to what is really in progress; the differences found (they are bugs, so log them)."""
        found = {}
        for sid in {*self._own, *truth}:
            off = self._own.get(sid, _Own()).count - truth.get(sid, 0)
            if off:
                found[sid] = off
                self._change(sid, -off)
        return found

    async def _take_back(self) -> None:
        """Stop writing and clear the own leases; they would expire by themselves, but later."""
        writes = list(self._writes)
        for task in writes:
            task.cancel()
        await asyncio.gather(*writes, return_exceptions=True)
        with suppress(Exception):
            async with asyncio.timeout(1):
                for sid in list(self._own):
                    await self._store.put(self._key(sid), 0)
        self._own.clear()

    def _change(self, sid: str, step: int) -> None:
        own = self._own.setdefault(sid, _Own())
        own.count += step
        own.changed += 1
        if own.writing is None:
            own.writing = asyncio.create_task(self._write(sid, own), name=f"lease {sid}")
            self._writes.add(own.writing)
            own.writing.add_done_callback(self._writes.discard)

    async def _write(self, sid: str, own: _Own) -> None:
        """Write until the newest count is out: changes made meanwhile share the next write."""
        try:
            written = -1
            while written != own.changed:
                await asyncio.sleep(0)  # let the calls of this turn of the loop share one write
                written = own.changed
                own.pending = [*own.pending[-63:], (written, own.count)]
                try:
                    await self._store.put(self._key(sid), own.count)
                except Exception as error:  # the bus is away: calls go on, the refresh writes later
                    logger.warning("lease not written", extra={"error": str(error)})
                    own.pending.clear()
                    self._confirm(own, written)
        finally:
            own.writing = None
            if own.count == 0 and own.confirmed == own.changed:
                self._own.pop(sid, None)

    async def _confirmed(self, sid: str) -> None:
        """Wait until the own count has been written and seen in the watch; not longer than the patience."""
        own = self._own[sid]
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        own.waiters.append((own.changed, waiter))
        # A bus that is away must not stop calls: then what is known decides.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await waiter

    def _confirm(self, own: _Own, change: int) -> None:
        own.confirmed = max(own.confirmed, change)
        waiting = []
        for wanted, waiter in own.waiters:
            if wanted > own.confirmed:
                waiting.append((wanted, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        own.waiters = waiting

    async def _watch(self) -> None:
        async for key, count in self._store.watch():
            _, _, rest = key.partition(".")
            sid, _, edge = rest.rpartition(".")
            if edge == self._edge:
                self._seen(sid, count)
            elif count:
                until = asyncio.get_running_loop().time() + self._ttl
                self._others.setdefault(sid, {})[edge] = (count, until)
            elif sid in self._others:
                self._others[sid].pop(edge, None)

    def _seen(self, sid: str, count: int | None) -> None:
        own = self._own.get(sid)
        if own is None:
            return
        for index, (change, written) in enumerate(own.pending):
            if written == count:
                del own.pending[: index + 1]
                self._confirm(own, change)
                return

    async def _refresh(self) -> None:
        """Rewrite the leases before they expire, and forget those of edges that did not."""
        while True:
            await asyncio.sleep(self._beat)
            for sid, own in list(self._own.items()):
                if own.count == 0 and own.writing is None:
                    del self._own[sid]
                else:
                    self._change(sid, 0)
            now = asyncio.get_running_loop().time()
            for sid, edges in list(self._others.items()):
                for edge in [edge for edge, (_, until) in edges.items() if until <= now]:
                    del edges[edge]
                if not edges:
                    del self._others[sid]

    def _key(self, sid: str) -> str:
        return f"in.{sid}.{self._edge}"
