"""The web application: finds the operation, asks who calls, runs it, and turns every outcome into a response."""

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import Counter, Histogram
from pydantic_core import to_json
from yarl import URL

from jambones.api import audit, auth, body, idempotency, openapi, operator_rules, pages
from jambones.api.ask import NOBODY, Ask, Caller, Parts
from jambones.api.docs_page import DocsPage
from jambones.api.errors import Refused, absent, forbidden
from jambones.api.event_stream import EventStream
from jambones.api.operations import Answer, Operation, Resource, Router, Streamed
from jambones.api.rate import Policy, RateLimit
from jambones.api.settings import ApiSettings
from jambones.common import logs
from jambones.common.bus.calls import Alert
from jambones.common.db.audit_log import AuditContext
from jambones.common.errors import JambonesError, Unavailable
from jambones.common.ids import AccountSid, new_sid
from jambones.common.metrics import Metrics

log = structlog.get_logger(__name__)
PREFIXES = ("/api/v1", "/v1")
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Expose-Headers": "Retry-After, RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, "
    "RateLimit-Reset, Idempotent-Replayed",
}

RATE_HEADERS = web.RequestKey("rate_headers", dict[str, str])


class TooMany(Refused):
    """More requests than the caller may make now."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(429, message)
        self.retry_after = retry_after


class Api:
    """Answers requests; `parts` is filled in once the bus and the database are there."""

    def __init__(self, resources: Sequence[Resource], settings: ApiSettings, metrics: Metrics | None = None) -> None:
        self.operations = [operation for resource in resources for operation in resource]
        self.parts: Parts | None = None
        self._counted: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self.metrics = metrics or Metrics(process=False)
        self._settings = settings
        self._router = Router(self.operations)
        self._rate = RateLimit()
        self._docs = DocsPage(str(URL(settings.api_url).origin()) if settings.api_url else "")
        self._document = json.dumps(openapi.document(resources, settings.api_url)).encode()

    def web_app(self) -> web.Application:
        app = web.Application(client_max_size=self._settings.max_body)
        if self._settings.phone_directory is not None:
            pages.add(app, "/phone", self._settings.phone_directory)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request; never raises but for a caller that has gone."""
        loop = asyncio.get_running_loop()
        started, resource = loop.time(), "other"
        response: web.StreamResponse
        try:
            path = without_prefix(request.path)
            if (plain := self._plain(request, path)) is not None:
                return self._finished(request, plain)
            method = "GET" if request.method == "HEAD" else request.method
            operation, params, others = self._router.find(method, path)
            if operation is not None:
                resource = operation.tag
            response = await self._serve(request, path, operation, params, others)
        except JambonesError as exc:
            response = problem(exc)
        except Exception:
            log.exception("request failed", method=request.method, resource=resource)
            response = problem(Refused(500, "internal error"))
        labels, seconds = (_method(request.method), resource, str(response.status)), loop.time() - started
        self._count(labels, seconds)
        log.debug("request", method=labels[0], resource=resource, status=response.status, seconds=round(seconds, 4))
        return self._finished(request, response)

    def _count(self, labels: tuple[str, str, str], seconds: float) -> None:
        counted = self._counted.get(labels)
        if counted is None:  # looking labels up costs more than counting
            counter = self.metrics.counter("jambones_api_requests_total").labels(*labels)
            counted = (counter, self.metrics.histogram("jambones_api_seconds").labels(*labels[:2]))
            self._counted[labels] = counted
        counted[0].inc()
        counted[1].observe(seconds)

    def _plain(self, request: web.Request, path: str) -> web.Response | None:
        """What needs neither token nor database."""
        if request.method == "OPTIONS":
            return web.Response(status=204)
        if request.method not in ("GET", "HEAD"):
            return None
        match path.rstrip("/").lower():
            case "" | "/health":
                return web.Response(text="OK")
            case "/openapi.json":
                return web.Response(body=self._document, content_type="application/json")
            case _:
                return self._docs.answer(path, request)

    async def _serve(
        self, request: web.Request, path: str, operation: Operation | None, params: dict[str, str], others: list[str]
    ) -> web.StreamResponse:
        if self.parts is None:
            raise Unavailable("starting")
        authorization = request.headers.get("Authorization", "")
        caller: Caller | None = NOBODY
        if operation is None or not operation.public:
            caller = await auth.caller_of(self.parts, authorization)
        if caller is None:
            return web.Response(text="Unauthorized", status=401, headers={"WWW-Authenticate": 'Bearer realm="Users"'})
        if caller.tenant.account_sid is not None:
            logs.bind(account_sid=caller.tenant.account_sid)
        await self._limit(self.parts, request, caller)
        if operation is None:
            # To change or delete a collection is to forget the sid: no such item, rather than no such method.
            if others and request.method not in ("PUT", "DELETE"):
                raise_allowed(others)
            raise absent()
        ask = Ask(
            parts=self.parts,
            operation=operation,
            caller=caller,
            params=params,
            query=body.query(operation, request.query),
            authorization=authorization,
            address=request.remote or "",
            base_url=f"{request.scheme}://{request.host}/v1" if operation.creates else "",
        )
        if operation.method != "GET":
            ask.raw = await body.read(request)
            if caller.view_only and not _own_password(operation, ask.raw):
                raise forbidden("User has view-only access")
            await operator_rules.check(ask)
        model = body.fit(operation, ask.raw)
        if operation.method != "GET":
            ask.audit = AuditContext(
                new_sid(), caller.name, *_owner(caller), operation.operation_id, path.replace("\0", "")[:512],
                ask.address[:64],
            )  # fmt: skip

        async def work() -> web.StreamResponse:
            outcome = await (operation.handler(ask) if operation.body is None else operation.handler(ask, model))
            response = answered(operation, outcome)
            if operation.method != "GET" and response.status < 400:
                await audit.note(ask, response.status)
            return response

        key = request.headers.get(idempotency.HEADER)
        if key is None or operation.method != "POST":
            return await work()
        return await idempotency.once(ask, key, path, work)

    async def _limit(self, parts: Parts, request: web.Request, caller: Caller) -> None:
        """Count the request. Raises TooMany."""
        settings, tenant = self._settings, caller.tenant
        if caller is NOBODY:
            policies = [Policy("address", request.remote or "", settings.rate_limit)]
        else:
            policies = [
                Policy("key", caller.name, settings.rate_limit),
                Policy("account", tenant.account_sid or "", caller.rates.account if tenant.account_sid else 0),
                Policy("provider", tenant.service_provider_sid or "", caller.rates.service_provider),
            ]
        ruling = self._rate.take(policies)
        request[RATE_HEADERS] = ruling.headers
        if ruling.broken is None:
            return
        if ruling.first and ruling.broken.name == "account":
            await parts.bus.record(
                Alert(
                    account_sid=AccountSid(ruling.broken.who),
                    alert_type="account-api-limit",
                    message=f"more than {ruling.broken.limit} API requests in five minutes",
                )
            )
        raise TooMany(f"too many requests of this {ruling.broken.name}", ruling.retry_after)

    def _finished(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        headers = response.headers
        for name, value in HEADERS.items():
            if name not in headers:
                headers[name] = value
        headers.update(request.get(RATE_HEADERS, ()))
        origin, allowed = request.headers.get("Origin", ""), self._settings.api_cors_origins
        if "*" in allowed:
            response.headers["Access-Control-Allow-Origin"] = "*"
        elif origin in allowed:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
        return response


def without_prefix(path: str) -> str:
    """The path below the base: /v1, /api/v1 (as proxies mount it) or nothing."""
    lower = path.lower()
    for prefix in PREFIXES:
        if lower.startswith(prefix) and lower[len(prefix) : len(prefix) + 1] in ("", "/"):
            return path[len(prefix) :] or "/"
    return path


def answered(operation: Operation, outcome: Any) -> web.StreamResponse:
    """The response for what a handler returned."""
    if isinstance(outcome, Streamed) and outcome.size is None:
        return EventStream(outcome.chunks, outcome.content_type)
    if isinstance(outcome, Streamed):
        response = web.Response(body=outcome.chunks, content_type=outcome.content_type, headers=outcome.headers)
        response.headers["Content-Length"] = str(outcome.size)
        return response
    answer = outcome if isinstance(outcome, Answer) else Answer(operation.status, outcome)
    if answer.status == 204:
        return web.Response(status=204, headers=answer.headers)
    if isinstance(answer.body, bytes):
        return web.Response(
            body=answer.body, status=answer.status, content_type=answer.content_type, headers=answer.headers
        )
    if isinstance(answer.body, str) and answer.content_type != "application/json":
        return web.Response(
            text=answer.body, status=answer.status, content_type=answer.content_type, headers=answer.headers
        )
    shown = answer.body
    if answer.status >= 400 and isinstance(shown, dict) and "msg" in shown:
        shown = _members(answer.status, str(shown["msg"])) | shown
    return web.Response(
        body=to_json(shown), status=answer.status, content_type="application/json", charset="utf-8",
        headers=answer.headers,
    )  # fmt: skip


def problem(exc: JambonesError) -> web.Response:
    """An error as `{"msg"}`, with the members of RFC 9457 beside it unless a guard's shape has them."""
    status = exc.status if isinstance(exc, Refused) else exc.http_status
    shown = exc.body if isinstance(exc, Refused) else {"msg": exc.message}
    members = _members(status, exc.message)
    response = web.json_response(members | shown, status=status)
    if status in (429, 503):
        response.headers["Retry-After"] = str(getattr(exc, "retry_after", 5))
    if isinstance(exc, Refused) and status == 405:
        response.headers["Allow"] = ", ".join(exc.members.get("allow", []))
    if status >= 500:
        log.warning("request refused", status=status, reason=exc.reason, instance=members["instance"], **exc.data)
    return response


def _members(status: int, detail: str) -> dict[str, Any]:
    """The members of RFC 9457; `instance` is in the log when it was our fault."""
    instance = f"urn:uuid:{new_sid()}"
    return {
        "type": "about:blank", "title": _phrase(status), "status": status, "detail": detail, "instance": instance
    }  # fmt: skip


def raise_allowed(methods: list[str]) -> None:
    raise Refused(405, "method not allowed", allow=methods)


def _phrase(status: int) -> str:
    return "No Engine Available" if status == 480 else HTTPStatus(status).phrase


def _owner(caller: Caller) -> tuple[str | None, str | None]:
    tenant = caller.tenant
    return (None, None) if caller is NOBODY else (tenant.account_sid, tenant.service_provider_sid)


def _method(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else "other"


def _own_password(operation: Operation, raw: Any) -> bool:
    """What a view-only user may still do: log out and change the own password."""
    if operation.public or operation.path == "/logout":
        return True
    return isinstance(raw, dict) and "old_password" in raw and "new_password" in raw
