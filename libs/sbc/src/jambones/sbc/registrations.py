"""A watched copy of all bindings: who is registered, and where, without asking anybody (RFC 3261 section 10)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from jambones.common.bus import Bucket, Bus, Changed, Removed, SnapshotDone
from jambones.common.bus.registrations import BUCKET, LONGEST, Binding
from jambones.common.clock import now_ms
from jambones.common.tasks import Tasks

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A binding as the bucket has it: key (realm, user, binding id)."""

    key: Key
    binding: Binding
    revision: int


class Registrations:
    """Open it with `async with Registrations.watching(bus)`; before `ready` an empty answer means nothing."""

    def __init__(self) -> None:
        self._by_aor: dict[tuple[str, str], dict[str, Stored]] = {}
        self._by_source: dict[str, dict[Key, Stored]] = {}
        self._ready = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def watching(cls, bus: Bus) -> AsyncIterator[Self]:
        """Watch inside the block, which does not wait for the first snapshot."""
        registrations = cls()
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
        realm, user, binding_id = stored.key
        known = self._by_aor.setdefault((realm, user), {})
        before = known.get(binding_id)
        if before is None or before.revision < stored.revision:
            known[binding_id] = stored
            if before is not None and before.binding.source != stored.binding.source:
                self._forget_source(before)
            self._by_source.setdefault(stored.binding.source, {})[stored.key] = stored

    def forget(self, key: Key) -> None:
        realm, user, binding_id = key
        known = self._by_aor.get((realm, user), {})
        if (before := known.pop(binding_id, None)) is not None:
            self._forget_source(before)
        if not known:
            self._by_aor.pop((realm, user), None)

    def _forget_source(self, stored: Stored) -> None:
        of_source = self._by_source.get(stored.binding.source, {})
        of_source.pop(stored.key, None)
        if not of_source:
            self._by_source.pop(stored.binding.source, None)

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    async def until_ready(self) -> None:
        await self._ready.wait()

    def of(self, user: str, realm: str) -> list[Stored]:
        """The live bindings of an address of record, the newest first."""
        now = now_ms()
        found = self._by_aor.get((realm.lower(), user), {}).values()
        live = [stored for stored in found if stored.binding.expires_at > now]
        return sorted(live, key=lambda stored: -stored.binding.registered_at)

    def registered_from(self, realm: str, host: str, port: int) -> bool:
        """Whether a device of this realm is registered from this address and port."""
        now, source = now_ms(), f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        found = self._by_source.get(source, {}).values()
        return any(s.binding.realm == realm.lower() and s.binding.expires_at > now for s in found)

    def aors(self, account_sid: str) -> int:
        """How many addresses of record of an account are registered."""
        now = now_ms()
        return sum(
            any(s.binding.account_sid == account_sid and s.binding.expires_at > now for s in known.values())
            for known in self._by_aor.values()
        )

    def __iter__(self) -> Iterator[Stored]:
        """All that is stored, also what has expired and is not yet removed."""
        for known in list(self._by_aor.values()):
            yield from list(known.values())


def registrations_bucket(bus: Bus) -> Bucket[Binding]:
    """The bucket of all bindings, keys (realm, user, binding id)."""
    return bus.bucket(BUCKET, Binding, ttl=LONGEST)
