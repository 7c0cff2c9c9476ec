"""What peers ask: requests in dialogs find their leg, others their handler or their refusal (RFC 3261 section 8.2)."""

from collections.abc import Awaitable, Callable
from logging import getLogger

from jambones.sip import build
from jambones.sip.build import HeaderRows
from jambones.sip.core import ALLOW, EXTENSIONS, SUPPORTED, Core
from jambones.sip.errands import Errands
from jambones.sip.grammar import GrammarError
from jambones.sip.legs import LegTable
from jambones.sip.message import Request
from jambones.sip.outside import IncomingRequest, refusal
from jambones.sip.session_timer import too_brief
from jambones.sip.transaction.layer import ServerTransaction
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.uas import IncomingLeg

log = getLogger(__name__)

OnInvite = Callable[[IncomingLeg], Awaitable[None]]
OnRequest = Callable[[IncomingRequest], Awaitable[None]]
RETRY_AFTER = ("Retry-After", "5")


class Reception:
    """The user of the transaction layer."""

    def __init__(
        self, core: Core, legs: LegTable, errands: Errands, on_invite: OnInvite, on_request: OnRequest | None
    ) -> None:
        self._core = core
        self._legs = legs
        self._errands = errands
        self._on_invite = on_invite
        self._on_request = on_request
        self.draining = False
        self.closing = False

    # User: what the transaction layer tells.

    def admit(self, request: Request, flow: Flow) -> bool:
        return not self.closing

    def reopen(self, remote: Address) -> Flow | None:
        try:
            return self._core.flow_to(remote)
        except NoTransport:
            return None

    def new_request(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        tag = request.to.tag
        if tag and request.method != "REGISTER":  # which belongs to no dialog, whatever tag a client keeps
            leg = self._legs.find(request.call_id, tag)
            if leg is not None and leg.remote_tag == (request.from_.tag or ""):
                if not self._refused_extension(transaction):
                    leg.received(transaction)
            else:
                self.answer(transaction, 481)
            return
        if self._refused_extension(transaction):
            return
        if (refused := refusal(request)) is not None:
            self.answer(transaction, refused[0], headers=refused[1])
        elif request.method == "INVITE":
            self._invited(transaction)
        elif request.method in {"BYE", "PRACK", "UPDATE"}:
            self.answer(transaction, 481)
        elif request.method == "OPTIONS" and (self.draining or self._on_request is None):
            status = 503 if self.draining else 200
            rows = [RETRY_AFTER] if self.draining else [("Allow", ALLOW), ("Supported", SUPPORTED)]
            self.answer(transaction, status, headers=[*rows, ("Accept", "application/sdp")])
        elif self._on_request is not None:
            self._errands.start(self._serve(self._on_request, IncomingRequest(self, transaction)))
        elif request.method in ALLOW or request.method == "REGISTER":
            self.answer(transaction, 405, headers=[("Allow", ALLOW)])
        else:
            self.answer(transaction, 501, headers=[("Allow", ALLOW)])

    def stray_ack(self, request: Request, flow: Flow) -> None:
        leg = self._legs.find(request.call_id, request.to.tag or "")
        if leg is not None:
            leg.acked(request)
        else:
            self._core.stats.dropped["stray-ack"] += 1

    def cancelled(self, transaction: ServerTransaction, cancel: Request) -> None:
        leg = transaction.user_data
        if isinstance(leg, IncomingLeg):
            leg.cancelled(cancel)

    def answer(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
        *,
        headers: HeaderRows = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Respond to a request outside any dialog."""
        response = build.response(
            transaction.request,
            status,
            reason,
            to_tag=build.new_tag(),
            headers=headers,
            body=body,
            content_type=content_type,
        )
        if self._core.server:
            response.headers.add("Server", self._core.server)
        transaction.respond(response)

    # Inside.

    def _invited(self, transaction: ServerTransaction) -> None:
        if self.draining:
            self.answer(transaction, 503, headers=[RETRY_AFTER])
            return
        least = self._core.timers.min_se
        if too_brief(transaction.request, least):
            self.answer(transaction, 422, headers=[("Min-SE", str(least))])
            return
        try:
            leg = IncomingLeg(self._core, transaction)
        except GrammarError:
            self.answer(transaction, 400)
            return
        self._errands.start(self._call(leg))

    async def _call(self, leg: IncomingLeg) -> None:
        try:
            await self._on_invite(leg)
        except Exception:
            self._core.stats.handler_errors += 1
            log.exception("handling a call failed", extra={"sip_call_id": leg.sip_call_id})
        finally:
            await leg.hangup(status=500)

    async def _serve(self, on_request: OnRequest, incoming: IncomingRequest) -> None:
        try:
            await on_request(incoming)
        except Exception:
            self._core.stats.handler_errors += 1
            log.exception("handling a request failed", extra={"method": incoming.request.method})
        finally:
            incoming.respond(500)

    def _refused_extension(self, transaction: ServerTransaction) -> bool:
        """420 to a Require that names what we cannot (section 8.2.2.3)."""
        request = transaction.request
        unknown = (request.require | request.headers.tokens("Proxy-Require")) - EXTENSIONS
        if not unknown:
            return False
        self.answer(transaction, 420, headers=[("Unsupported", ", ".join(sorted(unknown)))])
        return True
