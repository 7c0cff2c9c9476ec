"""JSON as this API speaks it: flags are 0 and 1, dates ISO 8601 in UTC with milliseconds, sids may be empty text."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError

from jambones.api.errors import bad
from jambones.common.db.repository import Row
from jambones.common.private import Private


def problem(text: str) -> PydanticCustomError:
    """Raise this in a validator to answer 400 with exactly `text`."""
    return PydanticCustomError("said", "{text}", {"text": text})


def no_empty(value: Any) -> Any:
    """Empty text, as forms send it, is null."""
    return None if value == "" else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


SidOrNone = Annotated[Annotated[str, Field(max_length=36)] | None, BeforeValidator(no_empty)]
"""Empty text is null."""
Upper = BeforeValidator(_upper)
Lower = BeforeValidator(_lower)


class Input(BaseModel):
    """A body. Every field may be left out in an update; `REQUIRED` ones may not in a creation.

    Flags come as true, "true", 1 or "1", numbers as text; what we do not know is ignored.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, coerce_numbers_to_str=True, str_max_length=65536
    )

    REQUIRED: ClassVar[tuple[str, ...]] = ()
    KEY: ClassVar[str] = ""
    """The primary key: never in the body of an update."""
    DEFAULTS: ClassVar[Mapping[str, Any]] = {}
    """What null means in columns that cannot be null."""

    def given(self, *, but: Collection[str] = ()) -> dict[str, Any]:
        """What the caller sent, as columns."""
        values = {name: getattr(self, name) for name in self.model_fields_set if name not in but}
        return {
            name: self.DEFAULTS[name] if value is None and name in self.DEFAULTS else value
            for name, value in values.items()
        }

    @classmethod
    def check_creation(cls, raw: Mapping[str, Any]) -> None:
        for name in cls.REQUIRED:
            if name not in raw:
                raise bad(f"missing field {name}")

    @classmethod
    def check_update(cls, raw: Mapping[str, Any]) -> None:
        if cls.KEY and cls.KEY in raw:
            raise bad(f"primary key {cls.KEY} is immutable")


class Created(BaseModel):
    """The sid of what was made."""

    sid: str = Field(examples=["9351f46a-678c-43f5-b8a6-d4eb58d131af"])


class Problem(BaseModel):
    """What was wrong."""

    model_config = ConfigDict(extra="allow")
    msg: str = Field(examples=["missing field name"])


def stamp(moment: datetime) -> str:
    """2026-01-31T12:00:00.000Z"""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"  # for "+00:00"


def plain(value: Any) -> Any:
    """One value as it goes out."""
    kind = type(value)
    if value is None or kind is str:  # most are
        return value
    if kind is bool:
        return int(value)
    if isinstance(value, datetime):
        return stamp(value)
    return plain(value.reveal()) if kind is Private else value


def wire(row: Row, *, drop: Collection[str] = (), flags: bool = True, **extra: Any) -> dict[str, Any]:
    """A row as it goes out: every column, null ones too, without `drop`, with `extra`. `flags`: 0/1 for true/false."""
    shape = _shape(type(row), tuple(drop))
    columns = dict(zip(shape.keys, shape.values(row.__dict__), strict=True))
    for key in shape.written:
        value = columns[key]
        if value is not None and (flags or value.__class__ is not bool):
            columns[key] = plain(value)
    return columns | extra


@dataclass(frozen=True, slots=True)
class _Shape:
    """What goes out of a kind of row."""

    keys: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """The values of the keys, of a row's `__dict__`."""
    written: tuple[str, ...]
    """The keys whose values JSON has no word for, or another one than we use."""


@cache
def _shape(row: type[Row], drop: tuple[str, ...]) -> _Shape:
    fields = {name: info for name, info in row.model_fields.items() if name not in drop}
    keys = {name: info.alias or name for name, info in fields.items()}
    written = tuple(keys[name] for name, info in fields.items() if not _as_it_is(info.annotation))
    if len(keys) < 2:  # an itemgetter of one key returns no tuple
        return _Shape(tuple(keys.values()), lambda values: tuple(values[name] for name in keys), written)
    return _Shape(tuple(keys.values()), itemgetter(*keys), written)


def _as_it_is(annotation: Any) -> bool:
    """Whether every value of the type goes out as it is."""
    if annotation in (str, int, float, type(None)) or get_origin(annotation) in (Literal, dict, list):
        return True
    return get_origin(annotation) in (Union, UnionType) and all(map(_as_it_is, get_args(annotation)))


def shown(
    row: type[Row], name: str, *, drop: Collection[str] = (), flags: bool = True, **extra: Any
) -> type[BaseModel]:
    """The model of what `wire` makes of `row`, for the API's description."""
    fields: dict[str, Any] = {}
    for column, info in row.model_fields.items():
        if column not in drop:
            fields[info.alias or column] = (_shown_type(info.annotation, flags), ...)
    return create_model(name, __doc__=row.__doc__, **(fields | {key: (kind, ...) for key, kind in extra.items()}))


def _shown_type(annotation: Any, flags: bool) -> Any:
    if annotation is bool and flags:
        return Literal[0, 1]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Private:
        return _shown_type(args[0], flags)
    if type(None) in args and len(args) == 2:
        inner = next(arg for arg in args if arg is not type(None))
        return _shown_type(inner, flags) | None if not isinstance(inner, str) else annotation
    return annotation
