"""What happens to calls: status events, call records, tenants' alerts, and the table of live calls."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from jambones.common.bus.event import Recorded
from jambones.common.clock import now_ms
from jambones.common.ids import AccountSid, ApplicationSid, CallSid, ServiceProviderSid, SipGatewaySid, new_sid
from jambones.common.private import Private

Direction = Literal["inbound", "outbound"]
CallStatus = Literal[
    "trying", "ringing", "early-media", "in-progress", "completed", "failed", "busy", "no-answer", "queued"
]
EndedBy = Literal["caller", "callee", "platform"]
Milliseconds = Annotated[int, Field(ge=0)]
"""A stamp: milliseconds since 1970, UTC."""


class _CallEvent(Recorded):
    SUBJECT: ClassVar[str] = "calls.events.{account_sid}.{call_sid}"

    account_sid: AccountSid
    call_sid: CallSid
    at: Milliseconds = Field(default_factory=now_ms)


class CallStarted(_CallEvent):
    """A call came in, or one was sent out."""

    event: Literal["started"] = "started"
    direction: Direction
    from_: Private[str] = Field(alias="from")
    to: Private[str]
    sip_call_id: str
    application_sid: ApplicationSid | None = None
    parent_call_sid: CallSid | None = None
    node_id: str = ""


class CallRinging(_CallEvent):
    """The far end rings (180) or sends early media (183 with SDP)."""

    event: Literal["ringing"] = "ringing"
    sip_status: int = 180
    early_media: bool = False


class CallAnswered(_CallEvent):
    """200 OK."""

    event: Literal["answered"] = "answered"
    sip_status: int = 200


class CallEnded(_CallEvent):
    """The call is over, answered or not."""

    event: Literal["ended"] = "ended"
    sip_status: int
    sip_reason: str = ""
    ended_by: EndedBy
    duration: int = 0
    """Seconds answered."""
    cause: str = ""
    """Why, in the platform's words: "hung up", "media timeout", "script ended", …"""


CallEvent = CallStarted | CallRinging | CallAnswered | CallEnded


class GatewayAttempt(BaseModel):
    """One try of a gateway on the way out."""

    model_config = ConfigDict(frozen=True)

    gateway: str
    status: int
    ms: int


class MediaSummary(BaseModel):
    """What the audio of a call was like, as one side measured it."""

    model_config = ConfigDict(frozen=True)

    packets_in: int = 0
    packets_out: int = 0
    packets_lost: int = 0
    jitter_ms: float | None = None
    mos: float | None = None


class CallRecord(Recorded):
    """The record of one dialog with the outside, written once by the edge that owned it.

    `record_sid` identifies the dialog: give the same one when the same record may be written again.
    """

    SUBJECT: ClassVar[str] = "calls.records.{account_sid}.{record_sid}"

    event: Literal["record"] = "record"
    record_sid: str = Field(default_factory=new_sid)
    call_sid: CallSid | None = None
    """None when the call never reached a feature server."""
    account_sid: AccountSid
    service_provider_sid: ServiceProviderSid | None = None
    application_sid: ApplicationSid | None = None
    direction: Direction
    from_: Private[str] = Field(alias="from")
    to: Private[str]
    sip_callid: str
    """Call-ID on the outside."""
    sip_parent_callid: str | None = None
    answered: bool
    sip_status: int
    sip_reason: str | None = None
    attempted_at: Milliseconds
    answered_at: Milliseconds | None = None
    terminated_at: Milliseconds
    duration: int = 0
    """Seconds answered."""
    termination_reason: str
    """caller hungup, called party hungup, caller abandoned, failed, media timeout, session expired, max duration,
    server shutdown"""
    hangup_side: EndedBy | None = None
    trunk: str | None = None
    """The carrier's name, or "user", "sipUri"."""
    gateway_sid: SipGatewaySid | None = None
    host: str = ""
    """Private address of the edge that wrote it."""
    remote_host: str = ""
    trace_id: str = "0" * 32
    recording_url: str | None = None
    attempts: tuple[GatewayAttempt, ...] = ()
    codec: str | None = None
    media: MediaSummary | None = None
    user_agent: str | None = None
    reasons: tuple[str, ...] = ()
    """How the account, the application and the feature server were chosen, or why the call was refused."""

    def model_post_init(self, context: Any) -> None:
        object.__setattr__(self, "event_id", f"record-{self.record_sid}")


AlertType = Literal[
    "webhook-failure", "webhook-connection-failure", "webhook-url-notfound", "webhook-auth-failure",
    "invalid-app-payload", "no-tts", "no-stt", "no-llm", "tts-failure", "stt-failure", "llm-failure",
    "tts-streaming-connection-failure", "no-carrier", "account-call-limit", "account-device-limit",
    "account-api-limit", "service-provider-call-limit", "service-provider-device-limit",
    "service-provider-api-limit", "account is inactive or suspended", "play-url-notfound",
    "alert-from-application", "error-updating-call", "trunk-register-failure", "gateway-down",
]  # fmt: skip


class Alert(Recorded):
    """Something a tenant should know of."""

    SUBJECT: ClassVar[str] = "alerts.{account_sid}"

    event: Literal["alert"] = "alert"
    at: Milliseconds = Field(default_factory=now_ms)
    account_sid: AccountSid
    service_provider_sid: ServiceProviderSid | None = None
    alert_type: AlertType
    message: str
    detail: str | None = None
    target_sid: str | None = None
    url: str | None = None
    status: int | None = None
    vendor: str | None = None
    label: str | None = None
    call_sid: CallSid | None = None
    repeats: int = 0
    """How many more of the same (account, type, target) were held back in the last minute."""


class LiveCall(BaseModel):
    """A call in progress, or one that ended within the last hour: bucket `calls`, key (account_sid, call_sid)."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True,
        serialize_by_alias=True,
    )  # fmt: skip

    call_sid: CallSid
    account_sid: AccountSid
    application_sid: ApplicationSid | None = None
    direction: Direction
    from_: Private[str] = Field(alias="from")
    to: Private[str]
    caller_id: Private[str] | None = None
    call_id: str
    """SIP Call-ID of the leg at the feature server."""
    sbc_callid: str | None = None
    """Call-ID on the outside."""
    sip_status: int
    sip_reason: str = ""
    call_status: CallStatus
    trace_id: str = "0" * 32
    fs_sip_address: str = ""
    fs_public_ip: str | None = None
    service_url: str = ""
    """The id of the feature server that owns the call."""
    parent_call_sid: CallSid | None = None
    originating_sip_ip: str | None = None
    originating_sip_trunk_name: str | None = None
    call_termination_by: EndedBy | None = None
    duration: int | None = None
    """Seconds; only when completed."""
    api_base_url: str | None = None
    started_at: Milliseconds = Field(default_factory=now_ms)
    expires_at: Milliseconds | None = None
    """For servers that cannot expire single keys: readers pass over what is older."""
