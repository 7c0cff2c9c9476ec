"""What all verbs and their option objects share: camelCase on the wire, frozen, lenient where applications are sloppy.

A property of the wrong type refuses the script; a property we do not know is kept aside and noted. JSON null means
"not given". Numbers may come as text ("4") and flags as "true" or "false".
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

JsonObject = dict[str, Any]


class WireModel(BaseModel):
    """An object as applications write it."""

    model_config = ConfigDict(
        frozen=True, extra="allow", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True,
        serialize_by_alias=True, hide_input_in_errors=True,
    )  # fmt: skip

    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Older spellings and what they are called now; the present name wins when both are there."""
    BARE: ClassVar[str | None] = None
    """The property that a plain value stands for: "say": "hello" is "say": {"text": "hello"}."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if cls.BARE is not None and isinstance(data, str | list):
            data = {cls.BARE: data}
        if not isinstance(data, Mapping):
            return data
        given = {key: value for key, value in data.items() if value is not None and key != "_"}
        for old, new in cls.RENAMED.items():
            if old in given:
                value = given.pop(old)
                given.setdefault(new, value)
        return cls.mend(given)

    @classmethod
    def mend(cls, given: JsonObject) -> JsonObject:
        """Bring what older applications write into the present shape; `given` is our own copy."""
        return given

    def unknown(self, path: str = "") -> Iterator[str]:
        """Properties that were given and that we do not know: "foo", "recognizer.foo", "target[1].foo"."""
        for key in self.__pydantic_extra__ or {}:
            yield path + key
        for name, field in type(self).model_fields.items():
            wire_name = path + (field.alias or name)
            match getattr(self, name):
                case WireModel() as inner:
                    yield from inner.unknown(f"{wire_name}.")
                case tuple() as items:
                    for index, item in enumerate(items):
                        if isinstance(item, WireModel):
                            yield from item.unknown(f"{wire_name}[{index}].")

    def wire(self) -> JsonObject:
        """The object as an application would write it; reading it again gives an equal one."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def __repr__(self) -> str:
        # Values are left out: texts, digits and passwords do not belong into logs.
        return f"{type(self).__name__}({', '.join(sorted(self.model_fields_set))})"

    __str__ = __repr__


class VerbModel(WireModel):
    """One instruction of a script. Subclasses set `verb` to their name on the wire."""

    verb: str
    id: str | None = None


def _number(value: Any) -> float:
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            raise PydanticCustomError("number", "must be a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "must be a number")
    try:
        number = float(value)
    except OverflowError:
        raise PydanticCustomError("number", "is too large") from None
    if not math.isfinite(number):
        raise PydanticCustomError("number", "must be a finite number")
    return number


def _whole(value: Any) -> int:
    number = _number(value)
    if not number.is_integer():
        raise PydanticCustomError("whole", "must be a whole number")
    return int(number)


def _flag(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise PydanticCustomError("flag", "must be true or false")
    return value


def _loop(value: Any) -> int | Literal["forever"]:
    if value == "forever":
        return "forever"
    try:
        return max(1, _whole(value))
    except PydanticCustomError:
        raise PydanticCustomError("loop", 'must be a whole number or "forever"') from None


def _not_negative(value: Any) -> float:
    return max(0.0, _number(value))


def _count(value: Any) -> int:
    return max(0, _whole(value))


def clamped(low: int, high: int) -> BeforeValidator:
    """A whole number, brought between `low` and `high`."""
    return BeforeValidator(lambda value: min(high, max(low, _whole(value))))


def listed(value: Any) -> Any:
    """A single value where a list is expected is a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _gain(value: Any) -> float:
    if isinstance(value, str):
        value = re.sub(r"(?i)\s*db\s*$", "", value)
    return min(50.0, max(-50.0, _number(value)))


def _header_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise PydanticCustomError("header", "must have text values")
    if any(char in value for char in "\r\n\0"):
        raise PydanticCustomError("header", "must not hold line breaks")
    return value


def _line(value: Any) -> Any:
    if isinstance(value, str) and any(char in value for char in "\r\n\0"):
        raise PydanticCustomError("line", "must not hold line breaks")
    return value


_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")  # RFC 3261 section 25.1


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise PydanticCustomError("headers", "must be an object")
    for name in value:
        if not _TOKEN.fullmatch(name):
            raise PydanticCustomError("header", "has a header name that SIP does not allow")
    return {name: _header_value(text) for name, text in value.items() if text is not None}


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Seconds = Annotated[float, BeforeValidator(_not_negative)]
"""Seconds, may be fractional; less than none is none."""
Milliseconds = Annotated[int, BeforeValidator(_count)]
Count = Annotated[int, BeforeValidator(_count)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Loop = Annotated[int | Literal["forever"], PlainValidator(_loop)]
"""How often: one or more, or "forever"."""
Line = Annotated[str, BeforeValidator(_line)]
"""A text that goes into a line of SIP."""
Strings = Annotated[tuple[str, ...], BeforeValidator(listed)]
"""A text or a list of texts; always a tuple once read."""
Channel = Annotated[Literal[1, 2], BeforeValidator(_whole)]
"""Which leg of a bridged call: 1 the caller, 2 the one called."""
Gain = Annotated[float, BeforeValidator(_gain)]
"""Decibels, written as a number or as "6 dB"; between -50 and 50."""
Headers = Annotated[dict[str, str], BeforeValidator(_headers)]
"""Extra SIP headers: names are tokens, values hold no line breaks; numbers become text."""
NO_HEADERS: Final[dict[str, str]] = {}


def rounds(loop: int | Literal["forever"]) -> int | None:
    """`loop` for a player: None is for ever."""
    return None if loop == "forever" else loop
