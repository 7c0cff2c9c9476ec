"""What applications and accounts are asked and told: the bodies of hooks, for the `webhooks` of the description.

The platform sends them; see docs on signatures (`Jambonz-Signature`). Attributes that are not known are left out.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CallStatus = Literal[
    "trying", "ringing", "early-media", "in-progress", "completed", "failed", "busy", "no-answer", "queued"
]
SID = "0d9f4e70-6f0b-4a51-8d1e-1b6a5d3c9f10"


class Hook(BaseModel):
    """Attributes may be added; readers pass over those they do not know."""

    model_config = ConfigDict(extra="allow")


class CallInfo(Hook):
    """What every hook of a call has."""

    call_sid: str = Field(examples=[SID])
    direction: Literal["inbound", "outbound"]
    from_: str = Field(alias="from", description="User part of the From header.", examples=["+442070000001"])
    to: str = Field(description="The called user.", examples=["+442070000002"])
    call_id: str = Field(description="SIP Call-ID on our side.")
    sbc_callid: str | None = Field(None, description="SIP Call-ID of the dialog with the outside.")
    call_status: CallStatus
    sip_status: int = Field(examples=[200])
    sip_reason: str = Field(examples=["OK"])
    account_sid: str
    application_sid: str | None = None
    trace_id: str | None = None
    caller_id: str | None = None
    parent_call_sid: str | None = Field(None, description="Of legs that a call dialled.")
    originating_sip_ip: str | None = None
    originating_sip_trunk_name: str | None = None
    fs_sip_address: str | None = None
    fs_public_ip: str | None = None
    api_base_url: str | None = Field(None, description="Where the REST API is, for live control.")
    customerData: dict[str, Any] | None = Field(None, description="What `tag` attached, verbatim.")  # noqa: N815


class NewCall(CallInfo):
    """A call that an application shall handle."""

    caller_name: str | None = Field(None, description="Display name of the From header.")
    service_provider_sid: str | None = None
    defaults: dict[str, Any] | None = Field(None, description="Speech settings of the application.")
    env_vars: dict[str, Any] | None = Field(None, description="Settings of the application, verbatim.")
    sip: dict[str, Any] | None = Field(None, description="The INVITE, verbatim; POST and WebSocket only.")


class StatusEvent(CallInfo):
    """A call has another status."""

    call_termination_by: Literal["caller", "jambonz"] | None = Field(None, description="Of completed calls.")
    duration: int | None = Field(None, description="Seconds since the answer, of completed calls.")


class VerbOutcome(CallInfo):
    """What came of a verb: the members depend on it; see the reference of verbs."""

    verb_id: str | None = Field(None, description="The `id` of the verb.")
    reason: str | None = Field(None, examples=["dtmfDetected"])
    digits: str | None = None
    speech: dict[str, Any] | None = None


class RegistrationQuestion(Hook):
    """A device wants to register or to call: is its digest right? (RFC 7616; no HA1 is sent.)"""

    source_address: str = Field(examples=["192.0.2.44"])
    source_port: int = Field(examples=[5062])
    method: Literal["REGISTER", "INVITE"]
    expires: int | None = Field(None, description="Seconds asked for.")
    headers: dict[str, Any] | None = Field(None, description="SIP headers; POST only.")
    scheme: Literal["digest"] = "digest"
    username: str
    realm: str
    nonce: str
    uri: str
    algorithm: str | None = None
    response: str
    qop: str | None = None
    nc: str | None = None
    cnonce: str | None = None
    opaque: str | None = None


class RegistrationVerdict(Hook):
    """The answer, always with status 200."""

    status: str = Field(description='"ok" accepts; anything else is a 403 with `msg`.', examples=["ok"])
    msg: str | None = None
    expires: int | None = Field(None, description="Seconds granted, at most those asked for.")
    call_hook: str | dict[str, Any] | None = Field(None, description="The application of calls the device places.")
    call_status_hook: str | dict[str, Any] | None = None
    application_sid: str | None = None
    allow_direct_app_calling: bool | None = None
    allow_direct_queue_calling: bool | None = None
    allow_direct_user_calling: bool | None = None
    blacklist: int | bool | None = Field(None, description="Seconds to refuse the source address; 0: for ever.")


class QueueEvent(CallInfo):
    """A call has joined or left a queue."""

    event: Literal["join", "leave"]
    queue: str
    length: int = Field(description="Calls that wait after it.")
    join_time: int | None = Field(None, description="Milliseconds since 1970.")
    leave_time: int | None = Field(None, description="Milliseconds since 1970.")
    leave_reason: Literal["abandoned", "dequeued"] | None = None
    dequeuer: CallInfo | None = None


class MachineDetection(CallInfo):
    """Whether a person or a machine has answered."""

    type: Literal[
        "amd_human_detected", "amd_machine_detected", "amd_no_speech_detected", "amd_decision_timeout",
        "amd_tone_detected", "amd_machine_stopped_speaking", "amd_error", "amd_stopped",
    ]  # fmt: skip
    reason: str | None = None
    hint: str | None = None
    greeting: str | None = None
    language: str | None = None


class VerbItem(Hook):
    """One verb and its properties."""

    verb: str = Field(examples=["say"])


Script = list[VerbItem]
"""Verbs, run one after the other."""


@dataclass(frozen=True)
class Webhook:
    """One kind of hook: who is asked, with what, and what the answer means."""

    name: str
    summary: str
    body: type[BaseModel]
    answer: Any
    """None: the answer is not read."""


WEBHOOKS = (
    Webhook("call", "A call has come, or one placed over the API is answered: which verbs?", NewCall, Script),
    Webhook("callStatus", "A call has another status (`call_status_hook`).", StatusEvent, None),
    Webhook("action", "A verb has ended (`actionHook` and its kin); verbs replace the script.", VerbOutcome, Script),
    Webhook("machineDetection", "Who has answered (`amd.actionHook`).", MachineDetection, Script),
    Webhook(
        "registration",
        "A device registers or calls (`registration_hook` of an account or a service provider).",
        RegistrationQuestion,
        RegistrationVerdict,
    ),
    Webhook("queueEvent", "A call joined or left a queue (`queue_event_hook` of an account).", QueueEvent, None),
)
