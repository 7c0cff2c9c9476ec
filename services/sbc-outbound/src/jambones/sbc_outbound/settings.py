"""The egress's settings, from JAMBONES_* variables; each has the default of a small installation."""

from pydantic import Field

from jambones.common.settings import CommaList, SipSettings


class OutboundSettings(SipSettings):
    """What sbc-outbound reads besides what every SIP process reads; `sip_listen` is its public side."""

    private_listen: CommaList = ()
    """Listeners for the feature servers; default: UDP, any port, on the private address."""
    private_cidrs: CommaList = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
    """Far ends in these networks are spoken to from the private address; gateways in them are tried last."""
    allowed_targets: CommaList = ()
    """Private networks that applications may call by SIP URI all the same."""
    own_domains: CommaList = ()
    """Names of this platform: calls to SIP URIs there are loops."""
    session_expires: int = Field(1800, ge=0)
    """Seconds of a session timer asked for towards the outside (RFC 4028); 0: none."""

    max_calls: int = Field(2000, ge=1)
    """Calls in progress on this node."""
    max_cps: float = Field(200, ge=0)
    """New calls a second on this node; 0: no limit."""
    account_max_cps: float = Field(0, ge=0)
    """New calls a second for one account on this node; 0: no limit."""

    invite_timeout: float = Field(5.0, gt=0)
    """Seconds without any response over UDP until the next gateway is tried."""
    ring_timeout: float = Field(180, gt=0)
    """Seconds without an answer or any news from the far end (RFC 3261, timer C)."""
    fs_lost_after: float = Field(15, gt=0)
    """Seconds without a feature server's heartbeat until its calls are ended."""
    reconcile_every: float = Field(60, gt=0)
    """Seconds between comparisons of counts with what is really in progress."""
