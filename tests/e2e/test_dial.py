"""Two phones we did not write, one called by the platform for the other: what they hear, and what is told of it."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from jambones.local import baresip
from jambones.local.baresip import Baresip
from jambones.local.listening import correlation, spoken
from tests.support import sipp
from tests.support.phones import GRACE, HELLO, REPLY, heard, two_phones
from tests.support.scripted import SPEECH, Office, office

pytestmark = pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")


@pytest.mark.parametrize("ends", ["caller", "callee"])
async def test_two_phones_hear_each_other_until_one_hangs_up(tmp_path: Path, ends: str) -> None:
    async with two_phones(tmp_path) as phones:
        app = phones.desk.app
        app.plays(phones.dials(id="d1", tag={"kept": "as is"}))
        await phones.a_calls()
        await phones.b_answers()
        await asyncio.sleep(GRACE + 2)
        await (phones.a if ends == "caller" else phones.b).hangup()
        await phones.a.until("CALL_CLOSED", within=15)
        await phones.b.until("CALL_CLOSED", within=15)
        done = await phones.done()
        completed = await phones.until_told("outbound", "completed")
        await phones.until_told("inbound", "completed")
    assert correlation(heard(phones.b), HELLO)[0] > 0.9
    assert correlation(heard(phones.a), REPLY)[0] > 0.9
    assert (done["dial_call_status"], done["dial_sip_status"], done["verb_id"]) == ("completed", 200, "d1")
    assert done["dial_call_sid"] == completed["call_sid"] != done["call_sid"]
    assert done["dial_sbc_callid"]
    assert completed["parent_call_sid"] == done["call_sid"]
    assert completed["customerData"] == {"kept": "as is"}
    assert completed["call_termination_by"] == ("jambonz" if ends == "caller" else "caller")
    words = [word for word, _ in phones.statuses("outbound")]
    assert words == ["trying", "ringing", "in-progress", "completed"]
    assert [word for word, _ in phones.statuses("inbound")] == ["trying", "in-progress", "completed"]


async def test_a_phone_that_declines_is_busy_and_the_script_goes_on(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        phones.desk.app.plays(phones.dials(), {"verb": "say", "text": "please hold the line"})
        await phones.a_calls()
        await phones.b.until("CALL_INCOMING", within=20)
        await phones.b.hangup()
        await phones.a.until("CALL_CLOSED", within=30)
        done = await phones.done()
    assert done["dial_call_status"] == "busy"
    assert "please hold the line" in spoken(heard(phones.a), ("please hold the line", "your account is closed"))


async def test_a_caller_who_hangs_up_first_stops_the_ringing(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        phones.desk.app.plays(phones.dials())
        await phones.a_calls()
        await phones.b.until("CALL_INCOMING", within=20)
        await phones.a.hangup()
        await phones.b.until("CALL_CLOSED", within=15)
        done = await phones.done()
        last = await phones.until_told("outbound", "no-answer")
    assert (done["dial_call_status"], done["dial_sip_status"]) == ("no-answer", 487)
    assert last["sip_status"] == 487


async def once_bridged(desk: Office, call_sid: str, changes: dict[str, object]) -> None:
    """Change a call that has just been answered: for a moment it is not bridged yet, which is a 422."""
    async with asyncio.timeout(5):
        while True:
            try:
                await desk.api("PUT", f"{desk.account}/Calls/{call_sid}", changes)
                return
            except HTTPError as exc:
                if exc.code != 422:
                    raise
            await asyncio.sleep(0.05)


async def test_a_muted_phone_is_not_heard_and_a_whisper_is_heard_by_one_phone_alone(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        desk, app = phones.desk, phones.desk.app
        app.plays(phones.dials())
        await phones.a_calls()
        # Before anybody has spoken: B is muted as soon as it has answered.
        await phones.b.until("CALL_INCOMING", within=20)
        await asyncio.sleep(2)  # live calls are written once a second
        await phones.b.command("accept")
        answered = await phones.until_told("outbound", "in-progress")
        sid = answered["call_sid"]
        await once_bridged(desk, sid, {"mute_status": "mute"})
        await asyncio.sleep(1.0)
        whisper = {"verb": "say", "text": "the office opens at nine"}
        await desk.api("PUT", f"{desk.account}/Calls/{answered['parent_call_sid']}", {"whisper": whisper})
        await asyncio.sleep(GRACE + 2)
        live = await desk.api("GET", f"{desk.account}/Calls/{sid}")
        await desk.api("PUT", f"{desk.account}/Calls/{sid}", {"call_status": "completed"})
        await phones.a.until("CALL_CLOSED", within=15)
        await phones.b.until("CALL_CLOSED", within=15)
    assert live["direction"] == "outbound"
    phrases = ("the office opens at nine", "your account is closed")
    assert "the office opens at nine" in spoken(heard(phones.a), phrases)
    assert "the office opens at nine" not in spoken(heard(phones.b), phrases)
    assert correlation(heard(phones.b), HELLO)[0] > 0.9
    # Whatever got through before the mute was far from a whole clip.
    assert correlation(heard(phones.a), REPLY)[0] < 0.8


async def test_the_api_calls_a_phone_which_hears_the_application(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        desk, app = phones.desk, phones.desk.app
        app.plays({"verb": "say", "text": "the office opens at nine"}, {"verb": "pause", "length": 1})
        made = await desk.api(
            "POST",
            f"{desk.account}/Calls",
            {
                "from": "15550009", "callerName": "The Office", "to": phones.target, "tag": {"order": 7}, "timeout": 30,
                "call_hook": f"{app.origin}/call", "call_status_hook": f"{app.origin}/status", **SPEECH,
            },
        )  # fmt: skip
        assert not app.of("/call")
        await desk.api("GET", f"{desk.account}/Calls/{made['sid']}")  # it is known at once
        incoming = await phones.b.until("CALL_INCOMING", within=20)
        await phones.b.command("accept")
        completed = await phones.until_told("outbound", "completed")
        await phones.b.until("CALL_CLOSED", within=15)
    (first,) = app.of("/call")
    assert first["call_sid"] == made["sid"] == completed["call_sid"]
    assert first["call_id"] == made["callId"]
    assert (first["direction"], first["call_status"]) == ("outbound", "in-progress")
    assert first["customerData"] == {"order": 7}
    assert "sip" not in first
    assert "15550009" in str(incoming)
    assert [word for word, _ in phones.statuses("outbound")] == ["trying", "ringing", "in-progress", "completed"]
    phrases = ("the office opens at nine", "your account is closed")
    assert "the office opens at nine" in spoken(heard(phones.b), phrases)


async def test_a_call_of_the_api_that_nobody_answers_ends_in_time(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        desk, app = phones.desk, phones.desk.app
        script = '[{"verb": "hangup"}]'
        body = {
            "from": "15550009", "to": phones.target, "timeout": 3, "app_json": script,
            "call_status_hook": f"{app.origin}/status", **SPEECH,
        }  # fmt: skip
        await desk.api("POST", f"{desk.account}/Calls", body)
        await phones.b.until("CALL_INCOMING", within=20)
        last = await phones.until_told("outbound", "no-answer")
        await phones.b.until("CALL_CLOSED", within=15)
    assert last["sip_status"] == 487
    assert not app.of("/call")


async def carrier(desk: Office, name: str, port: int) -> dict[str, Any]:
    """A target that goes to a carrier at this port of this machine."""
    made = await desk.api("POST", "/VoipCarriers", {"name": name})
    gateway = {"voip_carrier_sid": made["sid"], "ipv4": "127.0.0.1", "port": port, "inbound": 0, "outbound": 1}
    await desk.api("POST", "/SipGateways", gateway)
    return {"type": "phone", "number": "15551234", "trunk": name}


@pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed")
async def test_a_number_is_called_over_its_carrier_and_the_phone_that_rang_too_is_told_so(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones, sipp.answering("outbound/answers", echo=True) as far:
        desk = phones.desk
        target = await carrier(desk, "acme", far.port)
        await asyncio.sleep(1)  # the egress hears of the carrier
        desk.app.plays(phones.dials(target=[phones.target, target], callerId="15557777"))
        await phones.a_calls()
        await phones.b.until("CALL_CLOSED", within=20)
        await asyncio.sleep(GRACE + 1)
        await phones.a.hangup()
        done = await phones.done()
        outcome = await far.outcome()
    assert outcome.good, outcome.log
    assert "15557777" in outcome.log
    assert correlation(heard(phones.a), HELLO)[0] > 0.9  # the carrier echoes
    assert done["dial_call_status"] == "completed"
    assert sorted(phones.statuses("outbound"))[-1][0] == "trying"
    assert ("no-answer", 487) in phones.statuses("outbound")


@pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed")
@pytest.mark.parametrize(("status", "word"), [(486, "busy"), (404, "failed"), (603, "busy")])
async def test_what_a_carrier_answers_is_the_result(tmp_path: Path, status: int, word: str) -> None:
    async with (
        office(tmp_path / "office") as desk,
        sipp.answering("outbound/refuses", keys={"status": status}) as far,
        Baresip.open(_made(tmp_path / "a")) as a,
    ):
        target = await carrier(desk, "acme", far.port)
        await asyncio.sleep(1)
        done = f"{desk.app.origin}/done"
        desk.app.plays({"verb": "dial", "target": [target], "actionHook": done, "answerOnBridge": True})
        await a.dial(f"sip:{desk.number}@{desk.platform.sip};transport=udp")
        await a.until("CALL_CLOSED", within=20)
        await desk.app.until(lambda: bool(desk.app.of("/done")))
        (told,) = desk.app.of("/done")
    assert (told["dial_call_status"], told["dial_sip_status"]) == (word, status)
    assert not any(event["call_status"] == "in-progress" for event in desk.app.of("/status"))


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


async def test_a_phone_on_hold_hears_the_script_and_then_the_other_phone_again(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        app = phones.desk.app
        app.plays({"verb": "say", "text": "please hold the line"}, {"verb": "pause", "length": 1}, at="/hold")
        app.plays(phones.dials(onHoldHook=f"{app.origin}/hold"))
        await phones.a_calls()
        await phones.b_answers()
        await asyncio.sleep(1)
        await phones.b.command("hold")
        await app.until(lambda: bool(app.of("/hold")))
        await asyncio.sleep(4)
        await phones.b.command("resume")
        await asyncio.sleep(GRACE + 1)
        await phones.a.hangup()
        done = await phones.done()
        await phones.b.until("CALL_CLOSED", within=15)
    (hold,) = app.of("/hold")
    assert hold["call_sid"] == done["call_sid"]
    assert set(hold["hold_detail"]) == {"from", "to"}
    listened = heard(phones.a)
    assert "please hold the line" in spoken(listened, ("please hold the line", "your account is closed"))
    assert correlation(listened[-8000 * 4 :], REPLY)[0] > 0.9


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_phone_transfers_and_the_application_decides_where_to(tmp_path: Path, who: str) -> None:
    async with two_phones(tmp_path) as phones:
        app = phones.desk.app
        app.plays({"verb": "say", "text": "your account is closed"}, at="/refer")
        app.plays(phones.dials(referHook=f"{app.origin}/refer"), {"verb": "pause", "length": 1})
        await phones.a_calls()
        await phones.b_answers()
        await asyncio.sleep(1)
        transferring, other = (phones.a, phones.b) if who == "caller" else (phones.b, phones.a)
        await transferring.command("transfer", "sip:1002@pbx.example.com")
        await app.until(lambda: bool(app.of("/refer")))
        await other.until("CALL_CLOSED", within=20)
        await phones.a.until("CALL_CLOSED", within=20)
        await phones.b.until("CALL_CLOSED", within=20)
    details = app.of("/refer")[0]["refer_details"]
    assert details["refer_to_user"] == "1002"
    assert details["referring_call_sid"] != details["referred_call_sid"]
    assert "your account is closed" in spoken(heard(other), ("please hold the line", "your account is closed"))


async def test_a_phone_is_referred_and_its_progress_told(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        app = phones.desk.app
        target = f"sip:{phones.desk.number}@{phones.desk.platform.sip}"
        first = [
            {"verb": "answer"},
            {"verb": "pause", "length": 1},
            {
                "verb": "sip:refer",
                "referTo": target,
                "actionHook": f"{app.origin}/referred",
                "eventHook": f"{app.origin}/event",
            },
        ]
        calls = iter([first, [{"verb": "say", "text": "the office opens at nine"}, {"verb": "pause", "length": 1}]])
        app.answers["/call"] = lambda request, payload: next(calls)
        await phones.a_calls()
        await app.until(lambda: bool(app.of("/referred")), within=30)
        await app.until(lambda: len(app.of("/call")) == 2)
    assert app.of("/referred")[0]["refer_status"] == 202
    assert app.of("/referred")[0]["final_referred_call_status"] == 200
    assert {event["event"] for event in app.of("/event")} == {"transfer-status"}


async def test_a_request_and_keys_reach_the_phone_that_is_meant(tmp_path: Path) -> None:
    async with two_phones(tmp_path) as phones:
        desk = phones.desk
        desk.app.plays(phones.dials())
        await phones.a_calls()
        await phones.b_answers()
        answered = await phones.until_told("outbound", "in-progress")
        await asyncio.sleep(2)  # live calls are written once a second
        path = f"{desk.account}/Calls/{answered['call_sid']}"
        request = {"method": "OPTIONS", "content_type": "text/plain", "content": "hello"}
        answer = await desk.api("PUT", path, {"sip_request": request})
        await desk.api("PUT", path, {"dtmf": {"digit": "7", "duration": 200}})
        await phones.b.until("CALL_DTMF_START", within=10)
        await phones.a.hangup()
        await phones.done()
    assert answer["status"] in range(200, 600)
    assert not [event for event in phones.a.events if event.get("type") == "CALL_DTMF_START"]
