"""Live calls over NATS: listing what feature servers wrote, placing, changing and ending calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from jambones.api.resources.calls import calls_bucket
from jambones.common.bus.calls import LiveCall
from jambones.common.bus.control import CallCreated, CallUpdated, CreateCall, UpdateCall
from jambones.common.bus.nodes import Heartbeat, Node
from jambones.common.errors import Invalid
from jambones.common.ids import AccountSid, CallSid, NodeId
from jambones.common.private import Private
from tests.integration.api.conftest import Client, World

SPEECH = {
    "speech_synthesis_vendor": "google", "speech_synthesis_language": "en-US", "speech_synthesis_voice": "a",
    "speech_recognizer_vendor": "google", "speech_recognizer_language": "en-US",
}  # fmt: skip
CALL = {
    "from": "15083084809",
    "to": {"type": "phone", "number": "16172375080"},
    "call_hook": "http://a.com/hook",
    **SPEECH,
}
HOOKS = {"call_hook": {"url": "http://example.com/call"}, "call_status_hook": {"url": "https://example.com/status"}}


async def put_call(world: World, account: str, **values: str) -> str:
    call = LiveCall(
        call_sid=CallSid(str(uuid4())),
        account_sid=AccountSid(account),
        direction="inbound",
        from_=Private(values.get("from_", "+1508")),
        to=Private("1617"),
        call_id="abc@1.2.3.4",
        sip_status=200,
        call_status=values.get("call_status", "in-progress"),  # type: ignore[arg-type]
    )
    await calls_bucket(world.bus).put(account, call.call_sid, value=call)
    return call.call_sid


@asynccontextmanager
async def feature_server(world: World, asked: list[CreateCall]) -> AsyncIterator[NodeId]:
    """One that takes every call to a number but 666."""
    node = Node(kind="fs", id=NodeId(str(uuid4())[:8]), sip="udp:127.0.0.1:5060", max_calls=10)

    async def create(question: CreateCall) -> CallCreated:
        asked.append(question)
        if question.call["to"].get("number") == "666":
            raise Invalid("no such number")
        return CallCreated(call_sid=CallSid(str(uuid4())), sip_call_id="x@y")

    assert world.api.parts is not None
    nodes = world.api.parts.nodes
    async with world.bus.serve(CreateCall, create, node_id=node.id), Heartbeat.beating(world.bus, node):
        while nodes.get(node.id) is None:
            await nodes.changed()
        yield node.id
    while nodes.get(node.id) is not None:
        await nodes.changed()


@pytest.fixture
async def tenant(world: World) -> tuple[str, Client]:
    provider, _ = await world.provider()
    return await world.account(provider)


async def test_live_calls_are_listed_and_shown(world: World, tenant: tuple[str, Client]) -> None:
    account, client = tenant
    path = f"/Accounts/{account}/Calls"
    assert (await client.get(path)).body == []
    sid = await put_call(world, account)
    await put_call(world, account, call_status="completed", from_="1")
    await put_call(world, str(uuid4()))
    assert len((await client.get(path)).body) == 2
    (call,) = (await client.get(path, callStatus="in-progress")).body
    assert (call["call_sid"], call["from"], call["sip_status"]) == (sid, "+1508", 200)
    assert "parent_call_sid" not in call
    assert [call] == (await client.ask("GET", path, **{"from": " 1508"})).body
    assert call == (await client.get(f"{path}/{sid}")).body
    assert (await client.get(f"{path}/{uuid4()}")).status == 404
    assert (await client.get(f"{path}/junk")).status == 400
    assert (await client.get(f"/Accounts/{account}/CallCount")).body == {"inbound": 1, "outbound": 0}


async def test_a_live_call_is_changed_by_its_feature_server(world: World, tenant: tuple[str, Client]) -> None:
    account, client = tenant
    sid = await put_call(world, account)
    path = f"/Accounts/{account}/Calls/{sid}"
    gone = await client.put(path, {"call_status": "completed"})
    assert (gone.status, gone.msg) == (422, f"call session is gone for call_sid {sid}")
    asked: list[UpdateCall] = []

    async def update(question: UpdateCall) -> CallUpdated:
        asked.append(question)
        if "sip_request" in question.changes:
            return CallUpdated(status=200, body={"status": 200, "reason": "OK"})
        return CallUpdated()

    async with world.bus.serve(UpdateCall, update, call_sid=sid):
        reply = await client.put(path, {"call_hook": "http://a.com/x"})
        assert (reply.status, reply.body) == (202, "Accepted")
        assert asked[0].changes == {"call_hook": {"url": "http://a.com/x", "method": "POST"}}
        for hook in ("/next", "next", {"url": "/next"}):  # relative to the application's base
            assert (await client.put(path, {"call_hook": hook, "mute_status": "", "tag": None})).status == 202
            url = hook["url"] if isinstance(hook, dict) else hook
            assert asked[-1].changes == {"call_hook": {"url": url, "method": "POST"}}
        info = {"sip_request": {"method": "INFO", "content_type": "a/b", "content": "x"}}
        reply = await client.post(path, info)
        assert (reply.status, reply.body) == (200, {"status": 200, "reason": "OK"})
        assert (await client.delete(path)).status == 204
        assert asked[-1].changes == {"call_status": "completed"}
    assert (await client.get(path)).status == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no valid options supplied to updateCall"),
        ({"foo": 1}, "no valid options supplied to updateCall"),
        ({"mute_status": "mute", "tag": {"a": 1}}, "multiple options are not allowed in updateCall"),
        ({"call_status": "busy"}, "invalid call_status"),
        ({"listen_status": "x"}, "invalid listen_status"),
        ({"sip_request": {"method": "INFO"}}, "sip_request requires method, content_type and content properties"),
        ({"record": {"type": "cloud"}}, "record requires action property"),
        ({"record": {"action": "startCallRecording"}}, "record requires siprecServerURL property when starting"),
        ({"tag": "x"}, "invalid tag data"),
        ({"dtmf": {"digit": "x"}}, "invalid dtmf"),
        ({"conferenceParticipantAction": {"action": "x"}}, "conferenceParticipantAction invalid action property x"),
        ({"conferenceParticipantAction": {"action": "tag"}}, "requires tag property when action is 'tag'"),
        ({"call_hook": "ftp://a.com/x"}, "call_hook url be an absolute url"),
        ({"call_hook": "/a b"}, "call_hook URL is invalid"),
        ({"call_status_hook": "http://a.com", "mute_status": "mute"}, "call_status_hook"),
    ],
)
async def test_changes_that_cannot_be_are_refused(
    world: World, tenant: tuple[str, Client], changes: dict[str, object], words: str
) -> None:
    account, client = tenant
    reply = await client.put(f"/Accounts/{account}/Calls/{uuid4()}", changes)
    assert reply.status == 400
    assert words in reply.msg


async def test_a_call_is_placed_by_a_feature_server(world: World, tenant: tuple[str, Client]) -> None:
    account, client = tenant
    path = f"/Accounts/{account}/Calls"
    nobody = await client.post(path, {})
    assert (nobody.status, nobody.msg) == (480, "no available feature servers at this time")
    script = '[{"verb": "hangup"}]'
    application = await client.make("/Applications", {"name": "a", "app_json": script, **HOOKS})
    asked: list[CreateCall] = []
    async with asyncio.timeout(20), feature_server(world, asked):
        reply = await client.post(path, CALL)
        assert (reply.status, reply.body["callId"]) == (201, "x@y")
        assert asked[0].call["call_hook"] == {"url": "http://a.com/hook", "method": "POST"}
        body = {"from": "1", "to": {"type": "sip", "sipUri": "sip:a@b"}, "application_sid": application}
        assert (await client.post(path, body)).status == 201
        assert asked[1].call["app_json"] == script
        assert asked[1].call["call_status_hook"]["url"] == "https://example.com/status"
        empty = {"tag": "", "headers": None, "timeout": 0, "callerName": "", "application_sid": ""}
        assert (await client.post(path, CALL | empty)).status == 201  # what a form left empty is not given
        assert not set(empty) & set(asked[2].call)
        label = {"speech_recognizer_label": "mine", "speech_recognizer_vendor": "aws"}
        assert (await client.post(path, body | label)).status == 201
        assert (
            asked[3].call | {"speech_recognizer_label": "mine", "speech_recognizer_vendor": "google"} == asked[3].call
        )
        for change, words in [
            ({"from": None}, "missing from parameter"),
            ({"to": None}, "missing or invalid to property"),
            ({"to": {"type": "fax", "number": "1"}}, "missing or invalid to property"),
            ({"to": {"type": "user", "name": "joe"}}, "no sip realm configured for account"),
            ({"call_hook": None}, "either call_hook or application_sid required"),
            ({"call_hook": "foo"}, "call_hook url be an absolute url"),
            ({"speech_recognizer_vendor": None}, "either application_sid or set of speech_synthesis_vendor"),
            ({"application_sid": str(uuid4())}, "application_sid not found"),
            ({"timeout": "x"}, "invalid timeout"),
            ({"to": {"type": "phone", "number": "666"}}, "no such number"),
        ]:
            reply = await client.post(path, CALL | change)
            assert (reply.status, words in reply.msg) == (400, True), (change, reply)
