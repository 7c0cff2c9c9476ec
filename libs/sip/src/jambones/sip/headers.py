"""The header section of a message: ordered, case-insensitive, compact forms resolved (RFC 3261 section 7.3)."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from jambones.sip.grammar import GrammarError, is_token, split_commas

_CANONICAL = (
    "Accept Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info Authorization Call-ID "
    "Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date "
    "Diversion Error-Info Event Expires From Geolocation History-Info Identity Info-Package In-Reply-To Max-Forwards "
    "MIME-Version Min-Expires Min-SE Organization P-Asserted-Identity P-Preferred-Identity Path Priority Privacy "
    "Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Recv-Info Refer-Sub Refer-To "
    "Referred-By Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After Route RSeq Server "
    "Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported Timestamp To Unsupported "
    "User-Agent Via Warning WWW-Authenticate"
)
_COMPACT = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding",
    "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact",
    "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
    "y": "Identity", "n": "Identity-Info",
}  # fmt: skip

_NONE: frozenset[str] = frozenset()
_is_unsafe = re.compile(r"[\r\n\0]").search

# Spelling as received → (key for comparing, spelling we send). Names seen later are learnt up to a bound.
_LEARNT_LIMIT = 4096
_names: dict[str, tuple[str, str]] = {}
for _name in [*_CANONICAL.split(), *_COMPACT.values()]:
    _names[_name] = _names[_name.lower()] = (_name.lower(), _name)
for _short, _name in _COMPACT.items():
    _names[_short] = _names[_short.upper()] = (_name.lower(), _name)

Item = tuple[str, str, str]
"""Key (lower case), name as sent, value."""


def header_name(name: str) -> tuple[str, str]:
    """Key and spelling of a header name in any form. Raises GrammarError when it is no token."""
    known = _names.get(name)
    if known is not None:
        return known
    stripped = name.rstrip(" \t")
    if not is_token(stripped):
        raise GrammarError("header-name", name)
    known = _names.get(stripped.lower()) or (stripped.lower(), stripped)
    if len(_names) < _LEARNT_LIMIT:
        _names[name] = known
    return known


class Headers:
    """An ordered multi-map of header rows. Values hold no CR, LF or NUL: whoever tries gets a GrammarError.

    Unknown names keep their spelling; known ones take the usual one, so compact forms never leave us.
    """

    __slots__ = ("_items",)

    def __init__(self, rows: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[Item] = []
        for name, value in rows:
            self.add(name, value)

    @classmethod
    def of_items(cls, items: list[Item]) -> "Headers":
        """From rows whose names and values were checked already; the list is taken over, not copied."""
        headers = cls.__new__(cls)
        headers._items = items
        return headers

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first row of this name."""
        key = (_names.get(name) or header_name(name))[0]  # one call less: this is what is called most
        for item in self._items:
            if item[0] == key:
                return item[2]
        return default

    def get_all(self, name: str) -> list[str]:
        """Every row of this name, in order, not split at commas."""
        key = (_names.get(name) or header_name(name))[0]
        return [item[2] for item in self._items if item[0] == key]

    def get_list(self, name: str) -> list[str]:
        """Every element of this name: rows joined, split at commas outside quotes and angle brackets."""
        return [element for row in self.get_all(name) for element in split_commas(row)]

    def tokens(self, name: str) -> frozenset[str]:
        """The elements of Supported, Require, Allow and the like, lower case."""
        rows = self.get_all(name)
        if not rows:
            return _NONE
        if len(rows) == 1:
            return _tokens(rows[0])
        return frozenset().union(*map(_tokens, rows))

    def add(self, name: str, value: str) -> None:
        if _is_unsafe(value):
            raise GrammarError("header-value", name)
        key, spelling = _names.get(name) or header_name(name)
        self._items.append((key, spelling, value))

    def set(self, name: str, value: str) -> None:
        """Put one row in the place of all rows of this name (the place of the first, else the end)."""
        if _is_unsafe(value):
            raise GrammarError("header-value", name)
        key, spelling = header_name(name)
        row = (key, spelling, value)
        at = next((index for index, item in enumerate(self._items) if item[0] == key), None)
        if at is None:
            self._items.append(row)
            return
        self._items[at] = row
        self._items[at + 1 :] = [item for item in self._items[at + 1 :] if item[0] != key]

    def set_first(self, name: str, value: str) -> None:
        """Replace only the first row of this name (the topmost Via)."""
        key, spelling = header_name(name)
        for index, item in enumerate(self._items):
            if item[0] == key:
                self._items[index] = (key, spelling, value)
                return
        self._items.append((key, spelling, value))

    def insert_first(self, name: str, value: str) -> None:
        key, spelling = header_name(name)
        self._items.insert(0, (key, spelling, value))

    def remove(self, name: str) -> None:
        key = header_name(name)[0]
        self._items = [item for item in self._items if item[0] != key]

    def extend(self, rows: "Iterable[tuple[str, str]] | Headers") -> None:
        if isinstance(rows, Headers):
            self._items.extend(rows._items)
            return
        for name, value in rows:
            self.add(name, value)

    def copy(self) -> "Headers":
        return Headers.of_items(list(self._items))

    def items(self) -> list[Item]:
        """The rows with their keys, for whoever copies many of them."""
        return self._items

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(item[1], item[2]) for item in self._items])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(k, v) for k, _, v in self._items] == [(k, v) for k, _, v in other._items]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({[name for _, name, _ in self._items]})"

    def __str__(self) -> str:
        return "".join([f"{name}: {value}\r\n" for _, name, value in self._items])


@lru_cache(maxsize=2048)
def _tokens(row: str) -> frozenset[str]:
    return frozenset(element.lower() for element in split_commas(row))
