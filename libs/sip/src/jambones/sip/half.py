"""One side of a call: what the two halves of a B2BUA, and a user agent, hold of a dialog (RFC 3261 section 12).

Everything below call events lives here and in the transactions: retransmissions, ACKs, races, glare.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from jambones.sip import build
from jambones.sip.auth import Authenticator, is_challenge
from jambones.sip.build import HeaderRows
from jambones.sip.core import ALLOW, SUPPORTED, Core
from jambones.sip.dialog import Dialog
from jambones.sip.events import Answer, Ended, LegEnded, LegEvent, Offered, Requested
from jambones.sip.grammar import GrammarError
from jambones.sip.headers import Headers
from jambones.sip.message import Request, Response
from jambones.sip.offers import Offers
from jambones.sip.queue import EventQueue
from jambones.sip.route import next_hop
from jambones.sip.status import phrase
from jambones.sip.transaction.layer import ServerTransaction
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.resolver import Unresolvable, numeric
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials

SDP = "application/sdp"


class Leg:
    """What incoming and outgoing legs share. ``events()`` has one consumer and ends after ``Ended``."""

    def __init__(self, core: Core, invite: Request, flow: Flow, *, owns_call_id: bool, pinned: bool = False) -> None:
        self.core = core
        self.invite = invite
        """The INVITE that was received or sent."""
        self.flow = flow
        """The way the peer's messages come."""
        self.owns_call_id = owns_call_id
        self._pinned = pinned or type(flow) is VirtualFlow
        """Whether requests take ``flow`` and no other way, whatever Contact and routes say."""
        self.dialog: Dialog | None = None
        self.ended: Ended | None = None
        self._events = EventQueue()
        self._offers = Offers(self)
        self._pending: dict[tuple[int, str], ServerTransaction] = {}
        self._authenticator: Authenticator | None = None
        self._acks: dict[int, tuple[Request, Flow]] = {}
        self._unacked: int | None = None
        """CSeq of a 2xx of the peer whose SDP offer the consumer has to answer with ``ack``."""
        self._open = asyncio.Event()
        """Set once offers inside the dialog may begin, or the leg is over."""

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

    async def reinvite(self, sdp: bytes | None, headers: HeaderRows = ()) -> Answer:
        """re-INVITE; its final response. Waits its turn and tries again after 491. Raises LegEnded.

        With ``sdp`` None a 2xx brings the peer's offer: ``ack(sdp)`` must follow.
        """
        return await self._offers.offer("INVITE", sdp, headers)

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

    async def ack(self, sdp: bytes | None) -> None:
        """The ACK, with our answer, of a 2xx that made the offer."""
        if self._unacked is not None:
            number, self._unacked = self._unacked, None
            await self._send_ack(number, sdp)

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
            transaction.respond(
                self.response(request, status, reason, headers=headers, body=body, content_type=content_type)
            )

    async def hangup(self, *, status: int | None = None, reason: str | None = None, headers: HeaderRows = ()) -> None:
        """End the leg the way its state asks for: BYE, CANCEL or a final response. Idempotent, never raises."""
        raise NotImplementedError

    # What offers and the endpoint use.

    @property
    def contact(self) -> str:
        return self.core.contact(self.flow)

    @property
    def offer_outstanding(self) -> bool:
        """Whether the offer and answer of the INVITE itself are under way."""
        return not self._open.is_set()

    async def offer_settled(self) -> None:
        await self._open.wait()

    def emit(self, event: LegEvent) -> bool:
        return self._events.put(event)

    def dialog_refresh(self, message: Request | Response) -> None:
        if self.dialog is not None:
            self.dialog.refresh(message)

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
        self._offers.close()
        for transaction in list(self._pending.values()):
            if not transaction.answered:
                transaction.respond(self.response(transaction.request, 487))
        self._pending.clear()
        self._open.set()
        self.emit(ended)
        self.core.remove_leg(self)

    def abort(self) -> None:
        """The endpoint closes: say goodbye without waiting for an answer."""
        raise NotImplementedError

    async def transact(
        self, method: str, *, headers: HeaderRows = (), body: bytes = b"", content_type: str | None = None
    ) -> Response:
        """A request in the dialog and its final response; challenges are answered when there are credentials."""
        tried: set[str] = set()
        rows = list(headers)
        if method in {"INVITE", "UPDATE"}:
            given = {name.lower() for name, _ in rows}
            ours = (("Contact", self.contact), ("Allow", ALLOW), ("Supported", SUPPORTED))
            rows += [row for row in ours if row[0].lower() not in given]
        authorization: list[tuple[str, str]] = []
        while True:
            request = self._request(method, [*rows, *authorization], body, content_type if body else None)
            response = await self._exchange(request)
            if is_challenge(response) and self._authenticator is not None and self.ended is None:
                answer = self._authenticator.answer(request, response, tried)
                if answer is not None:
                    authorization = [answer]
                    continue
            break
        if response.status in {408, 481} and method != "BYE":
            # RFC 3261 section 12.2.1.2: the peer knows the dialog no more, or does not exist.
            self._bye(())
            self.end(Ended("failure", response.status, response.reason, response.headers))
        return response

    # How the classes derived send.

    def use_credentials(self, credentials: "Credentials | None") -> None:
        self._authenticator = Authenticator(credentials) if credentials is not None else None

    def _request(
        self, method: str, headers: HeaderRows = (), body: bytes = b"", content_type: str | None = None
    ) -> Request:
        if self.ended is not None or self.dialog is None:
            raise LegEnded(self.ended)
        return self.dialog.request(method, self._fallback_uri(), headers=headers, body=body, content_type=content_type)

    def _fallback_uri(self) -> Uri:
        """The Request-URI towards a peer that gave no Contact."""
        seen = self.flow.remote
        params = {} if seen.transport == "udp" else {"transport": seen.transport}
        return Uri("sip", host=seen.host, port=seen.port, params=params)

    async def _exchange(self, request: Request) -> Response:
        try:
            flow = self._flow_now() or await self._flow_resolved()
        except (Unresolvable, NoTransport, GrammarError) as exc:
            return build.response(request, 503, f"Unresolvable: {exc}")
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def on_response(response: Response, local: bool) -> None:
            if response.status < 200:
                return
            if request.method == "INVITE" and response.status < 300:
                self._accepted(request, response)
            if not final.done():
                final.set_result(response)

        self.core.send_request(request, flow, on_response)
        return await final

    def _accepted(self, request: Request, response: Response) -> None:
        """A 2xx to a re-INVITE, perhaps for the second time."""
        number = request.cseq.number
        if number in self._acks:
            self._repeat_ack(number)
        elif request.body:
            self.dialog_refresh(response)
            self.core.spawn(self._send_ack(number, None))
        else:
            self.dialog_refresh(response)
            self._unacked = number

    async def _send_ack(self, number: int, sdp: bytes | None) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        ack = dialog.request(
            "ACK", self._fallback_uri(), body=sdp or b"", content_type=SDP if sdp is not None else None, cseq=number
        )
        try:
            flow = self._flow_now() or await self._flow_resolved()
        except (Unresolvable, NoTransport, GrammarError):
            return
        self._acks[number] = (ack, flow)
        while len(self._acks) > 2:  # an older one is not asked for any more
            del self._acks[next(iter(self._acks))]
        self.core.send_ack(ack, flow)

    def _repeat_ack(self, number: int) -> None:
        ack, flow = self._acks[number]
        self.core.send_ack(ack, flow)

    def _flow_now(self) -> Flow | None:
        """The way for requests in the dialog; None when a name must be looked up first."""
        hop = self._next_hop()
        if hop is None:
            return self.flow if self.flow.alive or self._pinned else self.core.flow_to(self.flow.remote)
        address = numeric(hop)
        return self.core.flow_to(address) if address is not None else None

    async def _flow_resolved(self) -> Flow:
        hop = self._next_hop()
        assert hop is not None
        return self.core.flow_to((await self.core.resolve(hop))[0])

    def _next_hop(self) -> Uri | None:
        dialog = self.dialog
        assert dialog is not None
        if self._pinned:
            return None
        return next_hop(dialog, self.flow.remote, nat_fix=self.core.nat_fix, as_server=not self.owns_call_id)

    def _bye(self, headers: HeaderRows) -> None:
        """Send BYE, once; its answer matters to nobody, but a challenge is answered."""
        if self.dialog is not None and self.dialog.confirmed and self.ended is None:
            self.core.spawn(self._say_goodbye(self._request("BYE", headers), headers))

    async def _say_goodbye(self, request: Request, headers: HeaderRows) -> None:
        response = await self._exchange(request)
        if is_challenge(response) and self._authenticator is not None and self.dialog is not None:
            answer = self._authenticator.answer(request, response, set())
            if answer is not None:
                again = self.dialog.request("BYE", self._fallback_uri(), headers=[*headers, answer])
                await self._exchange(again)

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
