"""DTMF of all legs: few have a key down at any time, so these are handled one by one."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import LAWS, SILENCE
from jambones.media.dtmf import (
    EVENTS,
    GAP_MS,
    LONGEST_MS,
    PAUSE_MS,
    DtmfReceiver,
    DtmfSender,
    EventPackets,
    ReceivedDigit,
)
from jambones.media.engine.legs import NO_DTMF
from jambones.media.messages import Message, Pressed, SendDtmf, Sent
from jambones.media.tones import dtmf

FRAME: Final = 160


@dataclass(frozen=True)
class Presses:
    """What a packet told: an event that began, digits that ended."""

    began: int | None
    ended: list[ReceivedDigit]


@dataclass
class _Sending:
    events: DtmfSender = field(default_factory=DtmfSender)
    replies: list[int] = field(default_factory=list)


@dataclass
class _Tones:
    """Keys that are said in band. Each is made when it is due: a tick has no time for a minute of sound."""

    law: int
    keys: deque[tuple[str, int]] = field(default_factory=deque)
    replies: list[int] = field(default_factory=list)
    _codes: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))

    @property
    def over(self) -> bool:
        return not len(self._codes) and not self.keys

    def frame(self) -> NDArray[np.uint8]:
        """The codes of the next frame; fewer at the end."""
        while len(self._codes) < FRAME and self.keys:
            self._codes = np.concatenate([self._codes, _inband(*self.keys.popleft(), self.law)])
        frame, self._codes = self._codes[:FRAME], self._codes[FRAME:]
        return frame


class Digits:
    """Receivers and senders by row; `emit` is told of digits received and of strings that are out."""

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._receivers: dict[int, DtmfReceiver] = {}
        self._pressing: set[int] = set()
        self._sending: dict[int, _Sending] = {}
        self._inband: dict[int, _Tones] = {}

    def receive(self, row: int, payload: bytes, timestamp: int, now_ms: float) -> Presses:
        """Take an event packet of a leg."""
        receiver = self._receivers.setdefault(row, DtmfReceiver())
        before = receiver.pressing
        ended = receiver.receive(payload, timestamp, now_ms)
        for digit in ended:
            self._emit(Pressed(row, digit.digit, digit.duration_ms))
        after = receiver.pressing
        began = after if after is not None and (before is None or ended) else None
        if began is None and before is None and ended:
            began = EVENTS.index(ended[-1].digit)  # the only packet that came through was an end
        if after is None:
            self._pressing.discard(row)
        else:
            self._pressing.add(row)
        return Presses(began, ended)

    def expire(self, now_ms: float, released: Callable[[int, int], None]) -> None:
        """End what nobody ended; `released` (row, duration_ms) tells the bridge."""
        for row in list(self._pressing):
            for digit in self._receivers[row].expire(now_ms):
                self._pressing.discard(row)
                self._emit(Pressed(row, digit.digit, digit.duration_ms))
                released(row, digit.duration_ms)

    def send(self, command: SendDtmf, payload_type: int, law: int) -> None:
        """Send digits as events, or as tones where the peer knows no events."""
        if payload_type == NO_DTMF:
            tones = self._inband.setdefault(command.row, _Tones(law))
            tones.keys += [(char, command.duration_ms) for char in command.digits.upper()]
            tones.replies.append(command.reply)
            return
        sending = self._sending.setdefault(command.row, _Sending())
        sending.events.send(command.digits, command.duration_ms)
        sending.replies.append(command.reply)

    def stop(self, row: int) -> None:
        """Send no more of the digits of a leg; whoever waits for them is told."""
        sending = self._sending.get(row)
        if sending is not None:
            sending.events.cut()
            replies, sending.replies = sending.replies, []
            for each in replies:
                self._emit(Sent(each, "stopped"))
        if (tones := self._inband.pop(row, None)) is not None:
            for each in tones.replies:
                self._emit(Sent(each, "stopped"))

    def relay_press(self, row: int, event: int) -> None:
        """A bridged peer pressed a key: begin the same event."""
        self._sending.setdefault(row, _Sending()).events.press(event)

    def relay_release(self, row: int, duration_ms: int) -> None:
        if row in self._sending:
            self._sending[row].events.release(duration_ms)

    def relay_tone(self, row: int, digit: ReceivedDigit, law: int) -> None:
        """A bridged peer pressed a key, and this leg's own peer knows no events: say the tone."""
        self._inband.setdefault(row, _Tones(law)).keys.append((digit.digit, max(100, digit.duration_ms)))

    def fill(self, said: NDArray[np.uint8]) -> None:
        """Write tones over the frames (n, 160) of legs that send digits in band."""
        for row, tones in list(self._inband.items()):
            frame = tones.frame()
            said[row, : len(frame)] = frame
            if not tones.over:
                continue
            del self._inband[row]
            for each in tones.replies:
                self._emit(Sent(each, "done"))

    def outgoing(self, timestamps: NDArray[np.uint32]) -> list[tuple[int, EventPackets]]:
        """Return what the legs with a key down send in this tick instead of audio; `timestamps` (rows,)."""
        packets: list[tuple[int, EventPackets]] = []
        for row, sending in list(self._sending.items()):
            event = sending.events.next(int(timestamps[row]))
            if event is not None:
                packets.append((row, event))
            if sending.events.idle:
                del self._sending[row]
                for reply in sending.replies:
                    self._emit(Sent(reply, "done"))
        return packets

    def close(self, row: int) -> None:
        """Forget a leg; whoever waits for its digits to go out is told."""
        self._receivers.pop(row, None)
        self._pressing.discard(row)
        sending = self._sending.pop(row, None)
        tones = self._inband.pop(row, None)
        for each in (*(sending.replies if sending else ()), *(tones.replies if tones else ())):
            self._emit(Sent(each, "stopped"))


@lru_cache(maxsize=64)
def _inband(char: str, duration_ms: int, law: int) -> NDArray[np.uint8]:
    """One key and the gap behind it, or a pause."""
    if char == "W":
        return np.full(PAUSE_MS * 8, SILENCE[law], np.uint8)
    if char not in EVENTS:
        return np.zeros(0, np.uint8)
    gap = np.full(GAP_MS * 8, SILENCE[law], np.uint8)
    return np.concatenate([LAWS[law].encode(dtmf(char, min(duration_ms, LONGEST_MS))), gap])
