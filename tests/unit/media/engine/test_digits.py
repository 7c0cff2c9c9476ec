"""Digits of all legs: events in and out, tones where a peer knows no events, and who is told when they are out."""

import numpy as np

from jambones.media.codecs import LAWS, PCMU, SILENCE
from jambones.media.dtmf import EVENTS, TelephoneEvent
from jambones.media.engine.digits import FRAME, Digits
from jambones.media.engine.legs import NO_DTMF
from jambones.media.messages import Message, Pressed, SendDtmf, Sent

EVENT_TYPE = 101


class World:
    def __init__(self) -> None:
        self.told: list[Message] = []
        self.digits = Digits(self.told.append)
        self.clock = np.zeros(4, np.uint32)

    def press(
        self, row: int, digit: str, at: int, *, length: int = 800, end: bool = True, now: float = 0.0
    ) -> int | None:
        event = TelephoneEvent(EVENTS.index(digit), end, length)
        return self.digits.receive(row, bytes(event), at, now).began

    def run(self, ticks: int) -> list[tuple[int, int, str, TelephoneEvent, int]]:
        """What went out: tick, row, digit, event, copies."""
        out = []
        for tick in range(ticks):
            self.clock += FRAME
            for row, packets in self.digits.outgoing(self.clock):
                event = TelephoneEvent.parse(packets.payload)
                out.append((tick, row, EVENTS[event.event], event, packets.copies))
        return out


def test_a_key_is_told_once_with_its_length_however_often_its_end_comes() -> None:
    world = World()
    world.press(1, "5", 1000, length=160, end=False)
    for _ in range(3):
        world.press(1, "5", 1000, length=800)

    assert world.told == [Pressed(1, "5", 100)]


def test_legs_do_not_disturb_each_other() -> None:
    world = World()
    world.press(1, "1", 1000, end=False)
    world.press(2, "2", 1000)
    world.press(1, "1", 1000)

    assert world.told == [Pressed(2, "2", 100), Pressed(1, "1", 100)]


def test_a_key_whose_end_was_lost_ends_by_time_and_the_bridge_is_told() -> None:
    world, released = World(), list[tuple[int, int]]()
    world.press(1, "9", 1000, length=480, end=False, now=0.0)
    world.digits.expire(100.0, lambda row, ms: released.append((row, ms)))
    assert world.told == []

    world.digits.expire(300.0, lambda row, ms: released.append((row, ms)))

    assert world.told == [Pressed(1, "9", 60)]
    assert released == [(1, 60)]
    world.digits.expire(900.0, lambda row, ms: released.append((row, ms)))
    assert len(world.told) == 1


def test_the_bridge_learns_when_a_key_begins_even_if_only_its_end_came_through() -> None:
    world = World()

    assert world.press(1, "7", 1000, end=False) == 7
    assert world.press(1, "7", 1000, end=False) is None
    assert world.press(1, "7", 1000) is None
    assert world.press(1, "8", 9000) == 8


def test_broken_events_are_passed_over() -> None:
    world = World()
    for payload in (b"", b"\x05", b"\x10\x80\x03\x20", b"\xff\xff\xff\xff"):
        world.digits.receive(1, payload, 1000, 0.0)

    assert world.told == []


def test_digits_go_out_one_after_the_other_and_the_last_end_is_told() -> None:
    world = World()
    world.digits.send(SendDtmf(0, 9, "5#", 100), EVENT_TYPE, PCMU)
    out = world.run(40)

    assert "".join(dict.fromkeys(digit for _, _, digit, _, _ in out)) == "5#"
    ends = [(digit, event.duration, copies) for _, _, digit, event, copies in out if event.end]
    assert ends == [("5", 800, 3), ("#", 800, 3)]
    assert world.told == [Sent(9, "done")]


def test_a_pause_is_half_a_second_of_audio() -> None:
    world = World()
    world.digits.send(SendDtmf(0, 9, "1w2", 100), EVENT_TYPE, PCMU)
    out = world.run(80)

    last, first = max(t for t, _, d, _, _ in out if d == "1"), min(t for t, _, d, _, _ in out if d == "2")
    assert (first - last) * 20 >= 500


def test_a_peer_without_events_hears_tones() -> None:
    world = World()
    world.digits.send(SendDtmf(2, 9, "5", 100), NO_DTMF, PCMU)
    said = np.full((4, FRAME), SILENCE[PCMU], np.uint8)
    heard = []
    for _ in range(20):
        said[:] = SILENCE[PCMU]
        world.digits.fill(said)
        heard.append(said[2].copy())
        assert (said[[0, 1, 3]] == SILENCE[PCMU]).all()

    sound = LAWS[PCMU].decode(np.concatenate(heard)).astype(float)[:800]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(800), 8000))
    peaks = sorted(int(np.argmax(spectrum[low:high])) + low for low, high in ((600, 1000), (1100, 1700)))
    assert all(abs(peak - tone) < 15 for peak, tone in zip(peaks, (770, 1336), strict=True))
    assert world.told == [Sent(9, "done")]


def test_a_leg_that_closes_tells_those_who_wait() -> None:
    world = World()
    world.digits.send(SendDtmf(0, 8, "123", 100), EVENT_TYPE, PCMU)
    world.digits.send(SendDtmf(1, 9, "123", 100), NO_DTMF, PCMU)
    world.digits.close(0)
    world.digits.close(1)

    assert world.told == [Sent(8, "stopped"), Sent(9, "stopped")]
    assert world.run(20) == []


def test_a_bridged_key_is_pressed_and_released() -> None:
    world = World()
    world.digits.relay_press(3, 4)
    held = world.run(10)
    assert [event.end for *_, event, _ in held] == [False] * 10
    world.digits.relay_release(3, 100)
    out = world.run(5)

    assert [(row, digit, event.end) for _, row, digit, event, _ in out] == [(3, "4", True)]
    assert world.told == []


def test_digits_that_are_stopped_end_with_the_one_that_is_out() -> None:
    world = World()
    world.digits.send(SendDtmf(0, 8, "123", 200), EVENT_TYPE, PCMU)
    world.digits.send(SendDtmf(1, 9, "123", 200), NO_DTMF, PCMU)
    world.run(4)
    world.digits.stop(0)
    world.digits.stop(1)
    world.digits.stop(2)  # which sends none

    assert world.told == [Sent(8, "stopped"), Sent(9, "stopped")]
    out = world.run(100)
    assert {digit for _, _, digit, _, _ in out} == {"1"}
    assert [(event.end, copies) for *_, event, copies in out] == [(True, 3)]
    said = np.full((2, FRAME), SILENCE[PCMU], np.uint8)
    world.digits.fill(said)
    assert (said == SILENCE[PCMU]).all()


def test_a_key_that_a_bridged_peer_holds_goes_on_when_others_are_stopped() -> None:
    world = World()
    world.digits.relay_press(0, 4)
    world.digits.send(SendDtmf(0, 8, "9", 200), EVENT_TYPE, PCMU)
    world.run(2)
    world.digits.stop(0)
    held = world.run(5)
    world.digits.relay_release(0, 100)
    out = world.run(20)

    assert {digit for _, _, digit, _, _ in [*held, *out]} == {"4"}
    assert [event.end for *_, event, _ in held] == [False] * 5
    assert [event.end for *_, event, _ in out][-1]


def test_a_key_of_hours_is_one_of_seconds_and_made_when_it_is_due() -> None:
    world, said = World(), np.zeros((4, FRAME), np.uint8)
    world.digits.send(SendDtmf(1, 8, "12", 3_600_000_000), NO_DTMF, PCMU)
    ticks = 0
    while not world.told:
        world.digits.fill(said)
        ticks += 1
    assert 16 < ticks * 0.02 < 17
