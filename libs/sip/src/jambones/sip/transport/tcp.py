"""TCP connections, accepted or opened, with framing, keep-alive answers and idle close (RFC 3261 section 18)."""

import asyncio
import secrets
from collections.abc import Callable
from logging import getLogger
from typing import Protocol, cast

from jambones.sip.stream import FramingError, StreamFramer
from jambones.sip.transport import Address, Receiver, TransportName

log = getLogger(__name__)

_QUEUED = 64  # messages that may wait for a connection to open
_WRITE_BUFFER = 4 * 1024 * 1024  # a peer that reads slower than this is cut off


class ConnectionOwner(Protocol):
    """Who keeps the table of connections."""

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """One connection, also while it is being opened: what is sent meanwhile waits, in order, up to a bound."""

    def __init__(
        self,
        receiver: Receiver,
        owner: ConnectionOwner,
        clock: Callable[[], float],
        remote: Address | None = None,
        transport_name: TransportName = "tcp",
    ) -> None:
        self._receiver = receiver
        self._owner = owner
        self._clock = clock
        self._name: TransportName = transport_name
        self.id = f"{transport_name}-{secrets.token_hex(8)}"
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._dead = False
        self.remote = remote or Address(transport_name, "0.0.0.0", 0)  # noqa: S104
        self.local = Address(transport_name, "0.0.0.0", 0)  # noqa: S104
        self.outgoing = remote is not None
        self.last_traffic = clock()

    @property
    def alive(self) -> bool:
        return not self._dead

    def send(self, data: bytes) -> None:
        self.last_traffic = self._clock()
        if self._dead:
            return  # whoever waits for an answer heard of it, or asks ``alive``
        if self._transport is None:
            if len(self._waiting) < _QUEUED:
                self._waiting.append(data)
        elif self._transport.get_write_buffer_size() > _WRITE_BUFFER:
            self.abort()
        else:
            self._transport.write(data)

    def abort(self) -> None:
        """End it now; the owner and the receiver are told."""
        if self._transport is not None:
            self._transport.abort()
        self.connection_lost(None)

    def close(self) -> None:
        """End it after what was sent is out."""
        if self._transport is not None:
            self._transport.close()
        else:
            self.connection_lost(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = transport = cast(asyncio.Transport, transport)
        if self._dead:
            transport.abort()
            return
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if peer:
            if not self.outgoing:
                self.remote = Address(self._name, peer[0], peer[1])
            self.local = Address(self._name, own[0], own[1])
        self._owner.opened(self)
        for data in self._waiting:
            transport.write(data)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        self.last_traffic = self._clock()
        framer = self._framer
        try:
            messages = framer.feed(data)
        except FramingError as error:
            self._receiver.malformed(error.reason, self)
            self.abort()
            return
        if framer.pings and self._transport is not None:
            self._transport.write(b"\r\n" * framer.pings)
            framer.pings = 0
        for message in messages:
            try:
                self._receiver.stream_message(message, self)
            except Exception:
                log.exception("handling a message failed")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._dead:
            self._dead = True
            self._waiting.clear()
            self._owner.closed(self)
            self._receiver.lost(self)
