"""Bindings that are none any more: expired where the server cannot do it by itself, or of an edge that is gone."""

import structlog

from jambones.common.bus.nodes import NodeDirectory
from jambones.common.clock import now_ms
from jambones.common.errors import BusUnavailable
from jambones.registrar.bindings import BindingStore
from jambones.sbc.registrations import Registrations, Stored

log = structlog.get_logger(__name__)

LATE_MS = 5000
"""The server's own expiry comes first where it has one."""


def over(stored: Stored, now: int, edge_silent_for: float, lost_after: float) -> str | None:
    """Why a binding is to go, or None. Its flow ends with the edge: no other edge reaches the device (RFC 5626)."""
    if stored.binding.expires_at + LATE_MS < now:
        return "expired"
    if edge_silent_for > lost_after and now - stored.binding.registered_at > lost_after * 1000:
        return "edge lost"
    return None


class Sweeper:
    """`await sweeper.sweep()` now and then. Several registrars may: a binding is removed only if it is unchanged."""

    def __init__(self, copy: Registrations, store: BindingStore, edges: NodeDirectory, *, lost_after: float) -> None:
        self._copy = copy
        self._store = store
        self._edges = edges
        self._lost_after = lost_after
        self._watching_since: int | None = None

    async def sweep(self) -> None:
        if not self._copy.ready or not self._edges.ready:
            return
        now = now_ms()
        if self._watching_since is None:
            self._watching_since = now
        # Edges that died before we looked were never heard of: give the living time to beat.
        patient = now - self._watching_since < self._lost_after * 1000
        removed: dict[str, int] = {}
        try:
            for stored in self._copy:
                silent = 0.0 if patient else self._edges.silent_for(stored.binding.edge)
                why = over(stored, now, silent, self._lost_after)
                if why is not None and await self._store.end(stored):
                    removed[why] = removed.get(why, 0) + 1
        except BusUnavailable:
            return
        if removed:
            log.info("bindings removed", **{why.replace(" ", "_"): count for why, count in removed.items()})
