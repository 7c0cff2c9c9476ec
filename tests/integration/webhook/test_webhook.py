"""The webhook client against a real HTTP server: what goes over the wire, and servers that misbehave."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from jambones.common import webhook
from jambones.common.webhook import MOST_BYTES, WebhookClient, WebhookFailed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Hook:
    """A server with one handler, and a client; `requests` holds (method, path with query, headers, body)."""

    def __init__(self, client: WebhookClient, server: TestServer, requests: list[tuple[str, str, Any, bytes]]) -> None:
        self.client, self.server, self.requests = client, server, requests

    async def ask(self, payload: dict[str, Any] | None = None, *, path: str = "/", **options: Any) -> Any:
        return await self.client.ask(f"{self.server.make_url('/')}".rstrip("/") + path, payload or {}, **options)

    async def fails(self, *, path: str = "/", **options: Any) -> WebhookFailed:
        with pytest.raises(WebhookFailed) as caught:
            await self.ask(path=path, **options)
        return caught.value


@asynccontextmanager
async def serving(handler: Handler, *, timeout: float = 5.0) -> AsyncIterator[Hook]:
    requests: list[tuple[str, str, Any, bytes]] = []

    async def keep(request: web.Request) -> web.StreamResponse:
        requests.append((request.method, request.path_qs, request.headers, await request.read()))
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", keep)
    async with TestServer(app) as server, WebhookClient.open(timeout=timeout) as client:
        yield Hook(client, server, requests)


def answering(status: int = 200, body: bytes = b"[]", kind: str = "application/json", **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": kind, **headers})

    return handler


async def test_a_post_carries_the_payload_and_the_answer_is_its_json() -> None:
    async with serving(answering(body=b'[{"verb":"hangup"}]')) as hook:
        assert await hook.ask({"callSid": "1", "from": "Zo\u00eb"}, path="/a?x=1#rc=1") == [{"verb": "hangup"}]

    ((method, path, headers, body),) = hook.requests
    assert (method, path) == ("POST", "/a?x=1")
    assert (headers["Content-Type"], headers["User-Agent"]) == ("application/json", "jambones")
    assert "Jambonz-Signature" not in headers
    assert body.decode() == '{"call_sid":"1","from":"Zo\u00eb"}'


async def test_a_get_carries_flat_values_in_its_query() -> None:
    async with serving(answering()) as hook:
        await hook.ask({"callSid": "1", "ok": True, "sip": {"a": 1}}, path="/a?x=1", method="GET", secret="s")

    ((method, path, headers, body),) = hook.requests
    assert (method, body) == ("GET", b"")
    assert path == "/a?x=1&call_sid=1&ok=true"
    assert verified(headers["Jambonz-Signature"], "s", "{}")


def verified(header: str, secret: str, body: str) -> bool:
    """As an application checks it: parse the body, print it anew, hash."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
    digest = hmac.new(secret.encode(), f"{parts['t']}.{text}".encode(), hashlib.sha256).hexdigest()
    return abs(time.time() - int(parts["t"])) < 300 and hmac.compare_digest(digest, parts["v1"])


async def test_the_signature_holds_for_any_text_and_number() -> None:
    payload = {
        "from": "Zo\u00eb \u65e5\u672c",
        "n": 1.0,
        "half": 0.5,
        "customerData": {"camelKey": [2.0, '\u00fc/\\"\n']},
    }
    async with serving(answering()) as hook:
        await hook.ask(payload, secret="wh_secret_abc")

    ((_, _, headers, body),) = hook.requests
    assert verified(headers["Jambonz-Signature"], "wh_secret_abc", body.decode())
    assert not verified(headers["Jambonz-Signature"], "wh_secret_abd", body.decode())
    assert b"1.0" not in body
    assert b"2.0" not in body


async def test_credentials_are_basic_auth_in_utf_8() -> None:
    async with serving(answering()) as hook:
        await hook.ask(auth=("user", "pä日:ss"))

    value = hook.requests[0][2]["Authorization"]
    assert base64.b64decode(value.removeprefix("Basic ")).decode() == "user:pä日:ss"


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_these_statuses_are_success(status: int) -> None:
    async with serving(answering(status, b"" if status == 204 else b"[]")) as hook:
        assert await hook.ask() == (None if status == 204 else [])


@pytest.mark.parametrize(
    ("status", "alert"),
    [
        (201, "webhook-failure"),
        (206, "webhook-failure"),
        (302, "webhook-failure"),
        (400, "webhook-failure"),
        (401, "webhook-auth-failure"),
        (403, "webhook-auth-failure"),
        (404, "webhook-url-notfound"),
        (500, "webhook-failure"),
        (503, "webhook-failure"),
    ],
)
async def test_every_other_status_fails(status: int, alert: str) -> None:
    async with serving(answering(status, Location="/elsewhere")) as hook:
        failure = await hook.fails()

    assert (failure.alert, failure.status) == (alert, status)
    assert len(hook.requests) == 1  # a redirect is not followed


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "text/html"),
        (b"[]", "text/plain"),
        (b"", "application/json"),
        (b" \r\n", "application/json"),
        (b"[]", "application/octet-stream"),
    ],
)
async def test_what_is_no_json_counts_as_empty(body: bytes, kind: str) -> None:
    async with serving(answering(body=body, kind=kind)) as hook:
        assert await hook.ask() is None


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_by_any_spelling(kind: str) -> None:
    async with serving(answering(body='["\u00fc"]'.encode(), kind=kind)) as hook:
        assert await hook.ask() == ["\u00fc"]


@pytest.mark.parametrize(
    "body", [b"{", b"[1,]", b"\xff\xfe", b'{"a":NaN}', b"[Infinity]", b"hello", b"[" * 100_000, b'{"a":1}{"b":2}']
)
async def test_bad_json_fails_and_is_not_shown(body: bytes) -> None:
    async with serving(answering(body=body)) as hook:
        failure = await hook.fails(path="/a?token=canary")

    assert failure.alert == "invalid-app-payload"
    assert "canary" not in str(failure)
    assert "canary" not in str(failure.data)


async def test_a_huge_answer_is_cut_off_early() -> None:
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(50):
            await response.write(b" " * MOST_BYTES)
            sent += 1
        return response

    async with serving(handler) as hook:
        failure = await hook.fails()

    assert failure.alert == "invalid-app-payload"
    assert str(MOST_BYTES) in str(failure)
    assert sent < 50


async def test_slow_headers_are_a_timeout() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(handler, timeout=0.2) as hook:
        failure = await hook.fails()

    assert (failure.alert, failure.kind) == ("webhook-connection-failure", "rt")


async def test_a_body_that_drips_is_a_timeout() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(300):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    async with serving(handler, timeout=0.5) as hook:
        failure = await hook.fails()

    assert (failure.alert, failure.kind) == ("webhook-connection-failure", "rt")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x?token=canary", "http://name.invalid/x?token=canary"])
async def test_a_server_that_is_not_there_is_a_connection_failure(url: str) -> None:
    async with WebhookClient.open() as client:
        with pytest.raises(WebhookFailed) as caught:
            await client.ask(url, {})

    assert (caught.value.alert, caught.value.kind) == ("webhook-connection-failure", "ct")
    assert "canary" not in str(caught.value)


async def test_a_server_that_breaks_off_fails() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(handler) as hook:
        failure = await hook.fails()

    assert failure.alert == "webhook-connection-failure"


@pytest.mark.parametrize(
    ("fragment", "statuses", "asked", "works"),
    [
        ("", [500, 200], 1, False),
        ("#rc=1&rp=5xx", [500, 200], 2, True),
        ("#rc=2&rp=5xx,4xx", [500, 404, 200], 3, True),
        ("#rc=2&rp=5xx", [500, 404, 200], 2, False),
        ("#rc=1&rp=all", [302, 200], 2, True),
        ("#rc=2", [500, 200], 1, False),
        ("#rc=3&rp=5xx", [500, 500, 500, 500, 200], 4, False),
    ],
)
async def test_the_fragment_says_when_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, fragment: str, statuses: list[int], asked: int, works: bool
) -> None:
    monkeypatch.setattr(webhook, "WAITS", (0.0,) * 5)
    left = iter(statuses)

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response([], status=next(left))

    async with serving(handler) as hook:
        if works:
            assert await hook.ask(path=f"/{fragment}") == []
        else:
            await hook.fails(path=f"/{fragment}")

    assert len(hook.requests) == asked


async def test_connections_are_used_again() -> None:
    peers = set()

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response([])

    async with serving(handler) as hook:
        for _ in range(5):
            await hook.ask()

    assert len(peers) == 1


async def test_a_server_that_takes_no_connection_is_a_connect_failure_and_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        filling = [socket.socket() for _ in range(4)]
        try:
            for one in filling:  # what the kernel takes although nobody accepts
                one.setblocking(False)
                one.connect_ex(address)
            async with WebhookClient.open(timeout=0.3) as client:
                started = asyncio.get_running_loop().time()
                with pytest.raises(WebhookFailed) as caught:
                    await client.ask(f"http://127.0.0.1:{address[1]}/#rc=1", {})
                waited = asyncio.get_running_loop().time() - started
        finally:
            for one in filling:
                one.close()

    assert (caught.value.kind, caught.value.alert) == ("ct", "webhook-connection-failure")
    assert waited > 1  # twice, with half a second between
