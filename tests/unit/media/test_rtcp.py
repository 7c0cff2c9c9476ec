"""RTCP packets: what is built parses to the same, and what is broken is told."""

import struct

import pytest

from jambones.media import rtcp
from jambones.media.rtcp import Report, ReportBlock, SenderInfo, parse_compound

BLOCK = ReportBlock(0xDEADBEEF, 12, -3, 0x0001FFFE, 40, 0x11223344, 65536)
SENDER = Report(1, SenderInfo(rtcp.ntp_time(1_700_000_000.5), 160, 50, 8000), (BLOCK,))
RECEIVER = Report(2, None, (BLOCK, ReportBlock(5, 255, 0x7FFFFF, 1, 0)))


@pytest.mark.parametrize("report", [SENDER, RECEIVER, Report(3, None)])
def test_reports_parse_to_what_built_them(report: Report) -> None:
    assert parse_compound(bytes(report)) == [report]


def test_other_kinds_in_a_compound_packet_are_passed_over() -> None:
    data = bytes(SENDER) + rtcp.source_description(1, "jambones") + bytes(RECEIVER) + rtcp.bye(1)

    assert parse_compound(data) == [SENDER, RECEIVER]
    assert len(data) % 4 == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc8",
        bytes(SENDER)[:-1],
        bytes(SENDER) + b"\0",
        b"\x40" + bytes(SENDER)[1:],
        struct.pack("!BBHI", 0x82, rtcp.RECEIVER_REPORT, 1, 7),  # two blocks that are not there
    ],
)
def test_broken_packets_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_compound(data)


def test_ntp_time_counts_from_1900_in_two_to_the_thirty_second_of_a_second() -> None:
    assert rtcp.ntp_time(0.25) == (2_208_988_800 << 32) + (1 << 30)
    assert rtcp.compact_ntp(0x1122_3344_5566_7788) == 0x3344_5566
