"""Where calls of registered trunks come from: a watched copy of what their registrations found out."""

from jambones.common.bus import Bus, Changed, Removed
from jambones.common.bus.trunks import LONGEST, SOURCES, TrunkSources

Key = tuple[str, ...]


class EphemeralSources:
    """`of(address)`: sids of the trunks that may call from there now."""

    def __init__(self) -> None:
        self._known: dict[Key, TrunkSources] = {}

    async def follow(self, bus: Bus) -> None:
        """For ever."""
        async for change in bus.bucket(SOURCES, TrunkSources, ttl=LONGEST).watch():
            match change:
                case Changed(key=key, value=sources):
                    self._known[key] = sources
                case Removed(key=key):
                    self._known.pop(key, None)

    def of(self, address: str) -> frozenset[str]:
        # A handful of trunks register; a call looks once.
        return frozenset(s.voip_carrier_sid for s in self._known.values() if address in s.addresses and s.holds)
