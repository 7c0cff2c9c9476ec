"""The registrar's settings, from JAMBONES_* variables; each has the default of a small installation."""

from pydantic import Field

from jambones.common.settings import ServiceSettings


class RegistrarSettings(ServiceSettings):
    """What the registrar reads besides what every process reads."""

    min_expires: int = Field(60, ge=1)
    """Seconds; a device that asks for less (but not 0) is told to ask for more (423)."""
    default_expires: int = Field(3600, ge=1)
    """Seconds for a device that asks for none."""
    max_expires: int = Field(3600, ge=1)
    """Seconds at most over UDP."""
    max_expires_stream: int = Field(86_400, ge=1)
    """Seconds at most over TCP, TLS and WebSocket, where a lost connection ends the binding."""
    nat_expires: int = Field(30, ge=5)
    """Seconds told to a device behind NAT on UDP, so that it keeps its path open."""
    max_contacts: int = Field(5, ge=1)
    """Devices of one address of record; a further one takes the place of the oldest."""
    exclusive_contact: bool = False
    """Only the last device of an address of record stays registered."""
    challenge_sha256: bool = False
    """Offer SHA-256 beside MD5; some phones cannot take two challenges."""
    nonce_lifetime: float = Field(300, gt=0)
    """Seconds that a challenge may be answered."""
    registration_hook_timeout: float = Field(5, gt=0)
    auth_failures: int = Field(10, ge=0)
    """Failed authentications from one source in a minute that block it; 0: never."""
    auth_failures_user: int = Field(30, ge=0)
    """The same for one user from all sources: further attempts in that minute are refused unheard; 0: never."""
    block_seconds: int = Field(900, ge=1)
    sweep_every: float = Field(10, gt=0)
    """Seconds between looks for bindings that have expired or whose edge is gone."""
    edge_lost_after: float = Field(30, ge=10)
    """Seconds without an edge's heartbeat until the bindings of its devices are dropped."""

    options_ping_interval: float = Field(60, gt=0)
    """Seconds between OPTIONS to a gateway that wants them."""
    ping_timeout: float = Field(5, gt=0)
    ping_ttl: float = Field(300, gt=0)
    """Seconds that a gateway is marked down for after the last failure."""
    trunk_expires: int = Field(3600, ge=60)
    """Seconds asked for when we register with a carrier."""
    trunk_spread: float = Field(15, ge=0)
    """The first registrations of a new leader come within so many seconds, at random."""
    leader_lease: float = Field(30, ge=1)
    """Seconds after which another registrar supervises the trunks when the leading one is gone."""
