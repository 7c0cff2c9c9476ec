"""Tells the world how a call goes: status events to the application, facts to the bus, the row of live calls.

Status events of a call are sent one after another; the call itself never waits for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from jambones.common.bus.calls import CallAnswered, CallEnded, CallRinging, CallStarted, LiveCall
from jambones.common.bus.event import Recorded
from jambones.common.clock import now_ms
from jambones.common.ids import NodeId
from jambones.common.private import Private
from jambones.common.verbs.hook import Hook
from jambones.feature_server.calls.coalesced import CoalescedWriter
from jambones.feature_server.calls.collaborators import Alerts, HookFailed, Hooks
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.feature_server.calls.state import CallStatus

log = structlog.get_logger(__name__)

LIVE_BUCKET = "calls"
LIVE_DELAY = 1.0
REFRESH = 60.0
LIVE_FOR = 150.0
"""Seconds after which the row of a call counts as left behind by a dead process: two refreshes missed."""
REMEMBERED_FOR = 3600.0
"""Seconds for which the row of an ended call can be read."""


class CallReporter:
    """The Reporter of one call."""

    def __init__(
        self,
        info: CallInfo,
        *,
        hooks: Hooks,
        status_hook: Hook | None,
        alerts: Alerts,
        record: Callable[[Recorded], None],
        live: CoalescedWriter[LiveCall],
        node_id: NodeId,
    ) -> None:
        self._info = info
        self._hooks = hooks
        self._status_hook = status_hook
        self._alerts = alerts
        self._record = record
        self._live = live
        self._node_id = node_id
        self._started_at = now_ms()
        self._queue: deque[tuple[Hook, Payload]] = deque()
        self._sender: asyncio.Task[None] | None = None
        self.ending: Ending | None = None

    def status(self) -> None:
        """The state has changed: tell everybody."""
        info = self._info
        if self._status_hook is not None:
            self._queue.append((self._status_hook, info.payload()))
            if self._sender is None:
                self._sender = asyncio.get_running_loop().create_task(self._send())
        self._record(self._fact())
        self.refresh()

    def redirect_status(self, hook: Hook) -> None:
        """Status events go to `hook` from now on."""
        self._status_hook = hook

    def refresh(self) -> None:
        """Write the row of live calls again."""
        self._live.put((self._info.account_sid, self._info.call_sid), self.row)

    def of_leg(self, info: CallInfo, hooks: Hooks) -> "CallReporter":
        """The reporter of another leg of this call, whose events go to the same hook."""
        return CallReporter(
            info,
            hooks=hooks,
            status_hook=self._status_hook,
            alerts=self._alerts,
            record=self._record,
            live=self._live,
            node_id=self._node_id,
        )

    async def done(self) -> None:
        """Wait until all status events have been sent, or have failed."""
        if self._sender is not None:
            await self._sender

    async def close(self) -> None:
        """Send no more."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait((self._sender,))

    async def _send(self) -> None:
        while self._queue:
            hook, payload = self._queue.popleft()
            try:
                await self._hooks.tell("call:status", hook, payload)
            except HookFailed as exc:
                self._alerts.alert(self._info, exc.alert, exc.message, **exc.data)
            except Exception:  # the events after it must not be lost with this one
                log.exception("status event failed", call_sid=self._info.call_sid)
        self._sender = None

    def _fact(self) -> Recorded:
        info, state = self._info, self._info.state
        whose = {"account_sid": info.account_sid, "call_sid": info.call_sid}
        match state.status:
            case CallStatus.TRYING:
                return CallStarted(
                    **whose,
                    direction=state.direction,
                    from_=Private(info.from_),
                    to=Private(info.to),
                    sip_call_id=info.sip_call_id,
                    application_sid=info.application_sid,
                    parent_call_sid=info.parent_call_sid,
                    node_id=self._node_id,
                )
            case CallStatus.RINGING | CallStatus.EARLY_MEDIA:
                early = state.status is CallStatus.EARLY_MEDIA
                return CallRinging(**whose, sip_status=state.sip_status, early_media=early)
            case CallStatus.IN_PROGRESS:
                return CallAnswered(**whose)
        ending = self.ending
        return CallEnded(
            **whose,
            sip_status=state.sip_status,
            sip_reason=state.sip_reason,
            ended_by=ending.by.value if ending is not None else "platform",
            cause=ending.cause if ending is not None else "",
            duration=info.duration or 0,
        )

    def row(self) -> LiveCall:
        """The call as others see it."""
        info, state, ending = self._info, self._info.state, self.ending
        life = REMEMBERED_FOR if state.over else LIVE_FOR
        return LiveCall(
            call_sid=info.call_sid,
            account_sid=info.account_sid,
            application_sid=info.application_sid,
            direction=state.direction,
            from_=Private(info.from_),
            to=Private(info.to),
            caller_id=Private(info.caller_name) if info.caller_name else None,
            call_id=info.sip_call_id,
            sbc_callid=info.outside_call_id,
            sip_status=state.sip_status,
            sip_reason=state.sip_reason,
            call_status=state.status.value,
            trace_id=info.trace_id,
            fs_sip_address=info.fs_sip_address or "",
            fs_public_ip=info.fs_public_ip,
            service_url=self._node_id,
            parent_call_sid=info.parent_call_sid,
            originating_sip_ip=info.source,
            originating_sip_trunk_name=info.trunk_name,
            call_termination_by=ending.by.value if ending is not None and state.answered else None,
            duration=info.duration,
            api_base_url=info.api_base_url,
            started_at=self._started_at,
            expires_at=now_ms() + round(life * 1000),
        )
