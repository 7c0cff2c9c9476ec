"""What the calls of this edge share: configuration, counts, the way inside, and where facts go."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from jambones.common.bus.calls import CallRecord
from jambones.common.bus.nodes import Choice
from jambones.common.directory import Directory
from jambones.common.ids import NodeId
from jambones.sbc.admission import Leases
from jambones.sbc.alerts import Alerts
from jambones.sbc.figures import Figures
from jambones.sbc.media import Relay
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.rates import Rates, TokenBucket
from jambones.sbc_inbound.tables import Tables
from jambones.sbc_inbound.trunk_sources import EphemeralSources
from jambones.sbc_inbound.users import Users
from jambones.sip.address import NameAddr
from jambones.sip.leg import Leg, OutgoingLeg
from jambones.sip.replaces import Replaces
from jambones.sip.transport import Address
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sbc_inbound.call import Call


class FeatureServers(Protocol):
    """Choosing a feature server; `NodeDirectory` does it from a watched copy of the heartbeats."""

    def choose(self, *, zone: str = "", exclude: Iterable[str] = ()) -> Choice: ...

    def failed(self, node_id: NodeId) -> None: ...


class Invite(Protocol):
    """Send an INVITE to the private side."""

    async def __call__(
        self,
        uri: Uri,
        *,
        from_: NameAddr,
        to: NameAddr,
        sdp: bytes | None,
        headers: Iterable[tuple[str, str]],
        destination: Address,
        call_id: str,
    ) -> OutgoingLeg: ...


@dataclass
class Environment:
    """One per process; calls read it and never change it, except for `calls`."""

    node_id: str
    private_ip: str
    edge_uri: str
    """Where the private side reaches this edge."""
    internal_key: bytes | None
    directory: Directory[Tables]
    leases: Leases
    feature_servers: FeatureServers
    invite: Invite
    relay: Callable[[str, bytes | None, Address, bool], Relay]
    """(leg id, the far end's SDP, its address, whether it is a trunk) to what carries the audio."""
    record: Callable[[CallRecord], Awaitable[None]]
    alerts: Alerts
    figures: Figures
    users: Users
    trunk_sources: EphemeralSources
    zone: str = ""
    fs_timeout: float = 2.0
    fs_attempts: int = 3
    max_calls: int = 2000
    calls_per_second: TokenBucket = field(default_factory=lambda: TokenBucket(0, 1))
    account_calls_per_second: Rates = field(default_factory=lambda: Rates(0, 1))
    trusted_proxies: PrefixTable[str] = field(default_factory=PrefixTable)
    leg_for: Callable[[Replaces], Leg | None] = lambda replaces: None
    """The leg outside that a Replaces names (see `Endpoint.leg_for`)."""
    calls: "dict[str, Call]" = field(default_factory=dict)
    """In progress, by leg id."""
