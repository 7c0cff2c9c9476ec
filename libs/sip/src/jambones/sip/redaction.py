"""A message as it may be shown to people who look for faults: its structure whole, nothing private in it.

What is not known to be harmless is not shown. The user part of each URI and each display name become whatever `hide`
makes of them, so that the lines of one call can be matched; the digits of a number are looked for once more in
everything that was to be shown, since peers put numbers into Call-IDs, tags and phrases.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jambones.sip import sdp_redaction
from jambones.sip.address import NameAddr
from jambones.sip.grammar import GrammarError, split_commas, unquote
from jambones.sip.message import Message, Request, Response
from jambones.sip.uri import Uri
from jambones.sip.via import Via

MASK = "***"
MOST = 8192
"""Characters of a message that are shown."""

_AS_IT_IS = frozenset({
    "accept", "accept-encoding", "accept-language", "allow", "allow-events", "call-id", "content-disposition",
    "content-encoding", "content-language", "content-length", "cseq", "date", "event", "expires", "in-reply-to",
    "info-package", "max-forwards", "mime-version", "min-expires", "min-se", "priority", "privacy", "proxy-require",
    "rack", "recv-info", "refer-sub", "replaces", "require", "retry-after", "rseq", "session-expires", "sip-etag",
    "sip-if-match", "subscription-state", "supported", "timestamp", "unsupported",
})  # fmt: skip
_PHRASES = frozenset({"reason", "server", "user-agent", "warning", "x-reason"})
_ADDRESSES = frozenset({
    "alert-info", "contact", "diversion", "from", "history-info", "p-asserted-identity", "p-preferred-identity",
    "path", "record-route", "refer-to", "referred-by", "remote-party-id", "reply-to", "route", "service-route", "to",
})  # fmt: skip
_LOGINS = frozenset({
    "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info",
})  # fmt: skip
_LOGIN_WORDS = frozenset({"md5", "md5-sess", "sha-256", "sha-256-sess", "auth", "auth-int", "true", "false"})
"""Values of a challenge or its answer that say how, not who."""
_PARAMS = frozenset({
    "alias", "branch", "comp", "counter", "early-only", "expires", "index", "lr", "maddr", "method", "ob", "party",
    "privacy", "q", "reason", "received", "refresher", "reg-id", "rport", "screen", "tag", "transport", "ttl", "user",
})  # fmt: skip

_VALUE = re.compile(r"[\w.\-+!~*'\[\]:/]{1,200}", re.ASCII)
_DIGITS = re.compile(r"\d{6,}")
"""Long enough to be no port."""
_NUMBER = re.compile(r"\+?\d(?:[ ()\-/]{0,2}\d){5,}")
"""What looks like a phone number in a phrase."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z\-]{0,19}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+\-]{1,60}/[a-z0-9.+\-]{1,60}")


@dataclass(frozen=True, slots=True)
class Redaction:
    """How to show messages: ``hide`` makes a token of a private value; ``ours`` are names, in lower case, of headers
    of the platform's own that say nothing about people."""

    hide: Callable[[str], str]
    ours: frozenset[str] = frozenset()

    def text(self, message: Message) -> str:
        """The message, a line a header. Never raises for what a peer can write."""
        return _Rendering(self).text(message)


@dataclass(slots=True)
class _Rendering:
    """One message being rendered, and the private values met in it."""

    how: Redaction
    numbers: dict[str, str] = field(default_factory=dict)
    """Digits that must not appear, and what appears instead."""

    def text(self, message: Message) -> str:
        headers = [f"{name}: {self._header(key, value)}" for key, name, value in message.headers.items()]
        lines = [self._first(message), *headers]
        if message.body:
            lines += ["", *self._body(message)]
        shown = "\n".join(lines)
        for digits in sorted(self.numbers, key=len, reverse=True):
            shown = shown.replace(digits, self.numbers[digits])
        return shown if len(shown) <= MOST else f"{shown[:MOST]}\n({len(shown) - MOST} more characters)"

    def _private(self, value: str) -> str:
        token = self.how.hide(value)
        for digits in _DIGITS.findall(value):
            self.numbers.setdefault(digits, token)
        return token

    def _first(self, message: Message) -> str:
        if isinstance(message, Request):
            return f"{message.method} {self._uri(message.uri)} SIP/2.0"
        assert isinstance(message, Response)
        return f"SIP/2.0 {message.status} {self._phrase(message.reason)}"

    def _header(self, key: str, value: str) -> str:
        try:
            if key in _AS_IT_IS:
                return value
            if key in _ADDRESSES:
                return ", ".join(self._address(element) for element in split_commas(value))
            if key == "via":
                return ", ".join(self._via(element) for element in split_commas(value))
            if key in _LOGINS:
                return _login(value)
            if key in _PHRASES or key in self.how.ours:
                return self._phrase(value) if key in _PHRASES else self._own(value)
            if key == "content-type":
                return _media_type(value)
        except GrammarError:
            return MASK
        return MASK

    def _address(self, text: str) -> str:
        if text == "*":
            return text
        address = NameAddr.parse(text)
        name = f'"{self._private(address.display)}" ' if address.display else ""
        return f"{name}<{self._uri(address.uri)}>{_params(address.params)}"

    def _uri(self, uri: Uri) -> str:
        if not uri.is_sip:
            return f"{uri.scheme}:{self._private(uri.user_text)}{_params(uri.params)}"
        user = f"{self._private(uri.user_text)}{'' if uri.password is None else f':{MASK}'}@" if uri.user else ""
        host = self._private(uri.host) if uri.host.isdecimal() else uri.host_port
        return f"{uri.scheme}:{user}{host}{_params(uri.params)}{f'?{MASK}' if uri.headers else ''}"

    def _via(self, text: str) -> str:
        via = Via.parse(text)
        return f"SIP/2.0/{via.transport} {via.sent_by}{_params(via.params)}"

    def _phrase(self, text: str) -> str:
        return _NUMBER.sub(lambda number: self._private(number[0]), text)

    def _own(self, value: str) -> str:
        # From outside the name is anybody's, and the value may be anything.
        return ";".join(part if _is_id(part) else MASK for part in value.split(";"))

    def _body(self, message: Message) -> list[str]:
        kind = _media_type(message.content_type or "")
        try:
            sdp = message.sdp
        except GrammarError:
            sdp = None
        lines = [] if sdp is not None and kind == "application/sdp" else [f"({kind}, {len(message.body)} bytes)"]
        if sdp is not None:
            lines += sdp_redaction.lines(sdp, self._private)
        return lines


def _params(params: Mapping[str, str | None]) -> str:
    shown = []
    for name, value in params.items():
        if name not in _PARAMS:
            shown.append(MASK)
        elif value is None:
            shown.append(name)
        else:
            shown.append(f"{name}={value if _VALUE.fullmatch(value) else MASK}")
    return "".join(f";{param}" for param in shown)


def _login(value: str) -> str:
    """Which scheme and which parameters: the values only where they are words of the grammar."""
    first, _, rest = value.strip().partition(" ")
    scheme, listed = (first, rest) if "=" not in first else ("", value)
    if not rest and not listed:
        return MASK
    shown = []
    for part in split_commas(listed):
        name, _, given = part.partition("=")
        known = unquote(given.strip())
        name = name.strip()
        word = known if known.lower() in _LOGIN_WORDS else MASK
        shown.append(f"{name}={word}" if _SCHEME.fullmatch(name) else MASK)
    return f"{scheme if _SCHEME.fullmatch(scheme) else MASK} {', '.join(shown)}" if scheme else ", ".join(shown)


def _media_type(value: str) -> str:
    kind = value.partition(";")[0].strip().lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) and not _DIGITS.search(kind) else MASK


_ID = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # a sid
    r"|[0-9a-f]{32}"  # a trace
    r"|(?:uri=sips?:)?(?:[A-Za-z\d][\w.\-]*|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?|transport=[a-z]{2,4}",
    re.ASCII,
)


def _is_id(part: str) -> bool:
    return _ID.fullmatch(part) is not None
