"""Lexical pieces of RFC 3261 section 25 that several headers share: quoting, comma lists, parameters, escapes."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote as _percent
from urllib.parse import unquote as _unpercent

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNSAFE = re.compile(r"[\r\n\0]")

# RFC 3261: unreserved marks and user-unreserved, which need no escape in the user part of a URI.
_USER_SAFE = "-_.!~*'()&=+$,;?/"


class GrammarError(ValueError):
    """A value that does not follow its grammar. ``reason`` is a short constant text, fit for a counter's label."""

    def __init__(self, reason: str, value: str = "") -> None:
        super().__init__(f"{reason}: {value[:80]!r}" if value else reason)
        self.reason = reason


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def is_unsafe(text: str) -> bool:
    """Whether ``text`` holds CR, LF or NUL, which would end a header or smuggle another one."""
    return _UNSAFE.search(text) is not None


def quote(text: str) -> str:
    """``text`` as a quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """The content of a quoted-string; other text comes back as it is."""
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        inner = text[1:-1]
        return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner
    return text


def end_of_quoted(text: str, start: int) -> int:
    """Index after the quoted-string that starts at ``start``. Raises GrammarError when it never ends."""
    match = _QUOTED.match(text, start)
    if match is None:
        raise GrammarError("quote", text)
    return match.end()


def split_outside(text: str, separator: str) -> list[str]:
    """``text`` cut at ``separator`` where that stands outside quotes and angle brackets; parts are stripped."""
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts: list[str] = []
    start = index = 0
    in_angle = False
    length = len(text)
    while index < length:
        char = text[index]
        if char == '"' and not in_angle:
            index = end_of_quoted(text, index)
            continue
        if char == "<":
            in_angle = True
        elif char == ">":
            in_angle = False
        elif char == separator and not in_angle:
            parts.append(text[start:index].strip())
            start = index + 1
        index += 1
    parts.append(text[start:].strip())
    return parts


def split_commas(text: str) -> list[str]:
    """A header's comma list as its elements; empty elements are left out."""
    if "," not in text:
        text = text.strip()
        return [text] if text else []
    return [part for part in split_outside(text, ",") if part]


def parse_params(text: str) -> dict[str, str | None]:
    """``;a=1;b;c="x"`` as a dict. Names are lower case; the value of a flag is None; quoted values stay quoted."""
    params: dict[str, str | None] = {}
    if not text:
        return params
    for part in split_outside(text, ";") if '"' in text else text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name:
            params[name] = value.strip() if equals else None
        elif equals:
            raise GrammarError("parameter", text)
    return params


def format_params(params: Mapping[str, str | None]) -> str:
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params.items())


def escape_user(text: str) -> str:
    """Any text as the user part of a URI (RFC 3261 section 19.1.2)."""
    return _percent(text, safe=_USER_SAFE)


def escape_header(text: str) -> str:
    """Any text as a header value inside a URI (``?Replaces=...``)."""
    return _percent(text, safe="-_.!~*'()[]/?:+$")


def unescape(text: str) -> str:
    return _unpercent(text) if "%" in text else text


def join_commas(values: Iterable[str]) -> str:
    return ", ".join(values)
