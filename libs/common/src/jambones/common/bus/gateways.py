"""Gateways that do not answer OPTIONS: bucket `gateways_down`, key (gateway sid), gone when its time is over.

Whoever pings writes; whoever calls keeps a watched copy and tries such a gateway only when there is no other.
"""

from pydantic import BaseModel, ConfigDict

from jambones.common import clock

BUCKET = "gateways_down"
LONGEST = 86_400.0
"""Seconds that a mark may last at most."""


class GatewayDown(BaseModel):
    """A mark of one gateway."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    until: int
    """Milliseconds since 1970; after that the mark is none, whatever the bucket says."""
    why: str = ""
    """"timeout", "503 Service Unavailable", …"""

    @property
    def holds(self) -> bool:
        return self.until > clock.now_ms()
