"""Calls that the API asks for, from the question to the last status event."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from jambones.common.bus.calls import LiveCall
from jambones.common.bus.control import CallCreated, CreateCall
from jambones.common.errors import Invalid, NotFound
from jambones.common.ids import AccountSid, NodeId
from jambones.common.private import Private
from jambones.common.webhook import WebhookFailed
from jambones.feature_server.calls.coalesced import CoalescedWriter
from jambones.feature_server.calls.outbound import NotPlaced
from jambones.feature_server.calls.registry import CallRegistry, Limits
from jambones.feature_server.inbound import Inbound
from jambones.feature_server.rest_calls import Full, RestCalls
from jambones.testing.callee import Callee, ScriptedDialer
from jambones.testing.platform import Ears, Library, Speaker
from jambones.testing.timeline import Timeline
from jambones.testing.virtual_time import settle
from tests.support.calls import KeptAlerts, KeptBucket
from tests.support.virtual_time import in_virtual_time

CALL: dict[str, Any] = {
    "from": "+4420",
    "callerName": "Ann",
    "to": {"type": "phone", "number": "+15550001", "headers": {"X-T": "1"}},
    "headers": {"X-A": "b", "Via": "forged"},
    "tag": {"order": 7},
    "call_hook": {"url": "http://app.test/call"},
    "call_status_hook": {"url": "http://app.test/status"},
    "speech_synthesis_vendor": "local",
    "speech_synthesis_language": "en-US",
    "speech_synthesis_voice": "rms",
    "speech_recognizer_vendor": "local",
    "speech_recognizer_language": "en-US",
    "api_base_url": "http://api.test/v1",
}


class World:
    """A feature server whose calls are answered, or not, by a test."""

    def __init__(self, *, egress: bool = True) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {"http://app.test/call": [{"verb": "say", "text": "good morning"}]}
        self.callees: list[Callee] = []
        self.alerts, self.rows = KeptAlerts(), KeptBucket()
        rows: Any = self.rows
        live: CoalescedWriter[LiveCall] = CoalescedWriter(rows, delay=1.0)
        self.registry = CallRegistry(Limits(), loop_lag=lambda: 0.0, tick_late=lambda: 0.0)
        account = SimpleNamespace(
            service_provider_sid="provider-1", webhook_secret=Private("secret"), sip_realm="r.test"
        )
        accounts = {"account-1": SimpleNamespace(account=account)}
        timeline = Timeline(asyncio.get_running_loop())
        nothing: Any = SimpleNamespace(note=lambda call: None, forget=lambda call: None)
        config: Any = SimpleNamespace(account=_found_in(accounts), application=_found_in({}))
        webhooks: Any = SimpleNamespace(ask=self._ask)
        bus: Any = SimpleNamespace(note=lambda fact: None)
        platform = Inbound(
            node_id=NodeId("fs-1"),
            sip_address="10.0.0.1:5060",
            public_ip=None,
            internal_key=None,
            engine=nothing,
            api_url=None,
            registry=self.registry,
            config=config,
            webhooks=webhooks,
            audio=Library({}),
            voice=Speaker(),
            alerts=self.alerts,
            bus=bus,
            live=live,
            checkpoints=nothing,
            max_duration=3600.0,
            dialer=ScriptedDialer(timeline, self.callees, Ears(), egress=egress),
        )
        self._create = RestCalls(platform)

    async def create(self, account: str = "account-1", **changes: Any) -> CallCreated:
        call = {name: value for name, value in {**CALL, **changes}.items() if value is not None}
        created = await self._create(CreateCall(node_id="fs-1", account_sid=AccountSid(account), call=call))
        await settle()
        return created

    @property
    def callee(self) -> Callee:
        return self.callees[-1]

    @property
    def told(self) -> list[str]:
        return [
            f"{payload['call_status']}/{payload['sip_status']}"
            for url, payload in self.asked
            if url.endswith("/status")
        ]

    def hooks(self, url: str) -> list[dict[str, Any]]:
        return [payload for asked, payload in self.asked if asked == url]

    async def _ask(self, url: str, payload: dict[str, Any], **rest: Any) -> Any:
        self.asked.append((url, payload))
        answer = self.answers.get(url)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _found_in(rows: dict[str, Any]) -> Any:
    async def find(sid: str) -> Any:
        return rows.get(sid)

    return find


@in_virtual_time
async def test_the_answer_comes_with_the_invite_and_the_hook_with_the_answer() -> None:
    world = World()
    created = await world.create()
    callee = world.callee
    assert (created.call_sid, created.sip_call_id) == (callee.call_sid, callee.sip_call_id)
    assert (callee.to, callee.from_, callee.caller_name) == ("+15550001", "+4420", "Ann")
    assert dict(callee.invite_headers) == {"X-A": "b", "X-T": "1"}
    assert world.rows.writes, "its row is written before anybody can ask for it"
    await callee.rings()
    assert not world.hooks("http://app.test/call")
    await callee.answers()
    await callee.hears("good morning")
    await callee.is_hung_up_on()
    await settle()
    assert world.told == ["trying/100", "ringing/180", "in-progress/200", "completed/200"]
    (first,) = world.hooks("http://app.test/call")
    assert (first["call_sid"], first["direction"], first["call_status"]) == (
        created.call_sid,
        "outbound",
        "in-progress",
    )
    assert first["customerData"] == {"order": 7}
    assert first["api_base_url"] == "http://api.test/v1"
    assert first["defaults"] == {
        "synthesizer": {"vendor": "local", "language": "en-US", "voice": "rms"},
        "recognizer": {"vendor": "local", "language": "en-US"},
    }
    assert "sip" not in first
    assert len(world.registry) == 0


@in_virtual_time
@pytest.mark.parametrize(
    ("status", "word"),
    [(486, "busy"), (603, "busy"), (600, "busy"), (487, "no-answer"), (404, "failed"), (503, "failed")],
)
async def test_a_call_that_is_not_answered_has_a_status_and_no_hook(status: int, word: str) -> None:
    world = World()
    await world.create()
    await world.callee.rings()
    await world.callee.declines(status)
    assert world.told == ["trying/100", "ringing/180", f"{word}/{status}"]
    assert not world.hooks("http://app.test/call")


@in_virtual_time
async def test_early_media_is_a_status_of_its_own() -> None:
    world = World()
    await world.create()
    await world.callee.rings()
    await world.callee.rings(early=True)
    await world.callee.rings(early=True)
    await world.callee.declines(486)
    assert world.told == ["trying/100", "ringing/180", "early-media/183", "busy/486"]


@in_virtual_time
@pytest.mark.parametrize(("given", "seconds"), [(20, 20), (None, 60)])
async def test_nobody_answers_in_time(given: int | None, seconds: int) -> None:
    world = World()
    await world.create(timeout=given)
    await world.callee.rings()
    await world.callee.advance(seconds - 1)
    assert not world.callee.cancelled
    await world.callee.advance(2)
    assert world.callee.cancelled
    assert world.told[-1] == "no-answer/487"


@in_virtual_time
async def test_a_time_limit_ends_the_call() -> None:
    world = World()
    world.answers["http://app.test/call"] = [{"verb": "pause", "length": 3000}]
    await world.create(timeLimit=30)
    await world.callee.answers()
    await world.callee.advance(29)
    assert not world.callee.gone
    await world.callee.advance(2)
    assert world.callee.headers["X-Reason"] == "Max Call Duration"
    assert world.told[-1] == "completed/200"


@in_virtual_time
async def test_a_failing_hook_hangs_up() -> None:
    world = World()
    world.answers["http://app.test/call"] = WebhookFailed("webhook-failure", "500", url="http://app.test/call")
    await world.create()
    await world.callee.answers()
    await world.callee.is_hung_up_on()
    await settle()
    assert world.told == ["trying/100", "in-progress/200", "completed/200"]
    assert [alert for alert, _ in world.alerts.told if alert == "webhook-failure"]


@in_virtual_time
async def test_a_static_script_runs_without_a_hook() -> None:
    world = World()
    await world.create(call_hook=None, app_json='[{"verb": "say", "text": "no hook needed"}]')
    await world.callee.answers()
    await world.callee.hears("no hook needed")
    assert {url for url, _ in world.asked} == {"http://app.test/status"}


@in_virtual_time
async def test_a_ringing_call_can_be_cancelled() -> None:
    world = World()
    await world.create()
    await world.callee.rings()
    await world.callee.is_changed(call_status="no-answer")
    assert world.callee.cancelled
    assert world.told[-1] == "no-answer/487"


@in_virtual_time
async def test_an_answered_call_can_be_ended() -> None:
    world = World()
    world.answers["http://app.test/call"] = [{"verb": "pause", "length": 3000}]
    await world.create()
    await world.callee.answers()
    await world.callee.is_changed(call_status="completed")
    assert world.told[-1] == "completed/200"


@in_virtual_time
async def test_what_cannot_be_placed_is_refused() -> None:
    world = World(egress=False)
    with pytest.raises(NotPlaced) as caught:
        await world.create()
    assert caught.value.http_status == 503  # the API tries another feature server, then answers 480
    assert not world.asked


@in_virtual_time
async def test_what_cannot_be_read_or_belongs_to_nobody_is_refused() -> None:
    world = World()
    with pytest.raises(Invalid):
        await world.create(to={"type": "pigeon"})
    with pytest.raises(NotFound):
        await world.create(account="account-2")
    world.registry.draining = True
    with pytest.raises(Full):
        await world.create()
    assert not world.callees
