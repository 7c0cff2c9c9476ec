"""RTCP: RFC 3550 section 6.4 to 6.6. Frozen packets that parse and build; no clock, no sockets."""

import struct
from dataclasses import dataclass
from typing import Final

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
SOURCE_DESCRIPTION: Final = 202
BYE: Final = 203
_CNAME: Final = 1
_NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970


@dataclass(frozen=True)
class ReportBlock:
    """What one side received of one source. `delay` and `last_report` are in 1/65536 s of NTP time."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_report: int = 0
    delay: int = 0

    @classmethod
    def parse(cls, data: bytes, offset: int) -> "ReportBlock":
        ssrc, lost, highest, jitter, last, delay = struct.unpack_from("!IIIIII", data, offset)
        packets = lost & 0xFFFFFF
        return cls(ssrc, lost >> 24, packets - (packets >> 23 << 24), highest, jitter, last, delay)

    def __bytes__(self) -> bytes:
        packets = max(-0x800000, min(0x7FFFFF, self.packets_lost)) & 0xFFFFFF
        lost = self.fraction_lost << 24 | packets
        highest = self.highest_sequence & 0xFFFFFFFF
        return struct.pack("!IIIIII", self.ssrc, lost, highest, self.jitter, self.last_report, self.delay)


@dataclass(frozen=True)
class SenderInfo:
    """NTP time as a 64-bit integer, the RTP timestamp of the same moment, and what was sent so far."""

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True)
class Report:
    """A sender report (with `sender`) or a receiver report (without)."""

    ssrc: int
    sender: SenderInfo | None
    blocks: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        body = struct.pack("!I", self.ssrc)
        if self.sender:
            body += struct.pack(
                "!QIII", self.sender.ntp, self.sender.timestamp, self.sender.packets & 0xFFFFFFFF,
                self.sender.octets & 0xFFFFFFFF,
            )  # fmt: skip
        body += b"".join(bytes(block) for block in self.blocks)
        return _header(len(self.blocks), SENDER_REPORT if self.sender else RECEIVER_REPORT, body)


def ntp_time(seconds: float) -> int:
    """Return wall-clock seconds since 1970 as a 64-bit NTP time stamp."""
    return int((seconds + _NTP_EPOCH) * 4294967296) & 0xFFFFFFFFFFFFFFFF


def compact_ntp(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time stamp."""
    return ntp >> 16 & 0xFFFFFFFF


def source_description(ssrc: int, cname: str) -> bytes:
    """Build an SDES packet with the one item that every compound packet must carry (section 6.5.1)."""
    item = bytes((_CNAME, len(cname))) + cname.encode()
    chunk = struct.pack("!I", ssrc) + item + b"\0"
    return _header(1, SOURCE_DESCRIPTION, chunk + b"\0" * (-len(chunk) % 4))


def bye(ssrc: int) -> bytes:
    """Build a BYE packet (section 6.6)."""
    return _header(1, BYE, struct.pack("!I", ssrc))


def parse_compound(data: bytes) -> list[Report]:
    """Return the reports in a compound packet; other kinds are passed over. `ValueError` when it is broken."""
    reports: list[Report] = []
    offset = 0
    while offset + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, offset)
        end = offset + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise ValueError("not a compound RTCP packet")
        if kind in {SENDER_REPORT, RECEIVER_REPORT}:
            reports.append(_parse_report(data[offset + 4 : end], kind, first & 31))
        offset = end
    if offset != len(data) or not offset:
        raise ValueError("not a compound RTCP packet")
    return reports


def _parse_report(body: bytes, kind: int, count: int) -> Report:
    start = 24 if kind == SENDER_REPORT else 4
    if len(body) < start + 24 * count:
        raise ValueError("a report shorter than it says")
    (ssrc,) = struct.unpack_from("!I", body)
    sender = SenderInfo(*struct.unpack_from("!QIII", body, 4)) if kind == SENDER_REPORT else None
    return Report(ssrc, sender, tuple(ReportBlock.parse(body, start + 24 * i) for i in range(count)))


def _header(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
