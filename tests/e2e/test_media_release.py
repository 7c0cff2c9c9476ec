"""Two phones whose audio leaves the media engine where nothing needs it there, and what brings it back."""

import asyncio
from pathlib import Path
from typing import Any

import psutil
import pytest

from jambones.local import baresip
from jambones.local import rtpengine as local_rtpengine
from jambones.local.listening import correlation, spoken
from tests.support.media_paths import figures, until_path
from tests.support.phones import GRACE, HELLO, REPLY, Phones, heard, two_phones

pytestmark = [
    pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed"),
    pytest.mark.skipif(local_rtpengine.installed() is None, reason="rtpengine is not installed"),
]

RATE = 8000
PHRASES = ("the office opens at nine", "please hold the line", "your account is closed")


def workers(phones: Phones) -> list[psutil.Process]:
    server = psutil.Process(phones.desk.platform.children["feature-server"].pid or 0)
    return [child for child in server.children() if "jambones.media" in child.cmdline()]


async def caller_sid(phones: Phones) -> str:
    """The caller's call, once live control finds it."""
    desk = phones.desk
    sid = str((await phones.until_told("inbound", "in-progress"))["call_sid"])
    async with asyncio.timeout(10):
        while not [row for row in await desk.api("GET", f"{desk.account}/Calls") if row["call_sid"] == sid]:
            await asyncio.sleep(0.2)
    return sid


async def until_ended(phones: Phones) -> None:
    for direction in ("inbound", "outbound"):
        await phones.until_told(direction, "completed")


async def talking(phones: Phones, *then: dict[str, Any], **properties: Any) -> None:
    phones.desk.app.plays(phones.dials(**properties), *then)
    await phones.a_calls()
    await phones.b_answers()


@pytest.mark.parametrize("rtpengines", [1, 2])
async def test_phones_hear_each_other_without_a_media_engine_and_the_caller_hears_the_next_verb(
    tmp_path: Path, rtpengines: int
) -> None:
    async with two_phones(tmp_path, rtpengines=rtpengines) as phones:
        await talking(phones, {"verb": "say", "text": "the office opens at nine"}, {"verb": "pause", "length": 1})
        await until_path(phones.desk, "partial-media")
        assert (await figures(phones.desk))["jambones_fs_channels_in_use"] == 0
        (worker,) = workers(phones)
        worker.kill()  # nothing of this call is there
        await asyncio.sleep(GRACE + 4)
        await phones.b.hangup()
        await phones.a.until("CALL_CLOSED", within=20)
        done = await phones.done()
    a, b = heard(phones.a), heard(phones.b)
    assert correlation(b[-RATE * 5 :], HELLO)[0] > 0.9  # from long after the worker's end
    assert correlation(a[: -RATE * 4], REPLY)[0] > 0.9
    assert "the office opens at nine" in spoken(a[-RATE * 4 :], PHRASES)
    assert (done["dial_call_status"], done["dial_sip_status"]) == ("completed", 200)


async def test_hold_brings_the_audio_back_and_it_leaves_again_afterwards(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        app = phones.desk.app
        app.plays({"verb": "say", "text": "please hold the line"}, {"verb": "pause", "length": 1}, at="/hold")
        await talking(phones, onHoldHook=f"{app.origin}/hold")
        await until_path(phones.desk, "partial-media")
        await phones.b.command("hold")
        await app.until(lambda: bool(app.of("/hold")))
        await until_path(phones.desk, "full-media", "hold")
        await asyncio.sleep(4)
        await phones.b.command("resume")
        await until_path(phones.desk, "partial-media")
        await asyncio.sleep(GRACE + 2)
        await phones.a.hangup()
        await phones.b.until("CALL_CLOSED", within=15)
    a = heard(phones.a)  # a baresip that held writes down nothing any more, wherever the audio goes
    assert "please hold the line" in spoken(a, PHRASES)
    assert correlation(a[-RATE * 4 :], REPLY)[0] > 0.9


async def test_a_whisper_is_heard_by_one_phone_and_then_they_are_alone_again(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        desk = phones.desk
        await talking(phones)
        await until_path(phones.desk, "partial-media")
        call = await caller_sid(phones)
        whisper = {"verb": "say", "text": "the office opens at nine"}
        await desk.api("PUT", f"{desk.account}/Calls/{call}", {"whisper": whisper})
        await until_path(phones.desk, "full-media", "whisper")
        await until_path(phones.desk, "partial-media", within=20)
        await desk.api("PUT", f"{desk.account}/Calls/{call}", {"media_path": "full-media"})
        await until_path(phones.desk, "full-media", "media_path")
        assert (await figures(phones.desk))["jambones_fs_channels_in_use"] == 2
        await asyncio.sleep(GRACE + 2)  # each clip whole, wherever it begins
        await phones.a.hangup()
        await phones.b.until("CALL_CLOSED", within=15)
    a, b = heard(phones.a), heard(phones.b)
    assert "the office opens at nine" in spoken(a, PHRASES)
    assert "the office opens at nine" not in spoken(b, PHRASES)
    assert correlation(a[-RATE * 5 :], REPLY)[0] > 0.9
    assert correlation(b[-RATE * 5 :], HELLO)[0] > 0.9


async def test_keys_pass_from_phone_to_phone_without_us(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        await talking(phones)
        await until_path(phones.desk, "partial-media")
        for presses, gets in ((phones.a, phones.b), (phones.b, phones.a)):
            await presses.command("sndcode", "5")
            assert (await gets.until("CALL_DTMF_START", within=10))["param"] == "5"
        assert (await figures(phones.desk))["jambones_fs_channels_in_use"] == 0
        await phones.a.hangup()
        await phones.b.until("CALL_CLOSED", within=15)


async def test_keys_that_are_captured_keep_the_audio_here(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        app = phones.desk.app
        await talking(phones, dtmfCapture=["5"], dtmfHook=f"{app.origin}/keys")
        await until_path(phones.desk, "full-media", "dtmfCapture")
        await phones.b.command("sndcode", "5")
        await app.until(lambda: bool(app.of("/keys")))
        await phones.a.hangup()
        await phones.b.until("CALL_CLOSED", within=15)
    assert app.of("/keys")[0]["dtmf"] == "5"


async def test_without_rtpengine_the_audio_stays(tmp_path: Path) -> None:
    async with two_phones(tmp_path, rtpengine=False) as phones:
        await talking(phones)
        await until_path(phones.desk, "full-media", "no rtpengine")
        await asyncio.sleep(GRACE)
        await phones.a.hangup()
        await phones.b.until("CALL_CLOSED", within=15)
    assert correlation(heard(phones.b), HELLO)[0] > 0.9
    assert correlation(heard(phones.a), REPLY)[0] > 0.9


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_new_script_is_heard_by_whoever_gets_it(tmp_path: Path, who: str) -> None:
    async with two_phones(tmp_path) as phones:
        desk, app = phones.desk, phones.desk.app
        await talking(phones)
        await until_path(phones.desk, "partial-media")
        app.plays({"verb": "say", "text": "the office opens at nine"}, {"verb": "pause", "length": 1}, at="/next")
        call = await caller_sid(phones)
        hook = {"url": f"{app.origin}/next"}
        changes = {"call_hook": hook} if who == "caller" else {"child_call_hook": hook}
        await desk.api("PUT", f"{desk.account}/Calls/{call}", changes)
        phone = phones.a if who == "caller" else phones.b
        await phone.until("CALL_CLOSED", within=25)
    assert "the office opens at nine" in spoken(heard(phone), PHRASES)


async def test_a_phone_that_vanishes_is_missed(tmp_path: Path) -> None:
    env = {"JAMBONES_RTP_TIMEOUT": "5"}
    async with two_phones(tmp_path, env=env) as phones:
        await talking(phones)
        await until_path(phones.desk, "partial-media")
        await asyncio.sleep(8)  # longer than the media engine waits for a packet
        assert (await figures(phones.desk))["jambones_fs_channels_in_use"] == 0
        for process in psutil.Process().children(recursive=True):
            if process.name() == "baresip" and str(tmp_path / "b") in process.cmdline():
                process.kill()
        await phones.a.until("CALL_CLOSED", within=75)
        await until_ended(phones)


async def test_a_lost_rtpengine_ends_the_call_with_a_cause(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        await talking(phones)
        await until_path(phones.desk, "partial-media")
        daemon = psutil.Process(phones.desk.platform.children["rtpengine"].pid or 0)
        daemon.kill()  # the supervisor starts another, which knows nothing of the call
        await phones.a.until("CALL_CLOSED", within=60)
        await phones.b.until("CALL_CLOSED", within=15)
        await until_ended(phones)
