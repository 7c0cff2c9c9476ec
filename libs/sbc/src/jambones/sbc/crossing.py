"""What crosses between the two legs of an answered call: offers, and other requests inside the dialogs.

One offer at a time for the whole call, whichever leg it comes from: a later one is answered 491 (RFC 3261 section
14.1). Each crossing is a task of the call's, so that a BYE is never kept waiting by a slow re-INVITE.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import structlog

from jambones.common.errors import JambonesError, Unavailable
from jambones.sbc import headers
from jambones.sbc.dtmf import RELAY, InfoDigit
from jambones.sbc.media import CallMedia, MediaFailed, Side
from jambones.sip.events import LegEnded, Offered, Requested
from jambones.sip.leg import Leg
from jambones.sip.message import Request, Response

log = structlog.get_logger(__name__)

MOST = 16
"""Requests of one call on their way at a time; a peer that sends more is told to wait."""
GONE = frozenset({408, 481})
"""Statuses that say that the other side no longer knows the dialog (RFC 5057)."""


class Crossing:
    """Joins two legs. `spawn` starts a task of the call's."""

    def __init__(
        self,
        far_end: Leg,
        feature_server: Leg,
        media: CallMedia,
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self._legs = {Side.FAR_END: far_end, Side.FEATURE_SERVER: feature_server}
        self._media = media
        self._spawn = spawn
        self._up = asyncio.Event()
        self._offering = False
        self._awaited_answer: Side | None = None
        self._crossing = 0

    def up(self) -> None:
        """The far end has acknowledged the answer: what the feature server asked meanwhile may pass."""
        self._up.set()

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Make an offer of one's own inside the block; False when the call has one under way, or is not up yet."""
        if self._offering or not self._up.is_set():
            yield False
            return
        self._offering = True
        try:
            yield True
        finally:
            self._offering = False

    def replace(self, far_end: Leg) -> None:
        """Another far end has the call from now on (RFC 3891)."""
        self._legs[Side.FAR_END] = far_end

    def offered(self, side: Side, event: Offered) -> None:
        """A re-INVITE, or an UPDATE with an offer, came from `side`."""
        if self._offering:
            self._spawn(self._refuse(side, event, 491))
            return
        self._offering = True
        self._spawn(self._offer(side, event))

    def acked(self, side: Side, sdp: bytes | None) -> None:
        """An ACK came from `side`; with an answer when it had asked us for an offer."""
        if self._awaited_answer is not side:
            return
        self._awaited_answer = None
        if sdp is None or sdp == self._media.remote(side):
            self._offering = False
            return
        self._spawn(self._late_answer(side, sdp))

    def requested(self, side: Side, event: Requested) -> None:
        """Another request came from `side`."""
        leg = self._legs[side]
        if self._crossing >= MOST:
            self._spawn(self._respond(leg, event, Response(500, headers=[("Retry-After", "2")])))
            return
        self._crossing += 1
        self._spawn(self._request(side, leg, event))

    async def _offer(self, side: Side, event: Offered) -> None:
        try:
            await self._up.wait()
            path = event.headers.get(headers.MEDIA) if side is Side.FEATURE_SERVER else None
            if event.sdp is None:
                await self._asked(side, event)
            elif path is not None:
                await self._move(event, event.sdp, direct=path == headers.PARTIAL)
            elif event.sdp == self._media.remote(side):
                # A session timer's refresh: nothing has changed, so the other side need not be asked.
                await self._legs[side].accept_offer(event, self._media.local(side))
            else:
                await self._pass_on(side, event, event.sdp)
        except LegEnded:
            return  # the call is ending; its own task sees to the rest
        finally:
            if self._awaited_answer is None:
                self._offering = False

    async def _asked(self, side: Side, event: Offered) -> None:
        """A re-INVITE without SDP: offer what we last described; the answer comes with the ACK."""
        local = self._media.local(side)
        if local is None:
            await self._legs[side].refuse_offer(event, 488)
            return
        self._awaited_answer = side
        await self._legs[side].accept_offer(event, local)

    async def _move(self, event: Offered, sdp: bytes, *, direct: bool) -> None:
        """The feature server moves its side of the audio; the far end's stays as it is, so it is not asked."""
        leg = self._legs[Side.FEATURE_SERVER]
        try:
            answer = await self._media.move(sdp, direct=direct)
        except (MediaFailed, Unavailable) as exc:
            log.warning("audio not moved", error=str(exc), direct=direct)
            await leg.refuse_offer(event, 488, headers=[("X-Reason", headers.one_line(str(exc)))])
            await self._roll_back()
            return
        await leg.accept_offer(event, answer)

    async def _pass_on(self, side: Side, event: Offered, sdp: bytes) -> None:
        leg, other = self._legs[side], self._legs[side.other]
        try:
            offer = await self._media.offer(side, sdp)
            answer = await other.reinvite(offer, headers.within_dialog(event.headers))
            if answer.accepted and answer.sdp is not None:
                described = await self._media.answer(side.other, answer.sdp)
                await leg.accept_offer(event, described, headers.to_far_end(answer.headers))
                return
        except MediaFailed as exc:
            log.warning("re-INVITE refused by media", error=str(exc))
            await leg.refuse_offer(event, 488)
            await self._roll_back()
            return
        if answer.status in GONE:
            await leg.refuse_offer(event, 481)
            await leg.hangup(headers=[("Reason", f"SIP;cause={answer.status}")])
            return
        # A 2xx without SDP is no answer to our offer.
        await leg.refuse_offer(event, _beyond(answer.status) if not answer.accepted else 488)
        await self._roll_back()

    async def _late_answer(self, side: Side, sdp: bytes) -> None:
        """The ACK brought another description than the one in force: for the other side it is a new offer."""
        try:
            offer = await self._media.offer(side, sdp)
            answer = await self._legs[side.other].reinvite(offer)
            if answer.accepted and answer.sdp is not None:
                await self._media.answer(side.other, answer.sdp)
            else:
                await self._roll_back()
        except MediaFailed as exc:
            log.warning("late answer not usable", error=str(exc))
            await self._roll_back()
        except LegEnded:
            return
        finally:
            self._offering = False

    async def _roll_back(self) -> None:
        try:
            await self._media.roll_back()
        except JambonesError as exc:
            log.warning("media not rolled back", error=str(exc))

    async def _refuse(self, side: Side, event: Offered, status: int) -> None:
        try:
            await self._legs[side].refuse_offer(event, status)
        except LegEnded:
            return

    async def _request(self, side: Side, leg: Leg, event: Requested) -> None:
        try:
            request = event.request
            if request.method == "UPDATE":  # without an offer: a session timer's refresh
                await self._respond(leg, event, Response(200))
            elif request.method == "INFO" and (digit := _digit(request)) is not None:
                await self._respond(leg, event, Response(200 if isinstance(digit, InfoDigit) else 400))
                if isinstance(digit, InfoDigit):
                    await self._up.wait()
                    await self._legs[side.other].send("INFO", body=str(digit).encode(), content_type=RELAY)
            else:
                await self._up.wait()
                await self._respond(leg, event, await self._forward(side.other, request))
        except LegEnded:
            return
        finally:
            self._crossing -= 1

    async def _forward(self, to: Side, request: Request) -> Response:
        leg = self._legs[to]
        try:
            response = await leg.send(
                request.method,
                headers=headers.within_dialog(request.headers),
                body=request.body,
                content_type=request.content_type,
            )
        except LegEnded:
            if leg is self._legs[to]:
                raise
            return Response(500, headers=[("Retry-After", "0")])  # another has taken its place: that one can be asked
        if leg is not self._legs[to]:
            return response
        if response.status in GONE and request.method != "NOTIFY":  # whose subscription alone is gone (RFC 5057)
            await self._legs[to.other].hangup(headers=[("Reason", f"SIP;cause={response.status}")])
        return response

    async def _respond(self, leg: Leg, event: Requested, response: Response) -> None:
        extra = headers.within_dialog(response.headers)
        if response.body and response.content_type is not None:
            extra.append(("Content-Type", response.content_type))
        status = _beyond(response.status)
        reason = response.reason if status == response.status else None
        await leg.respond(event, status, reason, headers=extra, body=response.body)


def _beyond(status: int) -> int:
    """A status of one side as the other is told: a challenge is between us and who made it."""
    return 403 if status in {401, 407} else status


def _digit(request: Request) -> InfoDigit | str | None:
    """The digit of an INFO, None when it is about something else, a text when it cannot be read."""
    try:
        return InfoDigit.parse(request.content_type, request.body)
    except ValueError as exc:
        return str(exc)
