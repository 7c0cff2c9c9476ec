"""What a call at either SBC is: two tasks that end together, a place among its tenants' calls, a record at the end.

One task reads the events of the leg that came in and never waits for anything slow, so that a CANCEL or BYE is heard at
once; the other admits the call, finds where it goes and follows what happens there. When either ends, the other leg is
hung up with what was said, and the record is written.
"""

import asyncio
from collections.abc import Coroutine, MutableMapping
from typing import Any, Generic, Protocol, TypeVar

import structlog

from jambones.common import logs
from jambones.common.ids import new_sid
from jambones.sbc import headers, trace
from jambones.sbc.admission import CountedCall
from jambones.sbc.alerts import Alerts
from jambones.sbc.crossing import Crossing
from jambones.sbc.decision import Refusal
from jambones.sbc.limits import Room
from jambones.sbc.record import FAILED, PLATFORM_REASONS, CallLog
from jambones.sbc.tenants import Account
from jambones.sip.events import Ended, LegEvent
from jambones.sip.leg import IncomingLeg

log = structlog.get_logger(__name__)


class Home(Room, Protocol):
    """What a call needs of its SBC."""

    @property
    def calls(self) -> MutableMapping[str, Any]:
        """In progress, by leg id."""
        ...

    @property
    def alerts(self) -> Alerts: ...


H = TypeVar("H", bound=Home)
R = TypeVar("R")


class SbcCall(Generic[H]):
    """Run it once with `await call.run()`; `end` may be called from outside.

    `came_in` is the leg of the INVITE, or the one that took its place (RFC 3891).
    """

    def __init__(self, env: H, leg: IncomingLeg, record: CallLog) -> None:
        self.env, self.came_in = env, leg
        self.leg_id = new_sid()
        self.account: Account | None = None
        self.log = record
        self.words = log.bind(leg=self.leg_id, sip_call_id=leg.invite.call_id)
        self._crossing: Crossing | None = None
        self._counted = CountedCall()
        self._tenants: tuple[str, ...] = ()
        self._farewell: headers.HeaderList = []
        """Goes to the other leg with our BYE or CANCEL."""
        self._started = asyncio.get_running_loop().time()
        self._rang = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._group: asyncio.TaskGroup | None = None
        self.over = asyncio.Event()
        """Set at the very end."""

    async def _lead_on(self) -> None:
        """Admit the call and see it through on its other side."""
        raise NotImplementedError

    def _heard(self, event: LegEvent) -> None:
        """An event of the leg that came in."""
        raise NotImplementedError

    async def _write_record(self) -> None:
        raise NotImplementedError

    @property
    def tenants(self) -> tuple[str, ...]:
        """Whose calls this one counts among, once it is counted."""
        return self._tenants if self._counted.state.name == "COUNTED" else ()

    @property
    def seconds(self) -> float:
        """Since the INVITE."""
        return asyncio.get_running_loop().time() - self._started

    async def run(self) -> None:
        """Until both legs are over and the record is written."""
        logs.unbind()
        trace.forget()
        self.env.calls[self.leg_id] = self
        try:
            async with asyncio.TaskGroup() as self._group:
                self.spawn(self._lead_on())
                await self._listen()
                for task in list(self._tasks):
                    task.cancel()
        except BaseException:
            self.log.failed(500, "internal error")
            await self.came_in.hangup(status=500)
            raise
        finally:
            self.env.leases.release(self._counted, self._tenants)
            del self.env.calls[self.leg_id]
            self._crossing = None  # it holds the call
            try:
                await self._write_record()
            finally:
                self.over.set()

    async def _listen(self) -> None:
        """Until the leg that came in is over, and none has taken its place."""
        leg: IncomingLeg | None = None
        while leg is not self.came_in:
            leg = self.came_in
            async for event in leg.events():
                if leg is self.came_in:
                    self._heard(event)

    async def end(self, reason: str) -> None:
        """Hang up both sides for a reason of the platform's ("media lost", "server shutdown")."""
        self.log.hung_up("platform", reason) if self.log.answered_at else self.log.failed(503, reason)
        said = [("Reason", f'SIP;cause=503;text="{reason}"'), ("X-Reason", reason)]
        self._farewell = said
        await self.came_in.hangup(status=503, headers=said)

    def spawn(self, work: Coroutine[object, object, R]) -> asyncio.Task[R]:
        """Start a task that ends with the call."""
        assert self._group is not None
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def refuse(self, refusal: Refusal, *extra: tuple[str, str]) -> None:
        """Turn the caller away."""
        self.words.info("call refused", status=refusal.status, cause=refusal.cause, reasons=self.log.reasons_logged)
        self.log.failed(refusal.status, refusal.x_reason or refusal.cause)
        if refusal.alert is not None and self.account is not None:
            await self.env.alerts.raise_(self.account, refusal.alert, refusal.x_reason or refusal.cause)
        await self.came_in.reject(refusal.status, refusal.reason_phrase, [*refusal.sip_headers(), *extra])

    def _it_ended(self, ended: Ended) -> None:
        """The leg that came in is over: what is said on the other side, and for the record."""
        if not self._farewell:
            self._farewell = headers.of_a_hangup(ended.headers)
        if self.log.answered_at is None:
            if ended.by == "remote":
                self.log.abandoned()
            else:
                self.log.failed(ended.status, ended.reason)
        elif ended.by == "remote":
            self.log.hung_up("caller", ended.headers.get("Reason"), ended.headers.get("X-Reason"))
        elif ended.by == "failure":
            self.log.hung_up("platform", ended.reason)
            self._failed_in_call()

    def _failed_in_call(self) -> None:
        """Neither side hung up: for the record, unless the platform has words of its own for it."""
        if self.log.termination_reason not in PLATFORM_REASONS:
            self.log.termination_reason = FAILED
