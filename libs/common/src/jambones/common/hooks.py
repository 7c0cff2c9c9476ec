"""Hook payloads as applications read them: snake_case keys, exact JSON text, a signature over that text."""

import hmac
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

VERBATIM: Final = frozenset({"customerData", "sip", "env_vars", "args"})
"""Keys that keep their own spelling, and everything beneath them."""

_PLAIN: Final = frozenset({str, int, bool})
"""Most values; asking each for its abstract base classes takes longer than the rest of the encoding."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """`callSid` → `call_sid`, `X-Foo-Bar` → `x_foo_bar`."""
    return _SEPARATORS.sub("_", _HUMP.sub("_", name)).strip("_").lower() or name


def snake_keys(value: Any) -> Any:
    """`value` with every key in snake_case, at any depth; whole floats become ints, as JavaScript prints them."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {
            key if key in VERBATIM else snake(key): whole_numbers(inner) if key in VERBATIM else snake_keys(inner)
            for key, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list | tuple):
        return [snake_keys(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def whole_numbers(value: Any) -> Any:
    """`value` with its keys as they are, and whole floats as ints: JavaScript knows no other way to print them."""
    if isinstance(value, Mapping):
        return {key: whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [whole_numbers(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def encode(payload: Mapping[str, Any]) -> bytes:
    """The body of a hook: compact JSON, non-ASCII as it is. A verifier that parses and prints it gets the same text."""
    return _ENCODER.encode(snake_keys(payload)).encode("utf-8", "replace")


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
