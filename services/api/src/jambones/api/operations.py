"""Operations: one for each method and path, declared where it is implemented; routing and description read them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

from pydantic import BaseModel

from jambones.api.wire import Input

if TYPE_CHECKING:
    from jambones.api.ask import Ask

P = ParamSpec("P")
Method = Literal["GET", "POST", "PUT", "DELETE"]
Handler = Callable[..., Awaitable[Any]]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """An answer that is not the operation's usual one."""

    status: int
    body: Any = None
    """JSON; text or bytes go out as they are."""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Streamed:
    """Bytes that are sent as they come."""

    chunks: AsyncIterator[bytes]
    content_type: str
    size: int | None = None
    """None: it goes on, each chunk is sent at once."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """How a request is read, who serves it and what comes back."""

    method: Method
    path: str
    handler: Handler
    tag: str
    summary: str
    operation_id: str
    body: type[BaseModel] | None
    body_optional: bool
    query: type[Input] | None
    status: int
    returns: Any
    """The type of the body of the answer, for the description."""
    errors: tuple[int, ...]
    public: bool
    """No token needed."""
    later: bool
    """Known but not there yet: answers 501."""
    media_type: str
    empty: bool
    """May also answer 204."""

    @cached_property
    def params(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def creates(self) -> bool:
        return self.method == "POST"


class Resource:
    """The operations of one module. `@resource.get("/Things/{thing_sid}", ...)` adds one."""

    def __init__(self, tag: str, description: str = "") -> None:
        self.tag = tag
        self.description = description
        self.operations: list[Operation] = []

    def add(
        self,
        method: Method,
        path: str,
        *,
        summary: str,
        id: str,
        body: type[BaseModel] | None = None,
        body_optional: bool = False,
        query: type[Input] | None = None,
        status: int | None = None,
        returns: Any = None,
        errors: tuple[int, ...] = (),
        public: bool = False,
        later: bool = False,
        media_type: str = "application/json",
        empty: bool = False,
    ) -> Callable[[Callable[P, Awaitable[Any]]], Callable[P, Awaitable[Any]]]:
        usual = {"GET": 200, "POST": 201, "PUT": 204, "DELETE": 204}[method]

        def register(handler: Callable[P, Awaitable[Any]]) -> Callable[P, Awaitable[Any]]:
            self.operations.append(
                Operation(
                    method, path, handler, self.tag, summary, id, body, body_optional, query, status or usual, returns,
                    errors, public, later, media_type, empty,
                )
            )  # fmt: skip
            return handler

        return register

    def get(self, path: str, **words: Any) -> Callable[[Callable[P, Awaitable[Any]]], Callable[P, Awaitable[Any]]]:
        return self.add("GET", path, **words)

    def post(self, path: str, **words: Any) -> Callable[[Callable[P, Awaitable[Any]]], Callable[P, Awaitable[Any]]]:
        return self.add("POST", path, **words)

    def put(self, path: str, **words: Any) -> Callable[[Callable[P, Awaitable[Any]]], Callable[P, Awaitable[Any]]]:
        return self.add("PUT", path, **words)

    def delete(self, path: str, **words: Any) -> Callable[[Callable[P, Awaitable[Any]]], Callable[P, Awaitable[Any]]]:
        return self.add("DELETE", path, **words)

    def later(self, method: Method, path: str, *, summary: str, id: str, public: bool = False) -> None:
        """An operation of the contract that answers 501."""

        async def not_yet(ask: "Ask") -> Answer:
            return Answer(501, {"msg": f"not implemented: {summary}"})

        self.add(method, path, summary=summary, id=id, public=public, later=True, status=501)(not_yet)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)


@dataclass
class _Step:
    literal: dict[str, "_Step"] = field(default_factory=dict)
    param: "_Step | None" = None
    operations: dict[str, Operation] = field(default_factory=dict)


class Router:
    """Finds the operation of a path: letters of any case, a trailing slash allowed, words before parameters."""

    def __init__(self, operations: list[Operation]) -> None:
        self._root = _Step()
        for operation in operations:
            step = self._root
            for segment in _segments(operation.path):
                if segment.startswith("{"):
                    step.param = step.param or _Step()
                    step = step.param
                else:
                    step = step.literal.setdefault(segment.lower(), _Step())
            if operation.method in step.operations:
                raise ValueError(f"two operations for {operation.method} {operation.path}")
            step.operations[operation.method] = operation

    def find(self, method: str, path: str) -> tuple[Operation | None, dict[str, str], list[str]]:
        """The operation, the path's parameters, and the methods that the path has."""
        best: list[str] = []
        for step, values in _matches(self._root, _segments(path)):
            operation = step.operations.get(method)
            if operation is not None:
                return operation, dict(zip(operation.params, values, strict=True)), []
            best += [name for name in step.operations if name not in best]
        return None, {}, best


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _matches(step: _Step, segments: list[str]) -> Iterator[tuple[_Step, list[str]]]:
    if not segments:
        if step.operations:
            yield step, []
        return
    head, *rest = segments
    if head.lower() in step.literal:
        yield from _matches(step.literal[head.lower()], rest)
    if step.param is not None:
        for found, values in _matches(step.param, rest):
            yield found, [head, *values]
