"""How long a binding lives, and what the device is told (RFC 3261 section 10.3 step 6).

Three times are apart: what the account granted, what is stored, and what the device is told. A device behind NAT is
told little, so that its refreshes keep the path open; its binding lives for some refreshes, and the account is asked
again only when its grant is nearly over.
"""

from dataclasses import dataclass

from jambones.common.bus.registrations import Binding

REFRESHES = 3  # of a device behind NAT that may be lost
SLACK = 10  # seconds
RENEWABLE = 30  # seconds that must be left for a refresh that asks nobody


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds."""

    shortest: int = 60
    usual: int = 3600
    longest: int = 3600
    longest_stream: int = 86_400
    nat: int = 30


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Seconds from now."""

    told: int
    stored: int
    granted: int


def too_brief(requested: int | None, bounds: Bounds) -> bool:
    """Whether the answer is 423: asked for less than the shortest time, but not for an end."""
    return requested is not None and 0 < requested < bounds.shortest


def lifetime(requested: int | None, allowed: int | None, *, transport: str, nat: bool, bounds: Bounds) -> Lifetime:
    """The times of a new binding; `allowed` is what the registration hook said, which can only shorten."""
    asked = bounds.usual if requested is None else requested
    granted = min(asked, bounds.longest if transport == "udp" else bounds.longest_stream)
    if allowed is not None and 0 < allowed < granted:
        granted = allowed
    return _of(granted, transport=transport, nat=nat, bounds=bounds)


def renewed(binding: Binding, now_ms: int, *, nat: bool, bounds: Bounds) -> Lifetime | None:
    """The times of a refresh under the grant that holds, None when too little is left of it: then it is asked again."""
    granted = (binding.granted_until - now_ms) // 1000
    if (binding.expires_at - now_ms) // 1000 <= RENEWABLE or granted <= RENEWABLE:
        return None
    return _of(granted, transport=binding.transport, nat=nat, bounds=bounds)


def _of(granted: int, *, transport: str, nat: bool, bounds: Bounds) -> Lifetime:
    if transport != "udp" or not nat:
        return Lifetime(granted, granted, granted)
    return Lifetime(min(bounds.nat, granted), min(granted, REFRESHES * bounds.nat + SLACK), granted)
