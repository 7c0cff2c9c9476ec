"""Telephone events: RFC 4733, one leg at a time. Pure: payloads in, digits out, and the other way round."""

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Final

EVENTS: Final = "0123456789*#ABCD"
FRAME: Final = 160
CLOCK_PER_MS: Final = 8
LOST_END_MS: Final = 200  # no update for this long: the end packets were lost
GAP_MS: Final = 100  # silence between two digits that we send
PAUSE_MS: Final = 500  # what a `w` in a digit string means
_LONGEST: Final = 0xFFFF
LONGEST_MS: Final = _LONGEST // CLOCK_PER_MS
"""Milliseconds that one event can last."""
_VOLUME: Final = 10  # -10 dBm0


@dataclass(frozen=True)
class TelephoneEvent:
    """The payload of one packet (RFC 4733 section 2.3): duration in timestamp units."""

    event: int
    end: bool
    duration: int
    volume: int = _VOLUME

    @classmethod
    def parse(cls, payload: bytes) -> "TelephoneEvent":
        """Read the first event block; `ValueError` when the payload is too short."""
        if len(payload) < 4:
            raise ValueError("a telephone-event payload has four bytes")
        event, flags, duration = struct.unpack_from("!BBH", payload)
        return cls(event, bool(flags & 0x80), duration, flags & 0x3F)

    def __bytes__(self) -> bytes:
        return struct.pack("!BBH", self.event, self.end << 7 | self.volume, self.duration)


@dataclass(frozen=True)
class ReceivedDigit:
    digit: str
    duration_ms: int


@dataclass
class DtmfReceiver:
    """Turns event packets into digits, one for each timestamp, reported at its end."""

    _timestamp: int = 0
    _event: int | None = None  # in progress
    _duration: int = 0
    _before: int = 0  # length of earlier segments of one long event
    _updated_ms: float = 0.0
    _done: int | None = None  # timestamp of the last event that was reported

    @property
    def pressing(self) -> int | None:
        """The event that is in progress."""
        return self._event

    def receive(self, payload: bytes, timestamp: int, now_ms: float) -> list[ReceivedDigit]:
        """Take one packet; returns the digits that it ends. A broken payload or an event above 15 is ignored."""
        try:
            packet = TelephoneEvent.parse(payload)
        except ValueError:
            return []
        if packet.event >= len(EVENTS) or self._is_old(timestamp):
            return []
        ended: list[ReceivedDigit] = []
        if self._event is not None and timestamp != self._timestamp:
            if packet.event == self._event and (timestamp - self._timestamp) % 2**32 == _LONGEST:
                # RFC 4733 section 2.5.1.3: a long event goes on in a new segment.
                self._before += _LONGEST
                self._timestamp, self._duration = timestamp, 0
            else:
                ended += self._finish()
        if self._event is None:
            self._event, self._timestamp, self._duration, self._before = packet.event, timestamp, 0, 0
        self._duration = max(self._duration, packet.duration)
        self._updated_ms = now_ms
        if packet.end:
            ended += self._finish()
        return ended

    def expire(self, now_ms: float) -> list[ReceivedDigit]:
        """End the event in progress when nothing was heard of it for too long."""
        if self._event is not None and now_ms - self._updated_ms >= LOST_END_MS:
            return self._finish()
        return []

    def _is_old(self, timestamp: int) -> bool:
        if self._done is None:
            return False
        # Repeated end packets have the reported timestamp, reordered ones an earlier one (within ten seconds).
        return (self._done - timestamp) % 2**32 < 10_000 * CLOCK_PER_MS

    def _finish(self) -> list[ReceivedDigit]:
        assert self._event is not None
        digit = ReceivedDigit(EVENTS[self._event], (self._before + self._duration) // CLOCK_PER_MS)
        self._event, self._done = None, self._timestamp
        return [digit]


@dataclass(frozen=True)
class EventPackets:
    """What goes out instead of one frame of audio: the same payload, `copies` times."""

    payload: bytes
    timestamp: int
    marker: bool
    copies: int


@dataclass
class _Tone:
    event: int | None  # None: a pause
    duration: int | None  # timestamp units; None: until released
    timestamp: int | None = None
    elapsed: int = 0


@dataclass
class DtmfSender:
    """Sends digits one after the other: an update each 20 ms, the end three times."""

    _tones: deque[_Tone] = field(default_factory=deque)

    @property
    def idle(self) -> bool:
        return not self._tones

    def send(self, digits: str, duration_ms: int) -> None:
        """Add digits; `w` and `W` are pauses of 500 ms and others are ignored."""
        for char in digits.upper():
            if char == "W":
                self._tones.append(_Tone(None, PAUSE_MS * CLOCK_PER_MS))
            elif char in EVENTS:
                duration = min(_LONGEST, max(FRAME, duration_ms * CLOCK_PER_MS))
                self._tones.append(_Tone(EVENTS.index(char), duration))
                self._tones.append(_Tone(None, GAP_MS * CLOCK_PER_MS))

    def cut(self) -> None:
        """Send nothing more of what was to be sent; a digit that has begun ends now."""
        begun = [tone for tone in self._tones if tone.event is not None and tone.elapsed and tone.duration is not None]
        for tone in begun:
            tone.duration = min(_LONGEST, tone.elapsed + FRAME)
        self._tones = deque([*begun, *(tone for tone in self._tones if tone.duration is None)])

    def press(self, event: int) -> None:
        """Begin an event whose length is not known yet."""
        self._tones.append(_Tone(event, None))

    def release(self, duration_ms: int) -> None:
        """End the event begun by `press`."""
        for tone in self._tones:
            if tone.duration is None:
                tone.duration = min(_LONGEST, max(FRAME, duration_ms * CLOCK_PER_MS, tone.elapsed))
                return

    def next(self, timestamp: int) -> EventPackets | None:
        """Return what to send in this tick, whose audio would carry `timestamp`; None: send the audio."""
        if not self._tones:
            return None
        tone = self._tones[0]
        tone.elapsed += FRAME
        if tone.event is None:
            assert tone.duration is not None
            if tone.elapsed >= tone.duration:
                self._tones.popleft()
            return None
        first = tone.timestamp is None
        if tone.timestamp is None:
            tone.timestamp = timestamp
        ended = tone.elapsed >= (tone.duration if tone.duration is not None else _LONGEST)
        length = min(tone.elapsed, tone.duration or _LONGEST, _LONGEST)
        if ended:
            length = tone.duration or _LONGEST
            self._tones.popleft()
        packet = TelephoneEvent(tone.event, ended, length)
        return EventPackets(bytes(packet), tone.timestamp, first, 3 if ended else 1)
