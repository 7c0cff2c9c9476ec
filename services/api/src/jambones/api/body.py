"""Reading a request: JSON or a form, then the operation's model; what is wrong becomes a 400 that names the field."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, ValidationError

from jambones.api.errors import Refused, bad, unreadable
from jambones.api.operations import Operation
from jambones.api.wire import Input

DEEPEST = 64


async def read(request: web.Request) -> Any:
    """The body as a JSON value; None when it is empty. Raises Refused (400, 413)."""
    try:
        data = await request.read()
    except web.HTTPRequestEntityTooLarge as exc:
        raise Refused(413, "the body is too large") from exc
    if not data.strip():
        return None
    try:
        text = data.decode("utf-8")
        if request.content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1000))
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise bad("malformed body: not JSON") from exc
    if _depth(value) > DEEPEST:
        raise bad("malformed body: nested too deeply")
    return value


def fit(operation: Operation, raw: Any) -> BaseModel | None:
    """`raw` as the operation's model. Raises Refused."""
    model = operation.body
    if model is None or (raw is None and operation.body_optional):
        return None
    if issubclass(model, Input):
        raw = {} if raw is None else raw
        if not isinstance(raw, dict):
            raise bad("the body must be a JSON object")
        if operation.method == "PUT":
            model.check_update(raw)
        else:
            model.check_creation(raw)
    try:
        return model.model_validate(raw)
    except ValidationError as exc:
        raise unreadable(exc) from exc


def query(operation: Operation, given: Mapping[str, str]) -> dict[str, str]:
    """The query of a request. Raises Refused for values that no operation can mean."""
    if not given and operation.query is None:
        return {}
    for name, value in given.items():
        if "\0" in value or len(value) > 2048:
            raise bad(f'invalid "{name[:64]}" query arg')
    if operation.query is not None:
        try:
            operation.query.model_validate(dict(given))
        except ValidationError as exc:
            raise unreadable(exc) from exc
    return dict(given)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _depth(value: Any) -> int:
    deepest, rest = 0, [(value, 1)]
    while rest:
        item, depth = rest.pop()
        deepest = max(deepest, depth)
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        rest.extend((child, depth + 1) for child in children)
    return deepest
