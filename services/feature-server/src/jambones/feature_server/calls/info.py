"""What is known of a call, and how applications see it: the attributes common to all hooks."""

from dataclasses import dataclass, field
from typing import Any

from jambones.common.ids import AccountSid, ApplicationSid, CallSid, ServiceProviderSid
from jambones.feature_server.calls.state import CallState

Payload = dict[str, Any]


@dataclass
class CallInfo:
    """Identity of one call leg, its state, and what the application attached to it.

    Everything but `state`, `customer_data`, `duration`, `terminated_by` and `bye_headers` is fixed when it starts.
    """

    call_sid: CallSid
    account_sid: AccountSid
    application_sid: ApplicationSid | None
    from_: str
    to: str
    sip_call_id: str
    state: CallState
    trace_id: str = "0" * 32
    caller_name: str = ""
    service_provider_sid: ServiceProviderSid | None = None
    outside_call_id: str | None = None
    """Call-ID of the dialog with the outside."""
    source: str | None = None
    """Address and port the call came from."""
    trunk_name: str | None = None
    """The carrier, by name."""
    trunk_sid: str | None = None
    """The carrier which the call came in on."""
    caller_id: str | None = None
    """Of a leg that was dialled: the number or name it was shown."""
    parent_call_sid: CallSid | None = None
    fs_sip_address: str | None = None
    fs_public_ip: str | None = None
    api_base_url: str | None = None
    customer_data: dict[str, Any] | None = None
    duration: int | None = None
    terminated_by: str | None = None
    bye_headers: dict[str, str] = field(default_factory=dict)
    _fixed: Payload | None = field(default=None, init=False, repr=False)

    def __repr__(self) -> str:
        return f"CallInfo({self.call_sid})"  # numbers stay out of logs

    def payload(self) -> Payload:
        """The common attributes, snake_cased, without those unknown. A fresh dict: add to it."""
        if self._fixed is None:
            self._fixed = self._fixed_payload()
        now = dict(self._fixed)
        state = self.state
        now["call_status"], now["sip_status"], now["sip_reason"] = (
            state.status.value,
            state.sip_status,
            state.sip_reason,
        )
        if self.customer_data is not None:
            now["customerData"] = self.customer_data
        if state.over:
            if self.terminated_by is not None:
                now["call_termination_by"] = self.terminated_by
            if self.duration is not None:
                now["duration"] = self.duration
            if self.bye_headers:
                now["headers"] = self.bye_headers
        return now

    def learn(self, *, outside_call_id: str | None = None, trunk_name: str | None = None) -> None:
        """What the SBC tells of the far side of a call that it placed; None: nothing new."""
        if outside_call_id is not None and outside_call_id != self.outside_call_id:
            self.outside_call_id, self._fixed = outside_call_id, None
        self.trunk_name = trunk_name or self.trunk_name

    def _fixed_payload(self) -> Payload:
        attributes = {
            "call_sid": self.call_sid,
            "direction": self.state.direction,
            "from": self.from_,
            "to": self.to,
            "call_id": self.sip_call_id,
            "sbc_callid": self.outside_call_id,
            "account_sid": self.account_sid,
            "application_sid": self.application_sid,
            "trace_id": self.trace_id,
            "parent_call_sid": self.parent_call_sid,
            "originating_sip_ip": self.source,
            "originating_sip_trunk_name": self.trunk_name if self.state.direction == "inbound" else None,
            "caller_id": self.caller_id,
            "fs_sip_address": self.fs_sip_address,
            "fs_public_ip": self.fs_public_ip,
            "api_base_url": self.api_base_url,
        }
        return {name: value for name, value in attributes.items() if value is not None}
