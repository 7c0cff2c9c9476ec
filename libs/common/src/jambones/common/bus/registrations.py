"""Bindings of registered devices: bucket `registrations`, one key a binding, watched by whoever calls devices."""

from pydantic import BaseModel, ConfigDict

from jambones.common import clock
from jambones.common.ids import AccountSid, NodeId

BUCKET = "registrations"
LONGEST = 86_400.0
"""Seconds that any value lives at most; each has its own time to live below that."""


class Binding(BaseModel):
    """Where one device of an address of record is reached (RFC 3261 section 10): key (realm, user, binding id)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    account_sid: AccountSid
    user: str
    """The user part of the address of record, case-sensitive."""
    realm: str
    """Its host, in lower case."""
    contact: str
    """The Contact URI as sent, without angle brackets: the Request-URI of calls to the device."""
    instance: str | None = None
    """`+sip.instance` (RFC 5626), without quotes and angle brackets."""
    reg_id: int | None = None
    transport: str
    source: str
    """Where the REGISTER came from, "192.0.2.4:5062"."""
    edge: NodeId
    """The edge that holds the flow."""
    flow: str
    """The flow's id at that edge."""
    path: tuple[str, ...] = ()
    """Path values (RFC 3327), outermost first."""
    registered_at: int
    expires_at: int
    """Milliseconds since 1970. After that the binding is none, whatever the bucket says."""
    granted_until: int
    """Until when the account's verdict holds: a refresh before that asks nobody."""
    sip_call_id: str
    cseq: int
    user_agent: str | None = None
    application_sid: str | None = None
    call_hook: str | None = None
    """The application of calls placed by the device, as the registration hook said: a URL, or a hook object as JSON."""
    call_status_hook: str | None = None
    allow_direct_app_calling: bool = True
    allow_direct_queue_calling: bool = True
    allow_direct_user_calling: bool = True

    @property
    def aor(self) -> str:
        return f"{self.user}@{self.realm}"

    @property
    def alive(self) -> bool:
        return self.expires_at > clock.now_ms()
