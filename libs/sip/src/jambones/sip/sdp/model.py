"""A session description as values: RFC 8866.

What we do not understand is kept in order and written back, so that a description can pass through us.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType


class SdpError(ValueError):
    """The bytes are not a session description that can be used; SIP answers 488 or 400."""


class Direction(StrEnum):
    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> "Direction":
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE

    @property
    def sends(self) -> bool:
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        return self in {Direction.SENDRECV, Direction.RECVONLY}

    @property
    def mirrored(self) -> "Direction":
        """The same flow seen from the other side."""
        return Direction.of(sends=self.receives, receives=self.sends)


_DIRECTIONS: Mapping[str, Direction] = {direction.value: direction for direction in Direction}


def _number(text: str | None, largest: int) -> int | None:
    """A plain decimal number up to `largest`; None for anything else (`int` alone would take "+1_0" and "٣")."""
    if text is None or len(text) > 20 or not text.isascii() or not text.isdigit():
        return None
    value = int(text)
    return value if value <= largest else None


@dataclass(frozen=True)
class Attribute:
    """`a=name` or `a=name:value`."""

    name: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Attribute":
        name, colon, value = text.partition(":")
        return cls(name, value if colon else None)

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"


@dataclass(frozen=True)
class Connection:
    """`c=IN IP4 192.0.2.1`; a TTL or address count after the slash is kept in `suffix`."""

    address: str
    family: str = "IP4"
    suffix: str = ""

    @classmethod
    def to(cls, address: str) -> "Connection":
        return cls(address, "IP6" if ":" in address else "IP4")

    @classmethod
    def parse(cls, text: str) -> "Connection":
        words = text.split()
        if len(words) != 3 or words[0].upper() != "IN" or words[1].upper() not in {"IP4", "IP6"}:
            raise SdpError("unreadable c= line")
        address, slash, suffix = words[2].partition("/")
        if not address:
            raise SdpError("c= line without an address")
        return cls(address, words[1].upper(), slash + suffix)

    def __str__(self) -> str:
        return f"IN {self.family} {self.address}{self.suffix}"

    @property
    def is_zero(self) -> bool:
        """The hold of RFC 2543: `0.0.0.0` (or `::`) means that nothing shall be sent there."""
        return self.address == "0.0.0.0" or (self.family == "IP6" and not self.address.strip(":0"))  # noqa: S104


@dataclass(frozen=True)
class Origin:
    """`o=`: who made the session; `version` grows with each change (RFC 3264 section 8)."""

    username: str = "-"
    session_id: int = 0
    version: int = 0
    address: str = "0.0.0.0"  # noqa: S104  (a name for the origin, nothing is bound to it)
    family: str = "IP4"

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Tolerates identifiers that are not numbers (they become 0) as some phones send them."""
        words = text.split()
        if len(words) < 6:
            raise SdpError("unreadable o= line")
        *name, session_id, version, _net, family, address = words
        return cls(
            "_".join(name), _number(session_id, 2**64) or 0, _number(version, 2**64) or 0, address, family.upper()
        )

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.family} {self.address}"


@dataclass(frozen=True)
class RtpMap:
    """`a=rtpmap:<payload type> <name>/<clock rate>[/<channels>]`."""

    payload_type: int
    name: str
    rate: int
    channels: int = 1

    @classmethod
    def parse(cls, text: str) -> "RtpMap | None":
        number, _, encoding = text.strip().partition(" ")
        name, _, rest = encoding.strip().partition("/")
        rate, _, channels = rest.partition("/")
        payload_type, hertz = _number(number, 127), _number(rate.strip() or None, 10**6)
        if payload_type is None or not name or not hertz:
            return None
        return cls(payload_type, name, hertz, _number(channels.strip() or None, 255) or 1)

    def __str__(self) -> str:
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.name}/{self.rate}{channels}"

    def same_encoding(self, other: "RtpMap") -> bool:
        """Whether both name one encoding, whatever payload type they give it."""
        mine, theirs = (self.name.lower(), self.rate, self.channels), (other.name.lower(), other.rate, other.channels)
        return mine == theirs


# RFC 3551 table 4: payload types that need no rtpmap. G.722's clock is 8000 by an old mistake kept for compatibility.
STATIC_PAYLOADS: Mapping[int, RtpMap] = MappingProxyType(
    {
        number: RtpMap(number, name, rate, channels)
        for number, name, rate, channels in (
            (0, "PCMU", 8000, 1), (3, "GSM", 8000, 1), (4, "G723", 8000, 1), (5, "DVI4", 8000, 1),
            (6, "DVI4", 16000, 1), (7, "LPC", 8000, 1), (8, "PCMA", 8000, 1), (9, "G722", 8000, 1),
            (10, "L16", 44100, 2), (11, "L16", 44100, 1), (12, "QCELP", 8000, 1), (13, "CN", 8000, 1),
            (15, "G728", 8000, 1), (18, "G729", 8000, 1),
        )
    }
)  # fmt: skip


class _WithAttributes:
    """Looking up attributes; names are compared without case, since a few UAs shout."""

    attributes: tuple[Attribute, ...]

    def get(self, name: str) -> str | None:
        """Value of the first attribute of this name; "" for a flag, None when there is none."""
        return next(self.get_all(name), None)

    def get_all(self, name: str) -> Iterator[str]:
        wanted = name.lower()
        return (a.value or "" for a in self.attributes if a.name.lower() == wanted)

    def has(self, name: str) -> bool:
        return self.get(name) is not None

    @property
    def own_direction(self) -> Direction | None:
        """The first direction attribute at this level; None when there is none."""
        return next((d for a in self.attributes if (d := _DIRECTIONS.get(a.name.lower()))), None)


@dataclass(frozen=True)
class Media(_WithAttributes):
    """An `m=` section. `lines` are its i=, b= and k= lines as they came, as (letter, value)."""

    kind: str
    port: int
    proto: str
    formats: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    connection: Connection | None = None
    port_count: int = 1
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def rejected(self) -> bool:
        return self.port == 0

    @cached_property
    def rtpmap(self) -> Mapping[int, RtpMap]:
        """Encodings of the formats listed, in their order; the well-known numbers need no rtpmap line."""
        named = {m.payload_type: m for text in self.get_all("rtpmap") if (m := RtpMap.parse(text))}
        listed = [n for f in self.formats if (n := _number(f, 127)) is not None]
        found = {n: named.get(n) or STATIC_PAYLOADS.get(n) for n in listed}
        return MappingProxyType({n: m for n, m in found.items() if m is not None})

    @cached_property
    def fmtp(self) -> Mapping[int, str]:
        """Format parameters by payload type."""
        found: dict[int, str] = {}
        for text in self.get_all("fmtp"):
            number, _, parameters = text.strip().partition(" ")
            payload_type = _number(number, 127)
            if payload_type is not None:
                found.setdefault(payload_type, parameters.strip())
        return MappingProxyType(found)

    @property
    def ptime(self) -> int | None:
        """Milliseconds of audio wished for in a packet; None when not said or unreadable (some send "20.0")."""
        return _number((self.get("ptime") or "").strip().partition(".")[0] or None, 1000) or None

    @property
    def maxptime(self) -> int | None:
        return _number((self.get("maxptime") or "").strip().partition(".")[0] or None, 10000) or None

    @property
    def rtcp(self) -> tuple[str | None, int] | None:
        """(address if given, port) of `a=rtcp` (RFC 3605)."""
        words = (self.get("rtcp") or "").split()
        port = _number(words[0], 65535) if words else None
        if not port:
            return None
        return (words[3] if len(words) >= 4 else None, port)

    @property
    def rtcp_mux(self) -> bool:
        return self.has("rtcp-mux")

    @property
    def candidates(self) -> tuple[str, ...]:
        return tuple(self.get_all("candidate"))

    @property
    def crypto(self) -> tuple[str, ...]:
        return tuple(self.get_all("crypto"))

    def __str__(self) -> str:
        return "".join(f"{line}\r\n" for line in self._write())

    def _write(self) -> Iterator[str]:
        port = f"{self.port}/{self.port_count}" if self.port_count > 1 else str(self.port)
        yield f"m={self.kind} {port} {self.proto} {' '.join(self.formats)}"
        yield from (f"i={value}" for letter, value in self.lines if letter == "i")
        if self.connection is not None:
            yield f"c={self.connection}"
        yield from (f"{letter}={value}" for letter, value in self.lines if letter != "i")
        yield from (f"a={a}" for a in self.attributes)


@dataclass(frozen=True)
class SessionDescription(_WithAttributes):
    """A whole description. `lines` are its other lines (i u e p b t r z k) as they came, as (letter, value)."""

    origin: Origin
    media: tuple[Media, ...] = ()
    connection: Connection | None = None
    attributes: tuple[Attribute, ...] = ()
    name: str = "-"
    lines: tuple[tuple[str, str], ...] = (("t", "0 0"),)

    @classmethod
    def parse(cls, body: bytes) -> "SessionDescription":
        """Raises `SdpError`, nothing else."""
        from jambones.sip.sdp.parser import parse

        return parse(body)

    def __bytes__(self) -> bytes:
        return str(self).encode("utf-8", "surrogateescape")

    def __str__(self) -> str:
        return "".join(f"{line}\r\n" for line in self._write()) + "".join(map(str, self.media))

    def _write(self) -> Iterator[str]:
        yield "v=0"
        yield f"o={self.origin}"
        yield f"s={self.name or '-'}"
        yield from _lines(self.lines, "iuep")
        if self.connection is not None:
            yield f"c={self.connection}"
        yield from _lines(self.lines, "b")
        yield from _lines(self.lines, "trzk")
        yield from (f"a={a}" for a in self.attributes)

    def audio(self) -> Media | None:
        """The first audio section that is not rejected."""
        return next((m for m in self.media if m.kind == "audio" and not m.rejected), None)

    def connection_of(self, media: Media) -> Connection | None:
        return media.connection or self.connection

    def direction_of(self, media: Media) -> Direction:
        """The sender's direction of this section, RFC 2543 hold included (RFC 3264 section 8.4)."""
        direction = media.own_direction or self.own_direction or Direction.SENDRECV
        connection = self.connection_of(media)
        if connection is not None and connection.is_zero:
            return Direction.of(sends=direction.sends, receives=False)
        return direction

    def with_origin(self, origin: Origin) -> "SessionDescription":
        return replace(self, origin=origin)


def _lines(lines: Iterable[tuple[str, str]], letters: str) -> Iterator[str]:
    return (f"{letter}={value}" for letter, value in lines if letter in letters)
