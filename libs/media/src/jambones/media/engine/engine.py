"""One worker's engine: commands go in, a tick every 20 ms, messages come out. Knows no clock and no loop."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import TRANSCODE
from jambones.media.engine.digits import Digits
from jambones.media.engine.forks import Forks
from jambones.media.engine.jitter import FRAME, WHOLE, JitterRings
from jambones.media.engine.legs import NO_DTMF, Legs
from jambones.media.engine.players import Players
from jambones.media.engine.playouts import Playouts
from jambones.media.engine.receiver import Receiver
from jambones.media.engine.reception import Reception
from jambones.media.engine.reports import Reports
from jambones.media.engine.sender import Sender
from jambones.media.engine.sockets import Outbound, Ports
from jambones.media.engine.stamps import Stamps
from jambones.media.messages import (
    Ask,
    Bridge,
    Clear,
    Close,
    Counters,
    Fork,
    Mark,
    Message,
    Mute,
    Open,
    Play,
    Played,
    Push,
    Record,
    Refused,
    SendDtmf,
    SetFork,
    Silent,
    Stop,
    StopDtmf,
    StopRecord,
    Unbridge,
    Unfork,
    Voice,
)
from jambones.media.recorder import Recorder
from jambones.media.vad import VoiceActivity, levels

TICK: Final = 0.02
TICK_MS: Final = 20
_STREAMING: Final = 10  # ticks since the last packet in which a missing frame is an underrun
_TIMEOUT_EVERY: Final = 25  # ticks between two looks at who fell silent


class Engine:
    """`pool` is the clip pool, (bytes,) uint8; `emit` takes what the service should know."""

    def __init__(
        self,
        ports: Ports,
        pool: NDArray[np.uint8],
        *,
        capacity: int,
        rtp_timeout_ms: int,
        emit: Callable[[Message], None],
        wall: Callable[[], float],
    ) -> None:
        self._emit = emit
        self.ports = ports
        self.ticks = 0
        self.out = Outbound(capacity, 12 + FRAME)
        self.legs = Legs(capacity, self.out)
        self.jitter = JitterRings(capacity)
        self.reception = Reception(capacity)
        self.voice = VoiceActivity(capacity)
        self.players = Players(capacity, pool, self._ended)
        self.digits = Digits(emit)
        self.recorder = Recorder(emit)
        self.forks = Forks(emit)
        self.playouts = Playouts(emit)
        self.sender = Sender(ports, self.legs, self.out)
        self.reports = Reports(ports, self.legs, self.out, self.reception, self.sender, emit, wall)
        self.receiver = Receiver(
            ports,
            self.legs,
            self.jitter,
            self.reception,
            on_event=self._on_event,
            on_rtcp=self.reports.receive,
        )
        self.stamps = Stamps(ports, self.legs, self.reception)
        self._underruns = 0  # of legs that are gone
        self._timeout = max(1, rtp_timeout_ms // TICK_MS)
        self._silences = np.zeros(capacity, np.int64)  # how often a leg's silence was told
        self._peer: dict[int, int] = {}  # bridged rows, both ways
        self._bridge = np.zeros((2, 0), np.intp)  # listening rows, speaking rows
        self._transcoded = np.zeros((2, 0), np.intp)  # those of them whose laws differ

    def handle(self, command: Message) -> None:
        """Do what a command says."""
        match command:
            case Open():
                self._open(command)
            case Close(row, reply):
                self._emit(self._close(row, reply))
            case Play():
                self.players.start(command, int(self.legs.law[command.row]))
            case Stop(row, play):
                self.players.stop(row, play)
            case Record(row, path, mode):
                self.recorder.start(row, path, mode)
            case StopRecord(row, reply):
                self.recorder.stop(row, reply)
            case Bridge(a, b):
                self._unbridge(a)
                self._unbridge(b)
                self._peer[a], self._peer[b] = b, a
                self._rebuild_bridge()
            case Unbridge(row):
                self._unbridge(row)
            case SendDtmf():
                payload_type = int(self.legs.dtmf_payload_type[command.row])
                self.digits.send(command, payload_type, int(self.legs.law[command.row]))
            case StopDtmf(row):
                self.digits.stop(row)
            case Mute(row, on):
                self.legs.muted[row] = on
            case Push():
                self.playouts.push(command)
            case Mark(row, stream, mark):
                self.playouts.mark(row, stream, mark)
            case Clear(row, stream, audio):
                self.playouts.clear(row, stream, audio=audio)
            case Fork():
                self.forks.start(command)
            case Unfork(row, stream):
                self.forks.stop(row, stream)
            case SetFork(row, stream, mode):
                self.forks.set(row, stream, mode)
            case Ask(row, reply):
                self._emit(self._counters(row, reply))
            case _:
                self._emit(Refused(0, f"not a command: {type(command).__name__}"))

    def drain(self) -> None:
        """Read what came in; several times between two ticks, since a socket holds little."""
        self.receiver.drain(self.ticks)

    def tick(self) -> None:
        """Make and send one frame for every leg."""
        self.drain()
        self.ticks += 1
        n = self.legs.high
        if n:
            heard = self.jitter.read(n, self.ticks - self.receiver.heard[:n] < _STREAMING)
            muted = np.flatnonzero(self.legs.muted[:n])
            if len(muted):
                heard[muted] = self.legs.silence[muted, None]
            self._detect_voice(heard)
            said = self._compose(heard)
            if self.recorder.rows:
                self.recorder.note(heard, said, self.legs.law)
            if self.forks.rows:
                self.forks.note(heard, said, self.legs.law)
            self.sender.send(self.digits)
            self.digits.expire(self.ticks * TICK_MS, self._bridged_release)
            self.reports.send(self.ticks)
            self.stamps.look(self.ticks)
            if self.ticks % _TIMEOUT_EVERY == 0:
                self._look_for_silence(n)

    def underruns(self) -> int:
        """Return the frames that were missing when they were due, of all legs ever."""
        return self._underruns + int(self.jitter.underruns.sum())

    def _compose(self, heard: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Fill the outgoing payloads: silence, over it what bridged peers say, over it what plays."""
        n = len(heard)
        said: NDArray[np.uint8] = self.out.packets[:n, 12:]
        silence = self.legs.silence
        listening, speaking = self._bridge
        quiet = np.ones(n, np.bool_)
        quiet[listening] = False
        quiet[self.players.rows] = False
        rows = np.flatnonzero(quiet)
        said[rows] = silence[rows, None]
        if len(listening):
            said.view(WHOLE)[listening] = heard.view(WHOLE)[speaking]
            listening, speaking = self._transcoded
            if len(listening):
                said[listening] = TRANSCODE[self.legs.law[speaking, None], heard[speaking]]
        self.players.fill(said, silence)
        if self.playouts:
            self.playouts.fill(said, self.legs.law, silence)
        self.digits.fill(said)
        return said

    def _detect_voice(self, heard: NDArray[np.uint8]) -> None:
        changed = self.voice.update(levels(heard, self.legs.law[: len(heard)]))
        for row in changed.tolist():
            if self.legs.active[row]:
                self._emit(Voice(row, bool(self.voice.speaking[row])))

    def _open(self, command: Open) -> None:
        row = command.row
        was_mine = command.fresh or int(self.legs.law[row]) != command.law
        self.legs.open(command)
        if row in self._peer:
            self._rebuild_bridge()
        if command.fresh:
            self.reception.open(row)
            self.voice.open(row)
            self.sender.open(row)
            self.reports.open(row)
            self.receiver.open(row, self.ticks)
        if was_mine:
            self._underruns += int(self.jitter.underruns[row])
            self.jitter.open(row, command.law)
        self.receiver.heard[row] = self.ticks
        self._silences[row] = 0

    def _close(self, row: int, reply: int) -> Counters:
        self.players.stop(row)
        self._unbridge(row)
        self.recorder.stop(row, 0)
        self.forks.close(row)
        self.playouts.close(row)
        self.digits.close(row)
        counters = self._counters(row, reply)
        self.reports.close(row)
        self.legs.close(row)
        self._underruns += counters.underruns
        self.jitter.underruns[row] = 0
        return counters

    def _counters(self, row: int, reply: int) -> Counters:
        return Counters(
            reply=reply,
            packets_received=self.reception.total(row),
            packets_lost=self.reception.lost(row),
            packets_late=int(self.jitter.late[row]),
            jitter_ms=round(self.reception.jitter_ms(row), 3),
            packets_sent=int(self.sender.packets[row]),
            underruns=int(self.jitter.underruns[row]),
            packets_repeated=int(self.jitter.repeated[row]),
            packets_bad=int(self.receiver.bad[row]),
        )

    def _unbridge(self, row: int) -> None:
        other = self._peer.pop(row, None)
        if other is not None:
            self._peer.pop(other, None)
            self.digits.relay_release(row, 0)  # a key held down across the bridge is let go
            self.digits.relay_release(other, 0)
            self._rebuild_bridge()

    def _rebuild_bridge(self) -> None:
        self._bridge = np.array([list(self._peer.keys()), list(self._peer.values())], np.intp).reshape(2, -1)
        law = self.legs.law[self._bridge]
        self._transcoded = self._bridge[:, law[0] != law[1]]

    def _on_event(self, row: int, payload: bytes, timestamp: int) -> None:
        other = self._peer.get(row)
        if self.legs.muted[row]:
            other = None
        pressed = self.digits.receive(row, payload, timestamp, self.ticks * TICK_MS)
        if other is None:
            return
        if pressed.began is not None and self.legs.dtmf_payload_type[other] != NO_DTMF:
            self.digits.relay_press(other, pressed.began)
        for digit in pressed.ended:
            if self.legs.dtmf_payload_type[other] != NO_DTMF:
                self.digits.relay_release(other, digit.duration_ms)
            else:
                self.digits.relay_tone(other, digit, int(self.legs.law[other]))

    def _bridged_release(self, row: int, duration_ms: int) -> None:
        other = self._peer.get(row)
        if other is not None:
            self.digits.relay_release(other, duration_ms)

    def _ended(self, row: int, play: int, samples: int, offset: int, reason: str) -> None:
        self._emit(Played(row, play, samples, offset, reason))

    def _look_for_silence(self, n: int) -> None:
        # Again after each time-out: what was no matter while a call rang is one once it is answered.
        quiet = self.ticks - self.receiver.heard[:n]
        times = np.where(self.legs.receiving[:n], quiet // self._timeout, 0)
        for row in np.flatnonzero(times > self._silences[:n]).tolist():
            self._emit(Silent(row, int(quiet[row]) * TICK_MS))
        self._silences[:n] = times
