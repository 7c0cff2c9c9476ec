"""INVITEs to the outside until one is answered: one gateway, or all devices of a user at the same time.

Their events come together in one queue, so that everything is handled in the order in which it happened. The first 2xx
wins; the other INVITEs are cancelled. The winner is followed until the call is over.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from jambones.sbc.media import MediaFailed
from jambones.sbc_outbound.attempt import Attempt
from jambones.sbc_outbound.forking import best
from jambones.sbc_outbound.ways import Way
from jambones.sip.events import Acked, Answered, Ended, LegEvent, Offered, Progress, Requested
from jambones.sip.transport.hub import NoTransport

if TYPE_CHECKING:
    from jambones.sbc_outbound.call import Call

log = structlog.get_logger(__name__)

ELSEWHERE = [("Reason", 'SIP;cause=200;text="Call completed elsewhere"')]
WAITING = 64
Told = tuple[Attempt, LegEvent]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody took the call; `early_media`: the caller had heard the far end before."""

    ended: Ended
    attempt: Attempt | None
    early_media: bool = False
    ours: bool = False
    """The fault is the platform's or the description's: another gateway would make no difference."""


@dataclass
class Ringing:
    """Use it once: `await Ringing(call).run(ways)`."""

    call: "Call"
    _events: asyncio.Queue[Told] = field(default_factory=lambda: asyncio.Queue(WAITING))
    _ringing: list[Attempt] = field(default_factory=list)
    _refusals: list[Refused] = field(default_factory=list)
    _winner: Attempt | None = None
    _early_media: bool = False
    _forked: bool = False

    async def run(self, ways: Sequence[Way], *, silence: float | None = None) -> Refused | None:
        """Call all `ways`; None when the call was answered, and is over now.

        `silence`: seconds in which a lone way must give any response. Raises LegEnded when the caller has gone.
        """
        self._forked = len(ways) > 1
        for way in ways:
            await self._begin(way)
        loop = asyncio.get_running_loop()
        silent_at = loop.time() + silence if silence is not None else None
        while self._ringing or self._winner is not None:
            try:
                async with asyncio.timeout_at(silent_at):
                    attempt, event = await self._events.get()
            except TimeoutError:
                silent_at = None
                if (quiet := await self._give_up_silent(silence)) is not None:
                    return quiet
                continue
            silent_at = None
            if await self._heard(attempt, event):
                return None
        return self._verdict()

    async def _begin(self, way: Way) -> None:
        try:
            attempt = await self.call.begin(way)
        except MediaFailed as exc:
            self._refusals.append(Refused(Ended("failure", exc.status, str(exc)), None, ours=True))
        except NoTransport as exc:
            self._refusals.append(Refused(Ended("failure", 503, f"no listener for {exc}"), None))
        else:
            self._ringing.append(attempt)
            self.call.spawn(self._read(attempt))

    async def _read(self, attempt: Attempt) -> None:
        async for event in attempt.leg.events():
            await self._events.put((attempt, event))

    async def _give_up_silent(self, silence: float | None) -> Refused | None:
        """No response at all: do not wait for the transaction's own end after half a minute."""
        if self._winner is not None or len(self._ringing) != 1 or self._ringing[0].leg.trying:
            return None
        (attempt,) = self._ringing
        await attempt.leg.hangup()
        await self.call.failed(attempt, 408)
        return Refused(Ended("failure", 408, f"no response in {silence:g} s"), attempt)

    async def _heard(self, attempt: Attempt, event: LegEvent) -> bool:
        """Take in one event; True when the call was answered and is over."""
        match event:
            case Progress() if self._winner is None:
                told = await self.call.progressed(attempt, event, with_media=not self._forked)
                self._early_media = self._early_media or told
            case Answered() if self._winner is None:
                await self._answered(attempt, event)
            case Ended() if attempt is self._winner:
                await self.call.hung_up_outside(event)
                return True
            case Ended() if attempt in self._ringing:
                await self._not_answered(attempt, event)
            case Offered() if attempt is self._winner:
                self.call.offered(attempt, event)
            case Requested() if attempt is self._winner:
                self.call.requested(attempt, event)
            case Requested():
                # Nobody to ask yet: the feature server has no dialog before its 200.
                await attempt.leg.respond(event, 500, headers=[("Retry-After", "2")])
            case Acked(sdp) if attempt is self._winner:
                self.call.acked(attempt, sdp)
            case _:
                pass
        return False

    async def _answered(self, attempt: Attempt, event: Answered) -> None:
        try:
            await self.call.answered(attempt, event)
        except MediaFailed as exc:
            reason = [("Reason", f'SIP;cause={exc.status};text="media not usable"')]
            self._ringing.remove(attempt)
            await attempt.leg.hangup(headers=reason)
            await self.call.failed(attempt, exc.status)
            self._refusals.append(Refused(Ended("failure", exc.status, str(exc)), attempt, ours=True))
            return
        self._winner = attempt
        for other in self._ringing:
            if other is not attempt:
                await other.leg.hangup(headers=ELSEWHERE)
                await self.call.failed(other, 487)
        self._ringing.clear()

    async def _not_answered(self, attempt: Attempt, ended: Ended) -> None:
        self._ringing.remove(attempt)
        await self.call.failed(attempt, ended.status)
        self._refusals.append(Refused(ended, attempt, self._early_media))
        if ended.by == "remote" and ended.status >= 600:
            # RFC 3261 section 16.7: nobody of this user wants the call.
            for other in list(self._ringing):
                await other.leg.hangup(headers=[("Reason", f"SIP;cause={ended.status}")])

    def _verdict(self) -> Refused:
        assert self._refusals, "there was at least one way"
        chosen = self._refusals[best([refusal.ended.status for refusal in self._refusals])]
        return Refused(chosen.ended, chosen.attempt, self._early_media, chosen.ours)
