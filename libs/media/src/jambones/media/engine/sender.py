"""Sending: headers for all legs in one go, one `sendmmsg` for the legs of each socket."""

import contextlib
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.dtmf import EventPackets
from jambones.media.engine.digits import Digits
from jambones.media.engine.jitter import FRAME
from jambones.media.engine.legs import Legs
from jambones.media.engine.repacketizer import Repacketizer
from jambones.media.engine.sockets import Outbound, Ports

_HEADER: Final = 12
_MARKER: Final = 0x80


class Sender:
    """Sends what stands in the rows of `out`. `packets` (rows,) counts what each leg sent."""

    def __init__(self, ports: Ports, legs: Legs, out: Outbound) -> None:
        self._ports, self._legs, self._out = ports, legs, out
        self.packets = np.zeros(legs.capacity, np.int64)
        self.octets = np.zeros(legs.capacity, np.int64)
        self._clock = np.zeros(legs.capacity, np.uint32)  # each stream's timestamp; in `out` an event's may stand
        self._rows = np.zeros(0, np.intp)
        self._parts: list[tuple[int, int, int]] = []  # fd, start, stop within the chosen rows
        self._beginning: set[int] = set()
        self._slow: dict[int, Repacketizer] = {}

    def open(self, row: int) -> None:
        """Begin a stream: its first packet has the marker (RFC 3551 section 4.1)."""
        self.packets[row] = self.octets[row] = 0
        self._clock[row] = self._out.timestamp[row]
        self._beginning.add(row)

    def timestamp(self, row: int) -> int:
        """Return the RTP timestamp of the frame sent last."""
        return int(self._clock[row])

    def timestamps(self, rows: NDArray[np.intp]) -> NDArray[np.uint32]:
        """Return (n,) of them."""
        return self._clock[rows]

    def choose(self) -> None:
        """Work out again who sends, in the order of the sockets."""
        legs = self._legs
        legs.changed = False
        rows = np.flatnonzero(legs.sending[: legs.high])
        usual = legs.frames[rows] == FRAME
        slow = rows[~usual].tolist()
        self._slow = {row: self._slow.get(row) or Repacketizer(int(legs.frames[row])) for row in slow}
        rows = rows[usual]
        rows = rows[np.argsort(legs.socket[rows], kind="stable")]
        self._rows = rows
        self._out.choose(rows)
        self._out.packets[: legs.high, 1] = legs.payload_type[: legs.high]
        sockets, starts = np.unique(legs.socket[rows], return_index=True)
        stops = [*starts[1:].tolist(), len(rows)][: len(starts)]  # nobody sends while the only leg is on hold
        self._parts = [
            (self._ports.rtp[socket].fileno(), start, stop)
            for socket, start, stop in zip(sockets.tolist(), starts.tolist(), stops, strict=True)
        ]
        self._beginning &= set(np.flatnonzero(legs.active[: legs.high]).tolist())

    def send(self, digits: Digits) -> None:
        """Send one packet for every leg that sends; events of `digits` go instead of audio."""
        legs, out = self._legs, self._out
        if legs.changed:
            self.choose()
        n, rows = legs.high, self._rows
        clock = self._clock[:n]
        clock += np.uint32(FRAME)
        out.timestamp[:n] = clock
        out.sequence[rows] += 1
        begun = self._mark_beginnings()
        events = digits.outgoing(self._clock)
        patched: list[int] = []
        for row, event in events:
            if not legs.sending[row]:
                continue
            if row in self._slow:
                self._slow[row].drop()
                for _ in range(event.copies):
                    self._send_one(row, event.payload, event.timestamp, int(legs.dtmf_payload_type[row]), event.marker)
                continue
            packet = out.packets[row]
            packet[1] = legs.dtmf_payload_type[row] | (_MARKER if event.marker else 0)
            packet[4:8] = np.frombuffer(event.timestamp.to_bytes(4, "big"), np.uint8)
            packet[_HEADER : _HEADER + len(event.payload)] = np.frombuffer(event.payload, np.uint8)
            out.lengths[row] = _HEADER + len(event.payload)
            patched.append(row)
        for fd, start, stop in self._parts:
            out.send(fd, start, stop)
        self.packets[rows] += 1
        self.octets[rows] += FRAME
        for row, event in events:
            if row in patched:
                self._restore(row, event)
        in_event = {row for row, _ in events}
        for row, repacketizer in self._slow.items():
            if row not in in_event:
                frame = out.packets[row, _HEADER:].tobytes()
                for payload, timestamp in repacketizer.push(frame, int(out.timestamp[row])):
                    self._send_one(row, payload, timestamp, int(legs.payload_type[row]), row in begun)
        for row in begun:
            out.packets[row, 1] = legs.payload_type[row]

    def _mark_beginnings(self) -> set[int]:
        begun = {row for row in self._beginning if self._legs.sending[row]}
        for row in begun:
            self._out.packets[row, 1] |= _MARKER
        self._beginning -= begun
        return begun

    def _restore(self, row: int, event: EventPackets) -> None:
        """Send the other copies of an end packet, and put a row back to audio."""
        legs, out = self._legs, self._out
        for _ in range(event.copies - 1):
            self._send_one(row, event.payload, event.timestamp, int(legs.dtmf_payload_type[row]), event.marker)
        out.packets[row, 1] = legs.payload_type[row]
        out.timestamp[row] = self._clock[row]
        out.lengths[row] = _HEADER + FRAME

    def _send_one(self, row: int, payload: bytes, timestamp: int, payload_type: int, marker: bool) -> None:
        legs, out = self._legs, self._out
        out.sequence[row] += 1
        header = struct.pack(
            "!BBHII",
            0x80,
            int(payload_type) | (_MARKER if marker else 0),
            int(out.sequence[row]),
            timestamp,
            int(out.ssrc[row]),
        )
        with contextlib.suppress(OSError):
            self._ports.rtp[int(legs.socket[row])].sendto(header + payload, legs.remote[row])
        self.packets[row] += 1
        self.octets[row] += len(payload)
