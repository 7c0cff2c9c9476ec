"""Bencode, the notation of rtpengine's NG protocol (BitTorrent BEP 3, "bencoding"), read as it arrives.

Strings become `str` with bytes that are not UTF-8 kept as surrogates; dictionary keys need not be sorted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = "int | str | list[Value] | dict[str, Value]"
Encodable: TypeAlias = "int | str | bytes | Sequence[Encodable] | Mapping[str, Encodable]"

LONGEST = 1 << 20  # bytes of one message
DEEPEST = 32  # lists and dictionaries within each other
_MOST_DIGITS = 20


class BencodeError(ValueError):
    """The bytes are not bencode, or go beyond the bounds."""


def encode(value: Encodable) -> bytes:
    """Raises `BencodeError` for what has no notation (None, floats, booleans)."""
    parts: list[bytes] = []
    _encode(value, parts, DEEPEST)
    return b"".join(parts)


def _encode(value: Encodable, parts: list[bytes], depth: int) -> None:
    match value:
        case bool():
            raise BencodeError("a boolean has no notation")
        case int():
            parts.append(b"i%de" % value)
        case bytes():
            parts.append(b"%d:" % len(value))
            parts.append(value)
        case str():
            _encode(value.encode("utf-8", "surrogateescape"), parts, depth)
        case _ if depth == 0:
            raise BencodeError("nested too deeply")
        case Mapping():
            parts.append(b"d")
            for key, item in value.items():
                _encode(key, parts, 0)
                _encode(item, parts, depth - 1)
            parts.append(b"e")
        case Sequence():
            parts.append(b"l")
            for item in value:
                _encode(item, parts, depth - 1)
            parts.append(b"e")
        case _:
            raise BencodeError(f"{type(value).__name__} has no notation")


def decode(data: bytes) -> Value:
    """The one value that `data` is; raises `BencodeError`."""
    try:
        value, end = _decode(data, 0, DEEPEST)
    except (IndexError, ValueError) as exc:
        raise exc if isinstance(exc, BencodeError) else BencodeError("incomplete") from exc
    if end != len(data):
        raise BencodeError("more than one value")
    return value


def _decode(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """The value that begins at `at`, and where it ends; IndexError or ValueError when it is cut off."""
    kind = data[at]
    if 0x30 <= kind <= 0x39:
        colon = data.index(b":", at, at + 9)
        end = colon + 1 + _integer(data[at:colon])
        if end > len(data):
            raise BencodeError("incomplete")
        return data[colon + 1 : end].decode("utf-8", "surrogateescape"), end
    if kind == 0x69:  # i
        end = data.index(b"e", at, at + _MOST_DIGITS + 3)
        return _integer(data[at + 1 : end]), end + 1
    if kind not in {0x6C, 0x64}:  # l d
        raise BencodeError(f"unexpected byte {kind}")
    if depth == 0:
        raise BencodeError("nested too deeply")
    at += 1
    if kind == 0x6C:
        items: list[Value] = []
        while data[at] != 0x65:
            item, at = _decode(data, at, depth - 1)
            items.append(item)
        return items, at + 1
    members: dict[str, Value] = {}
    while data[at] != 0x65:
        key, at = _decode(data, at, 0)
        if not isinstance(key, str):
            raise BencodeError("a key is not a string")
        if data[at] == 0x65:
            raise BencodeError("a key without value")
        members[key], at = _decode(data, at, depth - 1)
    return members, at + 1


def _integer(text: bytes) -> int:
    digits = text.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > _MOST_DIGITS:
        raise BencodeError("not a number")
    return int(text)


@dataclass
class _Open:
    """A list or dictionary whose end has not come yet."""

    items: list[Value] | dict[str, Value]
    key: str | None = None

    def take(self, value: Value) -> None:
        if isinstance(self.items, list):
            self.items.append(value)
        elif self.key is None:
            if not isinstance(value, str):
                raise BencodeError("a key is not a string")
            self.key = value
        else:
            self.items[self.key] = value
            self.key = None


@dataclass
class Decoder:
    """Takes bytes in any pieces and gives the values that are complete. After an error it is of no more use."""

    longest: int = LONGEST
    deepest: int = DEEPEST
    _buffer: bytearray = field(default_factory=bytearray)
    _position: int = 0  # of the next token in the buffer
    _taken: int = 0  # bytes of the value in progress that have left the buffer
    _open: list[_Open] = field(default_factory=list)

    def feed(self, data: bytes) -> list[Value]:
        """Values completed by these bytes, in order; raises `BencodeError`."""
        self._buffer += data
        complete: list[Value] = []
        while (token := self._token()) is not _MORE:
            value = self._place(token)
            if value is not _MORE:
                complete.append(value)  # type: ignore[arg-type]
                self._check_length(self._position)
                self._forget()
                self._taken = 0
        self._taken += self._position
        self._forget()
        self._check_length(len(self._buffer))
        return complete

    def _check_length(self, more: int) -> None:
        if self._taken + more > self.longest:
            raise BencodeError("too long")

    @property
    def idle(self) -> bool:
        """Whether nothing is half read."""
        return not self._buffer and not self._open

    def _forget(self) -> None:
        del self._buffer[: self._position]
        self._position = 0

    def _token(self) -> object:
        """The next string, number, or opening or closing mark; `_MORE` when it is not there yet."""
        buffer, start = self._buffer, self._position
        if start >= len(buffer):
            return _MORE
        match buffer[start]:
            case 0x6C | 0x64 | 0x65:  # l d e
                self._position += 1
                return buffer[start : start + 1]
            case 0x69:  # i
                end = buffer.find(b"e", start, start + _MOST_DIGITS + 3)
                if end < 0:
                    return self._wait(start, _MOST_DIGITS + 3)
                self._position = end + 1
                return _integer(bytes(buffer[start + 1 : end]))
            case digit if 0x30 <= digit <= 0x39:
                colon = buffer.find(b":", start, start + 9)
                if colon < 0:
                    return self._wait(start, 9)
                length = _integer(bytes(buffer[start:colon]))
                if length > self.longest:
                    raise BencodeError("too long")
                if colon + 1 + length > len(buffer):
                    return _MORE
                self._position = colon + 1 + length
                return buffer[colon + 1 : self._position].decode("utf-8", "surrogateescape")
            case other:
                raise BencodeError(f"unexpected byte {other}")

    def _wait(self, start: int, most: int) -> object:
        if len(self._buffer) - start >= most:
            raise BencodeError("a number without end")
        return _MORE

    def _place(self, token: object) -> "Value | object":
        """Put a token where it belongs; gives the value when the outermost one is complete."""
        value: Value
        match token:
            case bytearray() if token == b"e":
                if not self._open:
                    raise BencodeError("an end without beginning")
                ended = self._open.pop()
                if ended.key is not None:
                    raise BencodeError("a key without value")
                value = ended.items
            case bytearray():
                if len(self._open) >= self.deepest:
                    raise BencodeError("nested too deeply")
                self._open.append(_Open([] if token == b"l" else {}))
                return _MORE
            case int() | str():
                value = token
            case _:  # pragma: no cover
                raise AssertionError(token)
        if not self._open:
            return value
        self._open[-1].take(value)
        return _MORE


_MORE = object()
