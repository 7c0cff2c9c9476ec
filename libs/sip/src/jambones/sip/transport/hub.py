"""All sockets of an endpoint: listeners, the table of connections, and the choice of a flow to an address."""

import asyncio
import math
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache, partial
from logging import getLogger

from jambones.sip.stats import Stats
from jambones.sip.timers import SipTimers, Timer, TimerWheel
from jambones.sip.transport import Address, Flow, Receiver, Target, TransportName
from jambones.sip.transport.framing import Framing, StreamFraming
from jambones.sip.transport.limits import ConnectionRules, Turnstile
from jambones.sip.transport.tcp import Connection
from jambones.sip.transport.tls import TlsContexts, TlsError, TlsSettings
from jambones.sip.transport.udp import UdpListener
from jambones.sip.transport.ws import WebSocketFraming

log = getLogger(__name__)

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104
_CHOSEN = 4096
_SWEEP = 25.0  # seconds in which every connection is looked after once
_PART = 50  # connections that are looked after at once at least
_QUIET = 15.0  # seconds without traffic after which a WebSocket is pinged: proxies give it up after a minute


class NoTransport(Exception):
    """The endpoint does not listen on this transport, or the client of a WebSocket is gone: nothing can be sent."""


class TransportHub:
    """Connections are kept by the peer's address and used again (RFC 3261 section 18.1.1, RFC 5923 in spirit).

    A connection that is idle for ``idle_close`` seconds and that nobody needs is closed. ``in_use`` tells the flows
    that somebody needs, besides those that were pinned.
    """

    def __init__(
        self,
        receiver: Receiver,
        wheel: TimerWheel,
        timers: SipTimers,
        stats: Stats,
        tls: TlsSettings | None = None,
        rules: ConnectionRules | None = None,
        in_use: Callable[[], Iterable[Flow]] = tuple,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._receiver = receiver
        self._wheel = wheel
        self._timers = timers
        self._stats = stats
        self._rules = rules or ConnectionRules()
        self._turnstile = Turnstile(self._rules)
        self._tls = TlsContexts(tls or TlsSettings(), self._loop.time)
        self._in_use = in_use
        self._udp: list[UdpListener] = []
        self._servers: list[asyncio.Server] = []
        self._listening: list[Address] = []
        self._chosen: dict[tuple[str, str, Address | None], Address] = {}
        self._connections: dict[Address, Connection] = {}
        self._by_id: dict[str, Connection] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper: Timer | None = None
        self._round: list[Connection] = []
        self._round_ends = 0.0
        self._part = _PART
        self._closed = False

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens, with the real port numbers."""
        return tuple(self._listening)

    @property
    def connection_count(self) -> int:
        return len(self._by_id)

    async def listen(self, addresses: Iterable[Address]) -> None:
        """Bind all. Raises OSError, and ValueError for tls or wss without a certificate; what was bound stays."""
        for address in addresses:
            if address.transport == "udp":
                listener = UdpListener.open(address.host, address.port, self._receiver, self._loop)
                self._udp.append(listener)
                self._listening.append(listener.address)
                continue
            if address.transport in {"tls", "wss"} and not self._tls.can_listen:
                raise ValueError(f"listening on {address.transport} needs a certificate")
            factory = partial(self._accept, address.transport)
            server = await self._loop.create_server(factory, address.host, address.port, backlog=4096)
            self._servers.append(server)
            name = server.sockets[0].getsockname()
            self._listening.append(Address(address.transport, name[0], name[1]))
        self._chosen.clear()
        self._sweeper = self._wheel.after(_SWEEP, self._sweep)

    def flow_to(self, remote: Address, within: float | None = None) -> Flow:
        """The way to ``remote``: its connection, one that starts opening now, or a UDP socket.

        A connection that is opened for this must be open ``within`` seconds; default: those of all.
        Raises NoTransport. That an address cannot be reached is told later, by ``Receiver.unreachable`` or ``lost``.
        """
        if remote.transport == "udp":
            return self._udp_for(remote.host).flow(remote.host, remote.port)
        secured = remote.transport == "tls"
        name = remote.name if isinstance(remote, Target) else remote.host
        connection = self._connections.get(remote)
        proof_needed = secured and self._tls.verify
        if connection is not None and connection.alive and not (proof_needed and not connection.proves(name)):
            return connection
        if remote.transport not in {"tcp", "tls"} or self._closed:
            raise NoTransport(remote.transport)
        layer = self._tls.client(name) if secured else None
        connection = Connection(
            self._receiver, self, self._loop, remote.transport, StreamFraming(), layer, Address(*remote)
        )
        connection.local = self.listener_for(remote)
        self._add(connection)
        task = self._loop.create_task(self._connect(connection, within or self._timers.connect))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    def connected(self, remote: Address) -> Flow | None:
        """The connection to ``remote`` that is open already."""
        connection = self._connections.get(remote)
        return connection if connection is not None and connection.alive and connection.opened else None

    def was_open(self, flow: Flow) -> bool:
        """Whether a flow was ever open: else nothing that was sent on it has left us."""
        return not isinstance(flow, Connection) or flow.opened

    def flow(self, id: str) -> Flow | None:
        """The flow with this id while it lives."""
        connection = self._by_id.get(id)
        if connection is not None:
            return connection if connection.alive else None
        local, slash, remote = id.partition("/")
        listener = next((listener for listener in self._udp if slash and str(listener.address) == local), None)
        if listener is None:
            return None
        try:
            peer = Address.parse(f"udp:{remote}")
        except ValueError:
            return None
        return listener.flow(peer.host, peer.port)

    def pin(self, flow: Flow, by: int) -> None:
        """Count the users of a connection up or down."""
        if isinstance(flow, Connection):
            flow.pins += by

    def listener_for(self, remote: Address, bound: Address | None = None) -> Address:
        """The address of ours that ``remote`` can reach: the listener of its transport, with a real host.

        ``bound`` is the socket in use, when that is known. TLS needs no listener of its own to connect: then it is the
        first listener, for the peer answers on the connection. Raises NoTransport.
        """
        key = remote.transport, remote.host, bound
        known = self._chosen.get(key)
        if known is None:
            if len(self._chosen) >= _CHOSEN:
                self._chosen.clear()
            known = self._chosen[key] = self._choose(remote, bound)
        return known

    def _choose(self, remote: Address, bound: Address | None) -> Address:
        candidates = [address for address in self._listening if address.transport == remote.transport]
        if not candidates and remote.transport == "tls" and self._listening:
            candidates = [self._listening[0]._replace(transport="tls")]
        if not candidates:
            raise NoTransport(remote.transport)
        if bound is not None and bound in candidates:
            chosen = bound
        else:
            source = _source_for(remote.host) if len(candidates) > 1 else ""
            chosen = next((c for c in candidates if c.host == source), candidates[0])
        return chosen if chosen.host not in _ANY else chosen._replace(host=_source_for(remote.host))

    async def close(self) -> None:
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for server in self._servers:
            server.close()
        for connection in list(self._by_id.values()):
            connection.close()
        await asyncio.sleep(0)  # lets what was written reach the sockets
        for listener in self._udp:
            listener.close()

    # ConnectionOwner

    def accepted(self, connection: Connection) -> bool:
        refusal = "closing" if self._closed else self._turnstile.enter(connection.peer)
        if refusal is not None:
            self._stats.turned_away[refusal] += 1
            return False
        connection.admitted = True
        connection.deadline = self._wheel.after(self._rules.first_message, self._silent, connection)
        self._add(connection)
        return True

    def opened(self, connection: Connection) -> None:
        if connection.outgoing and connection.deadline is not None:
            connection.deadline.cancel()
        self._connections[connection.remote] = connection

    def proven(self, connection: Connection) -> None:
        if connection.admitted:
            self._turnstile.proven(connection.peer)
        if connection.deadline is not None:
            connection.deadline.cancel()

    def closed(self, connection: Connection) -> None:
        if connection.deadline is not None:
            connection.deadline.cancel()
        if connection.admitted:
            self._turnstile.leave(connection.peer, proven=connection.proven)
        if self._by_id.pop(connection.id, None) is not None:
            self._stats.connections -= 1
        if self._connections.get(connection.remote) is connection:
            del self._connections[connection.remote]

    # Inside.

    def _add(self, connection: Connection) -> None:
        self._by_id[connection.id] = connection
        self._stats.connections += 1
        if connection.outgoing:
            self._connections[connection.remote] = connection

    def _udp_for(self, host: str) -> UdpListener:
        if not self._udp:
            raise NoTransport("udp")
        if len(self._udp) == 1:
            return self._udp[0]
        source = _source_for(host)
        return next((listener for listener in self._udp if listener.address.host == source), self._udp[0])

    def _accept(self, name: TransportName) -> Connection:
        framing: Framing
        if name in {"ws", "wss"}:
            framing = WebSocketFraming(self._rules.origins, self._rules.trusted_proxy)
        else:
            framing = StreamFraming()
        layer = self._tls.server() if name in {"tls", "wss"} else None
        return Connection(self._receiver, self, self._loop, name, framing, layer)

    async def _connect(self, connection: Connection, within: float) -> None:
        remote = connection.remote
        connection.deadline = self._wheel.after(within, connection.abort)
        try:
            async with asyncio.timeout(within):
                await self._loop.create_connection(lambda: connection, remote.host, remote.port)
        except (OSError, TimeoutError, TlsError):
            connection.abort()

    def _silent(self, connection: Connection) -> None:
        self._stats.turned_away["silent"] += 1
        connection.abort()

    def _sweep(self) -> None:
        """Look after some of the connections, and the next a second later: thousands at once would take too long."""
        if not self._round:
            self._round = list(self._by_id.values())
            self._round_ends = self._loop.time() + _SWEEP
            self._part = max(_PART, math.ceil(len(self._round) / (_SWEEP - 1)))
        part, self._round = self._round[: self._part], self._round[self._part :]
        self._look_after(part)
        if not self._closed:
            rest = max(1.0, self._round_ends - self._loop.time())
            self._sweeper = self._wheel.after(1.0 if self._round else rest, self._sweep)

    def _look_after(self, connections: Iterable[Connection]) -> None:
        now = self._loop.time()
        used: set[int] | None = None
        for connection in connections:
            if not connection.alive:
                continue
            quiet = now - connection.last_traffic
            if quiet > self._rules.stalled and connection.stalled:
                self._stats.turned_away["stalled"] += 1
                connection.abort()
            elif quiet > self._timers.idle_close and not connection.pins:
                if used is None:
                    used = {id(flow) for flow in self._in_use()}
                if id(connection) not in used:
                    self._stats.turned_away["idle"] += 1
                    connection.close()
            elif quiet >= _QUIET:
                connection.ping()


@lru_cache(maxsize=1024)
def _source_for(host: str) -> str:
    """Our address on the way to ``host``, as the kernel would choose it; nothing is sent."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"
