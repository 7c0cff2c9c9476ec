"""What a service's process and a media worker say to each other: small typed tuples, several in one datagram.

The socket between them keeps message boundaries (`SOCK_SEQPACKET`). A datagram is a JSON list of
`[kind, field, ...]`; the kind is the class's place in `KINDS`. Both ends are always the same build.
"""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

#: A clip as the worker sees it: offset of its mu-law codes, offset of its A-law codes, samples.
Segment = tuple[int, int, int]


class Open(NamedTuple):
    """Put a leg into `row` (or change the one that is there, when `fresh` is false)."""

    row: int
    fresh: bool
    socket: int
    law: int
    payload_type: int  # that we send
    receive_payload_type: int
    dtmf_payload_type: int  # that we send; 255: none
    receive_dtmf_payload_type: int
    host: str
    port: int  # 0: not known yet
    rtcp_port: int  # equal to port: multiplexed (RFC 5761)
    send: bool
    receive: bool
    frames: int  # samples in each packet we send


class Close(NamedTuple):
    row: int
    reply: int


class Play(NamedTuple):
    row: int
    play: int
    segments: list[Segment]
    rounds: int  # 0: for ever
    offset: int
    limit: int  # -1: none


class Stop(NamedTuple):
    row: int
    play: int


class Record(NamedTuple):
    row: int
    path: str
    mode: str


class StopRecord(NamedTuple):
    row: int
    reply: int


class Bridge(NamedTuple):
    a: int
    b: int


class Unbridge(NamedTuple):
    row: int


class SendDtmf(NamedTuple):
    row: int
    reply: int
    digits: str
    duration_ms: int


class Mute(NamedTuple):
    row: int
    on: bool


class Ask(NamedTuple):
    """Ask for a leg's counters."""

    row: int
    reply: int


class Ready(NamedTuple):
    ports: list[int]


class Refused(NamedTuple):
    """The worker could not start or could not do what a command said."""

    reply: int  # 0: not a question
    reason: str


class Played(NamedTuple):
    row: int
    play: int
    samples: int
    offset: int
    reason: str


class Pressed(NamedTuple):
    row: int
    digit: str
    duration_ms: int


class Voice(NamedTuple):
    row: int
    on: bool


class Silent(NamedTuple):
    row: int
    silent_ms: int


class Report(NamedTuple):
    """A peer's RTCP report on what we send (RFC 3550 section 6.4)."""

    row: int
    fraction_lost: float
    packets_lost: int
    jitter_ms: float
    round_trip_ms: float  # -1: not known


class Counters(NamedTuple):
    """A leg's counters, the answer to `Ask` and `Close`."""

    reply: int
    packets_received: int
    packets_lost: int
    packets_late: int
    jitter_ms: float
    packets_sent: int
    underruns: int
    packets_repeated: int
    packets_bad: int


class Sent(NamedTuple):
    """All digits of a `SendDtmf` are out."""

    reply: int
    reason: str


class Recorded(NamedTuple):
    reply: int
    path: str
    samples: int
    reason: str  # "" unless it failed


class Pulse(NamedTuple):
    """Once a second: how the worker is. Sums are since it started."""

    legs: int
    ticks: int
    late_ticks: int
    late_p99_ms: float
    late_max_ms: float
    underruns: int
    overflows: int
    strangers: int


Message = (
    Open
    | Close
    | Play
    | Stop
    | Record
    | StopRecord
    | Bridge
    | Unbridge
    | SendDtmf
    | Mute
    | Ask
    | Ready
    | Refused
    | Played
    | Pressed
    | Voice
    | Silent
    | Report
    | Counters
    | Sent
    | Recorded
    | Pulse
)

KINDS: Final[tuple[type[Message], ...]] = (
    Open,
    Close,
    Play,
    Stop,
    Record,
    StopRecord,
    Bridge,
    Unbridge,
    SendDtmf,
    Mute,
    Ask,
    Ready,
    Refused,
    Played,
    Pressed,
    Voice,
    Silent,
    Report,
    Counters,
    Sent,
    Recorded,
    Pulse,
)
_NUMBER: Final = {kind: number for number, kind in enumerate(KINDS)}

#: Longest datagram we build; well under the socket's send buffer.
LONGEST: Final = 64 * 1024

_encoder = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def pack(messages: Iterable[Message]) -> list[bytes]:
    """Return the messages as as few datagrams as they fit into."""
    datagrams: list[bytes] = []
    parts: list[str] = []
    size = 0
    for message in messages:
        part = _encoder.encode((_NUMBER[type(message)], *message))
        if parts and size + len(part) > LONGEST:
            datagrams.append(("[" + ",".join(parts) + "]").encode())
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
    if parts:
        datagrams.append(("[" + ",".join(parts) + "]").encode())
    return datagrams


def unpack(datagram: bytes) -> list[Message]:
    """Undo `pack` for one datagram."""
    return [KINDS[kind](*fields) for kind, *fields in json.loads(datagram)]
