"""Hook payloads as applications read them: snake_case keys, exact JSON text, a signature over that text.

Verifiers parse the body and print it again with JavaScript's JSON.stringify, so our text is what that prints: numbers
are doubles, and keys that look like array indexes come first (ECMA-262, Number::toString and OrdinaryOwnPropertyKeys).
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

VERBATIM: Final = frozenset({"customerData", "sip", "env_vars", "args"})
"""Keys that keep their own spelling, and everything beneath them."""

_PLAIN: Final = frozenset({str, bool})
"""Most values; asking each for its abstract base classes takes longer than the rest of the encoding."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_EXACT: Final = 2**53
"""Up to here a double is every whole number."""


class _Unprintable(Exception):
    """There is a number that Python prints in another way."""


@dataclass(frozen=True, slots=True)
class _Small:
    """A number below 0.0001: Python prints 5e-05 and 1e-07, JavaScript 0.00005 and 1e-7."""

    value: float

    def __str__(self) -> str:
        if abs(self.value) >= 1e-6:
            return f"{Decimal(repr(self.value)):f}"
        return re.sub(r"e-0", "e-", repr(self.value))


def _refuse(value: Any) -> None:
    raise _Unprintable


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_refuse)


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """`callSid` → `call_sid`, `X-Foo-Bar` → `x_foo_bar`."""
    return _SEPARATORS.sub("_", _HUMP.sub("_", name)).strip("_").lower() or name


def snake_keys(value: Any) -> Any:
    """`value` with every key in snake_case, at any depth, and with numbers and keys as JavaScript has them."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return _ordered(
            {
                key if key in VERBATIM else snake(key): verbatim(inner) if key in VERBATIM else snake_keys(inner)
                for key, inner in value.items()
                if inner is not None
            }
        )
    if isinstance(value, list | tuple):
        return [snake_keys(inner) for inner in value]
    return _number(value)


def verbatim(value: Any) -> Any:
    """`value` with the spelling of its keys as it is, and with numbers and keys as JavaScript has them."""
    if isinstance(value, Mapping):
        return _ordered({key: verbatim(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return [verbatim(inner) for inner in value]
    return _number(value)


def _ordered(value: dict[str, Any]) -> dict[str, Any]:
    if not any(map(str.isdecimal, value)):
        return value
    indexes = sorted((key for key in value if _INDEX.fullmatch(key) and int(key) < 2**32 - 1), key=int)
    return {key: value[key] for key in indexes} | value


def _number(value: Any) -> Any:
    """Whatever it is; a number as the double that it is in JavaScript."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int) and -_EXACT < value < _EXACT:
        return int(value)
    try:
        double = float(value)
    except OverflowError:
        return None
    if double.is_integer():
        return int(Decimal(repr(double))) if abs(double) < 1e21 else double  # digits beyond a double's are noughts
    return _Small(double) if abs(double) < 1e-4 else double


def encode(payload: Mapping[str, Any]) -> bytes:
    """The body of a hook: compact JSON, non-ASCII as it is. A verifier that parses and prints it gets the same text."""
    shown = snake_keys(payload)
    try:
        text = _ENCODER.encode(shown)
    except _Unprintable:
        text = _text(shown)
    return text.encode("utf-8", "replace")


def _text(value: Any) -> str:
    match value:
        case _Small():
            return str(value)
        case dict():
            return "{" + ",".join(f"{_ENCODER.encode(key)}:{_text(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_text, value)) + "]"
    return _ENCODER.encode(value)


def sign(secret: str, body: bytes, at: int) -> str:
    """The value of `Jambonz-Signature`: `t=<unix seconds>,v1=<hex>`, HMAC-SHA256 over `<t>.<body>`."""
    digest = hmac.digest(secret.encode(), str(at).encode() + b"." + body, "sha256")
    return f"t={at},v1={digest.hex()}"


def scalars(payload: Mapping[str, Any]) -> dict[str, str]:
    """What a GET can carry: flat values as query parameters."""
    shown: dict[str, str] = {}
    for key, value in snake_keys(payload).items():
        if key in VERBATIM or isinstance(value, Mapping | list):
            continue
        shown[key] = str(value).lower() if isinstance(value, bool) else str(value)
    return shown
