"""An endpoint: sockets, transactions and legs of one user agent, opened and closed as a whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from logging import getLogger
from typing import TYPE_CHECKING, Self

from jambones.sip import build
from jambones.sip.address import NameAddr
from jambones.sip.auth import Authenticator, is_challenge
from jambones.sip.build import HeaderRows
from jambones.sip.core import ALLOW, EXTENSIONS, SUPPORTED
from jambones.sip.grammar import GrammarError
from jambones.sip.half import Leg
from jambones.sip.message import Request, Response
from jambones.sip.outside import IncomingRequest, first_request, refusal
from jambones.sip.receiver import Filter, Intake
from jambones.sip.stats import Stats
from jambones.sip.timers import SipTimers, TimerWheel
from jambones.sip.transaction.layer import ClientTransaction, ServerTransaction, TransactionLayer
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport, TransportHub
from jambones.sip.transport.resolver import Resolver, SystemResolver, Unresolvable, transport_of
from jambones.sip.uac import OutgoingLeg
from jambones.sip.uas import IncomingLeg
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials

log = getLogger(__name__)

OnInvite = Callable[[IncomingLeg], Awaitable[None]]
OnRequest = Callable[["IncomingRequest"], Awaitable[None]]
Advertise = Mapping[str, tuple[str, int]] | Callable[[Address], tuple[str, int] | None]
RETRY_AFTER = ("Retry-After", "5")
_FAREWELL = 0.5


class Endpoint:
    """A user agent. Make one with ``Endpoint.open``."""

    def __init__(
        self,
        on_invite: OnInvite,
        on_request: OnRequest | None,
        filter: Filter | None,
        advertise: Advertise | None,
        server: str,
        settings: SipTimers,
        nat_fix: bool,
        resolver: Resolver | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.timers = settings
        self.server = server
        self.nat_fix = nat_fix
        self.stats = Stats()
        self.wheel = TimerWheel(loop)
        self._layer = TransactionLayer(self.wheel, settings, self.stats)
        self._layer.user = self
        self._hub = TransportHub(Intake(self._layer, self.stats, filter, server), self.wheel, settings)
        self._on_invite = on_invite
        self._on_request = on_request
        self._advertise = advertise
        self._resolver = resolver or SystemResolver()
        self._legs: dict[tuple[str, str], Leg] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        listen: Iterable[Address],
        on_invite: OnInvite,
        on_request: OnRequest | None = None,
        filter: Filter | None = None,
        advertise: Advertise | None = None,
        server: str = "jambones",
        settings: SipTimers | None = None,
        *,
        nat_fix: bool = True,
        resolver: Resolver | None = None,
    ) -> AsyncIterator[Self]:
        """Listen inside the block; legs that are still open at its end get a BYE or 503. Raises OSError.

        ``on_invite(leg)`` has the call: it runs in a task of its own; what it raises ends the leg with 500, and a leg
        that is still open when it returns is ended. ``on_request`` gets requests outside dialogs that are no INVITE;
        without it OPTIONS is answered 200 and anything else 405. ``filter(message, source)`` is asked about each
        request before anything else: "accept", "drop", or (status, reason, headers). ``advertise`` gives host and port
        for Via and Contact, by transport or by remote address. ``nat_fix``: a peer's Contact is believed only where
        its packets come from there too.
        """
        endpoint = cls(on_invite, on_request, filter, advertise, server, settings or SipTimers(), nat_fix, resolver)
        try:
            await endpoint._hub.listen(listen)
            yield endpoint
        finally:
            await endpoint._close()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens, with real ports."""
        return self._hub.addresses

    @property
    def legs(self) -> int:
        """Legs in progress."""
        return len(self._legs)

    @property
    def connections(self) -> int:
        """Open stream connections."""
        return self._hub.connection_count

    async def drain(self, on: bool = True) -> None:
        """Refuse new calls with 503 and answer OPTIONS with 503; ``on=False`` ends that."""
        self._draining = on

    async def invite(
        self,
        uri: Uri,
        *,
        from_: NameAddr,
        to: NameAddr | None = None,
        sdp: bytes | None = None,
        headers: HeaderRows = (),
        destination: Address | None = None,
        credentials: "Credentials | None" = None,
        call_id: str | None = None,
    ) -> OutgoingLeg:
        """Call ``uri``, at ``destination`` when given. The leg's events say what becomes of it.

        Raises Unresolvable or NoTransport when there is nowhere to send it.
        """
        addresses = [destination] if destination is not None else await self.resolve(uri)
        request = first_request("INVITE", uri, from_, to, headers, sdp or b"", "application/sdp", call_id, self.server)
        contact = self.contact(self.flow_to(addresses[0]))
        for name, value in (("Contact", contact), ("Allow", ALLOW), ("Supported", SUPPORTED)):
            if name not in request.headers:
                request.headers.add(name, value)
        return OutgoingLeg(self, request, addresses, credentials)

    async def request(
        self,
        method: str,
        uri: Uri,
        *,
        from_: NameAddr | None = None,
        to: NameAddr | None = None,
        headers: HeaderRows = (),
        body: bytes = b"",
        content_type: str | None = None,
        destination: Address | None = None,
        credentials: "Credentials | None" = None,
        call_id: str | None = None,
        timeout: float | None = None,
    ) -> Response:
        """A request outside any dialog and its final response; 408 or 503 of our own when there was none.

        Raises Unresolvable or NoTransport.
        """
        addresses = [destination] if destination is not None else await self.resolve(uri)
        request = first_request(
            method, uri, from_ or NameAddr(uri), to, headers, body, content_type, call_id, self.server
        )
        authenticator, tried = Authenticator(credentials) if credentials is not None else None, set[str]()
        while True:
            response, local = await self._exchange(request, addresses[0], timeout)
            if is_challenge(response) and authenticator is not None:
                answer = authenticator.answer(request, response, tried)
            elif len(addresses) > 1 and (local or response.status == 503):
                addresses, answer = addresses[1:], ("User-Agent", self.server)
            else:
                answer = None
            if answer is None:
                return response
            request = request.copy()
            request.headers.remove("Via")
            request.headers.set("CSeq", f"{request.cseq.number + 1} {method}")
            request.headers.set(*answer)

    # Core: what legs need.

    def send_request(
        self, request: Request, flow: Flow, on_response: Callable[[Response, bool], None]
    ) -> ClientTransaction:
        self._add_via(request, flow)
        return self._layer.request(request, flow, on_response)

    def send_cancel(self, cancel: Request, flow: Flow) -> None:
        self._layer.request(cancel, flow, lambda _response, _local: None)

    def send_ack(self, ack: Request, flow: Flow) -> None:
        if "Via" not in ack.headers:
            self._add_via(ack, flow)
        self._layer.send(bytes(ack), ack, flow, False)

    def contact(self, flow: Flow) -> str:
        host, port = self._seen(flow)
        transport = flow.remote.transport
        return f"<sip:{host}:{port}>" if transport == "udp" else f"<sip:{host}:{port};transport={transport}>"

    def flow_to(self, address: Address) -> Flow:
        return self._hub.flow_to(address)

    async def resolve(self, uri: Uri) -> list[Address]:
        return await self._resolver.resolve(uri)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run ``work`` to its first pause at once: most of a leg's errands never pause."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._errand(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def add_leg(self, leg: Leg) -> None:
        self._legs[leg.sip_call_id, leg.local_tag] = leg
        self.stats.dialogs = len(self._legs)

    def remove_leg(self, leg: Leg) -> None:
        self._legs.pop((leg.sip_call_id, leg.local_tag), None)
        self.stats.dialogs = len(self._legs)

    # User: what the transaction layer tells.

    def admit(self, request: Request, flow: Flow) -> bool:
        return not self._closing

    def new_request(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        tag = request.to.tag
        if tag:
            leg = self._legs.get((request.call_id, tag))
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
        elif request.method == "OPTIONS" and (self._draining or self._on_request is None):
            status = 503 if self._draining else 200
            rows = [RETRY_AFTER] if self._draining else [("Allow", ALLOW), ("Supported", SUPPORTED)]
            self.answer(transaction, status, headers=[*rows, ("Accept", "application/sdp")])
        elif self._on_request is not None:
            self._start(self._serve(self._on_request, IncomingRequest(self, transaction)))
        elif request.method in ALLOW or request.method == "REGISTER":
            self.answer(transaction, 405, headers=[("Allow", ALLOW)])
        else:
            self.answer(transaction, 501, headers=[("Allow", ALLOW)])

    def stray_ack(self, request: Request, flow: Flow) -> None:
        leg = self._legs.get((request.call_id, request.to.tag or ""))
        if leg is not None:
            leg.acked(request)
        else:
            self.stats.dropped["stray-ack"] += 1

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
        if self.server:
            response.headers.add("Server", self.server)
        transaction.respond(response)

    # Inside.

    def _invited(self, transaction: ServerTransaction) -> None:
        if self._draining:
            self.answer(transaction, 503, headers=[RETRY_AFTER])
            return
        try:
            leg = IncomingLeg(self, transaction)
        except GrammarError:
            self.answer(transaction, 400)
            return
        self._start(self._call(leg))

    async def _call(self, leg: IncomingLeg) -> None:
        try:
            await self._on_invite(leg)
        except Exception:
            self.stats.handler_errors += 1
            log.exception("handling a call failed", extra={"sip_call_id": leg.sip_call_id})
        finally:
            await leg.hangup(status=500)

    async def _serve(self, on_request: OnRequest, incoming: IncomingRequest) -> None:
        try:
            await on_request(incoming)
        except Exception:
            self.stats.handler_errors += 1
            log.exception("handling a request failed", extra={"method": incoming.request.method})
        finally:
            incoming.respond(500)

    async def _errand(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception:
            self.stats.handler_errors += 1
            log.exception("an errand of a leg failed")

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _exchange(self, request: Request, address: Address, limit: float | None) -> tuple[Response, bool]:
        final: asyncio.Future[tuple[Response, bool]] = asyncio.get_running_loop().create_future()

        def on_response(response: Response, local: bool) -> None:
            if response.status >= 200 and not final.done():
                final.set_result((response, local))

        transaction = self.send_request(request, self.flow_to(address), on_response)
        try:
            async with asyncio.timeout(limit):
                return await final
        except TimeoutError:
            transaction.abandon()
            return build.response(request, 408), True

    def _add_via(self, request: Request, flow: Flow) -> None:
        host, port = self._seen(flow)
        via = f"SIP/2.0/{flow.remote.transport.upper()} {host}:{port};branch={build.new_branch()};rport"
        request.headers.insert_first("Via", via)

    def _seen(self, flow: Flow) -> tuple[str, int]:
        """Our host and port as the peer shall see them."""
        remote = flow.remote
        if self._advertise is not None:
            shown = self._advertise(remote) if callable(self._advertise) else self._advertise.get(remote.transport)
            if shown is not None:
                return shown
        own = self._hub.listener_for(remote, flow.local)
        return (f"[{own.host}]" if ":" in own.host else own.host), own.port

    def _refused_extension(self, transaction: ServerTransaction) -> bool:
        """420 to a Require that names what we cannot (section 8.2.2.3)."""
        request = transaction.request
        unknown = (request.require | request.headers.tokens("Proxy-Require")) - EXTENSIONS
        if not unknown:
            return False
        self.answer(transaction, 420, headers=[("Unsupported", ", ".join(sorted(unknown)))])
        return True

    async def _close(self) -> None:
        self._closing = True
        for leg in list(self._legs.values()):
            leg.abort()
        # Give BYEs their flight; then whatever still runs is cancelled.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FAREWELL)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._hub.close()
        self._layer.close()
        self.wheel.close()


__all__ = ["Endpoint", "IncomingRequest", "NoTransport", "Unresolvable", "transport_of"]
