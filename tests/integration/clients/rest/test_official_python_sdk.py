"""The REST client of the reference's own Python SDK, `jambonz-python-sdk`, against our API."""

from typing import Any

import aiohttp
import pytest
from jambonz_sdk.client import JambonzClient

from jambones.common.bus.rooms import LiveConference, LiveQueue, conferences_bucket, queues_bucket
from jambones.common.ids import AccountSid
from tests.integration.clients.rest.conftest import FeatureServer, Tenant

HOOK = "https://example.com/hook"


async def test_calls_are_placed_read_counted_changed_and_ended(tenant: Tenant, feature_server: FeatureServer) -> None:
    to = {"type": "phone", "number": "16172375080"}
    say = {"verb": "say", "text": "hello"}
    async with JambonzClient(base_url=tenant.url, account_sid=tenant.account_sid, api_key=tenant.key) as client:
        sid = await client.calls.create({"from": "+15083084809", "to": to, "application_sid": tenant.application_sid})
        assert feature_server.created[0].call["to"] == to
        call = await client.calls.get(sid)
        assert (call["call_sid"], call["from"], call["direction"]) == (sid, "+15083084809", "outbound")
        assert await client.calls.count() == {"inbound": 0, "outbound": 1}
        assert await client.calls.list() == [call]
        assert await client.calls.list({"from": "+15083084809", "callStatus": "in-progress"}) == [call]
        assert await client.calls.list({"direction": "inbound"}) == []
        changes: list[tuple[str, Any, dict[str, Any]]] = [
            ("redirect", HOOK, {"call_hook": {"url": HOOK, "method": "POST"}}),
            ("whisper", say, {"whisper": say}),
            ("mute", "unmute", {"mute_status": "unmute"}),
            ("update_agent", {"type": "generate_reply"}, {"agent_update": {"type": "generate_reply"}}),
            ("update", {"call_status": "completed"}, {"call_status": "completed"}),
        ]
        for method, given, reaches in changes:
            assert await getattr(client.calls, method)(sid, given) == "Accepted"
            assert feature_server.changed[-1].changes == reaches
        await client.calls.delete(sid)
        with pytest.raises(aiohttp.ClientResponseError) as gone:
            await client.calls.get(sid)
        assert gone.value.status == 404


async def test_queues_and_conferences_are_listed(tenant: Tenant) -> None:
    account, bus = AccountSid(tenant.account_sid), tenant.world.bus
    await queues_bucket(bus).put(account, "sales", value=LiveQueue(account_sid=account, name="sales", length=2))
    await conferences_bucket(bus).put(account, "room", value=LiveConference(account_sid=account, name="room"))
    async with JambonzClient(base_url=tenant.url, account_sid=tenant.account_sid, api_key=tenant.key) as client:
        assert await client.queues.list("sal*") == [{"name": "sales", "length": 2}]
        assert await client.queues.list("x") == []
        assert await client.conferences.list() == ["room"]
