"""RFC 4733 both ways: packets of real streams, lost and repeated, in and out."""

import pytest

from jambones.media.dtmf import FRAME, LOST_END_MS, DtmfReceiver, DtmfSender, ReceivedDigit, TelephoneEvent


def send_all(sender: DtmfSender, ticks: int, start: int = 1000) -> list[tuple[int, int, bool, TelephoneEvent]]:
    """What goes out in each tick: (tick, timestamp, marker, event), each copy."""
    out = []
    for tick in range(ticks):
        packets = sender.next((start + tick * FRAME) % 2**32)
        if packets is not None:
            event = TelephoneEvent.parse(packets.payload)
            out += [(tick, packets.timestamp, packets.marker, event)] * packets.copies
    return out


@pytest.mark.parametrize("event", [TelephoneEvent(0, False, 160), TelephoneEvent(15, True, 65535, 63)])
def test_payloads_parse_to_what_built_them(event: TelephoneEvent) -> None:
    assert TelephoneEvent.parse(bytes(event)) == event


def test_a_digit_goes_out_with_updates_and_three_ends() -> None:
    sender = DtmfSender()
    sender.send("5", 100)

    packets = send_all(sender, 20)

    assert [event.duration for *_, event in packets] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for *_, event in packets] == [False] * 4 + [True] * 3
    assert [marker for _, _, marker, _ in packets] == [True] + [False] * 3 + [False] * 3
    assert {stamp for _, stamp, _, _ in packets} == {1000}
    assert {event.event for *_, event in packets} == {5}
    assert sender.idle


def test_between_digits_there_is_a_gap_and_w_is_half_a_second() -> None:
    sender = DtmfSender()
    sender.send("1w#", 60)

    ticks = {event.event: tick for tick, _, marker, event in send_all(sender, 60) if marker}

    assert ticks == {1: 0, 11: 3 + 5 + 25}


def test_received_digits_are_those_that_were_sent() -> None:
    sender, receiver = DtmfSender(), DtmfReceiver()
    sender.send("0123456789*#ABCD", 80)

    got = [
        digit
        for tick, stamp, _, event in send_all(sender, 300, start=2**32 - 700)
        for digit in receiver.receive(bytes(event), stamp, tick * 20)
    ]

    assert got == [ReceivedDigit(key, 80) for key in "0123456789*#ABCD"]


@pytest.mark.parametrize("lost", [{0}, {4, 5}, {4, 6}, {0, 1, 2, 3, 4}, {1, 2, 3, 5, 6}])
def test_any_end_packet_is_enough(lost: set[int]) -> None:
    sender, receiver = DtmfSender(), DtmfReceiver()
    sender.send("7", 100)

    got = [
        digit
        for number, (tick, stamp, _, event) in enumerate(send_all(sender, 20))
        if number not in lost
        for digit in receiver.receive(bytes(event), stamp, tick * 20)
    ]

    assert got == [ReceivedDigit("7", 100)]


def test_without_an_end_the_digit_ends_when_nothing_more_comes() -> None:
    receiver = DtmfReceiver()
    receiver.receive(bytes(TelephoneEvent(3, False, 480)), 5000, 60)

    assert receiver.expire(60 + LOST_END_MS - 1) == []
    assert receiver.expire(60 + LOST_END_MS) == [ReceivedDigit("3", 60)]
    assert receiver.receive(bytes(TelephoneEvent(3, True, 800)), 5000, 300) == []  # told already


def test_the_next_digit_ends_one_whose_end_was_lost() -> None:
    receiver = DtmfReceiver()
    receiver.receive(bytes(TelephoneEvent(1, False, 640)), 1000, 0)

    assert receiver.receive(bytes(TelephoneEvent(2, False, 160)), 4000, 80) == [ReceivedDigit("1", 80)]
    assert receiver.pressing == 2


def test_an_event_longer_than_its_field_goes_on_in_segments() -> None:
    receiver = DtmfReceiver()
    receiver.receive(bytes(TelephoneEvent(9, False, 0xFFFF)), 1000, 0)
    receiver.receive(bytes(TelephoneEvent(9, False, 160)), 1000 + 0xFFFF, 20)

    assert receiver.receive(bytes(TelephoneEvent(9, True, 8000)), 1000 + 0xFFFF, 1000) == [
        ReceivedDigit("9", (0xFFFF + 8000) // 8)
    ]


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x01\x0a\x00", bytes(TelephoneEvent(16, True, 800))])
def test_what_is_no_key_is_passed_over(payload: bytes) -> None:
    receiver = DtmfReceiver()

    assert receiver.receive(payload, 1000, 0) == []
    assert receiver.pressing is None


def test_a_relayed_key_lasts_until_it_is_let_go() -> None:
    sender = DtmfSender()
    sender.press(4)
    first = send_all(sender, 10)
    sender.release(230)

    rest = send_all(sender, 10, start=1000 + 10 * FRAME)

    assert not any(event.end for *_, event in first)
    assert [event.end for *_, event in rest] == [False, True, True, True]
    assert rest[-1][3].duration == 230 * 8
    assert sender.idle
