"""Trunks under supervision: requests that an edge sends for a registrar, and where calls of registered trunks are from.

A registrar holds no socket to the outside: it says what to send, an edge sends it and tells the answer.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from jambones.common import clock
from jambones.common.bus.control import Reply
from jambones.common.bus.event import Question
from jambones.common.ids import NodeId, VoipCarrierSid
from jambones.common.private import Private

SOURCES = "trunk_sources"
"""Bucket of TrunkSources, key (carrier sid, gateway sid)."""
LONGEST = 86_400.0


class OutsideAnswered(Reply):
    """The final response; `local`: nobody answered, and status and reason are the edge's own (408, 503)."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    local: bool = False
    server: str | None = None
    """Where it came from, or was waited for: "udp:192.0.2.10:5060"."""


class AskOutside(Question[OutsideAnswered]):
    """Send a request outside any dialog; challenges are answered, other addresses of the next hop are tried."""

    SUBJECT: ClassVar[str] = "edge.{edge_id}.request"
    REPLY: ClassVar[type[BaseModel]] = OutsideAnswered

    edge_id: NodeId
    method: str
    uri: str
    next_hop: str
    """A SIP URI; the request goes where it leads."""
    headers: tuple[tuple[str, str], ...]
    """All but Via: From, To, Call-ID and CSeq too."""
    username: str | None = None
    password: Private[str] | None = None
    limit: float = 8.0
    """Seconds for each answer."""


class TrunkSources(BaseModel):
    """Addresses that a trunk calls from while we are registered with it: its registrar's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    voip_carrier_sid: VoipCarrierSid
    addresses: tuple[str, ...]
    until: int
    """Milliseconds since 1970."""

    @property
    def holds(self) -> bool:
        return self.until > clock.now_ms()
