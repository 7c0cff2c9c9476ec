"""Applications and sound files that fail: calls end or go on as specified, an alert says why, others notice nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from jambones.local.ports import free_port
from tests.support import sipp, sounds
from tests.support.scripted import Office, office
from tests.support.sink import RtpSink

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed"),
]
CLIP = sounds.noise(1.0, seed=2)
LONG = sounds.noise(8.0, seed=3)
HOOK_TIMEOUT = AUDIO_TIMEOUT = 2.0
BAD = "15550199"
MUTE = "15550198"
"""A number whose application does not exist."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    env = {"JAMBONES_HOOK_TIMEOUT": str(HOOK_TIMEOUT), "JAMBONES_AUDIO_TIMEOUT": str(AUDIO_TIMEOUT)}
    async with office(tmp_path_factory.mktemp("faults"), env=env) as it:
        await it.provision(BAD, f"{it.app.origin}/bad")
        await it.provision(MUTE, f"http://127.0.0.1:{free_port()}/call")
        yield it


@pytest.fixture
def desk(running: Office) -> Office:
    running.app.begin()
    running.app.files["/clip.wav"] = sounds.wav(CLIP)
    running.app.files["/long.wav"] = sounds.wav(LONG)
    return running


async def _slow(request: web.Request, payload: Any) -> web.Response:
    await asyncio.sleep(3 * HOOK_TIMEOUT)
    return web.Response()


async def _huge(request: web.Request, payload: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    try:
        await response.write(b"[")
        for _ in range(50):
            await response.write(b" " * 1024 * 1024)
    except ConnectionError:
        pass  # the platform had enough
    return response


def _status(status: int) -> Callable[..., web.Response]:
    return lambda request, payload: web.Response(status=status, headers={"Location": "/call"})


def _text(body: str, kind: str = "application/json") -> Callable[..., web.Response]:
    return lambda request, payload: web.Response(text=body, content_type=kind)


FAULTS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "404": (_status(404), "webhook-url-notfound", "404"),
    "401": (_status(401), "webhook-auth-failure", "401"),
    "500": (_status(500), "webhook-failure", "500"),
    "201 is no success": (_status(201), "webhook-failure", "201"),
    "a redirect": (_status(302), "webhook-failure", "302"),
    "slow": (_slow, "webhook-connection-failure", "no answer"),
    "50 MB": (_huge, "invalid-app-payload", "longer than"),
    "not JSON": (_text("[{"), "invalid-app-payload", "not JSON"),
    "no script": (_text("<html></html>", "text/html"), "invalid-app-payload", "no verbs"),
    "an object": (_text('{"verb": "say", "text": "hello"}'), "invalid-app-payload", "no verbs"),
    "an empty list": (_text("[]"), "invalid-app-payload", "no verbs"),
    "unknown verb": (_text('[{"verb": "sing"}]'), "invalid-app-payload", "sing"),
    "missing property": (_text('[{"verb": "play"}]'), "invalid-app-payload", "play"),
    "wrong type": (_text('[{"verb": "pause", "length": "long"}]'), "invalid-app-payload", "length"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failing_first_hook_refuses_the_call_with_480_and_an_alert(desk: Office, fault: str) -> None:
    answer, alert, word = FAULTS[fault]
    desk.app.answers["/bad"] = answer

    call = await sipp.run("is_refused_480", desk.platform.sip, BAD)

    assert call.good, call.log
    assert "X-Reason:" in call.log
    assert await desk.alerts(alert_type=alert, saying=word)


async def test_an_application_that_is_down_refuses_the_call_with_480(desk: Office) -> None:
    call = await sipp.run("is_refused_480", desk.platform.sip, MUTE)

    assert call.good, call.log
    assert await desk.alerts(alert_type="webhook-connection-failure")


async def test_fifty_calls_keep_perfect_audio_while_others_fail(desk: Office) -> None:
    desk.app.plays({"verb": "play", "url": f"{desk.app.origin}/long.wav"}, {"verb": "hangup"})
    async with RtpSink.open() as sink:
        good = asyncio.create_task(
            sipp.run("hears_it_out", desk.platform.sip, desk.number, calls=50, rate=50, keys={"sink": sink.port})
        )
        await desk.app.until(lambda: len(desk.app.of("/call")) == 50)
        for answer, _, _ in FAULTS.values():
            desk.app.answers["/bad"] = answer
            bad = await sipp.run("is_refused_480", desk.platform.sip, BAD, calls=5, rate=50)
            assert bad.good, bad.log
            if good.done():
                break
        call = await good

    assert call.good, call.log
    assert sink.heard(sounds.pcmu(LONG)) == 50
    assert sum(stream.missing for stream in sink.streams.values()) == 0


@pytest.mark.parametrize("fault", ["500", "not JSON", "unknown verb", "slow"])
async def test_a_failing_action_hook_goes_on_with_the_next_verb(desk: Office, fault: str) -> None:
    desk.app.plays(
        {"verb": "gather", "timeout": 0.2, "actionHook": "/key"},
        {"verb": "play", "url": f"{desk.app.origin}/clip.wav"},
    )
    desk.app.answers["/key"] = FAULTS[fault][0]
    async with RtpSink.open() as sink:
        call = await sipp.run("hears_it_out", desk.platform.sip, desk.number, keys={"sink": sink.port})

    assert call.good, call.log
    assert sink.heard(sounds.pcmu(CLIP)) == 1
    assert await desk.alerts(alert_type=FAULTS[fault][1])


async def test_a_failing_redirect_ends_the_call(desk: Office) -> None:
    desk.app.plays(
        {"verb": "answer"},
        {"verb": "redirect", "actionHook": "/next"},
        {"verb": "play", "url": f"{desk.app.origin}/long.wav"},
    )
    desk.app.answers["/next"] = FAULTS["500"][0]
    async with RtpSink.open() as sink:
        call = await sipp.run("hears_it_out", desk.platform.sip, desk.number, keys={"sink": sink.port})

    assert call.good, call.log
    assert sink.heard(sounds.pcmu(LONG[:800])) == 0


async def _endless(request: web.Request, payload: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
    await response.prepare(request)
    head = bytearray(sounds.wav(CLIP)[:44])
    head[4:8] = head[40:44] = b"\xff\xff\xff\x7f"
    try:
        await response.write(bytes(head))
        while True:
            await response.write(bytes(16384))
            await asyncio.sleep(0.05)
    except ConnectionError:
        return response


PROMPTS: dict[str, Callable[..., Any]] = {
    "404": _status(404),
    "not audio": _text("<html>sorry</html>" * 100, "text/html"),
    "endless": _endless,
    "slow": _slow,
}


@pytest.mark.parametrize("fault", PROMPTS)
async def test_a_prompt_that_cannot_be_had_is_an_alert_and_the_call_goes_on(desk: Office, fault: str) -> None:
    path = f"/{fault.replace(' ', '-')}.wav"
    desk.app.plays(
        {"verb": "play", "url": f"{desk.app.origin}{path}", "actionHook": "/played"},
        {"verb": "play", "url": f"{desk.app.origin}/clip.wav"},
    )
    desk.app.answers[path] = PROMPTS[fault]
    async with RtpSink.open() as sink:
        call = await sipp.run("hears_it_out", desk.platform.sip, desk.number, keys={"sink": sink.port})
        heard = next(iter(sink.streams.values())).audio
        silence = heard.index(sounds.pcmu(CLIP)) / 8000

    assert call.good, call.log
    assert silence < AUDIO_TIMEOUT + 3  # no longer than its time-out, on a machine that may be busy
    await desk.app.until(lambda: bool(desk.app.of("/played")))
    assert desk.app.of("/played")[0]["reason"] == "playFailed"
    assert await desk.alerts(alert_type="play-url-notfound", saying=path)
