"""Settings of applications: asked with OPTIONS, and checked when an application gets its values."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from jambones.common.ops import serve_http
from tests.integration.api.conftest import World

SCHEMA = {
    "GREETING": {"type": "string", "description": "What is said first", "required": True, "uiHint": "textarea"},
    "RETRIES": {"type": "number", "description": "How often", "enum": [1, 2]},
    "RECORD": {"type": "boolean", "description": "Whether", "default": False},
}
ANSWERS: dict[str, tuple[int, str]] = {
    "/none": (404, ""), "/text": (200, "hello"), "/list": (200, "[]"), "/empty": (200, "{}"),
    "/wrong": (200, '{"A": {"type": "date", "description": "x"}}'), "/bare": (200, '{"A": 1}'),
    "/name": (200, '{"a-b": {"type": "string", "description": "x"}}'),
}  # fmt: skip


@pytest.fixture
async def application() -> AsyncIterator[str]:
    async def options(request: web.Request) -> web.Response:
        if request.method != "OPTIONS" or request.headers["Accept"] != "application/json":
            return web.Response(status=405)
        if request.path == "/app":
            return web.json_response(SCHEMA)
        status, text = ANSWERS[request.path]
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", options)
    async with serve_http(app, "127.0.0.1", 0) as port:
        yield f"127.0.0.1:{port}"


async def test_an_application_says_its_settings(world: World, application: str) -> None:
    for scheme in ("http", "ws"):
        reply = await world.admin.get("/AppEnv", url=f"{scheme}://{application}/app")
        assert (reply.status, reply.body) == (200, SCHEMA)
    for path, status in (("/none", 204), ("/text", 204), ("/list", 400), ("/empty", 400), ("/wrong", 400),
                         ("/bare", 400), ("/name", 400)):  # fmt: skip
        reply = await world.admin.get("/AppEnv", url=f"http://{application}{path}")
        assert reply.status == status, path
        assert status != 400 or reply.msg == "Invalid appenv schema"
    assert (await world.admin.get("/AppEnv", url="http://127.0.0.1:1/")).status == 204
    for url in ("", "ftp://a.com", "nowhere", "http://a b"):
        assert (await world.admin.get("/AppEnv", url=url)).status == 400, url
    assert (await world.admin.with_token(None).get("/AppEnv", url=f"http://{application}/app")).status == 401


async def test_values_must_fit_what_the_application_asks_for(world: World, application: str) -> None:
    provider, _ = await world.provider()
    _, tenant = await world.account(provider)
    hooks: dict[str, Any] = {
        "call_hook": {"url": f"http://{application}/app"},
        "call_status_hook": {"url": "http://a.com"},
    }
    good = {"GREETING": "hello", "RETRIES": 2, "OTHER": [1]}
    for values, words in [
        ({"RETRIES": 1}, "Missing required value env_vars.GREETING"),
        ({"GREETING": 5}, "Invalid value/type for env_vars.GREETING"),
        ({"GREETING": "x", "RETRIES": 3}, "Invalid value/type for env_vars.RETRIES"),
        ({"GREETING": "x", "RETRIES": True}, "Invalid value/type for env_vars.RETRIES"),
        ({"GREETING": "x", "RECORD": 1}, "Invalid value/type for env_vars.RECORD"),
    ]:
        reply = await tenant.post("/Applications", {"name": "a", **hooks, "env_vars": values})
        assert (reply.status, reply.msg) == (400, words)
    sid = await tenant.make("/Applications", {"name": "a", **hooks, "env_vars": good})
    assert (await tenant.get(f"/Applications/{sid}")).body["env_vars"] == good
    assert (await tenant.put(f"/Applications/{sid}", {"env_vars": {}})).status == 400
    assert (await tenant.put(f"/Applications/{sid}", {"env_vars": None})).status == 204
    assert (await tenant.get(f"/Applications/{sid}")).body["env_vars"] is None
    elsewhere = {"call_hook": {"url": f"http://{application}/none"}, "env_vars": {"A": 1}}
    assert (await tenant.put(f"/Applications/{sid}", elsewhere)).status == 204
