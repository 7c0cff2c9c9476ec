"""What a service's process and a media worker say to each other: small typed tuples, several in one datagram.

The socket between them keeps message boundaries (`SOCK_SEQPACKET`). A datagram is a JSON list of
`[kind, field, ...]`; the kind is the class's place in `KINDS`. Audio goes in datagrams of its own: a zero byte, then
records of a header and samples. Both ends are always the same build.
"""

import json
import struct
from collections.abc import Iterable
from itertools import groupby
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


class StopDtmf(NamedTuple):
    """What is not out yet of the digits of `SendDtmf` stays in."""

    row: int


class Mute(NamedTuple):
    row: int
    on: bool


class Fork(NamedTuple):
    """Send what is heard on a leg to the service, as `stream`, until `Unfork`."""

    row: int
    stream: int
    mix: str
    rate: int


class Unfork(NamedTuple):
    row: int
    stream: int


class SetFork(NamedTuple):
    """`mode`: on, pause (no frames) or silence (frames of zeros)."""

    row: int
    stream: int
    mode: str


class Heard(NamedTuple):
    """20 ms of a fork, 16-bit linear, little-endian. `number` counts the frames made, so that a lost one shows."""

    row: int
    stream: int
    number: int
    pcm: bytes


class Push(NamedTuple):
    """Play samples (16-bit linear at 8 kHz) to the peer, after what was pushed before."""

    row: int
    stream: int
    number: int
    pcm: bytes


class Mark(NamedTuple):
    """Say when all that was pushed before has been played."""

    row: int
    stream: int
    mark: int


class Clear(NamedTuple):
    """Forget the marks and, when `audio`, the samples that wait."""

    row: int
    stream: int
    audio: bool


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


class Marked(NamedTuple):
    """A mark was reached (`played`) or forgotten."""

    row: int
    stream: int
    mark: int
    played: bool


class Overflowed(NamedTuple):
    """So many pushed samples found no room and are lost."""

    row: int
    stream: int
    samples: int


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
    late_p90_ms: float
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
    | StopDtmf
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
    | Fork
    | Unfork
    | SetFork
    | Heard
    | Push
    | Mark
    | Clear
    | Marked
    | Overflowed
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
    StopDtmf,
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
    Fork,
    Unfork,
    SetFork,
    Heard,
    Push,
    Mark,
    Clear,
    Marked,
    Overflowed,
)
_NUMBER: Final = {kind: number for number, kind in enumerate(KINDS)}

#: Longest datagram we build; well under the socket's send buffer.
LONGEST: Final = 64 * 1024

_encoder = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_AUDIO: Final = b"\0"  # how a datagram of audio begins
_record = struct.Struct("<BIIII")  # kind, row, stream, number, bytes that follow


def pack(messages: Iterable[Message]) -> list[bytes]:
    """Return the messages, in their order, as as few datagrams as they fit into."""
    datagrams: list[bytes] = []
    for audio, run in groupby(messages, lambda message: isinstance(message, Heard | Push)):
        parts: list[bytes] = []
        size = 0
        for message in run:
            part = _pack_audio(message) if isinstance(message, Heard | Push) else _pack_json(message)
            if parts and size + len(part) > LONGEST:
                datagrams.append(_join(parts, audio=audio))
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
        datagrams.append(_join(parts, audio=audio))
    return datagrams


def unpack(datagram: bytes) -> list[Message]:
    """Undo `pack` for one datagram."""
    if datagram[:1] != _AUDIO:
        return [KINDS[kind](*fields) for kind, *fields in json.loads(datagram)]
    messages: list[Message] = []
    at = 1
    while at < len(datagram):
        kind, row, stream, number, size = _record.unpack_from(datagram, at)
        at += _record.size
        messages.append(KINDS[kind](row, stream, number, datagram[at : at + size]))
        at += size
    return messages


def _pack_json(message: Message) -> bytes:
    return _encoder.encode((_NUMBER[type(message)], *message)).encode()


def _pack_audio(message: Heard | Push) -> bytes:
    row, stream, number, pcm = message
    return _record.pack(_NUMBER[type(message)], row, stream, number & 0xFFFFFFFF, len(pcm)) + pcm


def _join(parts: list[bytes], *, audio: bool) -> bytes:
    return _AUDIO + b"".join(parts) if audio else b"[" + b",".join(parts) + b"]"
