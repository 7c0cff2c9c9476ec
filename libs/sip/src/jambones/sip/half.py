"""One side of a call: what the two halves of a B2BUA, and a user agent, hold of a dialog (RFC 3261 section 12).

Everything below call events lives here and in the transactions: retransmissions, ACKs, races, glare.
"""

import asyncio
from collections.abc import AsyncIterator

from jambones.sip import build
from jambones.sip.build import HeaderRows
from jambones.sip.core import Core
from jambones.sip.events import Answer, Ended, LegEnded, LegEvent, Offered, Requested
from jambones.sip.headers import Headers
from jambones.sip.message import Request, Response
from jambones.sip.offers import Offers
from jambones.sip.queue import EventQueue
from jambones.sip.sending import SDP, Sending
from jambones.sip.status import phrase
from jambones.sip.traces import Observer
from jambones.sip.transaction.layer import ServerTransaction
from jambones.sip.transport import Address, Flow


class Leg(Sending):
    """What incoming and outgoing legs share. ``events()`` has one consumer and ends after ``Ended``."""

    def __init__(self, core: Core, invite: Request, flow: Flow, *, owns_call_id: bool, pinned: bool = False) -> None:
        super().__init__(core, flow, owns_call_id=owns_call_id, pinned=pinned)
        self.invite = invite
        """The INVITE that was received or sent."""
        self._events = EventQueue()
        self._offers = Offers(self)
        self._pending: dict[tuple[int, str], ServerTransaction] = {}
        self._open = asyncio.Event()
        """Set once offers inside the dialog may begin, or the leg is over."""
        self._early_agreed = False

    # What the consumer sees.

    @property
    def source(self) -> Address:
        """The peer's transport address."""
        return self.flow.remote

    @property
    def sip_call_id(self) -> str:
        return self.invite.call_id

    @property
    def local_tag(self) -> str:
        raise NotImplementedError

    @property
    def remote_tag(self) -> str:
        return self.dialog.remote_tag if self.dialog is not None else ""

    @property
    def confirmed(self) -> bool:
        """Whether a 2xx was sent or received."""
        return self.dialog is not None and self.dialog.confirmed

    def events(self) -> AsyncIterator[LegEvent]:
        """What happens, in order."""
        return self._events

    async def reinvite(self, sdp: bytes | None, headers: HeaderRows = (), *, insist: bool = True) -> Answer:
        """re-INVITE; its final response. Waits its turn and, with ``insist``, tries again after 491. Raises LegEnded.

        With ``sdp`` None a 2xx brings the peer's offer: ``ack(sdp)`` must follow.
        """
        return await self._offers.offer("INVITE", sdp, headers, insist=insist)

    async def update(self, sdp: bytes | None, headers: HeaderRows = ()) -> Answer:
        """UPDATE (RFC 3311); its final response. Raises LegEnded."""
        return await self._offers.offer("UPDATE", sdp, headers)

    async def send(
        self, method: str, *, headers: HeaderRows = (), body: bytes = b"", content_type: str | None = None
    ) -> Response:
        """Another request in the dialog; its final response, 408 or 503 made by us when there was none.

        Raises LegEnded, also before there is a dialog.
        """
        return await self.transact(method, headers=headers, body=body, content_type=content_type)

    async def accept_offer(self, event: Offered, sdp: bytes | None, headers: HeaderRows = ()) -> None:
        """200 to a re-INVITE or UPDATE; nothing happens when the peer waits no longer."""
        self._offers.accept(event.request, sdp, headers)

    async def refuse_offer(
        self, event: Offered, status: int, reason: str | None = None, headers: HeaderRows = ()
    ) -> None:
        self._offers.refuse(event.request, status, reason, headers)

    async def respond(
        self,
        event: Requested,
        status: int,
        reason: str | None = None,
        headers: HeaderRows = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer a request in the dialog; nothing happens when the peer waits no longer."""
        request = event.request
        transaction = self._pending.pop((request.cseq.number, request.method), None)
        if transaction is not None and not transaction.answered:
            response = self.response(request, status, reason, headers=headers, body=body, content_type=content_type)
            if request.method in {"REFER", "SUBSCRIBE"} and 200 <= status < 300 and "Contact" not in response.headers:
                response.headers.add("Contact", self.contact)  # a dialog usage begins (RFC 3515, RFC 6665)
            transaction.respond(response)

    async def hangup(self, *, status: int | None = None, reason: str | None = None, headers: HeaderRows = ()) -> None:
        """End the leg the way its state asks for: BYE, CANCEL or a final response. Idempotent, never raises."""
        raise NotImplementedError

    def follow(self, observer: Observer) -> None:
        """Show the INVITE that came, and each message of this leg from now on."""
        if self.ended is None:
            self.core.follow(self, observer)

    # What offers and the endpoint use.

    def offers_wait(self, method: str) -> bool:
        """Whether the offer and answer of the INVITE itself are under way.

        After a reliable provisional answered the offer, UPDATE may make another before the call is answered (RFC 3311).
        """
        return not self._open.is_set() and not (method == "UPDATE" and self._early_agreed)

    def owes_answer(self, method: str) -> bool:
        """Whether the peer's own INVITE is not settled yet, so that another offer of its comes too early."""
        return False

    def agreed_early(self, ours: bytes, theirs: bytes) -> None:
        """The INVITE's offer was answered by a reliable provisional response."""
        self._early_agreed = True
        self.agreed_on(ours, theirs)

    async def offer_settled(self) -> None:
        await self._open.wait()

    def emit(self, event: LegEvent) -> bool:
        return self._events.put(event)

    def ack_missing(self) -> None:
        """A 2xx of ours was never acknowledged: RFC 3261 section 13.3.1.4."""
        self.core.stats.ack_timeouts += 1
        self._bye([("Reason", 'SIP;cause=200;text="ACK timeout"')])
        self.end(Ended("failure", 408, "ACK timeout"))

    def response(
        self,
        request: Request,
        status: int,
        reason: str | None = None,
        *,
        headers: HeaderRows = (),
        sdp: bytes | None = None,
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Response:
        """A response to a request in this dialog."""
        if sdp is not None:
            body, content_type = sdp, SDP
        built = build.response(
            request, status, reason, to_tag=self.local_tag, headers=headers, body=body, content_type=content_type
        )
        if self.core.server:
            built.headers.add("Server", self.core.server)
        return built

    def received(self, transaction: ServerTransaction) -> None:
        """A request in the dialog that no transaction knows."""
        request, dialog = transaction.request, self.dialog
        if request.method == "BYE":
            self._received_bye(transaction)
            return
        if self.ended is not None or dialog is None:
            transaction.respond(self.response(request, 481))
            return
        if not dialog.accepts(request):
            transaction.respond(self.response(request, 500, headers=[("Retry-After", "0")]))
            return
        if transaction.flow.remote.reliable or transaction.flow.remote != self.flow.remote:
            self.flow = transaction.flow
        if request.method in {"INVITE", "UPDATE"}:
            self._offers.received(transaction)
            return
        key = (request.cseq.number, request.method)
        if key in self._pending:
            # The same request on another branch, as a proxy that forks or loops makes it: one of them is answered.
            transaction.respond(self.response(request, 482))
            return
        self._pending[key] = transaction
        transaction.on_end = lambda _reason: self._forget(key)
        if not self.emit(Requested(request)):
            transaction.respond(self.response(request, 500, headers=[("Retry-After", "1")]))

    def _forget(self, key: tuple[int, str]) -> None:
        self._pending.pop(key, None)

    def acked(self, ack: Request) -> None:
        """An ACK that belongs to no transaction."""
        self._offers.acked(ack)

    def end(self, ended: Ended) -> None:
        """The leg is over; only the first call counts."""
        if self.ended is not None:
            return
        self.ended = ended
        self.session.close()
        self._offers.close()
        if self._unacked is not None:  # the peer hung up before its offer was answered
            unacked, self._unacked = self._unacked, None
            self.core.spawn(self._send_ack(unacked, None))
        for transaction in list(self._pending.values()):
            if not transaction.answered:
                transaction.respond(self.response(transaction.request, 487))
        self._pending.clear()
        self._open.set()
        self.emit(ended)
        self.core.remove_leg(self)

    def flow_lost(self) -> None:
        """The connection ended. Where only the peer can open another, it has a while to do so."""
        lost = self.flow
        if self._pinned or lost.remote.transport in {"ws", "wss"}:
            self.core.wheel.after(self.core.timers.flow_grace, self._flow_gone, lost)

    def _flow_gone(self, lost: Flow) -> None:
        if self.flow is lost and not lost.alive:
            self.end(Ended("failure", 480, "connection lost"))

    def abort(self) -> None:
        """The endpoint closes: say goodbye without waiting for an answer."""
        raise NotImplementedError

    def _refresh(self) -> None:
        self.core.spawn(self._refresh_session())

    async def _refresh_session(self) -> None:
        """UPDATE where the peer knows it, else re-INVITE with what was agreed on before."""
        updates = "update" in self.peer_allows or self.local_sdp is None
        try:
            answer = await (self.update(None) if updates else self.reinvite(self.local_sdp))
        except LegEnded:
            return
        if not answer.accepted:
            self.session.again()  # 408 and 481 have ended the leg already

    def _received_bye(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if self.dialog is not None and not self.dialog.accepts(request):
            transaction.respond(self.response(request, 500, headers=[("Retry-After", "0")]))
            return
        transaction.respond(self.response(request, 200))
        self._ended_by_bye(request)

    def _ended_by_bye(self, bye: Request) -> None:
        self.end(Ended("remote", 200, "OK", bye.headers))


def final(status: int, reason: str | None, headers: Headers | None = None) -> Ended:
    """How a leg ends that we ended."""
    return Ended("local", status, reason or phrase(status), headers if headers is not None else Headers())
