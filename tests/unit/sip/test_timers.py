"""The timer wheel: every timer at its time, whatever other timers do."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.timers import SipTimers, Timer, TimerWheel
from tests.support.virtual_time import in_virtual_time, run


class Bell:
    """Notes when it rings, in hundredths of a second since the start."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.start = self.loop.time()
        self.rung: list[tuple[str, int]] = []

    def ring(self, name: str) -> None:
        self.rung.append((name, round((self.loop.time() - self.start) * 100)))


@in_virtual_time
async def test_timers_fire_in_order_at_their_times() -> None:
    wheel, bell = TimerWheel(asyncio.get_running_loop()), Bell()
    wheel.after(2.0, bell.ring, "b")
    wheel.after(0.5, bell.ring, "a")
    wheel.after(32.0, bell.ring, "c")

    await asyncio.sleep(40)

    assert bell.rung == [("a", 50), ("b", 200), ("c", 3200)]


@in_virtual_time
async def test_a_timer_started_by_a_timer_does_not_delay_those_before_it() -> None:
    wheel, bell = TimerWheel(asyncio.get_running_loop()), Bell()
    wheel.after(0.5, wheel.after, 5.0, bell.ring, "late")
    wheel.after(1.0, bell.ring, "early")

    await asyncio.sleep(10)

    assert bell.rung == [("early", 100), ("late", 550)]


@in_virtual_time
async def test_a_cancelled_timer_is_silent_and_may_be_cancelled_again() -> None:
    wheel, bell = TimerWheel(asyncio.get_running_loop()), Bell()
    timer = wheel.after(1.0, bell.ring, "never")
    assert timer.pending

    timer.cancel()
    timer.cancel()
    await asyncio.sleep(2)

    assert not timer.pending
    assert bell.rung == []


@in_virtual_time
async def test_a_timer_can_be_cancelled_by_another_of_the_same_moment() -> None:
    wheel, bell = TimerWheel(asyncio.get_running_loop()), Bell()
    timers: list[Timer] = []
    wheel.after(1.0, lambda: timers[0].cancel())  # noqa: PLW0108
    timers.append(wheel.after(1.0, bell.ring, "second"))

    await asyncio.sleep(2)

    assert bell.rung == []


@in_virtual_time
async def test_a_timer_is_not_pending_while_it_fires() -> None:
    wheel = TimerWheel(asyncio.get_running_loop())
    seen: list[bool] = []
    timer = wheel.after(0.1, lambda: seen.append(timer.pending))

    await asyncio.sleep(1)

    assert seen == [False]


@in_virtual_time
async def test_a_callback_that_fails_harms_no_other() -> None:
    wheel, bell = TimerWheel(asyncio.get_running_loop()), Bell()
    wheel.after(1.0, lambda: 1 / 0)
    wheel.after(1.0, bell.ring, "same moment")
    wheel.after(2.0, bell.ring, "later")

    await asyncio.sleep(3)

    assert [name for name, _ in bell.rung] == ["same moment", "later"]


@in_virtual_time
async def test_nothing_fires_after_close() -> None:
    wheel, bell = TimerWheel(asyncio.get_running_loop()), Bell()
    wheel.after(1.0, bell.ring, "never")
    wheel.close()

    await asyncio.sleep(2)

    assert bell.rung == []


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=20))
def test_chains_of_timers_ring_within_a_grain_of_their_times(chains: list[tuple[int, int]]) -> None:
    async def work() -> None:
        wheel, bell = TimerWheel(asyncio.get_running_loop()), Bell()
        for number, (first, second) in enumerate(chains):
            wheel.after(first / 100, wheel.after, second / 100, bell.ring, str(number))
        await asyncio.sleep(100)
        due = {str(number): first + second for number, (first, second) in enumerate(chains)}
        assert len(bell.rung) == len(chains)
        assert all(due[name] <= when <= due[name] + 2 for name, when in bell.rung)

    run(work())


def test_the_defaults_are_those_of_the_rfc() -> None:
    timers = SipTimers()

    assert (timers.t1, timers.t2, timers.t4, timers.timer_c, timers.timer_d) == (0.5, 4.0, 5.0, 180.0, 32.0)
    assert timers.give_up == 32.0
    assert SipTimers(t1=0.1).give_up == pytest.approx(6.4)
