"""Requests too large for UDP go by TCP: RFC 3261 section 18.1.1.

A first request's Request-URI says ``transport=udp`` for many a trunk because that is its usual way, and section 18.1.1
makes no exception for it. A peer that writes it into its own Contact or Record-Route means it: requests in its dialogs
stay on UDP.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jambones.sip.address import NameAddr
from jambones.sip.appearance import Appearance
from jambones.sip.build import new_branch
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request
from jambones.sip.stats import Stats
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.virtual import VirtualFlow

_PEERS = 4096


@dataclass(frozen=True, slots=True)
class UdpLimit:
    """What is too large for UDP. Times in seconds."""

    size: int = 0
    """Bytes of a request with its Via: a longer one goes by TCP where the peer takes it. The RFC says 1300. 0: none."""
    connect: float = 1.5
    """How long opening such a connection may take: the request waits for it."""
    believed: float = 300.0
    """How long a peer that took no connection is not asked for another."""


class Ways(Protocol):
    """The sockets, as far as they are needed here."""

    def flow_to(self, remote: Address, within: float | None = None) -> Flow: ...

    def was_open(self, flow: Flow) -> bool: ...

    def connected(self, remote: Address) -> Flow | None: ...


class Detour:
    """The transaction of a request that went by TCP asks here for the way back to UDP."""

    __slots__ = ("_flow", "_owner", "_request", "_udp")

    def __init__(self, owner: "Congestion", request: Request, udp: Flow, flow: Flow) -> None:
        self._owner = owner
        self._request = request
        self._udp = udp
        self._flow = flow

    def back(self) -> tuple[Request, Flow] | None:
        """The connection failed, or nobody answered on it: what to send instead and where, or None.

        Only a request that was never written is sent again: the peer may be at work on any other.
        """
        return self._owner.back(self._request, self._udp, self._flow)


class Congestion:
    """Chooses between UDP and TCP, request by request, and remembers which peers take no TCP."""

    def __init__(
        self, limit: UdpLimit, ways: Ways, appearance: Appearance, stats: Stats, clock: Callable[[], float]
    ) -> None:
        self._limit = limit
        self._ways = ways
        self._appearance = appearance
        self._stats = stats
        self._clock = clock
        self._refused: dict[Address, float] = {}
        self.closing = False

    def way(self, request: Request, flow: Flow) -> tuple[Request, Flow, Detour | None]:
        """What to send and where, for a request that has its Via and would go on ``flow``; ``request`` stays as it is.

        A detour comes with one that goes by TCP.
        """
        address = self._tcp(request, flow)
        if address is None:
            return request, flow, None
        if self._refused.get(address, 0.0) > self._clock():
            self._stats.large["udp"] += 1
            return request, flow, None
        try:
            stream = self._ways.flow_to(address, self._limit.connect)
            moved = self._moved(request, flow, stream, new_branch())
        except NoTransport:  # who does not listen on TCP could not be answered there (section 18.2.1)
            self._stats.large["udp"] += 1
            return request, flow, None
        self._stats.large["tcp"] += 1
        return moved, stream, Detour(self, request, flow, stream)

    def ack_way(self, ack: Request, flow: Flow) -> tuple[Request, Flow]:
        """The same for the ACK of a 2xx, which has no transaction to find out that TCP failed: it takes a connection
        that is open already, or none. The same ACK comes out each time."""
        address = self._tcp(ack, flow)
        stream = self._ways.connected(address) if address is not None else None
        if stream is None:
            return ack, flow
        return self._moved(ack, flow, stream, ack.via.branch), stream

    def back(self, request: Request, udp: Flow, stream: Flow) -> tuple[Request, Flow] | None:
        if self.closing:
            return None
        if len(self._refused) >= _PEERS:
            self._refused.clear()
        self._refused[Address(*stream.remote)] = self._clock() + self._limit.believed
        self._stats.large["refused"] += 1
        if self._ways.was_open(stream) or not udp.alive:
            return None
        again = request.copy()
        again.headers.set_first("Via", self._appearance.via(udp))
        return again, udp

    def _tcp(self, request: Request, flow: Flow) -> Address | None:
        """Where a request is to go by TCP; None: nowhere."""
        remote = flow.remote
        if not self._limit.size or remote.transport != "udp" or type(flow) is VirtualFlow:
            return None
        if len(bytes(request)) <= self._limit.size or _wants_udp(request):
            return None
        return Address("tcp", remote.host, remote.port)

    def _moved(self, request: Request, udp: Flow, stream: Flow, branch: str) -> Request:
        """A copy with TCP in its Via, and in the Contact where that is ours. Raises NoTransport."""
        moved = request.copy()
        moved.headers.set_first("Via", self._appearance.via(stream, branch))
        contact = request.headers.get("Contact")
        if contact is not None and request.method != "REGISTER":  # a binding is not for this request alone
            moved.headers.set("Contact", self._appearance.contact_moved(contact, udp, stream))
        return moved


def _wants_udp(request: Request) -> bool:
    """Whether the peer itself asked for UDP in this dialog."""
    try:
        if request.to.tag is None:
            return False
        route = request.headers.get_list("Route")
        hop = NameAddr.parse(route[0]).uri if route else request.uri
        return (hop.transport or "").lower() == "udp"
    except GrammarError:
        return False
