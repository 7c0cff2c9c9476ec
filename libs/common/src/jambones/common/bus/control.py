"""Requests to feature servers (change a live call, place a new one) and to the SBC that owns a leg's media."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from jambones.common.bus.event import Question
from jambones.common.ids import AccountSid, CallSid


class Reply(BaseModel):
    """The frozen base of answers."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class CallUpdated(Reply):
    """`status` is the HTTP status for the one who asked; `body` its JSON, when there is one."""

    status: int = 202
    body: dict[str, Any] | None = None


class UpdateCall(Question[CallUpdated]):
    """Live call control: `changes` is the body of PUT /Accounts/{sid}/Calls/{call_sid}, checked by the API.

    The feature server that owns the call answers; nobody does when the call has ended (BusUnavailable).
    """

    SUBJECT: ClassVar[str] = "calls.{call_sid}.update"
    REPLY: ClassVar[type[BaseModel]] = CallUpdated

    call_sid: CallSid
    account_sid: AccountSid
    changes: dict[str, Any]


class CallCreated(Reply):
    """The INVITE is sent."""

    call_sid: CallSid
    sip_call_id: str


class CreateCall(Question[CallCreated]):
    """Place a call from the API: `call` is the body of POST /Accounts/{sid}/Calls, checked and filled in by the API."""

    SUBJECT: ClassVar[str] = "fs.{node_id}.call.create"
    REPLY: ClassVar[type[BaseModel]] = CallCreated

    node_id: str
    account_sid: AccountSid
    call: dict[str, Any]


class LegCommanded(Reply):
    """What the SBC did; `result` is its measurement for `media.stats`."""

    result: dict[str, Any] | None = None


class LegCommand(Question[LegCommanded]):
    """Control of a leg by the SBC that anchors its media.

    `edge_id` and `leg_id` are what it told in X-Jambones-Edge and X-Jambones-Leg. Ask with a limit of two seconds, and
    once more with the same `request_id`: the SBC does it once. `digit` and `duration_ms` belong to `dtmf`.
    """

    SUBJECT: ClassVar[str] = "edge.{edge_id}.leg.{leg_id}.{op}"
    REPLY: ClassVar[type[BaseModel]] = LegCommanded

    edge_id: str
    leg_id: str
    op: Literal["mute", "unmute", "dtmf", "media.stats"]
    request_id: str
    digit: str | None = None
    duration_ms: int = 250
