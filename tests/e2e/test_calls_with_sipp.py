"""Calls placed by SIPp, over UDP and TCP, with rtpengine in the path where it is installed: signalling, audio, keys."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import sipp, sounds
from tests.support.published_callbacks import Callbacks
from tests.support.scripted import Office, office
from tests.support.sdk_applications import CLIENTS, started
from tests.support.sink import RtpSink

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed"),
]
CLIP = sounds.noise(1.5, seed=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with office(tmp_path_factory.mktemp("calls")) as it:
        yield it


@pytest.fixture
def desk(running: Office) -> Office:
    """The office with nothing asked or answered yet."""
    running.app.begin()
    running.app.files["/clip.wav"] = sounds.wav(CLIP)
    return running


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_caller_hears_the_clip_to_the_last_sample(desk: Office, transport: str) -> None:
    desk.app.plays({"verb": "play", "url": f"{desk.app.origin}/clip.wav"}, {"verb": "hangup"})
    async with RtpSink.open() as sink:
        call = await sipp.run(
            "hears_it_out", desk.platform.sip, desk.number, transport=transport, keys={"sink": sink.port}
        )

    assert call.good, call.log
    assert sink.heard(sounds.pcmu(CLIP)) == 1
    await desk.app.until(lambda: len(desk.app.statuses) == 3)
    assert desk.app.statuses == [("trying", 100), ("in-progress", 200), ("completed", 200)]
    first = desk.app.of("/call")[0]
    assert (first["direction"], first["from"], first["to"]) == ("inbound", "15550001111", desk.number)
    assert first["sip"]["method"] == "INVITE"
    record = (await desk.records(sip_callid=first["sbc_callid"]))[0]
    assert (record["sip_status"], record["answered"], record["termination_reason"]) == (
        200,
        True,
        "called party hungup",
    )


@pytest.mark.skipif(not sipp.may_replay(), reason="replaying captured audio takes root")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_keys_reach_the_application(desk: Office, transport: str) -> None:
    desk.app.plays({"verb": "gather", "numDigits": 2, "timeout": 15, "actionHook": "/key"})
    desk.app.plays({"verb": "hangup"}, at="/key")

    call = await sipp.run("presses_keys", desk.platform.sip, desk.number, transport=transport)

    assert call.good, call.log
    (answer,) = desk.app.of("/key")
    assert (answer["reason"], answer["digits"]) == ("dtmfDetected", "57")
    record = (await desk.records(sip_callid=answer["sbc_callid"]))[0]
    if desk.platform.anchors_media:
        told = await desk.api("GET", f"{desk.account}/RecentCalls/{record['call_sid']}/explain")
        assert told["media"]["packets_in"] > 20  # a little speech and two keys


@pytest.mark.skipif(not sipp.may_replay(), reason="replaying captured audio takes root")
async def test_an_application_written_with_the_published_sdk_takes_a_call(desk: Office, published: Path) -> None:
    secret = (await desk.api("GET", f"{desk.account}/WebhookSecret"))["webhook_secret"]
    async with started(CLIENTS / "sdk.cjs", published, secret=secret) as theirs:
        status_hook = {"url": f"{theirs.origin}/call-status", "method": "POST"}
        settings = {"call_status_hook": status_hook, "env_vars": {"INPUT": "digits"}}
        await desk.provision("15550007777", f"{theirs.origin}/incoming", **settings)

        call = await sipp.run("presses_keys", desk.platform.sip, "15550007777")

        assert call.good, call.log
        assert "X-Office: closed" in call.log
        hooks = await theirs.seen(5)  # those with a good signature
    assert sorted(path for path, _ in hooks) == ["/call-status"] * 3 + ["/incoming", "/menu"]
    names = {"/incoming": "session-new", "/menu": "gather", "/call-status": "call-status"}
    callbacks = Callbacks(published)
    for path, payload in hooks:
        assert callbacks.objections(names[path], payload) == [], (path, payload)
    assert dict(hooks)["/incoming"]["env_vars"] == {"INPUT": "digits"}
    assert dict(hooks)["/menu"]["customerData"]["Name"] == "Zoë"


async def test_a_caller_who_hangs_up_is_reported_with_his_headers(desk: Office) -> None:
    desk.app.plays({"verb": "play", "url": f"{desk.app.origin}/clip.wav", "loop": "forever"})

    call = await sipp.run("hangs_up", desk.platform.sip, desk.number)

    assert call.good, call.log
    await desk.app.until(lambda: ("completed", 200) in desk.app.statuses)
    last = desk.app.of("/status")[-1]
    assert last["call_termination_by"] == "caller"
    assert last["headers"]["x_farewell"] == "so long"
    record = (await desk.records(sip_callid=last["sbc_callid"]))[0]
    assert record["termination_reason"] == "caller hungup"


async def test_a_far_end_that_takes_over_a_call_hears_it_go_on(desk: Office) -> None:
    desk.app.plays({"verb": "play", "url": f"{desk.app.origin}/clip.wav", "loop": "forever"})
    async with RtpSink.open() as sink:
        call = await sipp.run("takes_over", desk.platform.sip, desk.number, keys={"sink": sink.port})

    assert call.good, call.log
    assert sink.heard(sounds.pcmu(CLIP)) == 1
    await desk.app.until(lambda: ("completed", 200) in desk.app.statuses)
    assert desk.app.statuses == [("trying", 100), ("in-progress", 200), ("completed", 200)]
    (record,) = await desk.records(sip_callid=desk.app.of("/call")[0]["sbc_callid"])
    assert (record["answered"], record["termination_reason"]) == (True, "caller hungup")


async def test_a_caller_who_cancels_is_no_answer(desk: Office) -> None:
    desk.app.plays({"verb": "pause", "length": 20}, {"verb": "answer"})

    call = await sipp.run("cancels", desk.platform.sip, desk.number)

    assert call.good, call.log
    await desk.app.until(lambda: len(desk.app.statuses) == 2)
    assert desk.app.statuses == [("trying", 100), ("no-answer", 487)]
    record = (await desk.records(sip_callid=desk.app.of("/status")[0]["sbc_callid"]))[0]
    assert (record["sip_status"], record["termination_reason"]) == (487, "caller abandoned")


async def test_an_application_declines_with_its_own_status(desk: Office) -> None:
    desk.app.plays({"verb": "sip:decline", "status": 486, "reason": "In a meeting"})

    call = await sipp.run("is_refused_486", desk.platform.sip, desk.number)

    assert call.good, call.log
    assert "486 In a meeting" in call.log
    await desk.app.until(lambda: len(desk.app.statuses) == 2)
    assert desk.app.statuses[-1] == ("failed", 486)


async def test_a_script_that_ends_unanswered_is_603(desk: Office) -> None:
    desk.app.plays({"verb": "tag", "data": {"seen": True}})

    call = await sipp.run("is_refused_603", desk.platform.sip, desk.number)

    assert call.good, call.log
    await desk.app.until(lambda: len(desk.app.statuses) == 2)
    assert desk.app.statuses[-1] == ("failed", 603)


async def test_a_number_without_an_application_is_480(desk: Office) -> None:
    # The service provider has this one account only, so the call is the account's; nothing says what to do with it.
    call = await sipp.run("is_refused_480", desk.platform.sip, "442079460000")

    assert call.good, call.log
    assert "X-Reason: no configured application" in call.log
    assert not desk.app.hooks


async def test_a_hundred_calls_at_once_hear_their_clip(desk: Office) -> None:
    desk.app.plays({"verb": "play", "url": f"{desk.app.origin}/clip.wav"}, {"verb": "hangup"})
    async with RtpSink.open() as sink:
        call = await sipp.run(
            "hears_it_out", desk.platform.sip, desk.number, calls=100, rate=40, keys={"sink": sink.port}
        )

    assert call.good, call.log
    assert sink.heard(sounds.pcmu(CLIP)) == 100
    assert sum(stream.missing for stream in sink.streams.values()) == 0
