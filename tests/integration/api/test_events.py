"""Following the events of calls: the account's own, with its numbers; nothing of others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jambones.api.event_stream import Outbox, event
from jambones.api.resources import events as module
from jambones.common.bus.calls import CallAnswered, CallEnded, CallStarted
from jambones.common.ids import AccountSid, CallSid, new_sid
from jambones.common.private import Private
from tests.integration.api.conftest import Client, World


def started(account: str) -> CallStarted:
    return CallStarted(
        account_sid=AccountSid(account), call_sid=CallSid(new_sid()), direction="inbound",
        from_=Private("+15550001"), to=Private("+15550002"), sip_call_id="x",
    )  # fmt: skip


@asynccontextmanager
async def following(client: Client, account: str, **query: Any) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.session.get(f"{client.url}/Accounts/{account}/Events", headers=headers, params=query) as reply:
        assert reply.status == 200
        assert reply.content_type == "text/event-stream"
        assert await reply.content.readline() == b": connected\n"

        async def read() -> AsyncIterator[tuple[str, Any]]:
            kind = ""
            async for line in reply.content:
                if line.startswith(b"event: "):
                    kind = line[7:].decode().strip()
                if line.startswith(b"data: "):
                    yield kind, json.loads(line[6:])

        yield read()


async def test_events_are_followed_as_they_happen(world: World) -> None:
    sp, provider = await world.provider()
    acme, tenant = await world.account(sp, "acme")
    other, _ = await world.account(sp, "other")
    async with following(tenant, acme) as own, following(provider, acme) as above:
        call = started(acme)
        await world.bus.publish(started(other))
        await world.bus.publish(call)
        await world.bus.publish(CallAnswered(account_sid=call.account_sid, call_sid=call.call_sid))
        await world.bus.publish(
            CallEnded(account_sid=call.account_sid, call_sid=call.call_sid, sip_status=200, ended_by="caller")
        )
        seen = [await anext(own) for _ in range(3)]
        assert [kind for kind, _ in seen] == ["started", "answered", "ended"]
        assert {data["call_sid"] for _, data in seen} == {call.call_sid}
        assert (seen[0][1]["from"], seen[0][1]["to"]) == ("+15550001", "+15550002")
        kind, data = await anext(above)
        assert (kind, data["call_sid"]) == ("started", call.call_sid)
        assert "+1555" not in str(data)
        assert data["from"] == str(Private("+15550001"))


async def test_a_stream_ends_when_it_was_asked_to_or_its_key_is_gone(world: World, monkeypatch: Any) -> None:
    sp, _ = await world.provider()
    acme, tenant = await world.account(sp)
    async with following(tenant, acme, seconds=1) as own:
        assert [item async for item in own] == [("end", {"reason": "as asked"})]
    monkeypatch.setattr(module, "KEEP_ALIVE", 0.05)
    monkeypatch.setattr(module, "ASK_AGAIN", 0.05)
    async with following(tenant, acme) as own:
        (key,) = (await tenant.get(f"/Accounts/{acme}/ApiKeys")).body
        assert (await world.admin.delete(f"/ApiKeys/{key['api_key_sid']}")).status == 204
        async with asyncio.timeout(10):
            assert [kind async for kind, _ in own] == ["end"]
    assert not module._streams


async def test_others_may_not_follow_and_nobody_follows_without_end(world: World, monkeypatch: Any) -> None:
    sp, _ = await world.provider()
    acme, tenant = await world.account(sp)
    _, bob = await world.account(sp, "bob")
    assert (await bob.get(f"/Accounts/{acme}/Events")).status == 403
    assert (await tenant.get(f"/Accounts/{acme}/Events", seconds="no")).status == 400
    monkeypatch.setattr(module, "MOST_STREAMS", 1)
    async with following(tenant, acme, seconds=3):
        assert (await tenant.get(f"/Accounts/{acme}/Events")).status == 429


async def test_a_slow_reader_is_told_what_it_missed() -> None:
    outbox = Outbox(limit=2)
    for number in range(5):
        outbox.put(event("x", {"n": number}))
    assert await outbox.take() == event("x", {"n": 0}) + event("x", {"n": 1}) + event("dropped", {"count": 3})
    outbox.put(event("x", {"n": 9}))
    assert await outbox.take() == event("x", {"n": 9})
