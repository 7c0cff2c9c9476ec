"""The description of the API, OpenAPI 3.1, made from the operations and their models."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter

from jambones.api.access import TABLE
from jambones.api.examples import EXAMPLES
from jambones.api.hook_models import WEBHOOKS, Webhook
from jambones.api.operations import Operation, Resource
from jambones.api.wire import Created, Input, Problem

WORDS = {
    400: "The request cannot be used; `msg` names the field.",
    401: "No token, or not a known one.",
    403: "Not for this caller.",
    409: "The first request with this `Idempotency-Key` has not been answered yet.",
    424: "The account's object store refuses or does not answer.",
    404: "Not there, or not for this caller.",
    413: "The body is too large.",
    422: "Taken, or still in use.",
    429: "Too many requests.",
    480: "No feature server takes calls now.",
    503: "The database or the bus is away; ask again after `Retry-After` seconds.",
}
LONGEST_WORD = 512
"""Characters of a query argument: encoded, several of them still fit a request line."""
REF = "#/components/schemas/{model}"


def document(resources: Sequence[Resource], url: str = "") -> dict[str, Any]:
    """The whole document as JSON."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for resource in resources:
        for operation in resource:
            paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jambones",
            "version": "1",
            "description": "Accounts, numbers, carriers and calls.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": url or "/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": resource.tag, "description": resource.description} for resource in resources],
        "paths": paths,
        "webhooks": {webhook.name: {"post": _webhook(webhook, schemas)} for webhook in WEBHOOKS},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def _webhook(webhook: Webhook, schemas: dict[str, Any]) -> dict[str, Any]:
    """What the platform sends to an application or an account."""
    heeded: dict[str, Any] = {"description": "Heeded." if webhook.answer is not None else "Taken note of."}
    if webhook.answer is not None:
        heeded["content"] = {"application/json": {"schema": _schema(webhook.answer, schemas)}}
    signature = {
        "name": "Jambonz-Signature",
        "in": "header",
        "required": False,
        "description": "`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>` with the account's webhook secret.",
        "schema": {"type": "string"},
    }
    return {
        "operationId": f"{webhook.name}Hook",
        "summary": webhook.summary,
        "tags": ["Webhooks"],
        "parameters": [signature],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schema(webhook.body, schemas)}},
        },
        "responses": {"200": heeded, "204": {"description": "No instructions."}},
        "security": [],
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation, schemas),
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        schema = _schema(operation.body, schemas)
        if operation.creates and issubclass(operation.body, Input) and operation.body.REQUIRED:
            schema = {"allOf": [schema], "required": list(operation.body.REQUIRED)}
        content: dict[str, Any] = {"schema": schema}
        if operation.operation_id in EXAMPLES:
            content["example"] = EXAMPLES[operation.operation_id]
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": content},
        }
    if operation.public:
        described["security"] = []
    if (access := TABLE.get(operation.operation_id)) is not None:
        described["x-scopes"] = list(access.scopes)
    if operation.later:
        described["x-later"] = True
    return described


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name in operation.params:
        schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255}
        schema |= {"format": "uuid"} if name.endswith("_sid") else {}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if operation.query is not None:
        model = operation.query.model_json_schema(ref_template=REF)
        schemas.update(model.pop("$defs", {}))
        for name, schema in model.get("properties", {}).items():
            required = name in model.get("required", []) or name in operation.query.REQUIRED
            for choice in schema.get("anyOf", [schema]):
                if choice.get("type") == "string":
                    choice.setdefault("maxLength", LONGEST_WORD)
            found.append({"name": name, "in": "query", "required": required, "schema": schema})
    return found


def _responses(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done."}
    if operation.status != 204:
        returns = operation.returns
        if returns is None and operation.status == 201:
            returns = Created
        schema = {} if returns is None else _schema(returns, schemas)
        done["content"] = {operation.media_type: {"schema": schema}}
    found = {str(operation.status): done}
    if operation.empty:
        found["204"] = {"description": "There is none."}
    usual = {503} | (set() if operation.public else {401, 403})
    usual |= {404} if operation.params else set()
    usual |= {400, 429}
    usual |= {413} if operation.method != "GET" else set()
    if operation.method == "POST" and not operation.public:
        usual |= {409, 422}  # of an Idempotency-Key
    problem = {"application/json": {"schema": _schema(Problem, schemas)}}
    unauthorized = {"text/plain": {"schema": {"const": "Unauthorized"}}}
    for status in sorted(usual | set(operation.errors)):
        found.setdefault(str(status), {"description": WORDS.get(status, "Refused.")})
        if str(status) != str(operation.status):
            found[str(status)].setdefault("content", unauthorized if status == 401 else problem)
    return found


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; models go among the shared ones."""
    mode = "validation" if isinstance(kind, type) and issubclass(kind, Input) else "serialization"
    schema = TypeAdapter(kind).json_schema(ref_template=REF, mode=mode)  # type: ignore[arg-type]
    if mode == "validation":
        schema = _with_flags(schema)
    schemas.update(schema.pop("$defs", {}))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        schemas[kind.__name__] = schema
        return {"$ref": f"#/components/schemas/{kind.__name__}"}
    return schema


def _with_flags(schema: Any) -> Any:
    """The schema of a body as it is read: flags come as true and false, or as 1 and 0."""
    if isinstance(schema, dict):
        if schema.get("type") == "boolean":
            return {name: value for name, value in schema.items() if name != "type"} | {"enum": [True, False, 1, 0]}
        return {name: _with_flags(value) for name, value in schema.items()}
    return [_with_flags(item) for item in schema] if isinstance(schema, list) else schema
