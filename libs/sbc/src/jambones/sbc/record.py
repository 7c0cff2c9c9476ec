"""The record of one call, filled while the call runs and written once, at its end."""

import re
from dataclasses import dataclass, field

from jambones.common.bus.calls import CallRecord, Direction, EndedBy, GatewayAttempt, MediaSummary
from jambones.common.clock import now_ms
from jambones.common.ids import AccountSid, ApplicationSid, CallSid, ServiceProviderSid, SipGatewaySid
from jambones.common.private import Private, token
from jambones.sbc.tenants import Account

CALLER, CALLED = "caller hungup", "called party hungup"
ABANDONED, FAILED = "caller abandoned", "failed"
# What a Reason or X-Reason text of ours means for the record; compared in lower case.
PLATFORM_REASONS = ("media lost", "media timeout", "session expired", "max duration", "server shutdown")
_NUMBER = r"\+?\d{6,}"


@dataclass(slots=True)
class CallLog:
    """What is known of the call so far. Stamps are milliseconds since 1970."""

    sip_call_id: str
    from_user: str
    to_user: str
    remote_host: str
    user_agent: str | None = None
    direction: Direction = "inbound"
    attempted_at: int = field(default_factory=now_ms)
    answered_at: int | None = None
    sip_status: int = 0
    sip_reason: str | None = None
    termination_reason: str = FAILED
    hangup_side: EndedBy | None = None
    account: Account | None = None
    application_sid: str | None = None
    trunk: str | None = None
    gateway_sid: str | None = None
    attempts: list[GatewayAttempt] = field(default_factory=list)
    parent_call_id: str | None = None
    """Outbound: the Call-ID on the outside of the call that asked for this one."""
    call_sid: str | None = None
    trace_id: str | None = None
    reasons: list[str] = field(default_factory=list)

    def answered(self) -> None:
        self.answered_at, self.sip_status = now_ms(), 200

    def failed(self, status: int, reason: str | None, *, by: EndedBy = "platform") -> None:
        """A final response above 299 went out, unless something final is known already."""
        if not self.sip_status:
            self.sip_status, self.sip_reason, self.hangup_side = status, reason, by
            self.termination_reason = FAILED

    def abandoned(self) -> None:
        """The caller cancelled."""
        if not self.sip_status:
            self.sip_status, self.hangup_side, self.termination_reason = 487, "caller", ABANDONED

    def hung_up(self, by: EndedBy, *texts: str | None) -> None:
        """An answered call ended. `texts` of Reason headers tell when the platform itself had a reason."""
        if self.hangup_side is not None:
            return
        said = " ".join(text.lower() for text in texts if text)
        ours = next((reason for reason in PLATFORM_REASONS if reason in said), None)
        self.hangup_side = "platform" if ours else by
        self.termination_reason = ours or (CALLER if by == "caller" else CALLED)

    @property
    def reasons_logged(self) -> list[str]:
        """The reasons without the numbers in them: the record, which its tenant alone sees, has them in clear."""
        users = [re.escape(user) for user in (self.from_user, self.to_user) if len(user) > 2]
        private = re.compile(rf"(?<![\w-])(?:{'|'.join([*users, _NUMBER])})(?![\w-])")
        return [private.sub(lambda found: token(found[0]), reason) for reason in self.reasons]

    def record(self, host: str, codec: str | None, media: MediaSummary | None) -> CallRecord | None:
        """The record; None when the account is unknown, wants none, or the caller was only challenged."""
        if self.account is None or self.account.disable_cdrs or self.sip_status in {401, 407}:
            return None
        ended = now_ms()
        return CallRecord(
            call_sid=CallSid(self.call_sid) if self.call_sid else None,
            account_sid=AccountSid(self.account.account_sid),
            service_provider_sid=ServiceProviderSid(self.account.service_provider_sid),
            application_sid=ApplicationSid(self.application_sid) if self.application_sid else None,
            direction=self.direction,
            from_=Private(self.from_user),
            to=Private(self.to_user),
            sip_callid=self.sip_call_id,
            sip_parent_callid=self.parent_call_id,
            answered=self.answered_at is not None,
            sip_status=self.sip_status or 500,
            sip_reason=self.sip_reason,
            attempted_at=self.attempted_at,
            answered_at=self.answered_at,
            terminated_at=ended,
            duration=round((ended - self.answered_at) / 1000) if self.answered_at is not None else 0,
            termination_reason=self.termination_reason,
            hangup_side=self.hangup_side,
            trunk=self.trunk,
            gateway_sid=SipGatewaySid(self.gateway_sid) if self.gateway_sid else None,
            host=host,
            remote_host=self.remote_host,
            trace_id=self.trace_id or "0" * 32,
            codec=codec,
            media=media,
            user_agent=self.user_agent,
            attempts=tuple(self.attempts),
            reasons=tuple(self.reasons),
        )
