"""What the calls of this egress share: configuration, counts, the way outside, and where facts go."""

from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from jambones.common.bus.calls import CallRecord
from jambones.common.directory import Directory
from jambones.sbc.admission import Leases
from jambones.sbc.alerts import Alerts
from jambones.sbc.figures import Figures
from jambones.sbc.media import Relay
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.rates import Rates, TokenBucket
from jambones.sbc_outbound.destinations import Surroundings
from jambones.sbc_outbound.devices import Device
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Tables
from jambones.sbc_outbound.ways import Way
from jambones.sip.leg import OutgoingLeg
from jambones.sip.transport import Address
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sbc.decision import Decision, Refusal
    from jambones.sbc_outbound.call import Call


class Outside(Protocol):
    """The public side."""

    async def resolve(self, uri: Uri) -> list[Address]:
        """Addresses to try, best first. Raises Unresolvable."""
        ...

    def host_towards(self, address: Address) -> str:
        """Our own address as a peer there sees it. Raises NoTransport."""
        ...

    async def invite(
        self, way: Way, sdp: bytes | None, rows: Sequence[tuple[str, str]], sip_call_id: str
    ) -> OutgoingLeg:
        """Raises NoTransport."""
        ...


@dataclass
class Environment:
    """One per process; calls read it and never change it, except for `calls`."""

    node_id: str
    private_ip: str
    internal_key: bytes | None
    directory: Directory[Tables]
    leases: Leases
    outside: Outside
    relay: Callable[[str, Way], Relay]
    """(the session's name, the way) to what carries the audio; raises MediaFailed."""
    devices: Callable[[Order], "Decision[tuple[Device, ...] | Refusal]"]
    """The devices of a registered user."""
    flow: Callable[[Device], VirtualFlow]
    feature_server_at: Callable[[Address], str | None]
    """The node that sends from there, when it did not say its name."""
    surroundings: Callable[[], Surroundings]
    record: Callable[[CallRecord], Awaitable[None]]
    alerts: Alerts
    figures: Figures
    down: Container[str] = ()
    """Sids of gateways that are marked down."""
    private_networks: PrefixTable[str] = field(default_factory=PrefixTable)
    invite_timeout: float = 5.0
    max_calls: int = 2000
    calls_per_second: TokenBucket = field(default_factory=lambda: TokenBucket(0, 1))
    account_calls_per_second: Rates = field(default_factory=lambda: Rates(0, 1))
    calls: "dict[str, Call]" = field(default_factory=dict)
    """In progress, by leg id."""
