"""A running API with a tenant, a feature server that plays its calls, and the published SDKs as its clients."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jambones.api.resources.calls import calls_bucket
from jambones.common.bus.calls import LiveCall
from jambones.common.bus.control import CallCreated, CallUpdated, CreateCall, UpdateCall
from jambones.common.bus.nodes import Heartbeat, Node
from jambones.common.ids import AccountSid, CallSid, NodeId
from jambones.common.private import Private
from tests.integration.api.conftest import Client, World, db, world

__all__ = ["db", "world"]


@dataclass
class Tenant:
    """An account with an application, and what its clients need to know."""

    world: World
    provider_sid: str
    account_sid: str
    application_sid: str
    client: Client
    owner: Client

    @property
    def url(self) -> str:
        """The API as a client is told of it: without a version."""
        return self.client.url.removesuffix("/v1")

    @property
    def key(self) -> str:
        return self.client.token or ""


@pytest.fixture
async def tenant(world: World) -> Tenant:
    provider, owner = await world.provider()
    account, client = await world.account(provider)
    hook = {"url": "https://example.com/hook"}
    application = await client.make("/Applications", {"name": "a", "call_hook": hook, "call_status_hook": hook})
    return Tenant(world, provider, account, application, client, owner)


@dataclass
class FeatureServer:
    """Takes every call, which is in progress from then on, and every change to it."""

    world: World
    stack: AsyncExitStack
    created: list[CreateCall] = field(default_factory=list)
    changed: list[UpdateCall] = field(default_factory=list)

    async def create(self, question: CreateCall) -> CallCreated:
        self.created.append(question)
        to = question.call["to"]
        call = LiveCall(
            call_sid=CallSid(str(uuid4())), account_sid=question.account_sid, direction="outbound",
            from_=Private(question.call["from"]), to=Private(to.get("number") or to.get("sipUri") or to.get("name")),
            application_sid=question.call.get("application_sid"), call_id="abc@192.0.2.1", sip_status=200,
            call_status="in-progress", duration=7,
        )  # fmt: skip
        await calls_bucket(self.world.bus).put(AccountSid(question.account_sid), call.call_sid, value=call)
        await self.stack.enter_async_context(self.world.bus.serve(UpdateCall, self.update, call_sid=call.call_sid))
        return CallCreated(call_sid=call.call_sid, sip_call_id=call.call_id)

    async def update(self, question: UpdateCall) -> CallUpdated:
        self.changed.append(question)
        if "sip_request" in question.changes:
            return CallUpdated(status=200, body={"status": 200, "reason": "OK"})
        return CallUpdated()


@pytest.fixture
async def feature_server(world: World) -> AsyncIterator[FeatureServer]:
    node = Node(kind="fs", id=NodeId(str(uuid4())[:8]), sip="udp:127.0.0.1:5060", max_calls=10)
    assert world.api.parts is not None
    nodes = world.api.parts.nodes
    async with AsyncExitStack() as stack:
        server = FeatureServer(world, stack)
        await stack.enter_async_context(world.bus.serve(CreateCall, server.create, node_id=node.id))
        await stack.enter_async_context(Heartbeat.beating(world.bus, node))
        async with asyncio.timeout(20):
            while nodes.get(node.id) is None:
                await nodes.changed()
        yield server


class SdkError(Exception):
    """What the SDK threw."""


@dataclass(frozen=True)
class JavaScript:
    """A node process with the published SDKs, which asks as the tenant."""

    process: asyncio.subprocess.Process

    async def ask(self, sdk: str, resource: str, method: str, *args: Any) -> Any:
        """Call a method of the SDK; returns what it resolved to. Raises SdkError."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = json.dumps({"sdk": sdk, "resource": resource, "method": method, "args": args})
        self.process.stdin.write(f"{line}\n".encode())
        async with asyncio.timeout(20):
            answer = json.loads(await self.process.stdout.readline())
        if "error" in answer:
            raise SdkError(answer["error"])
        return answer["value"]


@pytest.fixture
async def javascript(tenant: Tenant, published: Path) -> AsyncIterator[JavaScript]:
    process = await asyncio.create_subprocess_exec(
        published / "node", Path(__file__).with_name("client.cjs"),
        env={
            "MODULES": str(published / "node_modules"), "BASE_URL": tenant.url, "ACCOUNT_SID": tenant.account_sid,
            "API_KEY": tenant.key,
        },
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    yield JavaScript(process)
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(20):
        await process.wait()
