"""listen as application and caller meet it, in virtual time."""

import base64
from typing import Any

import numpy as np
import pytest

from jambones.feature_server.verbs.listen import set_status
from jambones.feature_server.verbs.listening import Listening
from jambones.media.decode import wav
from jambones.testing import HookRequest, ListenSocket, call

VERB: dict[str, Any] = {"verb": "listen", "url": "/audio", "actionHook": "/done"}
AFTER = {"verb": "say", "text": "Thank you."}
VOICE = np.arange(-8000, 8000, dtype="<i2").tobytes()  # two seconds


def script(*verbs: dict[str, Any], done: Any = ()) -> Any:
    def answer(request: HookRequest) -> Any:
        return list(verbs) if request.path == "/" else list(done)

    return answer


async def deaf(socket: ListenSocket) -> None:
    async for _ in socket:
        pass


def clip(id_: str, seconds: float = 1.0, **more: Any) -> dict[str, Any]:
    sound = base64.b64encode(wav(np.zeros(round(8000 * seconds), np.int16))).decode()
    return {"type": "playAudio", "data": {"audioContentType": "wav", "audioContent": sound, "id": id_} | more}


def told(socket: ListenSocket) -> list[tuple[str, Any]]:
    """(id or name, milliseconds or event) of each text frame."""
    return [
        (data.get("id") or data["name"], data.get("playbackMilliseconds", data.get("event")))
        for data in (text["data"] for text in socket.texts)
    ]


async def test_a_message_is_left_until_a_key_and_the_hook_says_how_long_it_was() -> None:
    verb = VERB | {"finishOnKey": "#1", "metadata": {"topic": "voicemail"}}
    async with call(script(verb, AFTER), listeners={"/audio": deaf}) as caller:
        await caller.advance(1)
        caller.speaks(VOICE)
        await caller.advance(3)
        caller.presses("5")
        caller.presses("1")
        await caller.hears("Thank you.")

    (socket,) = caller.sockets
    assert socket.url == "ws://application.test/audio"
    assert socket.opening["topic"] == "voicemail"
    assert socket.opening["callStatus"] == "in-progress"
    assert VOICE in bytes(socket.audio)
    assert socket.frames == pytest.approx(200, abs=2)
    (hook,) = caller.hooks("/done")
    assert (hook["dial_call_duration"], hook["digits"]) == (4, "1")
    assert socket.texts == []


async def test_the_beep_comes_before_the_audio_and_the_limit_ends_it() -> None:
    verb = VERB | {"playBeep": True, "maxLength": 2}
    async with call(script(verb, AFTER), listeners={"/audio": deaf}) as caller:
        await caller.hears("beep")
        await caller.hears("Thank you.")

    assert caller.sockets[0].frames == pytest.approx(100, abs=2)
    assert caller.hooks("/done")[0]["dial_call_duration"] == 2
    assert "digits" not in caller.hooks("/done")[0].payload


async def test_keys_are_passed_on_when_asked_for() -> None:
    async with call(script(VERB | {"passDtmf": True}), listeners={"/audio": deaf}) as caller:
        await caller.advance(1)
        caller.presses("7", duration_ms=200)
        await caller.advance(1)

    assert caller.sockets[0].texts == [{"event": "dtmf", "dtmf": "7", "duration": "1600"}]


@pytest.mark.parametrize("how", ["close", "disconnect"])
async def test_the_application_ends_it(how: str) -> None:
    async def short(socket: ListenSocket) -> None:
        async for _ in socket:
            if socket.frames == 50:
                if how == "close":
                    return
                socket.send({"type": "disconnect"})

    async with call(script(VERB, AFTER), listeners={"/audio": short}) as caller:
        await caller.hears("Thank you.")

    assert caller.sockets[0].frames == pytest.approx(50, abs=1)
    assert caller.hooks("/done")[0]["dial_call_duration"] == 1


async def test_a_hang_up_posts_the_hook_as_well() -> None:
    async with call(script(VERB, AFTER), listeners={"/audio": deaf}) as caller:
        await caller.advance(5)
        caller.hangs_up()
        await caller.advance(1)

        assert caller.hooks("/done")[0]["dial_call_duration"] == 5
        assert caller.sockets[0].closed
    assert caller.heard == []


async def test_a_socket_that_cannot_be_opened_is_an_alert_and_the_next_verb() -> None:
    async with call(script(VERB, AFTER)) as caller:
        await caller.hears("Thank you.")

    assert [alert for alert, _ in caller.alerts] == ["webhook-connection-failure"]
    assert caller.hooks("/done")[0]["dial_call_duration"] == 0


async def test_a_url_that_is_none_is_an_alert_and_the_next_verb() -> None:
    async with call(script(VERB | {"url": "ftp://x/y"}, AFTER)) as caller:
        await caller.hears("Thank you.")

    assert [alert for alert, _ in caller.alerts] == ["webhook-connection-failure"]


async def test_credentials_go_with_the_handshake() -> None:
    verb = VERB | {"url": "https://x.test/a?b=c", "auth": {"username": "u", "password": "p"}}
    async with call(script(verb), listeners={"/a": deaf}) as caller:
        await caller.advance(1)

    assert caller.sockets[0].url == "wss://x.test/a?b=c"
    assert caller.sockets[0].auth == ("u", "p")


async def test_clips_wait_for_each_other_when_they_are_queued() -> None:
    async def plays(socket: ListenSocket) -> None:
        socket.send(clip("one", 1.0, queuePlay=True))
        socket.send(clip("two", 2.0, queuePlay=True))
        await deaf(socket)

    async with call(script(VERB), listeners={"/audio": plays}) as caller:
        await caller.hears("one")
        await caller.hears("two")

    assert told(caller.sockets[0]) == [("one", 1000), ("two", 2000)]


async def test_a_clip_that_is_not_queued_takes_the_place_of_all_others() -> None:
    async with call(script(VERB), listeners={"/audio": deaf}) as caller:
        await caller.advance(1)
        (socket,) = caller.sockets
        socket.send(clip("one", 9.0))
        socket.send(clip("two", 9.0, queuePlay=True))
        await caller.starts_hearing("one")
        await caller.advance(2)
        socket.send(clip("three"))
        await caller.hears("three")

    assert told(socket) == [("two", 0), ("one", 2000), ("three", 1000)]


async def test_killing_stops_what_plays_and_what_waits() -> None:
    async with call(script(VERB), listeners={"/audio": deaf}) as caller:
        await caller.advance(1)
        (socket,) = caller.sockets
        socket.send(clip("one", 9.0, queuePlay=True))
        socket.send(clip("two", 9.0, queuePlay=True))
        await caller.starts_hearing("one")
        await caller.advance(3)
        socket.send({"type": "killAudio"})
        await caller.advance(0.1)
        await caller.hears_nothing(5)

    assert told(socket) == [("two", 0), ("one", 3000)]


async def test_the_eleventh_waiting_clip_and_a_bad_one_are_refused() -> None:
    async def plays(socket: ListenSocket) -> None:
        socket.send(clip("bad", audioContentType="smell"))
        for number in range(12):
            socket.send(clip(f"c{number}", 1.0, queuePlay=True))
        await deaf(socket)

    async with call(script(VERB), listeners={"/audio": plays}) as caller:
        await caller.hears("c9")
        await caller.advance(5)

    errors = [text["data"]["id"] for text in caller.sockets[0].texts if "error" in text["data"]]
    assert errors[0] == "bad"
    assert "c11" in errors
    assert len(errors) <= 3  # the first may be playing already, or not


async def test_streamed_audio_is_played_with_its_marks() -> None:
    verb = VERB | {"bidirectionalAudio": {"streaming": True, "sampleRate": 16000}}

    async def streams(socket: ListenSocket) -> None:
        socket.send(bytes(32_000))
        socket.send({"type": "mark", "data": {"name": "m1"}})
        socket.send(bytes(320_000))
        socket.send({"type": "mark", "data": {"name": "m2"}})
        await deaf(socket)

    async with call(script(verb), listeners={"/audio": streams}) as caller:
        await caller.starts_hearing("(pushed audio)")
        await caller.advance(2)
        assert told(caller.sockets[0]) == [("m1", "playout")]
        caller.sockets[0].send({"type": "clearMarks"})
        await caller.advance(0.1)
        assert told(caller.sockets[0]) == [("m1", "playout"), ("m2", "cleared")]

    assert len(caller.pushed) == 352_000


async def test_killing_streamed_audio_clears_its_marks() -> None:
    verb = VERB | {"bidirectionalAudio": {"streaming": True}}
    async with call(script(verb), listeners={"/audio": deaf}) as caller:
        await caller.advance(1)
        (socket,) = caller.sockets
        socket.send(bytes(160_000))
        for number in range(40):
            socket.send({"type": "mark", "data": {"name": f"m{number}"}})
        await caller.advance(1)
        socket.send({"type": "killAudio"})
        await caller.advance(0.1)
        await caller.hears_nothing(12)

    assert told(socket) == [(f"m{number}", "cleared") for number in range(30)]


@pytest.mark.parametrize("more", [{"bidirectionalAudio": {"enabled": False}}, {"disableBidirectionalAudio": True}, {}])
async def test_binary_frames_are_ignored_unless_streaming_was_asked_for(more: dict[str, Any]) -> None:
    async def streams(socket: ListenSocket) -> None:
        socket.send(bytes(16_000))
        if more:
            socket.send(clip("no"))
        await deaf(socket)

    async with call(script(VERB | more), listeners={"/audio": streams}) as caller:
        await caller.advance(0.1)
        await caller.hears_nothing(3)


async def test_a_background_listen_hears_the_other_verbs_through_and_is_stopped() -> None:
    start = {"verb": "config", "listen": VERB | {"enable": True}}
    verbs = [start, start, {"verb": "pause", "length": 2}, AFTER, {"verb": "config", "listen": {"enable": False}}]
    async with call(script(*verbs, {"verb": "pause", "length": 5}), listeners={"/audio": deaf}) as caller:
        await caller.hears("Thank you.")
        await caller.advance(1)

        (socket,) = caller.sockets
        assert socket.closed
        assert caller.hooks("/done")[0]["dial_call_duration"] == round(socket.frames / 50)
    assert caller.alerts == []


async def test_a_background_listen_ends_with_the_call_and_its_hook_is_posted() -> None:
    start = {"verb": "config", "listen": VERB | {"enable": True}}
    async with call(script(start, {"verb": "pause", "length": 3}), listeners={"/audio": deaf}) as caller:
        await caller.is_hung_up_on()

    assert caller.hooks("/done")[0]["dial_call_duration"] == 3
    assert caller.sockets[0].closed


async def test_live_control_pauses_silences_and_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    begin = Listening.run

    async def run(self: Listening) -> None:
        calls.append(self._call)
        await begin(self)

    monkeypatch.setattr(Listening, "run", run)
    async with call(script(VERB), listeners={"/audio": deaf}) as caller:
        await caller.advance(1)
        (socket,) = caller.sockets
        caller.speaks(b"\1" * 160_000)
        await caller.advance(1)

        set_status(calls[0], "pause")
        before = socket.frames
        await caller.advance(1)
        assert socket.frames == before

        set_status(calls[0], "silence")
        await caller.advance(1)
        assert socket.frames == pytest.approx(before + 50, abs=1)
        assert not any(socket.audio[-16_000:])

        set_status(calls[0], "resume")
        await caller.advance(1)
        assert all(socket.audio[-15_000:])
        caller.hangs_up()
        await caller.advance(1)
        assert set_status(calls[0], "pause") is False
