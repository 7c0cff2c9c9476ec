"""From the sockets into the rows: batches of packets are matched to legs, counted and put into the jitter rings."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import PCMA, PCMU, TRANSCODE
from jambones.media.engine.jitter import FRAME, JitterRings
from jambones.media.engine.legs import LATCHED, Legs
from jambones.media.engine.reception import Reception
from jambones.media.engine.sockets import Inbound, Ports

_HEADER: Final = 12
_NO_MARKER: Final = np.uint16(0x7FFF)  # of the first two bytes, the second one above
_COMFORT_NOISE: Final = 13  # RFC 3389: says that nothing follows, and so do we without it
_RTCP_KINDS: Final = (192, 223)  # second byte of RTCP when multiplexed (RFC 5761 section 4)
_MOST_STRANGERS: Final = 32  # of a batch that are looked at; more is a flood
_ROUNDS: Final = 4  # batches read in one go before the tick may be due again

#: Called with (row, payload, timestamp) of an event packet, or (socket, sender, data) of RTCP.
OnEvent = Callable[[int, bytes, int], None]
OnRtcp = Callable[[int, tuple[str, int], bytes], None]


class Receiver:
    """Reads the sockets.

    `heard` (rows,) is the number of the tick in which each leg's last packet came, `bad` (rows,) counts packets that
    are broken or of a payload type that nobody agreed on, `strangers` those that no leg waits for.
    """

    def __init__(
        self,
        ports: Ports,
        legs: Legs,
        jitter: JitterRings,
        reception: Reception,
        *,
        on_event: OnEvent,
        on_rtcp: OnRtcp,
        rows: int = 1024,
    ) -> None:
        self._ports, self._legs, self._jitter, self._reception = ports, legs, jitter, reception
        self._inbound = Inbound(rows)
        self._mark = np.zeros(legs.capacity, np.intp)
        self._on_event, self._on_rtcp = on_event, on_rtcp
        self.heard = np.zeros(legs.capacity, np.int64)
        self.bad = np.zeros(legs.capacity, np.int64)
        self.strangers = 0

    def open(self, row: int, tick: int) -> None:
        """Begin to count anew; silence counts from now."""
        self.bad[row] = 0
        self.heard[row] = tick

    def drain(self, tick: int) -> None:
        """Take everything that waits, up to a few batches."""
        batch = self._inbound
        for _ in range(_ROUNDS):
            batch.clear()
            full = False
            for fd, index in self._ports.ready():
                if index < 0:
                    self._read_rtcp(-1 - index)
                    continue
                if batch.receive(fd, index):
                    self._ports.note_drops(index, batch.drops(batch.count - 1))
                if batch.count == batch.rows:
                    full = True
                    break
            if batch.count:
                self.take(batch, tick)
            if not full:
                return

    def take(self, batch: Inbound, tick: int) -> None:
        """Sort the packets of a batch to their legs."""
        n = batch.count
        rows = self._legs.remotes.find(batch.keys())
        plain = batch.kind[:n] & _NO_MARKER == self._legs.usual[rows]
        plain &= batch.length[:n] == _HEADER + FRAME
        strange = rows < 0
        if np.count_nonzero(strange):
            self._learn(batch, np.flatnonzero(strange))
            plain &= ~strange
        usual = np.count_nonzero(plain)
        if usual == n:
            self._take_plain(batch, rows, slice(0, n), tick)
        else:
            if usual:
                index = np.flatnonzero(plain)
                self._take_plain(batch, rows[index], index, tick)
            for i in np.flatnonzero(~plain & ~strange).tolist():
                self._take_one(batch, int(rows[i]), i, tick)
        self._confirm(batch, rows)

    def _take_plain(self, batch: Inbound, rows: NDArray[np.intp], pick: slice | NDArray[np.intp], tick: int) -> None:
        index = np.arange(len(rows))
        self._mark[rows] = index
        last = self._mark[rows] == index  # of several packets of one leg; nearly always each leg has one
        single = np.count_nonzero(last) == len(rows)
        timestamps = batch.timestamp[pick].astype(np.uint32)
        sequences = batch.sequence[pick].astype(np.int64)
        for row in self._reception.note(rows, sequences, batch.ssrc[pick].astype(np.uint32)).tolist():
            self._jitter.restart(row)
        stamped = batch.stamped()[pick]
        if not single:
            stamped &= last
        if np.count_nonzero(stamped) == len(rows):
            self._reception.note_transit(rows, batch.arrivals()[pick], timestamps)
        elif stamped.any():
            self._reception.note_transit(rows[stamped], batch.arrivals()[pick][stamped], timestamps[stamped])
        self.heard[rows] = tick
        self._jitter.put(rows, timestamps, batch.packets[pick, _HEADER : _HEADER + FRAME], single=single)

    def _take_one(self, batch: Inbound, row: int, i: int, tick: int) -> None:
        """What is not one frame of the negotiated codec behind a bare header: one by one."""
        length = int(batch.length[i])
        data = batch.packets[i, :length].tobytes()
        if length < _HEADER or data[0] >> 6 != 2 or batch.cut(i):
            self.bad[row] += 1
            return
        if _RTCP_KINDS[0] <= data[1] <= _RTCP_KINDS[1]:
            self._on_rtcp(int(batch.socket[i]), batch.sender(i), data)
            return
        payload = _payload(data)
        if payload is None:
            self.bad[row] += 1
            return
        if not self._legs.receiving[row]:
            return
        at = np.array([row])
        timestamp = int(batch.timestamp[i])
        sequence, ssrc = batch.sequence[i : i + 1].astype(np.int64), batch.ssrc[i : i + 1].astype(np.uint32)
        if len(self._reception.note(at, sequence, ssrc)):
            self._jitter.restart(row)
        self.heard[row] = tick
        kind = data[1] & 0x7F
        if kind == self._legs.receive_dtmf_payload_type[row]:
            self._on_event(row, payload, timestamp)
        elif kind in {0, 8, self._legs.receive_payload_type[row]}:
            codes = np.frombuffer(payload, np.uint8)
            if kind != self._legs.receive_payload_type[row]:
                # A peer may turn to the other law without asking; both have static payload types.
                said_in = PCMA if kind == 8 else PCMU
                codes = codes if said_in == self._legs.law[row] else TRANSCODE[said_in][codes]
            if batch.stamped()[i]:
                timestamps = batch.timestamp[i : i + 1].astype(np.uint32)
                self._reception.note_transit(at, batch.arrivals()[i : i + 1], timestamps)
            if len(codes) == FRAME:
                self._jitter.put(at, np.array([timestamp], np.uint32), codes[None, :])
            elif len(codes):
                self._jitter.put_one(row, timestamp, codes)
        elif kind != _COMFORT_NOISE:
            self.bad[row] += 1

    def _confirm(self, batch: Inbound, rows: NDArray[np.intp]) -> None:
        fresh = self._legs.latch[rows] != LATCHED  # of strangers, too: their row is -1
        if not np.count_nonzero(fresh):
            return
        fresh &= rows >= 0
        for row, key in set(zip(rows[fresh].tolist(), batch.keys()[fresh].tolist(), strict=True)):
            if self._legs.is_named(row, key):
                self._legs.confirm(row)

    def _learn(self, batch: Inbound, index: NDArray[np.intp]) -> None:
        self.strangers += len(index)
        for i in index[:_MOST_STRANGERS].tolist():
            host, port = batch.sender(i)
            if batch.length[i] >= _HEADER and batch.first[i] >> 6 == 2:
                self._legs.learn(int(batch.socket[i]), host, port)

    def _read_rtcp(self, index: int) -> None:
        sock = self._ports.rtcp[index]
        for _ in range(64):
            try:
                data, sender = sock.recvfrom(2048)
            except OSError:
                return
            self._on_rtcp(index, sender, data)


def _payload(data: bytes) -> bytes | None:
    """Return the payload of an RTP packet with any header (RFC 3550 section 5.1); None when it is broken."""
    start = _HEADER + 4 * (data[0] & 15)
    if data[0] & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    return data[start:end] if start <= end else None
