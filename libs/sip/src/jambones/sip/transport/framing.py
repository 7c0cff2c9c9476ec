"""How a connection's bytes become SIP messages and messages its bytes: framings do no I/O."""

from typing import Protocol

from jambones.sip.stream import StreamFramer


class Framing(Protocol):
    """What a connection asks of its framing. ``receive`` raises FramingError when the connection is of no more use."""

    @property
    def ready(self) -> bool:
        """Whether messages can be sent."""

    @property
    def ended(self) -> bool:
        """Whether the peer said goodbye, or was turned away: send ``output()`` and close."""

    @property
    def source(self) -> str | None:
        """The peer's real host where a trusted proxy named it."""

    @property
    def pending(self) -> bool:
        """Whether part of a message waits for its rest."""

    def receive(self, data: bytes) -> list[bytes]:
        """Messages completed by ``data``."""

    def output(self) -> bytes:
        """Bytes of the framing's own that must be sent now: answers to keep-alives, handshakes."""

    def wrap(self, message: bytes) -> bytes: ...

    def ping(self) -> bytes:
        """Bytes that keep the way open; empty where the peer does that."""

    def farewell(self) -> bytes:
        """Bytes to send before closing."""


class StreamFraming:
    """TCP and TLS: messages by their Content-Length, CRLFCRLF answered with CRLF (RFC 5626 section 4.4.1)."""

    __slots__ = ("_framer",)

    ready = True
    ended = False
    source = None

    def __init__(self) -> None:
        self._framer = StreamFramer()

    @property
    def pending(self) -> bool:
        return self._framer.pending

    def receive(self, data: bytes) -> list[bytes]:
        return self._framer.feed(data)

    def output(self) -> bytes:
        pings, self._framer.pings = self._framer.pings, 0
        return b"\r\n" * pings

    def wrap(self, message: bytes) -> bytes:
        return message

    def ping(self) -> bytes:
        return b""

    def farewell(self) -> bytes:
        return b""
