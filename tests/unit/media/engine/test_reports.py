"""RTCP of all legs: reports at their times, and what peers say believed only from where they are."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jambones.media import rtcp
from jambones.media.codecs import PCMU
from jambones.media.engine.legs import Legs
from jambones.media.engine.reception import Reception
from jambones.media.engine.reports import EVERY, Reports
from jambones.media.engine.sockets import Outbound
from jambones.media.messages import Message, Open, Report

Rows = NDArray[np.intp]
HOST, PORT = "192.0.2.1", 4000


class KeptSocket:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def sendto(self, data: bytes, where: tuple[str, int]) -> None:
        self.sent.append((data, where))


class World:
    """One leg in row 0 that sends and receives; `now` is the wall clock."""

    def __init__(self, rtcp_port: int = PORT + 1) -> None:
        self.now = 1_700_000_000.0
        self.told: list[Message] = []
        self.rtp, self.rtcp = KeptSocket(), KeptSocket()
        self.out = Outbound(4, 256)
        self.legs, self.reception = Legs(4, self.out), Reception(5)

        class Ports:
            rtp, rtcp = (self.rtp,), (self.rtcp,)

        class Sent:
            packets, octets = np.array([50, 7, 2**32 + 3, 0]), np.array([8000, 1120, 2**32 + 5, 0])

            def timestamp(self, row: int) -> int:
                return 12345 + row

            def timestamps(self, rows: Rows) -> Rows:
                return 12345 + rows

        ports: Any = Ports()
        sender: Any = Sent()
        self.reports = Reports(ports, self.legs, self.out, self.reception, sender, self.told.append, lambda: self.now)
        self.open(0, PORT, rtcp_port)

    def open(self, row: int, port: int, rtcp_port: int) -> None:
        self.legs.open(Open(row, True, 0, PCMU, 0, 0, 101, 101, HOST, port, rtcp_port, True, True, 160))
        self.reception.open(row)
        self.reports.open(row)

    def hear(self, count: int = 10, ssrc: int = 99, row: int = 0, step: int = 1) -> None:
        for sequence in range(0, count * step, step):
            self.reception.note(np.array([row]), np.array([sequence]), np.array([ssrc], np.uint32))

    def block(self, **more: Any) -> rtcp.ReportBlock:
        values = {
            "ssrc": int(self.out.ssrc[0]),
            "fraction_lost": 64,
            "packets_lost": 5,
            "highest_sequence": 9,
            "jitter": 80,
        }
        return rtcp.ReportBlock(**(values | more))


def test_a_report_goes_out_every_five_seconds_to_the_next_port() -> None:
    world = World()
    world.hear()
    for tick in range(2 * EVERY):
        world.reports.send(tick)

    assert [where for _, where in world.rtcp.sent] == [(HOST, PORT + 1)] * 2
    (report,) = rtcp.parse_compound(world.rtcp.sent[0][0])
    assert report.sender is not None
    assert (report.sender.packets, report.sender.octets, report.sender.timestamp) == (50, 8000, 12345)
    assert [(block.ssrc, block.packets_lost) for block in report.blocks] == [(99, 0)]


def test_multiplexed_rtcp_takes_the_way_of_rtp() -> None:
    world = World(rtcp_port=PORT)
    for tick in range(EVERY):
        world.reports.send(tick)

    assert [where for _, where in world.rtp.sent] == [(HOST, PORT)]
    assert world.rtcp.sent == []


def test_what_a_peer_says_of_our_packets_is_told() -> None:
    world = World()
    world.reports.receive(0, (HOST, PORT + 1), bytes(rtcp.Report(99, None, (world.block(),))))

    assert world.told == [Report(0, 0.25, 5, 10.0, -1.0)]


def test_the_round_trip_is_what_is_left_of_the_time_since_our_report() -> None:
    world = World()
    sent = rtcp.compact_ntp(rtcp.ntp_time(world.now))
    world.now += 0.350
    block = world.block(last_report=sent, delay=int(0.300 * 65536))
    world.reports.receive(0, (HOST, PORT + 1), bytes(rtcp.Report(99, None, (block,))))

    (told,) = world.told
    assert isinstance(told, Report)
    assert told[4] == pytest.approx(50, abs=1)


def test_a_delay_that_is_too_long_is_no_negative_trip() -> None:
    world = World()
    sent = rtcp.compact_ntp(rtcp.ntp_time(world.now))
    block = world.block(last_report=sent, delay=65536)
    world.reports.receive(0, (HOST, PORT + 1), bytes(rtcp.Report(99, None, (block,))))

    assert world.told[0][4] == 0.0


@pytest.mark.parametrize(("host", "socket", "ssrc"), [("203.0.113.9", 0, None), (HOST, 1, None), (HOST, 0, 12345)])
def test_strangers_are_not_believed(host: str, socket: int, ssrc: int | None) -> None:
    world = World()
    block = world.block() if ssrc is None else world.block(ssrc=ssrc)
    world.reports.receive(socket, (host, PORT + 1), bytes(rtcp.Report(99, None, (block,))))

    assert world.told == []


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x80\xc9\x00\xff", b"\x81\xc9\x00\x01\0\0\0\0", b"\0" * 40, b"\xff" * 40]
)
def test_broken_reports_are_passed_over(data: bytes) -> None:
    world = World()
    world.reports.receive(0, (HOST, PORT + 1), data)

    assert world.told == []


def test_our_next_report_says_how_long_ago_theirs_came() -> None:
    world = World()
    world.hear()
    info = rtcp.SenderInfo(rtcp.ntp_time(world.now), 1, 1, 160)
    world.reports.receive(0, (HOST, PORT + 1), bytes(rtcp.Report(99, info)))
    world.now += 1.5
    for tick in range(EVERY):
        world.reports.send(tick)

    (report,) = rtcp.parse_compound(world.rtcp.sent[0][0])
    assert report.blocks[0].last_report == rtcp.compact_ntp(info.ntp)
    assert report.blocks[0].delay == pytest.approx(1.5 * 65536, abs=2)


def test_a_leg_says_goodbye() -> None:
    world = World()
    world.reports.close(0)

    data = world.rtcp.sent[0][0]
    assert data.endswith(rtcp.bye(int(world.out.ssrc[0])))
    rtcp.parse_compound(data)


def test_many_reports_are_what_each_would_be_alone() -> None:
    """Legs that hear everything, that lose, that heard twice as much as was sent, and what was heard of before."""

    def world() -> World:
        made = World()
        made.open(1, PORT + 2, PORT + 3)
        made.open(2, PORT + 4, PORT + 5)
        made.hear(10, row=0)
        made.hear(10, 7, row=1, step=3)
        made.hear(5, 8, row=2)
        made.reception.note(np.array([2] * 20), np.array([4] * 20), np.array([8] * 20, np.uint32))
        for row, delay in ((0, 0.25), (2, -3.0)):
            made.reports.receive(
                0,
                (HOST, PORT + 1),
                bytes(rtcp.Report(int(made.reception.ssrc[row]), rtcp.SenderInfo(7 << 40, 1, 1, 1))),
            )
            made.now += delay
        return made

    together, alone = world(), world()
    for each in (together, alone):
        each.out.ssrc[:3] = 0xDEADBEEF, 2, 3
    rows = np.arange(3)

    expected = [
        bytes(alone.reports._report(row)) + rtcp.source_description(int(alone.out.ssrc[row]), "jambones")
        for row in rows.tolist()
    ]
    assert together.reports._compounds(rows) == expected
