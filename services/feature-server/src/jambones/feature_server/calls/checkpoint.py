"""Checkpoints: what another feature server needs to go on with a call when this one dies.

Noted at every verb boundary, written a moment later and only if the verb lasts; short verbs cost a dictionary entry.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from jambones.common.bus.calls import Milliseconds
from jambones.common.clock import now_ms
from jambones.common.ids import AccountSid, ApplicationSid, CallSid, NodeId
from jambones.feature_server.calls.coalesced import CoalescedWriter
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.state import Direction

BUCKET = "checkpoints"
LIFE = 6 * 3600.0
DELAY = 1.0


class SavedCall(BaseModel):
    """A call as it stands: bucket `checkpoints`, key (call_sid). `script[0]` is the verb that was running."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    v: int = 1
    call_sid: CallSid
    account_sid: AccountSid
    application_sid: ApplicationSid | None = None
    node_id: NodeId
    direction: Direction
    call_status: str
    sip_call_id: str
    outside_call_id: str | None = None
    answered: bool
    script: tuple[dict[str, Any], ...]
    base: str = ""
    """The URL that relative hooks belong to."""
    synthesizer: dict[str, Any] | None = None
    recognizer: dict[str, Any] | None = None
    notify_events: bool = False
    customer_data: dict[str, Any] | None = None
    info: dict[str, Any] = {}
    """The common attributes of its hooks."""
    at: Milliseconds


class Checkpoints:
    """The Checkpoint of all calls of this process."""

    def __init__(self, writer: CoalescedWriter[SavedCall], node_id: NodeId) -> None:
        self._writer = writer
        self._node_id = node_id

    def note(self, call: CallSession) -> None:
        self._writer.put((call.info.call_sid,), lambda: saved(call, self._node_id))

    def forget(self, call: CallSession) -> None:
        self._writer.delete((call.info.call_sid,))


def saved(call: CallSession, node_id: NodeId) -> SavedCall:
    """The call as it stands now."""
    info, variables = call.info, call.variables
    script = [call.verb, *call.pending] if call.verb is not None else list(call.pending)
    return SavedCall(
        call_sid=info.call_sid,
        account_sid=info.account_sid,
        application_sid=info.application_sid,
        node_id=node_id,
        direction=call.state.direction,
        call_status=call.state.status.value,
        sip_call_id=info.sip_call_id,
        outside_call_id=info.outside_call_id,
        answered=call.state.answered,
        script=tuple(verb.wire() for verb in script),
        base=call.kit.hooks.base,
        synthesizer=variables.synthesizer.wire() if variables.synthesizer else None,
        recognizer=variables.recognizer.wire() if variables.recognizer else None,
        notify_events=variables.notify_events,
        customer_data=info.customer_data,
        info=info.payload(),
        at=now_ms(),
    )
