"""Offer and answer inside a confirmed dialog: re-INVITE and UPDATE in both directions, glare, and their ACKs.

RFC 3261 section 14, RFC 3311. One exchange at a time: the later of two that cross gets 491.
"""

import asyncio
import weakref
from dataclasses import replace
from random import randrange, uniform
from typing import TYPE_CHECKING

from jambones.sip.accepted import AwaitedAck
from jambones.sip.build import HeaderRows
from jambones.sip.core import ALLOW, SUPPORTED
from jambones.sip.events import Acked, Answer, LegEnded, Offered
from jambones.sip.message import Request, Response
from jambones.sip.session_timer import accept, agreed, min_se, too_brief
from jambones.sip.transaction.layer import ServerTransaction

if TYPE_CHECKING:
    from jambones.sip.half import Leg

_GLARE_TRIES = 3


class Offers:
    """The offer/answer state of one leg after its INVITE was answered."""

    def __init__(self, leg: "Leg") -> None:
        self._leg: Leg = weakref.proxy(leg)  # the leg holds this: a cycle would wait for the collector
        self._theirs: dict[int, ServerTransaction] = {}
        self._ours = False
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()
        self._acks: dict[int, tuple[AwaitedAck, bytes | None]] = {}
        """By CSeq: a 2xx of ours that waits for its ACK, and the offer that it made."""

    @property
    def busy(self) -> bool:
        """Whether an exchange is under way in either direction, or waits for its ACK (RFC 3261 section 14.1)."""
        return self._ours or bool(self._theirs) or bool(self._acks)

    # The peer offers.

    def received(self, transaction: ServerTransaction) -> None:
        """A re-INVITE or UPDATE, its CSeq checked already."""
        request, leg = transaction.request, self._leg
        sdp = request.sdp
        least = leg.core.timers.min_se
        if too_brief(request, least):
            transaction.respond(leg.response(request, 422, headers=[("Min-SE", str(least))]))
            return
        if request.method == "UPDATE" and sdp is None:
            leg.dialog_refresh(request)
            self._accept(transaction, None, ())
            return
        if self._theirs or leg.owes_answer(request.method):
            # RFC 3261 section 14.2 and RFC 3311 section 5.2: one of theirs is not settled yet.
            retry = [("Retry-After", str(randrange(0, 10)))]
            transaction.respond(leg.response(request, 500, headers=retry))
            return
        unanswered = any(offered is not None for _, offered in self._acks.values())
        if self._ours or unanswered or leg.offers_wait(request.method):
            transaction.respond(leg.response(request, 491))
            return
        leg.dialog_refresh(request)
        if sdp is not None and sdp == leg.remote_sdp and leg.local_sdp is not None:
            # Nothing but a refresh of the session, or of the peer's Contact: nobody above needs to hear of it.
            self._accept(transaction, leg.local_sdp, ())
            return
        self._theirs[request.cseq.number] = transaction
        self._idle.clear()
        transaction.on_end = lambda _reason: self._settled(request)
        if not leg.emit(Offered(sdp, request, request.headers)):
            self.refuse(request, 500, None, ())

    def accept(self, request: Request, sdp: bytes | None, headers: HeaderRows) -> None:
        transaction = self._theirs.get(request.cseq.number)
        if transaction is not None and not transaction.answered:
            self._accept(transaction, sdp, headers)
            self._settled(request)

    def refuse(self, request: Request, status: int, reason: str | None, headers: HeaderRows) -> None:
        transaction = self._theirs.get(request.cseq.number)
        if transaction is not None and not transaction.answered:
            transaction.respond(self._leg.response(request, status, reason, headers=headers))
            self._settled(request)

    def acked(self, ack: Request) -> bool:
        """An ACK in the dialog; False when no 2xx of ours waits for it."""
        waiting = self._acks.pop(ack.cseq.number, None)
        if waiting is None:
            return False
        awaited, offered = waiting
        awaited.arrived()
        if offered is not None:
            self._leg.agreed_on(offered, ack.sdp)
            self._leg.emit(Acked(ack.sdp))
        self._rest()
        return True

    def close(self) -> None:
        """The dialog is over: 487 to what the peer still waits for (RFC 3261 section 15.1.2)."""
        for transaction in list(self._theirs.values()):
            if not transaction.answered:
                transaction.respond(self._leg.response(transaction.request, 487))
        self._theirs.clear()
        for awaited, _ in self._acks.values():
            awaited.arrived()
        self._acks.clear()
        self._idle.set()

    def _accept(self, transaction: ServerTransaction, sdp: bytes | None, headers: HeaderRows) -> None:
        leg, request = self._leg, transaction.request
        response = leg.response(request, 200, headers=headers, sdp=sdp)
        for name, value in (("Contact", leg.contact), ("Allow", ALLOW), ("Supported", SUPPORTED)):
            if name not in response.headers:
                response.headers.add(name, value)
        agreement, rows = accept(request, leg.core.timers.min_se)
        response.headers.extend(rows)
        leg.session.agree(agreement)
        if request.body:
            leg.agreed_on(sdp, request.sdp)
        if request.method == "INVITE":
            number = request.cseq.number
            if (before := self._acks.pop(number, None)) is not None:
                before[0].arrived()  # the same request on another branch: one ACK is all that will come
            awaited = AwaitedAck(
                number,
                leg.core.wheel,
                leg.core.timers,
                lambda: transaction.respond(response),
                leg.ack_missing,
            )
            self._acks[number] = (awaited, (sdp or b"") if request.sdp is None else None)
            self._idle.clear()
        transaction.respond(response)

    def _settled(self, request: Request) -> None:
        self._theirs.pop(request.cseq.number, None)
        self._rest()

    def _rest(self) -> None:
        if not self.busy:
            self._idle.set()

    # We offer.

    async def offer(self, method: str, sdp: bytes | None, headers: HeaderRows, *, insist: bool = True) -> Answer:
        """re-INVITE or UPDATE; its final response. Waits its turn, and tries again after 491. Raises LegEnded.

        Without `insist` a 491 is a final response like others.
        """
        rows = list(headers)
        offers = method == "INVITE" or sdp is not None  # else it only refreshes the session, and is in nobody's way
        for attempt in range(_GLARE_TRIES + 1):
            while offers and (self.busy or self._leg.offers_wait(method)):
                if self._leg.ended is not None:
                    raise LegEnded(self._leg.ended)
                await self._wait_for_turn()
            if offers:
                self._ours = True
                self._idle.clear()
            try:
                response = await self._leg.transact(method, headers=rows, body=sdp or b"", content_type=_SDP)
                if 200 <= response.status < 300:
                    self._leg.dialog_refresh(response)
                    self._leg.session.agree(agreed(response))
                    # Where we offered nothing, the 2xx of a re-INVITE offers: the consumer sends ACK with its answer.
                    self._leg.agreed_on(sdp, response.sdp)
                    return Answer(response.status, response.reason, response.sdp, response.headers)
            finally:
                if offers:
                    self._ours = False
                    self._rest()
            if response.status == 422 and self._longer(response):
                continue
            if response.status != 491 or attempt == _GLARE_TRIES or not insist:
                break
            low, high = (
                self._leg.core.timers.glare_owner if self._leg.owns_call_id else self._leg.core.timers.glare_other
            )
            await asyncio.sleep(uniform(low, high))
            if self._leg.ended is not None:
                raise LegEnded(self._leg.ended)
        return Answer(response.status, response.reason, response.sdp, response.headers)

    def _longer(self, response: Response) -> bool:
        """422 asks for a longer session interval (RFC 4028 section 7.3); False when that was done already."""
        session = self._leg.session
        least = min_se(response)
        if session.agreement is None or least <= session.agreement.interval:
            return False
        session.agree(replace(session.agreement, interval=least))
        return True

    async def _wait_for_turn(self) -> None:
        if self.busy:
            await self._idle.wait()
        else:
            await self._leg.offer_settled()


_SDP = "application/sdp"
