"""Private values: phone numbers, digits, transcripts and secrets, shown as a keyed token everywhere they are printed.

The token is the same for the same value under one key, so that two lines of a log can still be joined. Only
`reveal()` and JSON on its way to the bus or the database show the value.
"""

import hmac
import os
from typing import Any, Generic, TypeVar, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")
_key = os.urandom(32)


def use_key(key: bytes) -> None:
    """Set the key of all tokens of this process (JAMBONES_INTERNAL_KEY), so that tokens agree between services."""
    global _key
    _key = key


def token(value: object) -> str:
    """What stands for `value` in logs: "~" and ten hexadecimal digits."""
    return "~" + hmac.digest(_key, str(value).encode(), "sha256").hex()[:10]


class Private(Generic[T]):
    """A value that is not printed."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """The value itself."""
        return self._value

    def __str__(self) -> str:
        return token(self._value)

    def __repr__(self) -> str:
        return f"Private({token(self._value)})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Private) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Private, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        args = get_args(source)
        inner = handler.generate_schema(args[0]) if args else core_schema.any_schema()
        wrapped = core_schema.no_info_after_validator_function(cls, inner)
        return core_schema.json_or_python_schema(
            json_schema=wrapped,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), wrapped]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda private: private.reveal(), when_used="json"
            ),
        )
