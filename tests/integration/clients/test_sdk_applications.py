"""Applications written with the published SDKs answer the hooks of scripted calls."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jambonz.webhook.incoming import CallStatusEvent, CallWebhook, DialResult, GatherResult
from jambonz.webhook.response import JambonzResponse
from jambonz.webhook.verbs import Dial, Gather, Hangup, Pause, Play, Redirect, Say, Synthesizer

from jambones.common.webhook import WebhookFailed
from jambones.testing import HookRequest, ListenSocket, call
from tests.support.sdk_applications import CLIENTS, SdkApplication, started

MENU = "Welcome. One for sales, two for the hours, five for the doorman."


@pytest.fixture
async def sdk(published: Path) -> AsyncIterator[SdkApplication]:
    async with started(CLIENTS / "sdk.cjs", published) as application:
        yield application


@pytest.fixture
async def reception(published: Path) -> AsyncIterator[SdkApplication]:
    async with started(CLIENTS / "node-client.cjs", published) as application:
        yield application


# -- @jambonz/sdk


async def test_the_sdk_dials_with_what_it_knows_of_the_call(sdk: SdkApplication) -> None:
    first = {"env_vars": {"GREETING": "Grüezi."}}
    async with call(sdk, hook="/incoming", status_hook="/call-status", attributes=first) as caller:
        await caller.starts_hearing("Grüezi. One for sales, two for the hours, five for the doorman.")
        caller.presses("1")
        await caller.hears("One moment.")
        callee = await caller.callee("+15550001")
        await callee.rings()
        await callee.answers()
        caller.presses("*1")
        await caller.advance(1)
        callee.hangs_up()
        await caller.hears("Sales said completed, order 7.")
        await caller.is_hung_up_on()

    assert caller.alerts == []
    assert dict(callee.invite_headers) == {"X-Order": "7", "X-Name": "Zoë"}
    assert [hook["dtmf"] for hook in caller.hooks("/keys")] == ["*1"]
    assert caller.hooks("/menu")[0]["verb_id"] == "menu"
    assert len(caller.hooks("/call-status")) == 7  # three of the caller, four of sales


async def test_the_sdk_plays_and_is_told_how_much_of_it_was_heard(sdk: SdkApplication) -> None:
    async with call(sdk, hook="/incoming", audio={"http://files.test/hours.wav": 2.0}) as caller:
        await caller.starts_hearing(MENU)
        caller.presses("2")
        await caller.hears("You heard 5000.")
        await caller.is_hung_up_on()

    assert caller.alerts == []


async def test_the_sdk_understands_speech_and_refers(sdk: SdkApplication) -> None:
    async with call(sdk, hook="/incoming") as caller:
        await caller.starts_hearing(MENU)
        caller.says("oper", final=False)
        caller.says("operator")
        await caller.advance(1)
        caller.reports(180)
        caller.reports(200)
        await caller.hears("Referred: 200.")
        await caller.is_hung_up_on()

    assert caller.alerts == []
    assert len(caller.hooks("/partial")) == 1
    assert [hook["call_status"] for hook in caller.hooks("/event")] == [180, 200]


async def test_the_sdk_starts_again_and_gives_up(sdk: SdkApplication) -> None:
    async with call(sdk, hook="/incoming") as caller:
        await caller.starts_hearing(MENU)
        caller.presses("9")
        await caller.hears(MENU)
        await caller.hears(MENU)
        caller.hangs_up()

    assert caller.alerts == []
    assert len(caller.hooks("/incoming")) == 3


# -- @jambonz/node-client


async def test_the_node_client_screens_a_call_and_bridges_it(reception: SdkApplication) -> None:
    async with call(reception, hook="/incoming", status_hook="/status") as caller:
        await caller.starts_hearing("Dial an extension.")
        caller.presses("17#")
        callee = await caller.callee("17")
        await callee.answers()
        await callee.starts_hearing("Press one to take it.")
        callee.presses("1")
        await callee.hears("Thank you.")
        await caller.advance(0.1)
        caller.says("hello")
        await callee.hears("hello")
        callee.hangs_up()
        await caller.is_hung_up_on()

    assert caller.alerts == []
    assert caller.hooks("/after")[0]["dial_call_status"] == "completed"


async def test_the_node_client_records_a_message_when_nobody_takes_the_call(reception: SdkApplication) -> None:
    async def recorder(socket: ListenSocket) -> None:
        async for _ in socket:
            pass

    listeners = {"wss://recorder.test/messages": recorder}
    async with call(reception, hook="/incoming", listeners=listeners) as caller:
        await caller.starts_hearing("Dial an extension.")
        caller.presses("17#")
        await (await caller.callee("17")).declines(486)
        await (await caller.callee("sip:17@pbx.test")).declines(480)
        await caller.hears("Leave a message.")
        await caller.advance(12.5)
        caller.presses("#")
        await caller.hears("12 seconds are kept.")
        await caller.is_hung_up_on()

    assert caller.alerts == []
    assert caller.sockets[0].opening["extension"] == 17


async def test_the_node_client_declines(reception: SdkApplication) -> None:
    async with call(reception, hook="/extension") as caller:
        ending = await caller.is_hung_up_on()

    assert (caller.status, caller.reason) == (480, "Gone fishing")
    assert caller.headers["X-Back"] == "Monday"
    assert ending is not None


# -- jambonz-sdk, for Python


class Bakery:
    """An application written with the models of the Python SDK, on the path of each hook."""

    def __init__(self) -> None:
        self.statuses: list[CallStatusEvent] = []

    def __call__(self, request: HookRequest) -> Any:
        match request.path:
            case "/status":
                self.statuses.append(CallStatusEvent.model_validate(request.payload))
                return None
            case "/":
                return self._answered(self.greets(CallWebhook.model_validate(request.payload)))
            case "/chosen":
                return self._answered(self.chosen(GatherResult.model_validate(request.payload)))
            case "/done":
                return self._answered(self.done(DialResult.model_validate(request.payload)))
        raise AssertionError(request.path)

    def _answered(self, verbs: list[Any]) -> Any:
        return JambonzResponse(verbs).model_dump()

    def greets(self, call: CallWebhook) -> list[Any]:
        ask = Say(text=f"Good morning, {call.from_}.", synthesizer=Synthesizer(vendor="default", language="en-US"))
        inputs: Any = ["speech", "dtmf"]
        return [Pause(length=0.5), Gather(input=inputs, num_digits=1, timeout=5, action_hook="/chosen", say=ask)]

    def chosen(self, result: GatherResult) -> list[Any]:
        if result.reason == "timeout":
            return [Play(url="http://files.test/bell.wav"), Redirect(action_hook="/")]
        wanted = result.transcript or result.digits
        assert wanted is not None
        if wanted == "0":
            return [Dial(target=[{"type": "phone", "number": "+15550009"}], action_hook="/done", timeout=9)]
        return [Say(text=f"{wanted} it is."), Hangup()]

    def done(self, result: DialResult) -> list[Any]:
        return [Say(text=f"Nobody: {result.dial_call_status} {result.dial_sip_status}."), Hangup()]


async def test_the_python_sdk_understands_what_is_said_and_pressed() -> None:
    bakery = Bakery()
    async with call(bakery, status_hook="/status") as caller:
        await caller.hears("Good morning, +15550100001.")
        await caller.hears("bell.wav")
        await caller.starts_hearing("Good morning, +15550100001.")
        caller.says("rye bread")
        await caller.hears("rye bread it is.")
        await caller.is_hung_up_on()

    assert caller.alerts == []
    assert [event.call_status for event in bakery.statuses] == ["trying", "in-progress", "completed"]
    assert {str(event.call_sid) for event in bakery.statuses} == {caller.call_sid}


async def test_the_python_sdk_dials() -> None:
    async with call(Bakery()) as caller:
        await caller.starts_hearing("Good morning, +15550100001.")
        caller.presses("0")
        await (await caller.callee()).rings()
        await caller.hears("Nobody: no-answer 487.")
        await caller.is_hung_up_on()

    assert caller.alerts == []


# -- signatures, as both SDKs verify them

PAYLOADS: list[dict[str, Any]] = [
    {},
    {"from": "Zoë «\u2028»", "to": '"quoted"\\/\b\f\n\r\t\x01\x7f', "caller_name": "📞"},
    {"speech": {"alternatives": [{"transcript": "a", "confidence": value} for value in (1.0, 0.5, 5e-05, 1e-7, 0.0)]}},
    {"customerData": {"b": 1, "a": 2, "10": 3, "9": 4, "01": 5, "nested": [{"2": 1, "1": 2}], "": None}},
    {"customerData": {"numbers": [12345678901234567890, 1e21, 1.5e300, 2**53 + 1, -0.0, 1e16, -1e-6, 123456.789e3]}},
    {"refer_details": {"x_7": {"20": 1, "3": 2}}},
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
async def test_both_verifiers_accept_our_signature(
    sdk: SdkApplication, reception: SdkApplication, payload: dict[str, Any]
) -> None:
    await sdk.ask("/echo", payload)
    await reception.ask("/echo", payload)


async def test_both_verifiers_refuse_the_signature_of_somebody_else(
    sdk: SdkApplication, reception: SdkApplication
) -> None:
    for application in (sdk, reception):
        forger = replace(application, secret="wh_secret_of_somebody_else")
        with pytest.raises(WebhookFailed):
            await forger.ask("/echo", {"call_sid": "1"})
