"""Whom an application has called with `dial`: it rings, answers, declines, and is a party of the call from then on."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import Answered, Ended, Headers, LegGone, MediaEndpoint, Ringing
from jambones.feature_server.calls.outbound import NotPlaced, Wanted
from jambones.feature_server.calls.reasons import EndedBy
from jambones.feature_server.calls.session import CallSession
from jambones.testing.party import Party
from jambones.testing.platform import Ears
from jambones.testing.timeline import Timeline
from jambones.testing.virtual_time import settle

REASONS = {404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here", 503: "Service Unavailable",
           600: "Busy Everywhere", 603: "Decline"}  # fmt: skip


class Callee(Party):
    """The far end of a call that the platform placed."""

    far_end = EndedBy.CALLEE

    def __init__(self, info: CallInfo, wanted: Wanted, timeline: Timeline) -> None:
        super().__init__(info.to, timeline)
        self.to = info.to
        self.from_ = info.from_
        self.caller_name = wanted.caller_name
        self.invite_headers: Mapping[str, str] = wanted.headers
        """The application's headers of the INVITE."""
        self.wanted = wanted
        self.met = False
        self.cancelled = False
        """The platform gave up before it was answered."""
        self.sip_call_id = info.sip_call_id
        self._info = info
        self._life: asyncio.Task[None] | None = None

    # -- what it does ------------------------------------------------------------------------------------------

    async def rings(self, *, early: bool = False) -> None:
        """180, or with `early` 183 with audio."""
        self.note("rings" if not early else "sends early media")
        if early:
            self._tell(Ringing(183, "Session Progress", early=True, endpoint=self._endpoint))
        else:
            self._tell(Ringing())
        await settle()

    async def answers(self) -> None:
        """200 with audio."""
        if self.gone:
            raise AssertionError(self._told("a call that is over cannot be answered"))
        self.note("answers")
        self.answered = True
        self._info.learn(outside_call_id=f"outside-{self.sip_call_id}")
        self._tell(Answered(self._endpoint))
        await settle()

    async def declines(self, status: int = 486) -> None:
        """A final refusal."""
        self.note(f"declines ({status})")
        self.gone, self.status = True, status
        self._tell(Ended(EndedBy.CALLEE, status, REASONS.get(status, "")))
        await settle()

    @property
    def bridged_with(self) -> bool:
        """Whether somebody hears it, and it somebody."""
        return self._endpoint.bridged

    # -- the platform's side -----------------------------------------------------------------------------------

    async def early_media(self) -> MediaEndpoint:
        self._still_there()
        return self._endpoint

    async def answer(self) -> MediaEndpoint:
        if not self.answered:
            raise LegGone
        return self._endpoint

    async def reject(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        self.gone = self.cancelled = True
        self.status, self.headers = status, dict(headers)
        self.note("is cancelled")

    def lives(self, session: CallSession, ears: Ears, life: Coroutine[Any, Any, None]) -> None:
        self.attach(session, ears)
        self._life = asyncio.get_running_loop().create_task(life)
        self._life.add_done_callback(self._ended)

    def _ended(self, life: asyncio.Task[None]) -> None:
        if self._session is not None and self._session.ending is not None:
            self.over(self._session.ending)
        self.gone = True

    async def done(self) -> None:
        """Wait until its call is over; it hangs up when the platform does not."""
        if self._life is not None:
            if not self._life.done():
                self.hangs_up()
            await asyncio.wait((self._life,))
            self._life.result()


class ScriptedDialer:
    """The Dialer of a scripted call: whoever is called becomes a Callee."""

    def __init__(self, timeline: Timeline, dials: list[Callee], ears: Ears, *, egress: bool) -> None:
        self._timeline, self._dials, self._ears, self._egress = timeline, dials, ears, egress

    async def place(self, info: CallInfo, wanted: Wanted) -> Callee:
        if not self._egress:
            raise NotPlaced("no egress node can take a call")
        callee = Callee(info, wanted, self._timeline)
        self._dials.append(callee)
        callee.note("is called")
        return callee

    def start(self, session: CallSession, life: Coroutine[Any, Any, None]) -> None:
        callee = session.leg
        assert isinstance(callee, Callee)
        callee.lives(session, self._ears, life)
