"""Which bindings an accepted REGISTER makes, replaces and ends (RFC 3261 section 10.3, RFC 5626 section 6).

`plan` is pure; `BindingStore` carries a plan out, key by key, each only if nobody else was first.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from jambones.common.bus import Bucket, Bus
from jambones.common.bus.registrations import Binding
from jambones.common.clock import now_ms
from jambones.common.errors import Conflict
from jambones.registrar.register import AskedContact
from jambones.sbc.registrations import Key, Registrations, Stored, registrations_bucket
from jambones.sip.grammar import GrammarError
from jambones.sip.uri import Uri


@dataclass(frozen=True, slots=True)
class Write:
    """Set a key that still has `revision`, or is not there (None)."""

    key: Key
    binding: Binding
    revision: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    writes: tuple[Write, ...] = ()
    ends: tuple[Stored, ...] = ()


class OutOfOrder(Exception):
    """A binding has this Call-ID with a later CSeq already: the request comes late (RFC 3261 section 10.3 step 7)."""


def binding_id(instance: str | None, reg_id: int | None, contact: str) -> str:
    """Names a device of an address of record: its instance and flow number, else its Contact."""
    text = f"{instance} {reg_id}" if instance else contact
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:20]


def key_of(binding: Binding) -> Key:
    return binding.realm, binding.user, binding_id(binding.instance, binding.reg_id, binding.contact)


def matching(current: Sequence[Stored], contact: AskedContact) -> list[Stored]:
    """The bindings that a Contact names: by instance and flow number, else by its address."""
    return [stored for stored in current if _same_device(stored.binding, contact)]


def plan(
    current: Sequence[Stored], new: Sequence[Binding], ended: Sequence[Stored], *, most: int, exclusive: bool
) -> Plan:
    """New bindings replace those of the same device, of the same flow, and beyond `most` the oldest. Raises OutOfOrder.

    `ended` go anyway: see `in_order`. Bindings of one request do not replace each other.
    """
    fresh = {key_of(binding): binding for binding in new}
    gone = {stored.key: stored for stored in ended if stored.key not in fresh}
    for binding in fresh.values():
        for stored in current:
            if _same(binding, stored.binding):
                in_order([stored], binding.sip_call_id, binding.cseq)
            if stored.key not in fresh and (exclusive or _replaces(binding, stored.binding)):
                gone[stored.key] = stored
    staying = [stored for stored in current if stored.key not in fresh and stored.key not in gone]
    surplus = len(staying) + len(fresh) - most if fresh else 0
    oldest_first = sorted(staying, key=lambda stored: stored.binding.registered_at)
    gone |= {stored.key: stored for stored in oldest_first[: max(0, surplus)]}
    known = {stored.key: stored.revision for stored in current}
    writes = tuple(Write(key, binding, known.get(key)) for key, binding in fresh.items())
    return Plan(writes, tuple(gone.values()))


def in_order(touched: Sequence[Stored], sip_call_id: str, cseq: int) -> None:
    """Whether a request may change or end these bindings: not one that was overtaken by a later one of its series.

    Raises OutOfOrder (RFC 3261 section 10.3 steps 6 and 7).
    """
    if any(one.binding.sip_call_id == sip_call_id and cseq <= one.binding.cseq for one in touched):
        raise OutOfOrder


def _replaces(new: Binding, old: Binding) -> bool:
    return (new.edge == old.edge and new.flow == old.flow) or _same(new, old)


def _same(new: Binding, old: Binding) -> bool:
    return _same_device(old, AskedContact(new.contact, new.instance, new.reg_id))


def _same_device(binding: Binding, contact: AskedContact) -> bool:
    if contact.instance is not None and binding.instance is not None:
        return (binding.instance, binding.reg_id) == (contact.instance, contact.reg_id)
    try:
        return Uri.parse(binding.contact).same_address(Uri.parse(contact.uri))
    except GrammarError:
        return binding.contact == contact.uri


class BindingStore:
    """The bucket and the watched copy of it, which hears of our own writes at once."""

    def __init__(self, bus: Bus, copy: Registrations) -> None:
        self._bucket: Bucket[Binding] = registrations_bucket(bus)
        self._copy = copy

    async def carry_out(self, plan: Plan) -> None:
        """Raises Conflict when another registrar was first (then the copy knows better), or BusUnavailable."""
        for write in plan.writes:
            await self._write(write)
        for stored in plan.ends:
            await self.end(stored)

    async def end(self, stored: Stored) -> bool:
        """Remove a binding unless it was renewed meanwhile; whether it is gone."""
        try:
            await self._bucket.delete(*stored.key, revision=stored.revision)
        except Conflict:
            await self._look(stored.key)
            return False
        self._copy.forget(stored.key)
        return True

    async def _write(self, write: Write) -> None:
        ttl = max(1.0, (write.binding.expires_at - now_ms()) / 1000)
        try:
            if write.revision is None:
                revision = await self._bucket.create(*write.key, value=write.binding, ttl=ttl)
            else:
                revision = await self._bucket.update(*write.key, value=write.binding, revision=write.revision, ttl=ttl)
        except Conflict:
            await self._look(write.key)
            raise
        self._copy.note(Stored(write.key, write.binding, revision))

    async def _look(self, key: Key) -> None:
        now = await self._bucket.get(*key)
        if now is None:
            self._copy.forget(key)
        else:
            self._copy.note(Stored(key, now.value, now.revision))
