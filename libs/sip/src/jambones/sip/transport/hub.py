"""All sockets of an endpoint: listeners, the table of connections, and the choice of a flow to an address."""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from logging import getLogger

from jambones.sip.timers import SipTimers, Timer, TimerWheel
from jambones.sip.transport import Address, Flow, Receiver
from jambones.sip.transport.tcp import Connection
from jambones.sip.transport.udp import UdpListener

log = getLogger(__name__)

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104
_SWEEP = 30.0


class NoTransport(Exception):
    """The endpoint does not listen on this transport, so it cannot send there."""


class TransportHub:
    """Connections are kept by the peer's address and used again (RFC 3261 section 18.1.1, RFC 5923 in spirit).

    A connection that is idle for ``idle_close`` seconds and that nobody pinned is closed.
    """

    def __init__(self, receiver: Receiver, wheel: TimerWheel, timers: SipTimers) -> None:
        self._loop = asyncio.get_running_loop()
        self._receiver = receiver
        self._wheel = wheel
        self._timers = timers
        self._udp: list[UdpListener] = []
        self._servers: list[asyncio.Server] = []
        self._listening: list[Address] = []
        self._connections: dict[Address, Connection] = {}
        self._by_id: dict[str, Connection] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper: Timer | None = None
        self._closed = False

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens, with the real port numbers."""
        return tuple(self._listening)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    async def listen(self, addresses: Iterable[Address]) -> None:
        """Bind all. Raises OSError; what was bound before stays until ``close``."""
        for address in addresses:
            if address.transport == "udp":
                listener = UdpListener.open(address.host, address.port, self._receiver, self._loop)
                self._udp.append(listener)
                self._listening.append(listener.address)
            elif address.transport == "tcp":
                server = await self._loop.create_server(self._accepted, address.host, address.port, backlog=1024)
                self._servers.append(server)
                name = server.sockets[0].getsockname()
                self._listening.append(Address("tcp", name[0], name[1]))
            else:
                raise NoTransport(address.transport)
        self._sweeper = self._wheel.after(_SWEEP, self._sweep)

    def flow_to(self, remote: Address) -> Flow:
        """The way to ``remote``: its connection, one that starts opening now, or a UDP socket.

        Raises NoTransport. That an address cannot be reached is told later, by ``Receiver.unreachable``.
        """
        if remote.transport == "udp":
            return self._udp_for(remote.host).flow(remote.host, remote.port)
        if remote.transport != "tcp":
            raise NoTransport(remote.transport)
        connection = self._connections.get(remote)
        if connection is not None and connection.alive:
            return connection
        connection = Connection(self._receiver, self, self._loop.time, remote)
        connection.local = self.listener_for(remote)
        self._add(connection)
        task = self._loop.create_task(self._connect(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    def flow(self, id: str) -> Flow | None:
        """The flow with this id while it lives."""
        connection = self._by_id.get(id)
        if connection is not None:
            return connection
        local, slash, remote = id.partition("/")
        listener = next((listener for listener in self._udp if slash and str(listener.address) == local), None)
        if listener is None:
            return None
        try:
            peer = Address.parse(f"udp:{remote}")
        except ValueError:
            return None
        return listener.flow(peer.host, peer.port)

    def listener_for(self, remote: Address, bound: Address | None = None) -> Address:
        """The address of ours that ``remote`` can reach: the listener of its transport, with a real host.

        ``bound`` is the socket in use, when that is known. Raises NoTransport.
        """
        candidates = [address for address in self._listening if address.transport == remote.transport]
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
        for connection in list(self._connections.values()):
            connection.close()
        await asyncio.sleep(0)  # lets what was written reach the sockets
        for listener in self._udp:
            listener.close()

    # ConnectionOwner

    def opened(self, connection: Connection) -> None:
        self._add(connection)

    def closed(self, connection: Connection) -> None:
        self._by_id.pop(connection.id, None)
        if self._connections.get(connection.remote) is connection:
            del self._connections[connection.remote]

    def _add(self, connection: Connection) -> None:
        self._connections[connection.remote] = connection
        self._by_id[connection.id] = connection

    def _udp_for(self, host: str) -> UdpListener:
        if not self._udp:
            raise NoTransport("udp")
        if len(self._udp) == 1:
            return self._udp[0]
        source = _source_for(host)
        return next((listener for listener in self._udp if listener.address.host == source), self._udp[0])

    def _accepted(self) -> Connection:
        return Connection(self._receiver, self, self._loop.time)

    async def _connect(self, connection: Connection) -> None:
        remote = connection.remote
        try:
            async with asyncio.timeout(self._timers.connect):
                await self._loop.create_connection(lambda: connection, remote.host, remote.port)
        except (OSError, TimeoutError):
            connection.abort()

    def _sweep(self) -> None:
        limit = self._loop.time() - self._timers.idle_close
        for connection in list(self._connections.values()):
            if connection.last_traffic < limit:
                connection.close()
        if not self._closed:
            self._sweeper = self._wheel.after(_SWEEP, self._sweep)


@lru_cache(maxsize=1024)
def _source_for(host: str) -> str:
    """Our address on the way to ``host``, as the kernel would choose it; nothing is sent."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"
