"""What a leg tells its service: events, results and counters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed and let go."""

    digit: str
    duration_ms: int

    def __repr__(self) -> str:
        return "Digit(...)"  # what callers key in is often a secret


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """The peer began to speak."""


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    """The peer fell silent."""


@dataclass(frozen=True, slots=True)
class RtpTimeout:
    """No packet came for so long."""

    silent_ms: int


@dataclass(frozen=True, slots=True)
class RtcpReport:
    """What the peer says of our packets. `round_trip_ms` is -1 when it cannot be told."""

    fraction_lost: float
    packets_lost: int
    jitter_ms: float
    round_trip_ms: float


@dataclass(frozen=True, slots=True)
class MediaLost:
    """The worker that had the leg died; the leg is of no use any more."""

    reason: str


MediaEvent = Digit | VoiceStarted | VoiceStopped | RtpTimeout | RtcpReport | MediaLost


@dataclass(frozen=True, slots=True)
class PlayResult:
    """`samples` were played; `offset` is where in the list of clips it ended."""

    samples: int
    offset: int
    reason: Literal["done", "stopped", "lost"]


@dataclass(frozen=True, slots=True)
class LegStats:
    """Counters of one leg; jitter is RFC 3550's estimate."""

    packets_received: int = 0
    packets_lost: int = 0
    packets_late: int = 0
    jitter_ms: float = 0.0
    packets_sent: int = 0
    underruns: int = 0
    packets_repeated: int = 0
    packets_bad: int = 0
    """Broken, too long, or of a payload type that was not agreed on."""


@dataclass(frozen=True, slots=True)
class RecordingResult:
    path: Path
    seconds: float
