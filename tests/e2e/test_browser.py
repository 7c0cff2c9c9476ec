"""A real Chromium as a phone: SIP over WSS, audio by DTLS-SRTP with ICE through rtpengine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from jambones.local import baresip, rtpengine
from jambones.local.baresip import Baresip
from jambones.local.listening import Samples, read_wav, spoken
from jambones.local.platform import PHONE
from tests.support import chromium, sounds
from tests.support.certificates import Authority
from tests.support.chromium import Page, browser
from tests.support.media_paths import until_path
from tests.support.scripted import SPEECH, Office, office

pytestmark = [
    pytest.mark.skipif(not chromium.installed(), reason="Chromium is not installed"),
    pytest.mark.skipif(rtpengine.installed() is None, reason="rtpengine is not installed"),
    pytest.mark.skipif(not (PHONE / "sip.js" / "index.js").exists(), reason="the browser phone is not put together"),
]

# The strongest tone among what the page hears now, in Hz; 0 while it hears nothing.
PITCH = """
(async () => {
  const stream = document.getElementById("remote").srcObject;
  if (!stream) return 0;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(stream).connect(analyser);
  await new Promise((resolve) => setTimeout(resolve, 600));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const best = bins.indexOf(Math.max(...bins));
  const pitch = bins[best] > -60 ? best * context.sampleRate / analyser.fftSize : 0;
  await context.close();
  return Math.round(pitch);
})()
"""
STATE = "document.getElementById('state').textContent"


def tone(frequency: int, seconds: float) -> bytes:
    samples = 9000 * np.sin(2 * np.pi * frequency * np.arange(int(8000 * seconds)) / 8000)
    return sounds.wav(samples.astype(np.int16))


def clicks(control: str) -> str:
    return f"document.getElementById({control!r}).click()"


async def hears(page: Page, frequency: int) -> None:
    """Wait until the page hears a tone."""
    await page.until(f"{PITCH}.then((pitch) => Math.abs(pitch - {frequency}) < 15)", within=20)


@asynccontextmanager
async def office_with_wss(folder: Path) -> AsyncIterator[Office]:
    authority = Authority(folder)
    certificate, key = authority.issue("127.0.0.1")
    async with office(folder / "run", certificate=(certificate, key)) as desk:
        desk.app.files["/low.wav"], desk.app.files["/high.wav"] = tone(440, 20), tone(1000, 20)
        yield desk


@asynccontextmanager
async def registered(desk: Office, microphone: Path | None = None) -> AsyncIterator[Page]:
    """A page whose phone is registered as the demo user."""
    seeded = desk.platform.seeded
    form = {
        "server": f"wss://127.0.0.1:{desk.platform.layout.wss}",
        "realm": seeded.sip_realm,
        "user": seeded.sip_user,
        "password": seeded.sip_password,
    }
    async with browser(microphone) as page:
        await page.open(f"http://127.0.0.1:{desk.platform.layout.api}/phone/?{urlencode(form)}")
        await page.evaluate("document.querySelector('#account button').click()")
        await page.until(f"{STATE} === 'registered'")
        yield page


async def test_a_browser_registers_calls_hears_and_presses_keys(tmp_path: Path) -> None:
    async with office_with_wss(tmp_path) as desk, registered(desk) as page:
        users = await desk.api("GET", f"{desk.account}/RegisteredSipUsers")
        assert users == [f"{desk.platform.seeded.sip_user}@{desk.platform.seeded.sip_realm}"]

        low, high = f"{desk.app.origin}/low.wav", f"{desk.app.origin}/high.wav"
        desk.app.plays({"gather": {"numDigits": 1, "timeout": 30, "actionHook": "/key", "play": {"url": low}}})
        desk.app.plays({"verb": "play", "url": high}, at="/key")
        await page.evaluate("document.querySelector('#dial input').value = '1234'")
        await page.evaluate("document.querySelector('#dial button').click()")
        await page.until(f"{STATE} === 'in a call'")
        await hears(page, 440)

        await page.evaluate("[...document.querySelectorAll('#keys button')].find((b) => b.textContent === '7').click()")
        await desk.app.until(lambda: bool(desk.app.of("/key")))
        assert desk.app.of("/key")[0]["digits"] == "7"
        await hears(page, 1000)

        first = desk.app.of("/call")[0]
        assert (first["direction"], first["from"], first["to"]) == ("inbound", desk.platform.seeded.sip_user, "1234")

        await page.evaluate(clicks("hold"))
        await page.until(f"{STATE} === 'on hold'")
        await page.evaluate(clicks("hold"))
        await page.until(f"{STATE} === 'in a call'")
        await hears(page, 1000)

        await page.evaluate(clicks("hangup"))
        await desk.app.until(lambda: ("completed", 200) in desk.app.statuses)
        assert desk.app.of("/status")[-1]["call_termination_by"] == "caller"


async def test_a_browser_comes_back_after_its_edge_was_killed(tmp_path: Path) -> None:
    async with office_with_wss(tmp_path) as desk, registered(desk) as page:
        edge = desk.platform.children["sbc-inbound"]
        assert edge.process is not None
        edge.process.kill()  # the supervisor starts it again
        await page.until(f"{STATE} === 'connection lost'")
        await page.until(f"{STATE} === 'registered'", within=30)

        desk.app.plays({"verb": "play", "url": f"{desk.app.origin}/low.wav"})
        await page.evaluate("document.querySelector('#dial input').value = '1234'")
        await page.evaluate("document.querySelector('#dial button').click()")
        await page.until(f"{STATE} === 'in a call'")
        await hears(page, 440)


async def test_a_browser_is_called_and_talks(tmp_path: Path) -> None:
    async with office_with_wss(tmp_path) as desk, registered(desk) as page:
        desk.app.plays(
            {
                "gather": {
                    "numDigits": 1,
                    "timeout": 30,
                    "actionHook": "/key",
                    "play": {"url": f"{desk.app.origin}/low.wav"},
                }
            },
            at="/answered",
        )
        desk.app.plays({"verb": "hangup"}, at="/key")
        made = await desk.api(
            "POST",
            f"{desk.account}/Calls",
            {
                "from": "15550001111",
                "to": {"type": "user", "name": desk.platform.seeded.sip_user},
                "call_hook": f"{desk.app.origin}/answered",
                "call_status_hook": f"{desk.app.origin}/status",
                **SPEECH,
            },
        )
        await page.until(f"{STATE} === 'call from 15550001111'")
        await page.evaluate(clicks("answer"))
        await page.until(f"{STATE} === 'in a call'")
        await hears(page, 440)
        await page.evaluate("[...document.querySelectorAll('#keys button')].find((b) => b.textContent === '4').click()")
        await page.until(f"{STATE} === 'call ended'")

        assert desk.app.of("/key")[0]["digits"] == "4"
        await desk.app.until(lambda: ("completed", 200) in desk.app.statuses)
        words = [payload["call_status"] for payload in desk.app.of("/status") if payload["call_sid"] == made["sid"]]
        assert words == ["trying", "ringing", "in-progress", "completed"]


@pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")
async def test_a_browser_and_a_phone_talk_past_the_media_engine(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    says, spoken_here = tmp_path / "a.wav", tmp_path / "b.wav"
    says.write_bytes(tone(440, 60))
    spoken_here.write_bytes(tone(1000, 20))
    async with (
        office_with_wss(tmp_path) as desk,
        registered(desk, spoken_here) as page,
        Baresip.open(tmp_path / "a", source=says) as phone,
    ):
        desk.app.plays(
            {"verb": "dial", "target": [{"type": "user", "name": desk.platform.seeded.sip_user}]},
            {"verb": "say", "text": "the office opens at nine"},
            {"verb": "pause", "length": 1},
        )
        await phone.dial(f"sip:{desk.number}@{desk.platform.sip};transport=udp")
        await page.until(f"{STATE}.startsWith('call from')")
        await page.evaluate(clicks("answer"))
        await page.until(f"{STATE} === 'in a call'")
        await until_path(desk, "partial-media")
        await hears(page, 440)
        await page.evaluate(clicks("hold"))
        await page.until(f"{STATE} === 'on hold'")
        await until_path(desk, "full-media", "hold")
        await page.evaluate(clicks("hold"))
        await page.until(f"{STATE} === 'in a call'")
        await hears(page, 440)
        await until_path(desk, "partial-media")
        await hears(page, 440)
        await page.evaluate(clicks("hangup"))
        await phone.until("CALL_CLOSED", within=20)
    recording = phone.heard()
    assert recording is not None
    listened = read_wav(recording)
    assert loudest(listened[-8000 * 10 : -8000 * 5]) == 1000
    assert "the office opens at nine" in spoken(listened[-8000 * 4 :], ("the office opens at nine", "good bye"))


def loudest(samples: Samples) -> int:
    """The strongest tone, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return round(int(spectrum.argmax()) * 8000 / len(samples))
