"""Media: the engine (prompts, digits, bridges, recordings over RTP), codecs, and the rtpengine client."""

from jambones.media.client import EngineHealth, EngineSettings, MediaEngine
from jambones.media.clips import Clip
from jambones.media.decode import ClipError
from jambones.media.errors import MediaError, MediaGone, MediaRefused
from jambones.media.events import (
    Digit,
    LegStats,
    MediaEvent,
    MediaLost,
    PlayResult,
    RecordingResult,
    RtcpReport,
    RtpTimeout,
    VoiceStarted,
    VoiceStopped,
)
from jambones.media.leg import MediaLeg
from jambones.media.playback import Playback, Recording
from jambones.media.streams import Fork, Overrun, Playout

__all__ = [
    "Clip",
    "ClipError",
    "Digit",
    "EngineHealth",
    "EngineSettings",
    "Fork",
    "LegStats",
    "MediaEngine",
    "MediaError",
    "MediaEvent",
    "MediaGone",
    "MediaLeg",
    "MediaLost",
    "MediaRefused",
    "Overrun",
    "PlayResult",
    "Playback",
    "Playout",
    "Recording",
    "RecordingResult",
    "RtcpReport",
    "RtpTimeout",
    "VoiceStarted",
    "VoiceStopped",
]
