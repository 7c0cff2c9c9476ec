"""An endpoint: sockets, transactions and legs of one user agent, opened and closed as a whole."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from logging import getLogger
from typing import TYPE_CHECKING, Self

from jambones.sip.address import NameAddr
from jambones.sip.appearance import Advertise, Appearance
from jambones.sip.build import HeaderRows
from jambones.sip.congestion import Congestion, UdpLimit
from jambones.sip.core import ALLOW, SUPPORTED
from jambones.sip.errands import Errands
from jambones.sip.exchange import Exchange
from jambones.sip.grammar import GrammarError
from jambones.sip.half import Leg
from jambones.sip.legs import LegTable
from jambones.sip.message import Request, Response
from jambones.sip.outside import IncomingRequest, first_request
from jambones.sip.receiver import Filter, Intake, Relay
from jambones.sip.reception import OnInvite, OnRequest, Reception
from jambones.sip.replaces import Replaces
from jambones.sip.stats import Stats
from jambones.sip.timers import SipTimers, TimerWheel
from jambones.sip.traces import Observer, Traces
from jambones.sip.transaction.layer import ClientTransaction, TransactionLayer
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport, TransportHub
from jambones.sip.transport.limits import ConnectionRules
from jambones.sip.transport.resolver import DnsResolver, Resolver, Unresolvable, transport_of
from jambones.sip.transport.tls import TlsSettings
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uac import OutgoingLeg
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials

log = getLogger(__name__)

OnFlowLost = Callable[[Flow], None]
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
        on_flow_lost: OnFlowLost | None,
        relay: Relay | None,
        tls: TlsSettings | None,
        connections: ConnectionRules | None,
        udp_limit: UdpLimit | None,
        trace: Callable[[], Observer | None] | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.timers = settings
        self.server = server
        self.nat_fix = nat_fix
        self.stats = Stats()
        self.wheel = TimerWheel(loop)
        self._trace = trace
        self._traces = Traces()
        self._layer = TransactionLayer(self.wheel, settings, self.stats, self._traces)
        self._intake = Intake(self._layer, self.stats, filter, server, relay, self._lost)
        self._legs = LegTable(self.stats)
        self._hub = TransportHub(
            self._intake, self.wheel, settings, self.stats, tls, connections, lambda: [leg.flow for leg in self._legs]
        )
        self._appearance = Appearance(advertise, self._hub)
        self._congestion = Congestion(udp_limit or UdpLimit(), self._hub, self._appearance, self.stats, loop.time)
        self._on_flow_lost = on_flow_lost
        self._resolver = resolver or DnsResolver()
        self._errands = Errands(self.stats)
        self._reception = self._layer.user = Reception(self, self._legs, self._errands, on_invite, on_request)

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
        on_flow_lost: OnFlowLost | None = None,
        relay: Relay | None = None,
        tls: TlsSettings | None = None,
        connections: ConnectionRules | None = None,
        udp_limit: UdpLimit | None = None,
        trace: Callable[[], Observer | None] | None = None,
    ) -> AsyncIterator[Self]:
        """Listen inside the block; legs that are still open at its end get a BYE or 503.

        Raises OSError, and ValueError when it shall listen on tls or wss and ``tls`` has no certificate.

        ``on_invite(leg)`` has the call: it runs in a task of its own; what it raises ends the leg with 500, and a leg
        that is still open when it returns is ended. ``on_request`` gets requests outside dialogs that are no INVITE;
        without it OPTIONS is answered 200 and anything else 405. ``filter(message, source)`` is asked about each
        request before anything else: "accept", "drop", or (status, reason, headers). ``advertise`` gives host and port
        for Via and Contact, by transport or by remote address. ``nat_fix``: a peer's Contact is believed only where
        its packets come from there too. ``on_flow_lost(flow)`` hears of each connection that ended while the endpoint
        is open. ``relay(message, data, flow, mark)`` is asked, after the filter, about each message that carries a
        mark (see VirtualFlow): True when it saw to it, then nothing else here sees the message. ``connections`` bounds
        how many may come and how long they may be silent. ``udp_limit`` says which requests are too large for UDP;
        without it none is. ``trace`` is asked, for each call that begins here, who wishes to see its messages; for a
        call that came, say so with ``leg.follow``.
        """
        timers = settings or SipTimers()
        endpoint = cls(
            on_invite,
            on_request,
            filter,
            advertise,
            server,
            timers,
            nat_fix,
            resolver,
            on_flow_lost,
            relay,
            tls,
            connections,
            udp_limit,
            trace,
        )
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

    def knows(self, request: Request) -> bool:
        """Whether a request with a To tag is of a dialog or a transaction in progress."""
        try:
            leg = self._legs.find(request.call_id, request.to.tag or "")
            return leg is not None or self._layer.serves(request)
        except GrammarError:
            return False

    def leg_for(self, replaces: Replaces) -> Leg | None:
        """The leg of ours that a call with this Replaces takes the place of; None: 481 (RFC 3891 section 3)."""
        return self._legs.replaced(replaces)

    async def drain(self, on: bool = True) -> None:
        """Refuse new calls with 503 and answer OPTIONS with 503; ``on=False`` ends that."""
        self._reception.draining = on

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
        flow: Flow | None = None,
        contact_user: str | None = None,
    ) -> OutgoingLeg:
        """Call ``uri``, on ``flow`` or at ``destination`` when given. The leg's events say what becomes of it.

        ``contact_user`` is the user part of our Contact, escaped, in this and in later requests of the dialog.

        A leg that was sent on a flow keeps to it for all its requests, and to no other; a flow that is gone ends the
        leg with 503. ``nat_fix`` is that of this peer, where it differs from the endpoint's; for a call that came, set
        ``leg.nat_fix``. Raises Unresolvable or NoTransport when there is nowhere to send it.
        """
        addresses = await self._addresses(uri, destination, flow)
        request = first_request("INVITE", uri, from_, to, headers, sdp or b"", "application/sdp", call_id, self.server)
        contact = self.contact(flow if flow is not None else self.flow_to(addresses[0]), contact_user)
        ours = [("Contact", contact), ("Allow", ALLOW), ("Supported", SUPPORTED)]
        if self.timers.session_expires > 0:
            ours.append(("Session-Expires", f"{self.timers.session_expires};refresher=uac"))
        for name, value in ours:
            if name not in request.headers:
                request.headers.add(name, value)
        return OutgoingLeg(self, request, addresses, credentials, flow=flow, contact_user=contact_user)

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
        flow: Flow | None = None,
    ) -> Response:
        """A request outside any dialog and its final response; 408 or 503 of our own when there was none.

        Raises Unresolvable or NoTransport.
        """
        addresses = await self._addresses(uri, destination, flow)
        request = first_request(
            method, uri, from_ or NameAddr(uri), to, headers, body, content_type, call_id, self.server
        )
        return await Exchange(self, request, addresses, flow=flow, credentials=credentials, limit=timeout).run()

    # Flows.

    def flow(self, id: str) -> Flow | None:
        """The open flow with this ``Flow.id``, None when it is gone. That of UDP is there as long as its socket."""
        return self._hub.flow(id)

    def received(self, data: bytes, flow: VirtualFlow) -> None:
        """One whole message that came on a virtual flow."""
        self._intake.datagram(data, flow)  # whatever its transport, a message comes whole

    def unreachable(self, flow: VirtualFlow) -> None:
        """A virtual flow is gone: requests that wait for an answer on it fail with 503; nothing more is sent on it."""
        if flow.alive:
            flow.alive = False
            self._intake.lost(flow)

    def pin(self, flow: Flow) -> None:
        """Somebody registered on this flow: do not close it for being idle. ``unpin`` takes one ``pin`` back."""
        self._hub.pin(flow, 1)

    def unpin(self, flow: Flow) -> None:
        self._hub.pin(flow, -1)

    def move(self, old: Flow, new: Flow) -> None:
        """A client came back on another connection: the legs on its old flow go on on the new one."""
        for leg in self._legs:
            if leg.flow is old:
                leg.flow = new

    # Core: what legs need.

    def send_request(
        self, request: Request, flow: Flow, on_response: Callable[[Response, bool], None], *, stay: bool = False
    ) -> ClientTransaction:
        self._add_via(request, flow)
        if stay:
            return self._layer.request(request, flow, on_response)
        request, flow, detour = self._congestion.way(request, flow)
        return self._layer.request(request, flow, on_response, detour)

    def send_cancel(self, cancel: Request, flow: Flow) -> None:
        self._layer.request(cancel, flow, lambda _response, _local: None)

    def send_ack(self, ack: Request, flow: Flow, *, stay: bool = False) -> None:
        if "Via" not in ack.headers:
            self._add_via(ack, flow)
        if not stay:
            ack, flow = self._congestion.ack_way(ack, flow)
        self._layer.send(bytes(ack), ack, flow, False)

    def contact(self, flow: Flow, user: str | None = None) -> str:
        return self._appearance.contact(flow, user)

    def flow_to(self, address: Address) -> Flow:
        return self._hub.flow_to(address)

    async def resolve(self, uri: Uri) -> list[Address]:
        return await self._resolver.resolve(uri)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        self._errands.spawn(work)

    def add_leg(self, leg: Leg) -> None:
        self._legs.add(leg)
        if self._trace is not None and leg.owns_call_id and (observer := self._trace()) is not None:
            self.follow(leg, observer)

    def remove_leg(self, leg: Leg) -> None:
        self._legs.remove(leg)
        observer = self._traces.observers.get(leg.sip_call_id)
        if observer is not None:  # its BYE, and what answers that, come after its end
            self.wheel.after(64 * self.timers.t1, self._traces.stop, leg.sip_call_id, observer)

    def follow(self, leg: Leg, observer: Observer) -> None:
        self._traces.observers[leg.sip_call_id] = observer
        if not leg.owns_call_id:
            self._traces.note("in", leg.invite, leg.source)

    # Inside.

    async def _addresses(self, uri: Uri, destination: Address | None, flow: Flow | None) -> list[Address]:
        if flow is not None:
            return []
        return [destination] if destination is not None else await self.resolve(uri)

    def _lost(self, flows: list[Flow]) -> None:
        if self._reception.closing:
            return
        gone = {id(flow) for flow in flows}
        for leg in self._legs:
            if id(leg.flow) in gone:
                leg.flow_lost()
        if self._on_flow_lost is not None:
            for flow in flows:
                if type(flow) is not VirtualFlow:
                    self._on_flow_lost(flow)

    def _add_via(self, request: Request, flow: Flow) -> None:
        request.headers.insert_first("Via", self._appearance.via(flow))

    async def _close(self) -> None:
        self._reception.closing = self._congestion.closing = True
        for leg in self._legs:
            leg.abort()
        await self._errands.close(_FAREWELL)  # gives BYEs their flight
        await self._hub.close()
        self._layer.close()
        self.wheel.close()


__all__ = ["Endpoint", "IncomingRequest", "NoTransport", "Unresolvable", "transport_of"]
