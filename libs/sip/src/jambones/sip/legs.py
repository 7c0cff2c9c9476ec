"""The legs of an endpoint, found by their dialog identifiers (RFC 3261 section 12)."""

from collections.abc import Iterator

from jambones.sip.half import Leg
from jambones.sip.replaces import Replaces
from jambones.sip.stats import Stats


class LegTable:
    """Legs in progress, by Call-ID and our tag."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._legs: dict[tuple[str, str], Leg] = {}

    def add(self, leg: Leg) -> None:
        self._legs[leg.sip_call_id, leg.local_tag] = leg
        self._stats.dialogs = len(self._legs)

    def remove(self, leg: Leg) -> None:
        self._legs.pop((leg.sip_call_id, leg.local_tag), None)
        self._stats.dialogs = len(self._legs)

    def find(self, call_id: str, local_tag: str) -> Leg | None:
        return self._legs.get((call_id, local_tag))

    def replaced(self, replaces: Replaces) -> Leg | None:
        """The leg that a Replaces names, its tags in either order (some senders mix them up).

        With ``early-only`` an answered leg is not meant; an early one is meant only if we called (RFC 3891 section 3).
        """
        for local, remote in ((replaces.to_tag, replaces.from_tag), (replaces.from_tag, replaces.to_tag)):
            leg = self.find(replaces.call_id, local)
            if leg is None or leg.ended is not None or leg.remote_tag != remote:
                continue
            if leg.confirmed:
                return None if replaces.early_only else leg
            return leg if leg.owns_call_id else None
        return None

    def __len__(self) -> int:
        return len(self._legs)

    def __iter__(self) -> Iterator[Leg]:
        """A copy: legs may end while they are gone through."""
        return iter(list(self._legs.values()))
