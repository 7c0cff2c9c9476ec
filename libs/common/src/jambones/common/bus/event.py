"""Events: facts in the past tense, frozen; the subject and its wildcard both come from one template."""

import re
import string
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from jambones.common.private import Private

UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def encode_token(value: str) -> str:
    """`value` as one token of a NATS subject or key: other characters than letters, digits, "_" and "-" become =XX.

    Both forbid some characters ("+", ":", "*", "."), and which ones differs; this subset is fine with all servers.
    """
    return UNSAFE.sub(lambda match: "".join(f"={byte:02X}" for byte in match[0].encode()), value) or "="


def decode_token(token: str) -> str:
    """The value that `encode_token` made `token` of."""
    if token == "=":  # noqa: S105 - not a secret
        return ""
    return re.sub(r"(?:=[0-9A-F]{2})+", lambda match: bytes.fromhex(match[0].replace("=", "")).decode(), token)


class Message(BaseModel):
    """What travels on the bus. Readers ignore fields they do not know."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True,
        serialize_by_alias=True,
    )  # fmt: skip

    SUBJECT: ClassVar[str]
    """Where it goes: "calls.events.{account_sid}.{call_sid}"; the words in braces are fields."""

    @classmethod
    def subject_fields(cls) -> list[str]:
        return [field for _, field, _, _ in string.Formatter().parse(cls.SUBJECT) if field]

    def subject(self) -> str:
        """The subject of this message."""
        return self.subject_for({name: getattr(self, name) for name in self.subject_fields()})

    @classmethod
    def subject_for(cls, known: dict[str, Any]) -> str:
        """The subject with the fields in `known` filled in and a "*" for each other one."""
        tokens = {}
        for name in cls.subject_fields():
            value = known.get(name)
            value = value.reveal() if isinstance(value, Private) else value
            tokens[name] = "*" if name not in known else encode_token(str(value))
        return cls.SUBJECT.format(**tokens)

    def encode(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises pydantic's ValidationError, which does not show the data."""
        return cls.model_validate_json(data)


class Event(Message):
    """A fact. Several kinds may share a subject; their `event` field (a Literal with a default) tells them apart."""

    v: int = 1

    @classmethod
    def kind(cls) -> str | None:
        field = cls.model_fields.get("event")
        return None if field is None else str(field.default)


class Recorded(Event):
    """A fact that must not be lost: it goes through the stream CALL_EVENTS, and `event_id` removes doubles."""

    event_id: str = Field(default_factory=lambda: str(uuid4()))


R = TypeVar("R", bound=BaseModel)


class Question(Message, Generic[R]):
    """A request that somebody answers with a `REPLY`."""

    REPLY: ClassVar[type[BaseModel]]
    v: int = 1


E = TypeVar("E", bound=Event)


class Kinds(Generic[E]):
    """Reads messages of several kinds of event."""

    def __init__(self, types: Iterable[type[E]]) -> None:
        self.types = tuple(types)
        self._by_kind = {kind.kind(): kind for kind in self.types}
        self._only = self.types[0] if len(self.types) == 1 and self.types[0].kind() is None else None

    def wildcards(self, known: dict[str, Any]) -> list[str]:
        """The distinct subjects to listen to."""
        return list(dict.fromkeys(kind.subject_for(known) for kind in self.types))

    def decode(self, data: bytes) -> E | None:
        """The event, or None when it is of a kind that was not asked for. Raises pydantic's ValidationError."""
        if self._only is not None:
            return self._only.decode(data)
        chosen = self._by_kind.get(_Kind.model_validate_json(data).event)
        return None if chosen is None else chosen.decode(data)


class _Kind(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    event: str | None = None
