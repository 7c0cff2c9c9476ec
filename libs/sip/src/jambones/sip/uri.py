"""URIs: sip and sips (RFC 3261 section 19.1), tel (RFC 3966); any other scheme is kept opaque."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

from jambones.sip.grammar import GrammarError, escape_header, format_params, parse_params, unescape

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_ILLEGAL = re.compile(r"[\x00-\x20<>\"\x7f]")
# The underscore is in no host name of RFC 3261, but in many a name of container networks.
_HOST_PORT = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.\-_]*)))(?::(?P<port>\d{1,5}))?"
)

_SEPARATORS = re.compile(r"[-.()]")
_NUMBER = re.compile(r"\+?[0-9*#A-Da-d]+")

_HEADER_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")


@dataclass(frozen=True, slots=True)
class Uri:
    """One URI. ``user`` and ``password`` stay escaped as on the wire; ``user_text`` is the readable form.

    ``host`` of an IPv6 address has no brackets. A tel number, or what follows an unknown scheme, is in ``user`` and the
    host is empty. ``params`` names are lower case, the value of a flag is None; ``headers`` are unescaped.
    """

    scheme: str
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Raises GrammarError (a ValueError)."""
        return _parse(text)

    @property
    def user_text(self) -> str:
        return unescape(self.user or "")

    @property
    def number(self) -> str:
        """``user_text``; of a telephone number without its visual separators (RFC 3966 section 5.1.1)."""
        text = self.user_text
        if self.scheme != "tel" and (self.params.get("user") or "").lower() != "phone":
            return text
        number, semicolon, params = text.partition(";")
        plain = _SEPARATORS.sub("", number)
        return plain + semicolon + params if _NUMBER.fullmatch(plain) else text

    @property
    def is_sip(self) -> bool:
        return self.scheme in {"sip", "sips"}

    @property
    def transport(self) -> str | None:
        value = self.params.get("transport")
        return value.lower() if value else None

    @property
    def host_port(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def is_loose(self) -> bool:
        return "lr" in self.params

    def with_params(self, **changes: str | None) -> Self:
        return replace(self, params={**self.params, **changes})

    def without(self, *names: str) -> Self:
        """This URI without these parameters, and without its headers."""
        return replace(self, params={k: v for k, v in self.params.items() if k not in names}, headers={})

    def same_address(self, other: "Uri") -> bool:
        """Whether both name the same user at the same host and port: what decides about loops and bindings."""
        return (
            self.scheme == other.scheme
            and unescape(self.user or "") == unescape(other.user or "")
            and self.host.lower() == other.host.lower()
            and self.port == other.port
        )

    def __str__(self) -> str:
        params = format_params(self.params) if self.params else ""
        if not self.host:
            return f"{self.scheme}:{self.user or ''}{params}"
        if self.user is None:
            text = f"{self.scheme}:{self.host_port}{params}"
        elif self.password is None:
            text = f"{self.scheme}:{self.user}@{self.host_port}{params}"
        else:
            text = f"{self.scheme}:{self.user}:{self.password}@{self.host_port}{params}"
        if self.headers:
            text += "?" + "&".join(f"{name}={escape_header(value)}" for name, value in self.headers.items())
        return text


@lru_cache(maxsize=8192)
def _parse(text: str) -> Uri:
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or _SCHEME.fullmatch(scheme) is None or _ILLEGAL.search(text):
        raise GrammarError("uri", text)
    scheme = scheme.lower()
    if scheme == "tel":
        number, _, params = rest.partition(";")
        if not number:
            raise GrammarError("uri", text)
        return Uri("tel", number, params=parse_params(params))
    if scheme not in {"sip", "sips"}:
        return Uri(scheme, rest)
    return _parse_sip(scheme, rest, text)


def _parse_sip(scheme: str, rest: str, text: str) -> Uri:
    user: str | None = None
    password: str | None = None
    # The user part may hold ";" and "?" but no "@", so the first "@" ends it.
    user_part, at, after = rest.partition("@")
    if at:
        rest = after
        name, colon, secret = user_part.partition(":")
        user, password = name, secret if colon else None
        if not user:
            raise GrammarError("uri", text)
    rest, question, header_part = rest.partition("?")
    host_part, _, param_part = rest.partition(";")
    match = _HOST_PORT.fullmatch(host_part)
    if match is None:
        raise GrammarError("uri", text)
    port = match["port"]
    if port is not None and int(port) > 65535:
        raise GrammarError("uri", text)
    return Uri(
        scheme,
        user,
        password,
        match["six"] or match["host"],
        None if port is None else int(port),
        parse_params(param_part),
        _parse_headers(header_part) if question else {},
    )


def _parse_headers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in text.split("&"):
        name, _, value = item.partition("=")
        if not name:
            continue
        if not _HEADER_NAME.fullmatch(name := unescape(name)):
            raise GrammarError("uri", text)
        found[name] = unescape(value)
    return found
