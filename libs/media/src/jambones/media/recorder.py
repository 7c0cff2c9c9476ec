"""Recordings: a WAV file a leg, 16-bit linear at 8 kHz, written by a thread so that no tick waits for a disk.

The header is brought up to date with each write, so a file is whole to the last second even when its worker dies.
"""

import queue
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import DECODE
from jambones.media.messages import Message, Recorded

RATE: Final = 8000
_HELD: Final = 50  # frames between two writes
_BACKLOG: Final = 500  # ticks that may wait for the disk (10 s); more are lost, and the recording says so


def wav_header(channels: int, data_bytes: int) -> bytes:
    """Return the 44 bytes before 16-bit linear audio at 8 kHz."""
    align = 2 * channels
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, RATE, RATE * align, align, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE") + form + struct.pack("<4sI", b"data", data_bytes)


@dataclass
class _Recording:
    row: int
    path: str
    mode: str
    file: BinaryIO | None = None
    held: list[NDArray[np.int16]] = field(default_factory=list)
    samples: int = 0
    failed: str = ""

    def add(self, received: NDArray[np.int16], sent: NDArray[np.int16]) -> None:
        if self.mode == "stereo":
            self.held.append(np.stack([received, sent], axis=1))
        else:
            self.held.append(received if self.mode == "received" else sent)
        if len(self.held) >= _HELD:
            self.write()

    def write(self) -> None:
        if self.failed or not self.held:
            return
        audio = np.concatenate(self.held)
        self.held.clear()
        channels = 2 if self.mode == "stereo" else 1
        try:
            if self.file is None:
                self.file = Path(self.path).open("wb")  # noqa: SIM115 - open as long as the recording runs
            self.samples += len(audio)
            self.file.seek(0)
            self.file.write(wav_header(channels, self.samples * 2 * channels))
            self.file.seek(0, 2)
            self.file.write(audio.astype("<i2").tobytes())
            self.file.flush()
        except OSError as error:
            self.failed = str(error)

    def close(self) -> None:
        if self.file is None and not self.failed:
            self.held.append(np.zeros((0, 2) if self.mode == "stereo" else 0, np.int16))
        self.write()
        if self.file is not None:
            self.file.close()


@dataclass(frozen=True)
class _Frames:
    recordings: list[_Recording]
    received: NDArray[np.int16]
    sent: NDArray[np.int16]


@dataclass(frozen=True)
class _End:
    recording: _Recording
    reply: int


class Recorder:
    """Recordings by row. `emit` must be safe to call from the writing thread."""

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._running: dict[int, _Recording] = {}
        self.rows: list[int] = []
        self._work: queue.Queue[_Frames | _End | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def start(self, row: int, path: str, mode: str) -> None:
        """Begin a recording of what is `received`, `sent`, or both (`stereo`); it replaces one that runs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
            self._thread.start()
        self.stop(row, 0)
        self._running[row] = _Recording(row, path, mode)
        self.rows = list(self._running)

    def stop(self, row: int, reply: int) -> None:
        """End a recording; `Recorded` follows once the file is whole."""
        recording = self._running.pop(row, None)
        self.rows = list(self._running)
        if recording is not None:
            self._work.put(_End(recording, reply))
        elif reply:
            self._emit(Recorded(reply, "", 0, "nothing was being recorded"))

    def note(self, heard: NDArray[np.uint8], said: NDArray[np.uint8], laws: NDArray[np.uint8]) -> None:
        """Take one frame of all legs, (n, 160) codes each way; only the recorded rows are looked at."""
        recordings = list(self._running.values())
        if self._work.qsize() > _BACKLOG:
            for recording in recordings:
                recording.failed = "the disk is too slow"
            return
        rows = np.array(self.rows)
        law = laws[rows][:, None]
        self._work.put(_Frames(recordings, DECODE[law, heard[rows]], DECODE[law, said[rows]]))

    def close(self) -> None:
        """End all recordings and wait until they are written."""
        for row in list(self._running):
            self.stop(row, 0)
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None

    def _write(self) -> None:
        while (item := self._work.get()) is not None:
            match item:
                case _Frames(recordings, received, sent):
                    for i, recording in enumerate(recordings):
                        recording.add(received[i], sent[i])
                case _End(recording, reply):
                    recording.close()
                    if reply:
                        self._emit(Recorded(reply, recording.path, recording.samples, recording.failed))
