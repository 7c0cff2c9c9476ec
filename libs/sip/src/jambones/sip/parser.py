"""Bytes to messages. What cannot be read raises ParseError, which carries as much of a request as an answer needs."""

import re

from jambones.sip.grammar import GrammarError, split_commas
from jambones.sip.headers import Headers, Item, header_name
from jambones.sip.message import VERSION, Message, Request, Response
from jambones.sip.uri import Uri

MAX_DATAGRAM = 65_535
MAX_STREAM_MESSAGE = 256 * 1024
_MAX_HEADERS = 512

# Headers that may stand once only (RFC 4475 sections 3.3.8 and 3.3.9 say what becomes of the others).
_SINGLE = frozenset({"call-id", "cseq", "from", "to", "max-forwards", "content-length"})
_CSEQ = re.compile(r"\d+[ \t]+\S+")
_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")


class ParseError(ValueError):
    """Bytes that are no good message.

    ``reason`` is a short constant text for a counter. ``request`` holds what could be read of a request, None when its
    Via, From, To, Call-ID or CSeq cannot be used (then nothing can be answered). ``status`` is the answer it deserves.
    """

    def __init__(self, reason: str, request: Request | None = None, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.request = request
        self.status = status


def parse(data: bytes, *, framed: bool = False) -> Message:
    """One whole message: a datagram, or (``framed``) what stream framing cut out by its Content-Length.

    Of a datagram, bytes after Content-Length are left away, as RFC 3261 section 18.3 asks. Raises ParseError.
    """
    if data.startswith(b"\r\n"):
        data = data.lstrip(b"\r\n")  # RFC 3261 section 7.5: ignore CRLFs before the start line
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise ParseError("no-end-of-headers")
    try:
        text = data[:end].decode()
    except UnicodeDecodeError:
        text = data[:end].decode("latin-1")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    start, body = lines[0], data[end + 4 :]
    damage: str | None = None
    if "\0" in text or text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise ParseError("control-character")
    if len(lines) > _MAX_HEADERS:
        raise ParseError("too-many-headers")

    items: list[Item] = []
    seen: set[str] = set()
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        try:
            key, spelling = header_name(name)
        except GrammarError:
            damage = "header-name"
            continue
        if not colon:
            damage = "header"
            continue
        value = value.strip()
        if key == "via" and "," in value:
            try:
                hops = split_commas(value)
            except GrammarError:
                damage, hops = "via", [value]
            if any("/" not in hop for hop in hops):
                damage = "via"
            items.extend((key, spelling, hop) for hop in hops)
        else:
            items.append((key, spelling, value))
        if key in _SINGLE:
            if key in seen:
                damage = "repeated-header"
            seen.add(key)
    headers = Headers.of_items(items)

    if not framed:
        body, short = _cut_body(headers, body)
        damage = damage or short
    if start.startswith(VERSION + " "):
        return _response(start, headers, body, damage)
    return _request(start, headers, body, damage)


def _cut_body(headers: Headers, body: bytes) -> tuple[bytes, str | None]:
    length = headers.get("Content-Length")
    if length is None:
        return body, None
    if not length.isdecimal() or len(length) > 9:
        return body, "content-length"
    if int(length) > len(body):
        return body, "short-body"
    return body[: int(length)], None


def _response(start: str, headers: Headers, body: bytes, damage: str | None) -> Response:
    _, code, *rest = start.split(" ", 2)
    if damage is not None:
        raise ParseError(damage)
    if not (len(code) == 3 and code.isdecimal() and "1" <= code[0] <= "6"):
        raise ParseError("status-line")
    response = Response(int(code), rest[0] if rest else "", headers, body)
    _check(response, None)
    return response


def _request(start: str, headers: Headers, body: bytes, damage: str | None) -> Request:
    method, _, rest = start.partition(" ")
    target, _, version = rest.rpartition(" ")
    try:
        uri = Uri.parse(target)
        request = Request(method, uri, headers, body)
    except GrammarError as error:
        reason = "request-line" if error.reason == "method" else "request-uri"
        raise _refusal(reason, method, headers, body) from None
    if version != VERSION:
        status = 505 if version.upper().startswith("SIP/") else 400
        raise ParseError("version", request if _usable(request) else None, status)
    if damage is not None:
        raise ParseError(damage, request if _usable(request) else None)
    _check(request, method)
    return request


def _refusal(reason: str, method: str, headers: Headers, body: bytes) -> ParseError:
    """For a request whose Request-URI or method makes no sense, but that may be answered nevertheless."""
    try:
        stand_in = Request(method, Uri("sip", host="invalid.invalid"), headers, body)
    except GrammarError:
        return ParseError(reason)
    return ParseError(reason, stand_in if _usable(stand_in) else None)


def _check(message: Message, method: str | None) -> None:
    """The headers every message needs. Parsing them here costs nothing later: they are cached."""
    try:
        cseq = message.cseq
        message.via  # noqa: B018
        message.from_  # noqa: B018
        message.to  # noqa: B018
        if not message.call_id:
            raise GrammarError("no-call-id")
        if method is not None and cseq.method != method:
            raise GrammarError("cseq-method")
        if method is not None:
            message.max_forwards  # noqa: B018
    except GrammarError as error:
        request = message if isinstance(message, Request) and _usable(message) else None
        raise ParseError(error.reason, request) from None


def _usable(request: Request) -> bool:
    """Whether a 400 can find its way back: these five are copied into it."""
    try:
        request.via  # noqa: B018
    except GrammarError:
        return False
    # A number that is too large is copied as it came.
    if not _CSEQ.fullmatch(request.headers.get("CSeq") or ""):
        return False
    return all(request.headers.get(name) for name in ("From", "To", "Call-ID"))
