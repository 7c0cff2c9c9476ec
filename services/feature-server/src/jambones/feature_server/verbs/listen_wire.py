"""The wire protocol of `listen`, as data: text frames in and out. No I/O; binary frames are audio and need no parsing.

Applications written for the reference platform's audio sockets speak it: camelCase, `type` and `data`.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jambones.common.verbs.listen import Listen
from jambones.feature_server.calls.leg import SAMPLE_RATE, Played

SUBPROTOCOLS: Final = ("audio.drachtio.org", "audio.jambonz.org")
LARGEST_TEXT: Final = 650 * 1024
_SLOWEST, _FASTEST = 4000, 192_000  # Hz of a raw clip

Id = str | int | float | None


@dataclass(frozen=True, slots=True)
class PlayAudio:
    """A clip to be played. `problem` says why it cannot be; the application is told."""

    id: Id = None
    content: bytes = field(default=b"", repr=False)
    raw: bool = False
    rate: int = SAMPLE_RATE
    queue: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KillAudio:
    """Drop what plays and what waits."""


@dataclass(frozen=True, slots=True)
class PlaceMark:
    """Say when the audio before this place has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearMarks:
    """Forget the marks."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the verb."""


@dataclass(frozen=True, slots=True)
class ApplicationData:
    """Something for whoever watches the call's events."""

    data: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A frame that asks for nothing; `reason` goes to the log."""

    reason: str


Incoming = PlayAudio | KillAudio | PlaceMark | ClearMarks | Disconnect | ApplicationData | Ignored


def parse(text: str) -> Incoming:
    """What a text frame asks for. Never raises."""
    if len(text) > LARGEST_TEXT:
        return Ignored("larger than 650 KB")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return Ignored("not JSON")
    if not isinstance(frame, dict):
        return Ignored("not an object")
    data = frame.get("data")
    data = data if isinstance(data, dict) else {}
    match frame.get("type"):
        case "playAudio":
            return _play_audio(data)
        case "killAudio":
            return KillAudio()
        case "mark":
            name = data.get("name")
            return PlaceMark(name) if isinstance(name, str) and name else Ignored("a mark without a name")
        case "clearMarks":
            return ClearMarks()
        case "disconnect":
            return Disconnect()
        case "json":
            return ApplicationData(frame.get("data"))
        case "transcription" | "transfer" | "error":
            return Ignored("of no use to a call")
    return Ignored("unknown type")


def opening(payload: Mapping[str, Any], verb: Listen) -> str:
    """The first frame: the call's attributes in camelCase, the format, and over them the application's own."""
    attributes = {_camel(name): value for name, value in payload.items()}
    return _text({"sampleRate": verb.sample_rate, "mixType": verb.mix_type} | attributes | dict(verb.metadata or {}))


def key_pressed(key: str, duration_ms: int) -> str:
    """A key; the duration counts in RTP timestamps, as text."""
    return _text({"event": "dtmf", "dtmf": key, "duration": str(duration_ms * SAMPLE_RATE // 1000)})


def play_done(id_: Id, played: Played | None = None, error: str = "") -> str:
    """A clip was played, stopped, or could not be played at all."""
    samples, offset = (played.samples, played.offset) if played is not None else (0, 0)
    data: dict[str, Any] = {} if id_ is None else {"id": id_}
    data |= {
        "playbackSeconds": samples // SAMPLE_RATE,
        "playbackMilliseconds": samples * 1000 // SAMPLE_RATE,
        "playbackLastOffsetPos": offset,
    }
    if error:
        data["error"] = error
    return _text({"type": "playDone", "data": data})


def mark_told(name: str, *, played: bool) -> str:
    """A mark was reached or forgotten."""
    return _text({"type": "mark", "data": {"name": name, "event": "playout" if played else "cleared"}})


def _play_audio(data: dict[str, Any]) -> PlayAudio:
    id_ = data.get("id")
    id_ = id_ if isinstance(id_, str | int | float) else None
    kind = data.get("audioContentType")
    if kind not in {"raw", "wav", "wave"}:
        return PlayAudio(id_, problem="audioContentType must be raw or wav")
    content = data.get("audioContent")
    try:
        sound = base64.b64decode(content, validate=True) if isinstance(content, str) else b""
    except (binascii.Error, ValueError):
        sound = b""
    if not sound:
        return PlayAudio(id_, problem="audioContent must be base64")
    try:
        rate = int(data.get("sampleRate", 0 if kind == "raw" else SAMPLE_RATE))
    except (TypeError, ValueError, OverflowError):
        rate = 0
    if kind == "raw" and not _SLOWEST <= rate <= _FASTEST:
        return PlayAudio(id_, problem="sampleRate is missing or out of range")
    return PlayAudio(id_, sound, kind == "raw", rate, queue=data.get("queuePlay") in {True, "true"})


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


def _text(frame: dict[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
