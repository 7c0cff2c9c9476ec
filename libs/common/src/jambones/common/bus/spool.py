"""The spool: records that wait on disk, in order, while NATS is away.

A directory of segment files, one line of JSON a record. Each process appends to a segment of its own, which it holds a
lock on; when it starts it also takes over the segments of processes that are no more. A segment is deleted when all of
it is delivered; a record delivered twice (after a crash in between) is removed by its id at the receiver.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from jambones.common.clock import now_ms
from jambones.common.ids import new_sid

log = structlog.get_logger(__name__)
CHUNK = 2 * 1024 * 1024  # more than any line: NATS takes messages up to 1 MiB


@dataclass(frozen=True)
class Entry:
    """A record on its way: where to, its id, its JSON."""

    subject: str
    id: str
    payload: str

    def line(self) -> bytes:
        return json.dumps([self.subject, self.id, self.payload], separators=(",", ":")).encode() + b"\n"


@dataclass
class Segment:
    path: Path
    fd: int
    size: int
    read: int = 0
    peeked: list[int] = field(default_factory=list)


class Spool:
    """Blocking; call it from a worker thread. `len(spool)` is the number of bytes that wait."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self.directory = directory.expanduser()
        self.max_bytes = max_bytes
        self._segments: list[Segment] = []
        self._own: Segment | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make the directory and take over what dead processes left. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(self.directory.glob("*.jsonl")):
            with contextlib.suppress(OSError):
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(fd)  # its process lives
                    continue
                size = os.fstat(fd).st_size
                self._segments.append(Segment(path, fd, size))
                if size:
                    log.info("records found on disk", bytes=size)

    def __len__(self) -> int:
        return sum(segment.size - segment.read for segment in self._segments)

    def append(self, entries: Sequence[Entry]) -> int:
        """Write `entries` and sync them to disk; returns how many fitted. Raises OSError."""
        with self._lock:
            if self._own is None:
                self._own = self._create()
            own, room = self._own, self.max_bytes - len(self)
            lines = []
            for entry in entries:
                line = entry.line()
                room -= len(line)
                if room < 0:
                    break
                lines.append(line)
            data = b"".join(lines)
            written = 0
            try:
                while written < len(data):
                    written += os.pwrite(own.fd, data[written:], own.size + written)
                os.fdatasync(own.fd)
            except OSError:
                os.ftruncate(own.fd, own.size)  # disk full: no half line stays
                raise
            own.size += len(data)
            return len(lines)

    def peek(self, count: int) -> list[Entry]:
        """The oldest records that wait, from one segment. Unreadable lines (cut off by a crash) are passed over."""
        with self._lock:
            for segment in list(self._segments):
                if entries := self._read(segment, count):
                    return entries
                self._finish(segment)
            return []

    def _read(self, segment: Segment, count: int) -> list[Entry]:
        entries: list[Entry] = []
        segment.peeked = []
        while not entries and segment.read < segment.size:
            data = os.pread(segment.fd, min(segment.size - segment.read, CHUNK), segment.read)
            offset = segment.read
            for line in data.splitlines(keepends=True)[:count]:
                if not line.endswith(b"\n") and offset + len(line) < segment.size and offset > segment.read:
                    break  # its rest is beyond this chunk
                offset += len(line)
                try:
                    entries.append(Entry(*json.loads(line)))
                    segment.peeked.append(offset)
                except (ValueError, TypeError):
                    log.error("unreadable record on disk", bytes=len(line))
                    if segment.peeked:
                        segment.peeked[-1] = offset
                    else:
                        segment.read = offset
        return entries

    def advance(self, count: int) -> None:
        """The first `count` records of the last `peek` are delivered."""
        with self._lock:
            segment = next((segment for segment in self._segments if segment.peeked), None)
            if segment is None or count == 0:
                return
            segment.read = segment.peeked[count - 1]
            segment.peeked = segment.peeked[count:]
            if segment.read >= segment.size:
                self._finish(segment)

    def close(self) -> None:
        """Release the locks; an empty segment is deleted, any other is found at the next start."""
        with self._lock:
            for segment in list(self._segments):
                if segment.read >= segment.size:
                    self._finish(segment)
                else:
                    os.close(segment.fd)
            self._segments.clear()
            self._own = None

    def _create(self) -> Segment:
        path = self.directory / f"{now_ms():015d}-{new_sid()}.jsonl"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        segment = Segment(path, fd, 0)
        self._segments.append(segment)
        return segment

    def _finish(self, segment: Segment) -> None:
        self._segments.remove(segment)
        if segment is self._own:
            self._own = None
        segment.path.unlink(missing_ok=True)
        os.close(segment.fd)
