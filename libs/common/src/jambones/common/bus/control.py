"""Requests to feature servers: change a live call, place a new one."""

from typing import Any, ClassVar

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
