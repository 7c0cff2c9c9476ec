"""A watched copy of all bindings: who is registered, and where, without asking anybody (RFC 3261 section 10)."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from jambones.common.bus import Bucket, Bus, Changed, Removed, SnapshotDone
from jambones.common.bus.registrations import BUCKET, LONGEST, Binding
from jambones.common.clock import now_ms
from jambones.common.tasks import Tasks

Key = tuple[str, ...]
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Stored:
    """A binding as the bucket has it: key (realm, user, binding id)."""

    key: Key
    binding: Binding
    revision: int


class _Index(Generic[K]):
    """Bindings by something that several may share; what none has is not kept."""

    def __init__(self) -> None:
        self._stored: dict[K, dict[Key, Stored]] = {}

    def add(self, by: K, stored: Stored) -> None:
        self._stored.setdefault(by, {})[stored.key] = stored

    def remove(self, by: K, key: Key) -> None:
        shared = self._stored.get(by, {})
        shared.pop(key, None)
        if not shared:
            self._stored.pop(by, None)

    def get(self, by: K) -> list[Stored]:
        return list(self._stored.get(by, {}).values())


OnMoved = Callable[[Binding, Binding], None]


class Registrations:
    """Open it with `async with Registrations.watching(bus)`; before `ready` an empty answer means nothing."""

    def __init__(self, on_moved: OnMoved | None = None) -> None:
        self._on_moved = on_moved
        self._all: dict[Key, Stored] = {}
        self._by_aor = _Index[tuple[str, str]]()
        self._by_source = _Index[str]()
        self._by_flow = _Index[tuple[str, str]]()
        self._aors: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        """By account: addresses of record with the number of their bindings."""
        self._ready = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def watching(cls, bus: Bus, *, on_moved: OnMoved | None = None) -> AsyncIterator[Self]:
        """Watch inside the block, which does not wait for the first snapshot.

        `on_moved(before, after)` hears of a device that is connected anew: another edge, or another flow of it.
        """
        registrations = cls(on_moved)
        async with Tasks() as tasks:
            tasks.start(registrations.run(registrations_bucket(bus)), name="watch registrations")
            yield registrations

    async def run(self, bucket: Bucket[Binding]) -> None:
        """Follow the bucket for ever."""
        async for change in bucket.watch():
            self.apply(change)

    def apply(self, change: Changed[Binding] | Removed | SnapshotDone) -> None:
        """Take in one word of the watcher."""
        match change:
            case Changed(key=key, value=binding, revision=revision):
                self.note(Stored(key, binding, revision))
            case Removed(key=key):
                self.forget(key)
            case SnapshotDone():
                self._ready.set()

    def note(self, stored: Stored) -> None:
        """A binding was written; what is known already, or newer, stays."""
        before = self._all.get(stored.key)
        if before is not None and before.revision >= stored.revision:
            return
        self.forget(stored.key)
        binding, aor = stored.binding, stored.key[:2]
        self._all[stored.key] = stored
        self._by_aor.add((aor[0], aor[1]), stored)
        self._by_source.add(binding.source, stored)
        self._by_flow.add((binding.edge, binding.flow), stored)
        self._aors[binding.account_sid][aor[0], aor[1]] += 1
        if before is not None and self._on_moved is not None:
            was = before.binding
            if (was.edge, was.flow) != (binding.edge, binding.flow):
                self._on_moved(was, binding)

    def forget(self, key: Key) -> None:
        before = self._all.pop(key, None)
        if before is None:
            return
        binding, aor = before.binding, (key[0], key[1])
        self._by_aor.remove(aor, key)
        self._by_source.remove(binding.source, key)
        self._by_flow.remove((binding.edge, binding.flow), key)
        counts = self._aors[binding.account_sid]
        counts[aor] -= 1
        if counts[aor] <= 0:
            del counts[aor]
        if not counts:
            del self._aors[binding.account_sid]

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    async def until_ready(self) -> None:
        await self._ready.wait()

    def of(self, user: str, realm: str) -> list[Stored]:
        """The live bindings of an address of record, the newest first."""
        now = now_ms()
        live = [stored for stored in self._by_aor.get((realm.lower(), user)) if stored.binding.expires_at > now]
        return sorted(live, key=lambda stored: -stored.binding.registered_at)

    def registered_from(self, realm: str, host: str, port: int) -> bool:
        """Whether a device of this realm is registered from this address and port."""
        now, source = now_ms(), f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        found = self._by_source.get(source)
        return any(s.binding.realm == realm.lower() and s.binding.expires_at > now for s in found)

    def on_flow(self, edge: str, flow: str) -> list[Stored]:
        """The bindings on a flow of an edge."""
        return self._by_flow.get((edge, flow))

    def aors(self, account_sid: str, *, but: tuple[str, str] | None = None) -> int:
        """How many addresses of record of an account are registered; `but` (realm, user) is not counted.

        One that has just expired may still be counted.
        """
        counts = self._aors.get(account_sid)
        return 0 if counts is None else len(counts) - (but in counts)

    def __iter__(self) -> Iterator[Stored]:
        """All that is stored, also what has expired and is not yet removed."""
        return iter(list(self._all.values()))


def registrations_bucket(bus: Bus) -> Bucket[Binding]:
    """The bucket of all bindings, keys (realm, user, binding id)."""
    return bus.bucket(BUCKET, Binding, ttl=LONGEST)
