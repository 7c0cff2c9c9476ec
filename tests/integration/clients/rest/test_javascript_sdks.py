"""The REST clients of the published JavaScript SDKs, `@jambonz/sdk` and `@jambonz/node-client`, against our API."""

from typing import Any
from uuid import uuid4

import pytest

from jambones.common.bus.rooms import LiveConference, LiveQueue, conferences_bucket, queues_bucket
from jambones.common.ids import AccountSid
from tests.integration.clients.rest.conftest import FeatureServer, JavaScript, SdkError, Tenant

CALLERS = ("sdk", "node-client")
READ = {"sdk": "get", "node-client": "retrieve"}
HOOK = {"url": "https://example.com/hook", "method": "POST"}
SPEECH = {
    "speech_synthesis_vendor": "google", "speech_synthesis_language": "en-US", "speech_synthesis_voice": "a",
    "speech_recognizer_vendor": "google", "speech_recognizer_language": "en-US",
}  # fmt: skip


@pytest.mark.parametrize("sdk", CALLERS)
async def test_a_call_is_placed_read_changed_listed_and_ended(
    sdk: str, tenant: Tenant, javascript: JavaScript, feature_server: FeatureServer
) -> None:
    asked = {
        "from": "15083084809", "to": {"type": "phone", "number": "16172375080"}, "call_hook": HOOK["url"],
        "call_status_hook": HOOK, "tag": {"order": 17}, "timeout": 20, "headers": {"X-Order": "17"}, **SPEECH,
    }  # fmt: skip
    sid = await javascript.ask(sdk, "calls", "create", asked)
    (taken,) = feature_server.created
    assert {name: taken.call[name] for name in asked if name not in ("call_hook",)} == {
        name: value for name, value in asked.items() if name not in ("call_hook",)
    }
    assert taken.call["call_hook"] == HOOK

    call = await javascript.ask(sdk, "calls", READ[sdk], sid)
    shown = {
        "call_sid": sid, "account_sid": tenant.account_sid, "direction": "outbound", "call_status": "in-progress",
        "from": asked["from"], "to": "16172375080", "sip_status": 200, "duration": 7, "call_id": "abc@192.0.2.1",
    }  # fmt: skip
    assert {name: call.get(name) for name in shown} == shown
    assert [call] == await javascript.ask(sdk, "calls", "list")

    await javascript.ask(sdk, "calls", "update", sid, {"call_status": "completed"})
    assert feature_server.changed[-1].changes == {"call_status": "completed"}
    await javascript.ask(sdk, "calls", "delete", sid)
    assert await javascript.ask(sdk, "calls", "list") == []
    with pytest.raises(SdkError, match=r"404|not found"):
        await javascript.ask(sdk, "calls", READ[sdk], sid)


async def test_live_calls_are_filtered_and_counted(
    tenant: Tenant, javascript: JavaScript, feature_server: FeatureServer
) -> None:
    call = {"from": "+15083084809", "to": {"type": "sip", "sipUri": "sip:a@b.cc"}}
    sid = await javascript.ask("sdk", "calls", "create", call | {"application_sid": tenant.application_sid})
    assert await javascript.ask("sdk", "calls", "count") == {"inbound": 0, "outbound": 1}
    for wanted, there in (
        ({"direction": "outbound", "from": "+15083084809", "to": "sip:a@b.cc", "callStatus": "in-progress"}, [sid]),
        ({"direction": "inbound"}, []),
        ({"callStatus": "ringing"}, []),
    ):
        found = await javascript.ask("sdk", "calls", "list", wanted)
        assert [row["call_sid"] for row in found] == there


async def test_every_change_that_the_sdk_has_reaches_the_call(
    tenant: Tenant, javascript: JavaScript, feature_server: FeatureServer
) -> None:
    call = {"from": "1", "to": {"type": "user", "name": "joe@a.b.cc"}, "application_sid": tenant.application_sid}
    sid = await javascript.ask("sdk", "calls", "create", call)
    say = {"verb": "say", "text": "hello"}
    methods: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("redirect", [HOOK["url"]], {"call_hook": HOOK}),
        ("whisper", [say], {"whisper": say}),
        ("mute", ["mute"], {"mute_status": "mute"}),
        ("updateAgent", [{"type": "generate_reply"}], {"agent_update": {"type": "generate_reply"}}),
        ("transfer", [{"target": []}], {"transfer": {"target": []}}),
        (
            "noiseIsolation", ["enable", {"vendor": "krisp", "level": 80}],
            {"noise_isolation_status": "enable", "noise_isolation_vendor": "krisp", "noise_isolation_level": 80},
        ),
    ]  # fmt: skip
    bodies: list[dict[str, Any]] = [
        {"child_call_hook": HOOK}, {"dub": {"action": "addTrack", "track": "music"}}, {"conf_mute_status": "mute"},
        {"conf_hold_status": "hold"}, {"listen_status": "silence"}, {"transcribe_status": "pause"},
        {"llm_status": "move-to-conference", "conference": "room"}, {"room_say": {"text": "hello"}},
        {"room_play": {"url": "https://example.com/a.wav"}}, {"dtmf": {"digit": "1", "duration": 100}},
        {"sip_request": {"method": "INFO", "content_type": "text/plain", "content": "x"}}, {"tag": {"a": 1}},
        {"record": {"action": "startCallRecording", "recordingID": "1", "siprecServerURL": "sip:rec@192.0.2.9"}},
        {"conferenceParticipantAction": {"action": "tag", "tag": "agent"}}, {"call_status": "no-answer"},
    ]  # fmt: skip
    methods += [("update", [body], body) for body in bodies]
    for method, args, changes in methods:
        await javascript.ask("sdk", "calls", method, sid, *args)
        assert feature_server.changed[-1].changes == changes
    with pytest.raises(SdkError, match=r"400 Bad Request.*invalid mute_status"):
        await javascript.ask("sdk", "calls", "mute", sid, "loudly")


async def test_queues_and_conferences_are_listed(tenant: Tenant, javascript: JavaScript) -> None:
    assert await javascript.ask("sdk", "queues", "list") == []
    assert await javascript.ask("sdk", "conferences", "list") == []
    account, bus = AccountSid(tenant.account_sid), tenant.world.bus
    for name in ("sales", "support (de)"):
        await queues_bucket(bus).put(account, name, value=LiveQueue(account_sid=account, name=name, length=2))
    await conferences_bucket(bus).put(account, "room", value=LiveConference(account_sid=account, name="room"))
    assert await javascript.ask("sdk", "queues", "list", "supp*(de)") == [{"name": "support (de)", "length": 2}]
    assert len(await javascript.ask("sdk", "queues", "list")) == 2
    assert await javascript.ask("sdk", "conferences", "list") == ["room"]


async def test_the_older_sdk_walks_an_application(tenant: Tenant, javascript: JavaScript) -> None:
    new = {"name": "new", "call_hook": HOOK, "call_status_hook": HOOK}
    sid = await javascript.ask("node-client", "applications", "create", new)
    row = await javascript.ask("node-client", "applications", "retrieve", sid)
    assert (row["name"], row["account_sid"], row["call_hook"]["url"]) == ("new", tenant.account_sid, HOOK["url"])
    rows = await javascript.ask("node-client", "applications", "list")
    assert sorted(row["application_sid"] for row in rows) == sorted([tenant.application_sid, sid])
    await javascript.ask("node-client", "applications", "delete", sid)
    with pytest.raises(SdkError, match="not found"):
        await javascript.ask("node-client", "applications", "retrieve", sid)


async def test_what_cannot_be_done_says_why(tenant: Tenant, javascript: JavaScript) -> None:
    with pytest.raises(SdkError, match="Not Implemented"):
        await javascript.ask("node-client", "messages", "create", {"from": "1", "to": "2", "text": "x"})
    with pytest.raises(SdkError, match="not found"):
        await javascript.ask("node-client", "calls", "retrieve", str(uuid4()))
    call = {"from": "1", "to": {"type": "phone", "number": "2"}, "application_sid": tenant.application_sid}
    with pytest.raises(SdkError, match=r"480 .*no available feature servers at this time"):
        await javascript.ask("sdk", "calls", "create", call)
