"""The wire protocol of `listen`: frames in, frames out."""

import base64
import json
from typing import Any

import pytest

from jambones.common.verbs.listen import Listen
from jambones.feature_server.calls.leg import Played
from jambones.feature_server.verbs.listen_wire import (
    ApplicationData,
    ClearMarks,
    Disconnect,
    Ignored,
    KillAudio,
    PlaceMark,
    PlayAudio,
    key_pressed,
    mark_told,
    opening,
    parse,
    play_done,
)

SOUND = base64.b64encode(b"\1\2\3\4").decode()


def read(type_: str, **data: Any) -> Any:
    return parse(json.dumps({"type": type_, "data": data}))


def test_the_opening_is_camel_case_with_the_metadata_on_top() -> None:
    verb = Listen.model_validate(
        {"url": "/x", "sampleRate": 16000, "mixType": "stereo", "metadata": {"topic": "voicemail", "to": "me"}}
    )

    frame = json.loads(opening({"call_sid": "c1", "sbc_callid": "z9", "to": "+1", "fs_sip_address": "a:1"}, verb))

    assert frame == {
        "sampleRate": 16000, "mixType": "stereo", "callSid": "c1", "sbcCallid": "z9", "to": "me",
        "fsSipAddress": "a:1", "topic": "voicemail",
    }  # fmt: skip


def test_a_key_has_its_duration_in_timestamps_as_text() -> None:
    assert json.loads(key_pressed("5", 200)) == {"event": "dtmf", "dtmf": "5", "duration": "1600"}


def test_a_clip_that_was_played_is_told_in_seconds_milliseconds_and_samples() -> None:
    assert json.loads(play_done("p7", Played(24960, 24960, "done"))) == {
        "type": "playDone",
        "data": {
            "id": "p7", "playbackSeconds": 3, "playbackMilliseconds": 3120, "playbackLastOffsetPos": 24960,
        },
    }  # fmt: skip


def test_marks_are_told_as_played_or_cleared() -> None:
    assert json.loads(mark_told("m1", played=True)) == {"type": "mark", "data": {"name": "m1", "event": "playout"}}
    assert json.loads(mark_told("m1", played=False))["data"]["event"] == "cleared"


@pytest.mark.parametrize("rate", ["8000", 8000])
def test_a_raw_clip_has_its_rate_as_text_or_number(rate: Any) -> None:
    clip = read("playAudio", audioContent=SOUND, audioContentType="raw", sampleRate=rate, id="p7", queuePlay=True)

    assert clip == PlayAudio("p7", b"\1\2\3\4", raw=True, rate=8000, queue=True)


@pytest.mark.parametrize(
    "data",
    [
        {"audioContent": SOUND, "audioContentType": "mp9"},
        {"audioContent": SOUND},
        {"audioContent": "not base64!", "audioContentType": "wav"},
        {"audioContent": 7, "audioContentType": "wav"},
        {"audioContentType": "wav"},
        {"audioContent": SOUND, "audioContentType": "raw"},
        {"audioContent": SOUND, "audioContentType": "raw", "sampleRate": "fast"},
        {"audioContent": SOUND, "audioContentType": "raw", "sampleRate": 10**9},
        {"audioContent": SOUND, "audioContentType": "raw", "sampleRate": []},
    ],
)
def test_a_clip_that_cannot_be_played_has_a_problem_and_its_id(data: dict[str, Any]) -> None:
    clip = read("playAudio", id="p1", **data)

    assert isinstance(clip, PlayAudio)
    assert clip.problem
    assert clip.id == "p1"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('{"type":"killAudio"}', KillAudio()),
        ('{"type":"mark","data":{"name":"m1"}}', PlaceMark("m1")),
        ('{"type":"clearMarks"}', ClearMarks()),
        ('{"type":"disconnect","data":null}', Disconnect()),
        ('{"type":"json","data":[1]}', ApplicationData([1])),
    ],
)
def test_commands_are_understood(text: str, meaning: Any) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "", "nothing", "[]", "7", "{}", '{"type":7}', '{"type":"dance"}', '{"type":"transfer","data":{}}',
        '{"type":"mark"}', '{"type":"mark","data":{"name":""}}', '{"type":"mark","data":{"name":7}}',
        '{"type":"transcription"}', '{"type":"error"}', "[" * 100_000, '{"type":"killAudio"}' + " " * 700_000,
    ],
)  # fmt: skip
def test_everything_else_is_ignored_with_a_reason(text: str) -> None:
    ignored = parse(text)

    assert isinstance(ignored, Ignored)
    assert ignored.reason


def test_what_the_caller_said_does_not_show_in_logs() -> None:
    assert "\\x01" not in repr(read("playAudio", audioContent=SOUND, audioContentType="wav"))
