"""RTCP of all legs: a compound packet each 5 s (RFC 3550 section 6), spread over the ticks; the peers' as events."""

import contextlib
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media import rtcp
from jambones.media.engine.legs import Legs
from jambones.media.engine.reception import Reception
from jambones.media.engine.sender import Sender
from jambones.media.engine.sockets import Outbound, Ports
from jambones.media.messages import Message, Report

EVERY: Final = 250  # ticks: 5 s
_CNAME: Final = "jambones"
_DESCRIPTION: Final = rtcp.source_description(0, _CNAME)

#: A sender report with one block, and the source's description: what nearly every compound packet is made of.
_COMPOUND: Final = np.dtype(
    [
        ("first", "u1"),
        ("kind", "u1"),
        ("words", ">u2"),
        ("ssrc", ">u4"),
        ("ntp", ">u8"),
        ("timestamp", ">u4"),
        ("packets", ">u4"),
        ("octets", ">u4"),
        ("source", ">u4"),
        ("lost", ">u4"),
        ("highest", ">u4"),
        ("jitter", ">u4"),
        ("last", ">u4"),
        ("delay", ">u4"),
        ("description", f"V{len(_DESCRIPTION)}"),
    ]
)
_DESCRIBED: Final = slice(_COMPOUND.itemsize - len(_DESCRIPTION) + 4, _COMPOUND.itemsize - len(_DESCRIPTION) + 8)


class Reports:
    """Sends and takes reports; `wall` is the wall clock in seconds."""

    def __init__(
        self,
        ports: Ports,
        legs: Legs,
        out: Outbound,
        reception: Reception,
        sender: Sender,
        emit: Callable[[Message], None],
        wall: Callable[[], float],
    ) -> None:
        self._ports, self._legs, self._out = ports, legs, out
        self._reception, self._sender = reception, sender
        self._emit, self._wall = emit, wall
        self._last = np.zeros(legs.capacity, np.int64)  # the peer's last sender report: compact NTP, 0: none so far
        self._arrived = np.zeros(legs.capacity)
        self._begun = np.zeros(legs.capacity, np.int64)
        self._tick = 0

    def open(self, row: int) -> None:
        self._last[row] = 0
        self._begun[row] = self._tick

    def close(self, row: int) -> None:
        """Say goodbye for a leg that sent something."""
        if self._legs.sending[row] and self._sender.packets[row]:
            ssrc = int(self._out.ssrc[row])
            self._send(row, bytes(self._report(row)) + rtcp.source_description(ssrc, _CNAME) + rtcp.bye(ssrc))

    def send(self, tick: int) -> None:
        """Send the reports that are due in this tick."""
        self._tick = tick
        n = self._legs.high
        due = (tick - self._begun[:n]) % EVERY == EVERY // 2
        rows = np.flatnonzero(due & self._legs.sending[:n])
        usual = (self._sender.packets[rows] > 0) & self._reception.started(rows)
        for row in rows[~usual].tolist():
            self._send(row, bytes(self._report(row)) + rtcp.source_description(int(self._out.ssrc[row]), _CNAME))
        if usual.any():
            rows = rows[usual]
            for row, packet in zip(rows.tolist(), self._compounds(rows), strict=True):
                self._send(row, packet)

    def receive(self, socket: int, sender: tuple[str, int], data: bytes) -> None:
        """Take a compound packet that came through one of our pairs; what is broken or unknown is passed over."""
        try:
            reports = rtcp.parse_compound(data)
        except ValueError:
            return
        for report in reports:
            row = self._find(socket, sender, report)
            if row is None:
                continue
            now = self._wall()
            if report.sender:
                self._last[row], self._arrived[row] = rtcp.compact_ntp(report.sender.ntp), now
            for block in report.blocks:
                if block.ssrc == int(self._out.ssrc[row]):
                    self._emit(
                        Report(
                            row,
                            round(block.fraction_lost / 256, 4),
                            block.packets_lost,
                            round(block.jitter / 8, 3),
                            _round_trip_ms(block, now),
                        )
                    )

    def _find(self, socket: int, sender: tuple[str, int], report: rtcp.Report) -> int | None:
        """A report is about us, so the source it reports on tells the row; else its sender's does."""
        n = self._legs.high
        here = self._legs.active[:n] & (self._legs.socket[:n] == socket)
        for ssrc in (block.ssrc for block in report.blocks):
            rows = np.flatnonzero(here & (self._out.ssrc[:n] == ssrc))
            if len(rows):
                return int(rows[0]) if self._legs.remote[rows[0]][0] == sender[0] else None
        rows = np.flatnonzero(here & (self._reception.ssrc[:n] == report.ssrc))
        for row in rows.tolist():
            if self._legs.remote[row][0] == sender[0]:
                return int(row)
        return None

    def _report(self, row: int) -> rtcp.Report:
        now = self._wall()
        ssrc = int(self._out.ssrc[row])
        sent = int(self._sender.packets[row])
        info = None
        if sent:
            octets = int(self._sender.octets[row])
            info = rtcp.SenderInfo(rtcp.ntp_time(now), self._sender.timestamp(row), sent, octets)
        seen = self._reception.block(row)
        if seen is None:
            return rtcp.Report(ssrc, info)
        last = int(self._last[row])
        delay = int((now - float(self._arrived[row])) * 65536) & 0xFFFFFFFF if last else 0
        block = rtcp.ReportBlock(
            seen.ssrc, seen.fraction_lost, seen.packets_lost, seen.highest_sequence, seen.jitter, last, delay
        )
        return rtcp.Report(ssrc, info, (block,))

    def _compounds(self, rows: NDArray[np.intp]) -> list[bytes]:
        """What `_report` and the description would be, of rows that both sent and heard something."""
        now, sender = self._wall(), self._sender
        made = np.zeros(len(rows), _COMPOUND)
        made["description"] = np.void(_DESCRIPTION)
        made["first"], made["kind"], made["words"] = 0x81, rtcp.SENDER_REPORT, 12
        made["ssrc"] = self._out.ssrc[rows]
        made.view(np.uint8).reshape(len(rows), -1)[:, _DESCRIBED] = made["ssrc"][:, None].view(np.uint8)
        made["ntp"] = rtcp.ntp_time(now)
        made["timestamp"], made["packets"] = sender.timestamps(rows), sender.packets[rows] & 0xFFFFFFFF
        made["octets"] = sender.octets[rows] & 0xFFFFFFFF
        made["source"], fraction, lost, made["highest"], made["jitter"] = self._reception.blocks(rows)
        made["lost"] = fraction << 24 | lost.clip(-0x800000, 0x7FFFFF) & 0xFFFFFF
        last = self._last[rows]
        made["last"] = last
        made["delay"] = np.where(last, ((now - self._arrived[rows]) * 65536).astype(np.int64) & 0xFFFFFFFF, 0)
        return [packet.tobytes() for packet in made]

    def _send(self, row: int, data: bytes) -> None:
        socket = int(self._legs.socket[row])
        host, port = self._legs.remote[row]
        multiplexed = self._legs.rtcp_port[row] == port
        sock = (self._ports.rtp if multiplexed else self._ports.rtcp)[socket]
        with contextlib.suppress(OSError):
            sock.sendto(data, (host, self._legs.rtcp_port[row]))


def _round_trip_ms(block: rtcp.ReportBlock, now: float) -> float:
    if not block.last_report:
        return -1.0
    trip = (rtcp.compact_ntp(rtcp.ntp_time(now)) - block.last_report - block.delay) & 0xFFFFFFFF
    # A peer that counts its delay too long makes it slightly negative.
    return 0.0 if trip >= 0x80000000 else round(trip * 1000 / 65536, 3)
