"""The edge's settings, from JAMBONES_* variables; each has the default of a small installation."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from jambones.common.settings import CommaList, SipSettings
from jambones.sbc_inbound.filter import ALWAYS_BLOCKED, SCANNERS


class EdgeSettings(SipSettings):
    """What sbc-inbound reads besides what every SIP process reads."""

    private_listen: CommaList = ()
    """Listeners towards the feature servers; default: UDP, any port, on the private address."""
    private_cidrs: CommaList = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
    """Far ends in these networks are spoken to from the private address."""

    unknown_sources: Literal["reject", "drop"] = "reject"
    """Sources that no trunk and no realm explains: 404, or no answer at all."""
    blocked_sources: CommaList = ALWAYS_BLOCKED
    scanner_agents: CommaList = SCANNERS
    scanner_action: Literal["drop", "decline"] = "drop"
    source_rate: float = Field(50, ge=0)
    """New dialogs a second from one source that is no gateway; 0: no limit."""
    source_burst: float = Field(100, ge=1)
    trusted_sip_proxies: CommaList = ()
    """Networks whose X-Forwarded-For names the real source."""
    trusted_http_proxies: CommaList = ()
    """Networks whose X-Forwarded-For names the real source of a WebSocket."""

    advertise: CommaList = ()
    """What the outside calls a listener, where `public_ip` and its own port are not it: "wss:sip.acme.net:443"."""
    tls_cert: Path | None = None
    """The certificate chain (PEM) of the tls and wss listeners; read again when it changes."""
    tls_key: Path | None = None
    tls_min: Literal["1.2", "1.3"] = "1.2"
    ws_origins: CommaList = ()
    """Pages that WebSockets may come from, "https://phone.acme.net"; none: any."""

    flow_grace: float = Field(10, ge=0)
    """Seconds that a binding outlives its connection."""
    trust_registered_flows: bool = False
    """A call on the very connection that its user is registered on is not challenged."""
    device_app_first: bool = False
    """An account's application for devices goes before names of applications, queues and conferences."""
    user_calling: bool = True
    """Registered users of a realm may dial each other by name."""

    max_calls: int = Field(2000, ge=1)
    """Calls in progress on this edge."""
    max_cps: float = Field(200, ge=0)
    """New calls a second on this edge; 0: no limit."""
    account_max_cps: float = Field(0, ge=0)
    """New calls a second for one account on this edge; 0: no limit."""
    max_loop_lag: float = Field(0.2, gt=0)
    """Seconds the event loop may be late, three times in a row, before new calls are refused."""

    fs_timeout: float = Field(2.0, gt=0)
    """Seconds a feature server may take for its 100 before another one is tried."""
    fs_attempts: int = Field(3, ge=1)
    ring_timeout: float = Field(180, gt=0)
    """Seconds without an answer or any news from the feature server (RFC 3261, timer C)."""
    fs_lost_after: float = Field(15, gt=0)
    """Seconds without a feature server's heartbeat until its calls are ended."""
    reconcile_every: float = Field(60, gt=0)
    """Seconds between comparisons of counts and rtpengine's calls with what is really in progress."""
