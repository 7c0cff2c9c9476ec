"""RFC 3262: reliable provisional responses, both sides."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jambones.sip.build import response
from jambones.sip.message import Request, Response
from jambones.sip.reliable import ReliableReceiver, ReliableSender
from jambones.sip.timers import SipTimers, TimerWheel
from tests.support.sip_messages import request
from tests.support.virtual_time import in_virtual_time

INVITE = request("INVITE", cseq=7, headers=[("Require", "100rel")])


class Sender:
    def __init__(self, wheel: TimerWheel) -> None:
        self.sent: list[tuple[int, str | None, bool]] = []
        self.given_up = 0
        self.idle = 0
        self.it = ReliableSender(wheel, SipTimers(), self._transmit, self._give_up)
        self.it.on_idle = self._on_idle

    def _transmit(self, response: Response, again: bool) -> None:
        self.sent.append((response.status, response.headers.get("RSeq"), again))

    def _give_up(self) -> None:
        self.given_up += 1

    def _on_idle(self) -> None:
        self.idle += 1

    @property
    def rseq(self) -> int:
        return int(self.sent[-1][1] or 0)


@contextmanager
def senders() -> Iterator[Sender]:
    wheel = TimerWheel(asyncio.get_running_loop())
    sender = Sender(wheel)
    yield sender
    sender.it.close()
    wheel.close()


def ringing(status: int = 180) -> Response:
    return response(INVITE, status, to_tag="us")


def prack(rseq: int, cseq: str = "7 INVITE") -> Request:
    return request("PRACK", to_tag="us", cseq=8, headers=[("RAck", f"{rseq} {cseq}")])


@in_virtual_time
async def test_it_is_repeated_at_doubling_intervals_until_its_prack() -> None:
    with senders() as sender:
        sender.it.send(made := ringing())
        await asyncio.sleep(3.6)  # 0.5, 1.5 and 3.5 s

        assert [again for _, _, again in sender.sent] == [False, True, True, True]
        assert "100rel" in made.require
        assert sender.it.outstanding
        assert sender.it.acknowledged(prack(sender.rseq))
        await asyncio.sleep(60)

        assert len(sender.sent) == 4
        assert (sender.it.outstanding, sender.idle, sender.given_up) == (False, 1, 0)


@in_virtual_time
async def test_without_a_prack_it_gives_up_after_64_t1() -> None:
    with senders() as sender:
        sender.it.send(ringing())
        sender.it.send(ringing(183))

        await asyncio.sleep(31.9)
        assert sender.given_up == 0
        await asyncio.sleep(0.2)

        assert sender.given_up == 1
        assert {status for status, _, _ in sender.sent} == {180}
        assert not sender.it.outstanding


@in_virtual_time
async def test_the_next_one_waits_for_the_prack_of_the_first_and_counts_on() -> None:
    with senders() as sender:
        sender.it.send(ringing(180))
        sender.it.send(ringing(183))
        first = sender.rseq
        assert [status for status, _, _ in sender.sent] == [180]

        assert sender.it.acknowledged(prack(first))

        assert sender.sent[-1] == (183, str(first + 1), False)
        assert sender.idle == 0
        assert sender.it.acknowledged(prack(first + 1))
        assert sender.idle == 1


@in_virtual_time
async def test_a_prack_that_matches_nothing_is_refused() -> None:
    with senders() as sender:
        assert not sender.it.acknowledged(prack(1))
        sender.it.send(ringing())
        rseq = sender.rseq

        for wrong in (prack(rseq + 1), prack(rseq, "8 INVITE"), prack(rseq, "7 UPDATE"), request("PRACK", to_tag="us")):
            assert not sender.it.acknowledged(wrong)
        assert sender.it.acknowledged(prack(rseq))
        assert not sender.it.acknowledged(prack(rseq))


@in_virtual_time
async def test_nothing_is_repeated_after_the_final_response() -> None:
    with senders() as sender:
        sender.it.send(ringing(180))
        sender.it.send(ringing(183))

        sender.it.close()
        await asyncio.sleep(60)

        assert [status for status, _, _ in sender.sent] == [180]
        assert (sender.given_up, sender.idle) == (0, 0)


def reliable(rseq: str, status: int = 183, require: str = "100rel") -> Response:
    made = ringing(status)
    made.headers.add("RSeq", rseq)
    made.headers.add("Require", require)
    return made


def test_each_reliable_provisional_is_acknowledged_in_order() -> None:
    receiver = ReliableReceiver()

    assert receiver.rack_for(reliable("41")) == ("41 7 INVITE", True)
    assert receiver.rack_for(reliable("42")) == ("42 7 INVITE", True)


def test_a_gap_and_a_repetition_are_dropped() -> None:
    receiver = ReliableReceiver()
    receiver.rack_for(reliable("41"))

    assert receiver.rack_for(reliable("43")) == (None, False)
    assert receiver.rack_for(reliable("41")) == (None, False)
    assert receiver.rack_for(reliable("42")) == ("42 7 INVITE", True)


@pytest.mark.parametrize("made", [ringing(), reliable("x"), reliable("1", require="timer"), reliable("99999999999")])
def test_what_is_not_reliable_needs_no_prack(made: Response) -> None:
    assert ReliableReceiver().rack_for(made) == (None, True)
