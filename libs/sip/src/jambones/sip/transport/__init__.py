"""Transports: addresses, and the way between them (RFC 3261 section 18)."""

from typing import Literal, NamedTuple, Protocol, cast

TransportName = Literal["udp", "tcp", "tls", "ws", "wss"]
_TRANSPORTS = frozenset({"udp", "tcp", "tls", "ws", "wss"})


class Address(NamedTuple):
    """A transport address. ``host`` is numeric (no brackets around IPv6) wherever it names a peer."""

    transport: TransportName
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """``udp:1.2.3.4:5060``. Raises ValueError."""
        transport, _, rest = text.strip().partition(":")
        host, colon, port = rest.rpartition(":")
        if transport not in _TRANSPORTS or not colon or not host or not port.isdecimal() or int(port) > 65535:
            raise ValueError(f"not a transport address: {text!r}")
        return cls(cast(TransportName, transport), host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def reliable(self) -> bool:
        return self.transport != "udp"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


class Target(Address):
    """An address that a name led to, equal to the plain one. A TLS server at it must prove to be ``name``."""

    name: str

    def __new__(cls, address: Address, name: str) -> "Target":
        made = super().__new__(cls, *address)
        made.name = name
        return made


class Flow(Protocol):
    """A way to one peer: a connection, or a UDP socket with the peer's address."""

    @property
    def id(self) -> str:
        """Opaque and unique in this process; a connection that replaces another has another one."""

    @property
    def local(self) -> Address: ...

    @property
    def remote(self) -> Address: ...

    @property
    def alive(self) -> bool: ...

    def send(self, data: bytes) -> None:
        """Never raises. What cannot be delivered is reported to the receiver where that is known, else it is lost."""

    def timed_out(self) -> None:
        """Nobody answered a request on it: a connection on which that happens again and again is given up."""


class Receiver(Protocol):
    """What transports call, synchronously, from the event loop."""

    def datagram(self, data: bytes, flow: Flow) -> None:
        """A whole message, or garbage."""

    def stream_message(self, data: bytes, flow: Flow) -> None:
        """A whole message cut out of a stream."""

    def unreachable(self, remote: Address) -> None:
        """Nothing can be delivered there now by UDP: ICMP said so, or the socket."""

    def lost(self, flow: Flow) -> None:
        """A connection ended, or could not be opened."""

    def malformed(self, reason: str, flow: Flow) -> None:
        """Bytes that are no message were dropped."""
