"""The API in this process, on a real database and a real NATS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from jambones.api.app import Api
from jambones.api.ask import Parts
from jambones.api.resources import RESOURCES
from jambones.api.settings import ApiSettings
from jambones.common.bus import Bus
from jambones.common.bus.config import ConfigChanged
from jambones.common.bus.nodes import NodeDirectory
from jambones.common.db.api_keys import ApiKeys
from jambones.common.db.database import Database
from jambones.common.db.tenant import PLATFORM
from jambones.common.ops import serve_http
from jambones.common.secrets import KeyRing
from jambones.common.tasks import Tasks

RING = KeyRing([bytes(range(32))])


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def msg(self) -> str:
        return str(self.body["msg"])


@dataclass
class Client:
    """Asks with one token."""

    url: str
    session: aiohttp.ClientSession
    token: str | None = None

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Reply:
        sent = dict(headers or {})
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        data: Any = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        async with self.session.request(method, self.url + path, headers=sent, params=query, **data) as response:
            text = await response.read()
            is_json = response.content_type == "application/json" and text
            return Reply(
                response.status, await response.json() if is_json else text.decode("latin-1"), dict(response.headers)
            )

    async def get(self, path: str, **query: Any) -> Reply:
        return await self.ask("GET", path, **query)

    async def post(self, path: str, body: Any = None, **query: Any) -> Reply:
        return await self.ask("POST", path, body, **query)

    async def put(self, path: str, body: Any = None) -> Reply:
        return await self.ask("PUT", path, body)

    async def delete(self, path: str, **query: Any) -> Reply:
        return await self.ask("DELETE", path, **query)

    async def make(self, path: str, body: Any) -> str:
        """POST; returns the sid."""
        reply = await self.post(path, body)
        assert reply.status == 201, reply
        return str(reply.body["sid"])

    def with_token(self, token: str | None) -> "Client":
        return Client(self.url, self.session, token)


@dataclass
class World:
    """A running API; `admin` holds an admin key. `changes` are the configuration changes announced."""

    api: Api
    db: Database
    bus: Bus
    admin: Client
    changes: list[ConfigChanged] = field(default_factory=list)

    async def provider(self, name: str = "sp") -> tuple[str, Client]:
        """A service provider and a client with its key."""
        sid = await self.admin.make("/ServiceProviders", {"name": name})
        return sid, await self.key(service_provider_sid=sid)

    async def account(self, provider: str, name: str = "acme") -> tuple[str, Client]:
        """An account and a client with its key."""
        sid = await self.admin.make("/Accounts", {"name": name, "service_provider_sid": provider})
        return sid, await self.key(account_sid=sid)

    async def key(self, **owner: str) -> Client:
        reply = await self.admin.post("/ApiKeys", owner)
        assert reply.status == 201, reply
        return self.admin.with_token(reply.body["token"])


@pytest.fixture
async def db(database_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(database_dsn, keys=RING, size=5, acquire_timeout=2) as db:
        yield db


@pytest.fixture
async def world(db: Database, bus: Bus) -> AsyncIterator[World]:
    settings = ApiSettings(http_port=0, jwt_secret=SecretStr("a secret of the tests, 32 bytes or more"))
    api = Api(RESOURCES, settings)
    async with AsyncExitStack() as stack:
        nodes = await stack.enter_async_context(NodeDirectory.watching(bus, "fs"))
        async with asyncio.timeout(5):
            await nodes.until_ready()
        port = await stack.enter_async_context(serve_http(api.web_app(), "127.0.0.1", 0))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        tasks = await stack.enter_async_context(Tasks())
        api.parts = Parts(db, bus, nodes, settings, tasks)
        async with db.transaction(PLATFORM) as tx:
            key = await ApiKeys(tx).add({})
        world = World(api, db, bus, Client(f"http://127.0.0.1:{port}/v1", session, key.token.reveal()))

        async def announce(change: ConfigChanged) -> None:
            world.changes.append(change)

        db.announce = announce
        yield world
