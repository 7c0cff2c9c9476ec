"""Stream connections, accepted or opened: TCP, and on it TLS and WebSocket (RFC 3261 section 18, RFC 7118)."""

import asyncio
import secrets
import socket
from contextlib import suppress
from logging import getLogger
from typing import Protocol, cast

from jambones.sip.stream import FramingError
from jambones.sip.timers import Timer
from jambones.sip.transport import Address, Receiver, TransportName
from jambones.sip.transport.framing import Framing
from jambones.sip.transport.tls import TlsError, TlsLayer
from jambones.sip.transport.ws import WebSocketFraming

log = getLogger(__name__)

_UNANSWERED = 3  # requests in a row that time out before the connection is taken for dead
_QUEUED = 64  # messages that may wait for a connection to open
_WRITE_BUFFER = 4 * 1024 * 1024  # a peer that reads slower than this is cut off
# A peer that vanished without a word is found out by the kernel: after a minute of silence it asks every 15 seconds,
# and what is not acknowledged for 30 seconds ends the connection.
_KERNEL = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", 4), 60),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", 5), 15),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPCNT", 6), 3),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", 18), 30_000),
)


class ConnectionOwner(Protocol):
    """Who keeps the table of connections."""

    def accepted(self, connection: "Connection") -> bool:
        """A connection came; False turns it away."""

    def opened(self, connection: "Connection") -> None:
        """Its handshakes are done and its addresses known."""

    def proven(self, connection: "Connection") -> None:
        """Its first whole message came."""

    def closed(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """One connection, also while it is being opened: what is sent meanwhile waits, in order, up to a bound.

    ``remote`` is None for one that came: then its peer names it.
    """

    def __init__(
        self,
        receiver: Receiver,
        owner: ConnectionOwner,
        loop: asyncio.AbstractEventLoop,
        name: TransportName,
        framing: Framing,
        tls: TlsLayer | None = None,
        remote: Address | None = None,
    ) -> None:
        self.id = f"{name}-{secrets.token_hex(8)}"
        self._receiver = receiver
        self._owner = owner
        self._loop = loop
        self._name: TransportName = name
        self._framing = framing
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._ready = False
        self._dead = False
        self._told = False
        self._unanswered = 0
        self.peer = ""
        """The host at the other end of the socket, which may be a proxy of ours."""
        self.remote = remote or Address(name, "0.0.0.0", 0)  # noqa: S104
        self.local = Address(name, "0.0.0.0", 0)  # noqa: S104
        self.outgoing = remote is not None
        self.admitted = False
        self.proven = False
        self.pins = 0
        """How many registrations and the like need it: it is not closed for being idle."""
        self.deadline: Timer | None = None
        self.last_traffic = loop.time()

    @property
    def alive(self) -> bool:
        return not self._dead

    @property
    def opened(self) -> bool:
        """Whether its handshakes were done once: what is sent before that waits."""
        return self._ready

    @property
    def stalled(self) -> bool:
        """Whether a message is in its middle."""
        return self._framing.pending

    def proves(self, name: str) -> bool:
        """Whether the peer has shown to be the server called ``name``; without TLS there is nothing to show."""
        return self._tls is None or self._tls.name == name

    def send(self, data: bytes) -> None:
        self.last_traffic = self._loop.time()
        if self._dead:
            return  # whoever waits for an answer heard of it, or asks ``alive``
        if self._ready:
            self._write(self._framing.wrap(data))
        elif len(self._waiting) < _QUEUED:
            self._waiting.append(data)

    def timed_out(self) -> None:
        self._unanswered += 1
        if self._unanswered >= _UNANSWERED:
            self.abort()

    def ping(self) -> None:
        """Keep proxies on the way from giving the connection up."""
        if self._ready and not self._dead:
            self._write(self._framing.ping())

    def abort(self) -> None:
        """End it now; the owner and the receiver are told from the loop."""
        self._dead = True
        if self._transport is not None:
            self._transport.abort()
        else:
            self._loop.call_soon(self.connection_lost, None)

    def close(self) -> None:
        """End it after what was sent is out."""
        if self._transport is None:
            self.abort()
        elif not self._dead:
            self._dead = True
            self._put(self._framing.farewell())
            if self._tls is not None:
                self._tls.close()
                self._put(b"")
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = transport = cast(asyncio.Transport, transport)
        if self._dead:
            transport.abort()
            return
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if peer:
            self.peer = peer[0]
            if not self.outgoing:
                self.remote = Address(self._name, peer[0], peer[1])
            self.local = Address(self._name, own[0], own[1])
        if not self.outgoing and not self._owner.accepted(self):
            self.abort()
            return
        sock = transport.get_extra_info("socket")
        for level, option, value in _KERNEL:
            with suppress(OSError, AttributeError):
                sock.setsockopt(level, option, value)
        if isinstance(self._framing, WebSocketFraming):
            self._framing.peer = self.peer
        if self._tls is not None and self.outgoing:
            self._tls.start()
            self._put(b"")
        self._check_ready()

    def data_received(self, data: bytes) -> None:
        if self._dead:
            return
        messages: list[bytes] = []
        try:
            plain = self._tls.receive(data) if self._tls is not None else data
            if plain:
                messages = self._framing.receive(plain)
        except (FramingError, TlsError) as error:
            if isinstance(error, FramingError) and error.messages:
                self._deliver(error.messages)  # what was whole before the damage is good
            self._put(b"")  # an alert says more than a reset
            self._give_up(error.reason)
            return
        output = self._framing.output()
        if output or self._tls is not None:
            if output:
                self.last_traffic = self._loop.time()
            self._write(output)
        if not self._ready:
            self._check_ready()
        if messages:
            self._deliver(messages)
        if plain is None or self._framing.ended:
            reason = self._framing.failure if isinstance(self._framing, WebSocketFraming) else None
            self._give_up(reason)

    def connection_lost(self, exc: Exception | None) -> None:
        self._dead = True
        if not self._told:
            self._told = True
            self._waiting.clear()
            self._owner.closed(self)
            if self.admitted or self.outgoing:  # nobody knows of one that was turned away
                self._receiver.lost(self)

    # Inside.

    def _check_ready(self) -> None:
        if (self._tls is not None and not self._tls.established) or not self._framing.ready:
            return
        self._ready = True
        if self._framing.source is not None:
            self.remote = self.remote._replace(host=self._framing.source)
        self._owner.opened(self)
        for data in self._waiting:
            self._write(self._framing.wrap(data))
        self._waiting.clear()

    def _deliver(self, messages: list[bytes]) -> None:
        self.last_traffic = self._loop.time()
        self._unanswered = 0
        if not self.proven:
            self.proven = True
            self._owner.proven(self)
        whole = isinstance(self._framing, WebSocketFraming)
        for message in messages:
            try:
                if whole:
                    self._receiver.datagram(message, self)
                else:
                    self._receiver.stream_message(message, self)
            except Exception:
                log.exception("handling a message failed")

    def _give_up(self, reason: str | None) -> None:
        """Close after what was written, with a reason to count when the peer is to blame."""
        if reason is not None:
            self._receiver.malformed(reason, self)
        self._dead = True
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._dead:
            return
        if self._transport.get_write_buffer_size() > _WRITE_BUFFER:
            self.abort()
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._tls is not None:
            if data:
                self._tls.send(data)
            data = self._tls.output()
        if data:
            self._transport.write(data)
