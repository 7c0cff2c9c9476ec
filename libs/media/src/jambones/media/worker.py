"""A media worker: one process, one thread for media, a tick every 20 ms.

`python -m jambones.media CONTROL_FD POOL_FD SETTINGS` is started by `link`; it ends when the other end of
the control socket is gone.
"""

import collections
import contextlib
import errno
import gc
import json
import logging
import math
import mmap
import os
import select
import signal
import socket
import threading
import time
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from jambones.media.engine.engine import TICK, Engine
from jambones.media.engine.sockets import Ports
from jambones.media.messages import Heard, Message, Played, Pulse, Ready, Refused, pack, unpack

log = logging.getLogger(__name__)

LATE: Final = 0.005
_CATCH_UP: Final = 5  # ticks that are made up for; after a longer stop the clock starts anew
_PULSE: Final = 1.0  # seconds
_SPARE: Final = 4  # a socket is read before it is full to a quarter
_LATENESS_KEPT: Final = 250  # ticks: five seconds
_MOST_PENDING: Final = 20_000
_HELD_AUDIO: Final = 2.0  # seconds of forks that wait for a service that does not read


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is started with."""

    bind: str
    port_min: int
    port_max: int
    sockets: int
    capacity: int
    rtp_timeout_ms: int

    @classmethod
    def parse(cls, text: str) -> "WorkerSettings":
        return cls(**json.loads(text))

    def __str__(self) -> str:
        return json.dumps(asdict(self))


class Control:
    """The socket to the service. Messages are held until `flush`; other threads may add some."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._datagrams: collections.deque[bytes] = collections.deque()
        self._stuck_since = math.inf
        self.dropped = 0

    def emit(self, message: Message) -> None:
        if isinstance(message, Heard) and time.monotonic() - self._stuck_since > _HELD_AUDIO:
            self.dropped += 1  # the gap shows in the frames' numbers
            return
        with self._lock:
            if len(self._messages) + len(self._datagrams) > _MOST_PENDING and not _awaited(message):
                self.dropped += 1  # a service that hangs; what somebody asked for is as bounded as the questions
                return
            self._messages.append(message)

    def flush(self) -> None:
        """Send what is held, as far as the service takes it; `EOFError` when it is gone."""
        if self._messages:
            with self._lock:
                messages, self._messages = self._messages, []
            self._datagrams.extend(pack(messages))
        while self._datagrams:
            try:
                self.sock.send(self._datagrams[0], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                self._stuck_since = min(self._stuck_since, time.monotonic())
                return
            except ConnectionError as error:
                raise EOFError from error
            self._datagrams.popleft()
        self._stuck_since = math.inf

    def receive(self) -> list[Message]:
        """Return the commands that wait; `EOFError` when the service is gone."""
        commands: list[Message] = []
        while True:
            try:
                datagram = self.sock.recv(1 << 18, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return commands
            except ConnectionError as error:
                raise EOFError from error
            if not datagram:
                raise EOFError
            commands += unpack(datagram)


def _awaited(message: Message) -> bool:
    return isinstance(message, Played) or bool(getattr(message, "reply", 0))


class Lateness:
    """How late ticks began, in seconds: a ring of the last five seconds."""

    def __init__(self) -> None:
        self._ring = np.zeros(_LATENESS_KEPT)
        self.count = self.late = 0

    def note(self, seconds: float) -> None:
        self._ring[self.count % _LATENESS_KEPT] = seconds
        self.count += 1
        self.late += seconds > LATE

    def percentile_ms(self, percent: float) -> float:
        return round(float(np.percentile(self._kept(), percent)) * 1000, 3) if self.count else 0.0

    def max_ms(self) -> float:
        return round(float(self._kept().max()) * 1000, 3) if self.count else 0.0

    def _kept(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return self._ring[: min(self.count, _LATENESS_KEPT)]


class Worker:
    """Runs an engine against the clock."""

    def __init__(self, control: Control, engine: Engine) -> None:
        self._control, self._engine = control, engine
        self._lateness = Lateness()
        self._room = engine.ports.room * len(engine.ports.rtp)
        self._pulse_due = 0.0

    def run(self) -> None:
        """Tick until the service is gone."""
        try:
            while True:
                self._rest()
                self._work()
        except EOFError:
            return

    def _rest(self) -> None:
        """Wait for the first leg; nothing ticks."""
        while not self._engine.legs.high:
            now = time.monotonic()
            self._tell(now)
            self._obey(self._pulse_due - now)

    def _work(self) -> None:
        """Tick until the last leg is gone."""
        engine = self._engine
        due = time.monotonic() + TICK
        while engine.legs.high:
            now = time.monotonic()
            if now >= due:
                self._lateness.note(now - due)
                engine.tick()
                due += TICK
                if now - due > _CATCH_UP * TICK:
                    due = now
                self._tell(now)
                continue
            # Where the kernel grants little, a tick is too long for the sockets to hold what comes in.
            part = TICK / (1 + _SPARE * engine.legs.high // self._room)
            if not self._obey(min(due - now, part)) and part < TICK:
                engine.drain()

    def _tell(self, now: float) -> None:
        if now >= self._pulse_due:
            self._pulse_due = now + _PULSE
            self._control.emit(self._pulse())
        self._control.flush()

    def _obey(self, seconds: float) -> bool:
        """Do what the service says within so many seconds; false when it says nothing."""
        # Of the ways to wait, this one counts in microseconds.
        if not select.select([self._control.sock], [], [], max(0.0, seconds))[0]:
            return False
        for command in self._control.receive():
            self._do(command)
        self._control.flush()
        return True

    def _do(self, command: Message) -> None:
        try:
            self._engine.handle(command)
        except Exception as error:
            # One leg's trouble must not become everybody's; the service hears of it and closes that leg.
            log.exception("command failed", extra={"command": type(command).__name__})
            self._control.emit(Refused(getattr(command, "reply", 0), repr(error)))

    def _pulse(self) -> Pulse:
        engine, late = self._engine, self._lateness
        return Pulse(
            legs=int(engine.legs.active.sum()),
            ticks=engine.ticks,
            late_ticks=late.late,
            late_p90_ms=late.percentile_ms(90),
            late_p99_ms=late.percentile_ms(99),
            late_max_ms=late.max_ms(),
            underruns=engine.underruns(),
            overflows=engine.ports.overflows,
            strangers=engine.receiver.strangers,
        )


def main(control_fd: int, pool_fd: int, settings: WorkerSettings) -> int:
    """Run a worker until its service is gone; 1 when it could not start."""
    # The service decides when media ends; a Ctrl-C in a terminal reaches this process as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    control = Control(socket.socket(fileno=control_fd))
    pool = np.frombuffer(mmap.mmap(pool_fd, 0, prot=mmap.PROT_READ), np.uint8)
    try:
        ports = Ports(settings.bind, settings.port_min, settings.port_max, settings.sockets)
    except OSError as error:
        control.emit(Refused(0, f"{errno.errorcode.get(error.errno or 0, 'no ports')}: {error}"))
        control.flush()
        return 1
    engine = Engine(
        ports,
        pool,
        capacity=settings.capacity,
        rtp_timeout_ms=settings.rtp_timeout_ms,
        emit=control.emit,
        wall=time.time,
    )
    control.emit(Ready(ports.ports))
    control.flush()
    gc.collect()
    gc.freeze()
    try:
        Worker(control, engine).run()
    finally:
        engine.recorder.close()
        ports.close()
    return 0
