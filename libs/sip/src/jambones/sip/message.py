"""Requests and responses (RFC 3261 section 7). Typed views of headers are parsed when asked for, cached by value."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from jambones.sip.address import NameAddr
from jambones.sip.body import find_part
from jambones.sip.grammar import GrammarError, is_token, is_unsafe
from jambones.sip.headers import Headers
from jambones.sip.status import phrase
from jambones.sip.uri import Uri
from jambones.sip.via import Via

VERSION = "SIP/2.0"
MAX_CSEQ = 2**31 - 1


class CSeq(NamedTuple):
    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class Message:
    """What requests and responses share. The accessors raise GrammarError where the header is absent or malformed."""

    __slots__ = ("body", "headers")

    headers: Headers
    body: bytes

    def _required(self, key: str) -> str:
        for item in self.headers.items():
            if item[0] == key:
                return item[2]
        raise GrammarError(f"no-{key}")

    @property
    def call_id(self) -> str:
        return self._required("call-id")

    @property
    def cseq(self) -> CSeq:
        return _parse_cseq(self._required("cseq"))

    @property
    def from_(self) -> NameAddr:
        return NameAddr.parse(self._required("from"))

    @property
    def to(self) -> NameAddr:
        return NameAddr.parse(self._required("to"))

    @property
    def via(self) -> Via:
        """The topmost Via."""
        return Via.parse(self._required("via"))

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None without one or for ``*``."""
        elements = self.headers.get_list("Contact")
        return NameAddr.parse(elements[0]) if elements and elements[0] != "*" else None

    @property
    def max_forwards(self) -> int | None:
        value = self.headers.get("Max-Forwards")
        if value is None:
            return None
        if not value.isdecimal() or len(value) > 9:
            raise GrammarError("max-forwards", value)
        return int(value)

    @property
    def content_type(self) -> str | None:
        return self.headers.get("Content-Type")

    @property
    def sdp(self) -> bytes | None:
        """The session description: the body, or that part of a multipart body."""
        return find_part(self.body, self.content_type, "application/sdp") if self.body else None

    @property
    def supported(self) -> frozenset[str]:
        return self.headers.tokens("Supported")

    @property
    def require(self) -> frozenset[str]:
        return self.headers.tokens("Require")

    @property
    def record_route(self) -> tuple[str, ...]:
        return tuple(self.headers.get_list("Record-Route"))

    def _start_line(self) -> str:
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        """The message on the wire. Content-Length is always the last row and always right."""
        rows = [self._start_line()]
        rows += [f"{name}: {value}" for key, name, value in self.headers.items() if key != "content-length"]
        rows.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(rows).encode("utf-8", "replace") + self.body


class Request(Message):
    """A request. ``uri`` is the Request-URI; methods keep their case (they are case-sensitive)."""

    __slots__ = ("method", "uri")

    __match_args__ = ("method",)

    def __init__(
        self, method: str, uri: Uri | str, headers: Headers | Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        if not is_token(method):
            raise GrammarError("method", method)
        self.method = method
        self.uri = Uri.parse(uri) if isinstance(uri, str) else uri
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body

    def copy(self) -> "Request":
        return Request(self.method, self.uri, self.headers.copy(), self.body)

    def _start_line(self) -> str:
        return f"{self.method} {self.uri} {VERSION}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Request):
            return NotImplemented
        return (self.method, self.uri, self.headers, self.body) == (
            other.method,
            other.uri,
            other.headers,
            other.body,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Request {self.method}>"


class Response(Message):
    """A response. ``reason`` defaults to the usual phrase; GrammarError when it would break the line."""

    __slots__ = ("reason", "status")

    __match_args__ = ("status",)

    def __init__(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        if reason is not None and is_unsafe(reason):
            raise GrammarError("reason-phrase")
        self.status = status
        self.reason = phrase(status) if reason is None else reason
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body

    def _start_line(self) -> str:
        return f"{VERSION} {self.status} {self.reason}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Response):
            return NotImplemented
        return (self.status, self.reason, self.headers, self.body) == (
            other.status,
            other.reason,
            other.headers,
            other.body,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


@lru_cache(maxsize=4096)
def _parse_cseq(value: str) -> CSeq:
    number, _, method = value.partition(" ")
    method = method.strip()
    if not number.isdecimal() or len(number) > 10 or not is_token(method):
        raise GrammarError("cseq", value)
    if int(number) > MAX_CSEQ:
        raise GrammarError("cseq", value)
    return CSeq(int(number), method)
