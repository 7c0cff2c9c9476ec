"""The timer wheel."""

import asyncio

from jambones.sip.timers import TimerWheel
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_timers_fire_in_order_at_their_time() -> None:
    loop = asyncio.get_running_loop()
    wheel, fired = TimerWheel(loop), list[float]()
    start = loop.time()
    for delay in (3.0, 0.5, 1.0, 0.5):
        wheel.after(delay, lambda: fired.append(round(loop.time() - start, 2)))
    await asyncio.sleep(5)
    assert fired == [0.5, 0.5, 1.0, 3.0]


@in_virtual_time
async def test_a_timer_that_starts_a_later_one_does_not_delay_those_that_wait() -> None:
    loop = asyncio.get_running_loop()
    wheel, fired = TimerWheel(loop), list[float]()
    start = loop.time()
    wheel.after(1.0, lambda: wheel.after(25.0, lambda: None))
    wheel.after(2.0, lambda: fired.append(round(loop.time() - start, 2)))
    await asyncio.sleep(10)
    assert fired == [2.0]


@in_virtual_time
async def test_a_cancelled_timer_does_not_fire() -> None:
    wheel, fired = TimerWheel(asyncio.get_running_loop()), list[int]()
    timer = wheel.after(1.0, fired.append, 1)
    timer.cancel()
    await asyncio.sleep(2)
    assert fired == []
    assert not timer.pending
