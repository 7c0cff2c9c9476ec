"""Probes: what keeps a process from taking work, and how late its loop runs."""

import asyncio
import json

from aiohttp.test_utils import make_mocked_request

from jambones.common.metrics import Metrics
from jambones.common.ops import LIVE_LAG, LoopLag, Ops
from tests.support.virtual_time import in_virtual_time


def ops(*, draining: bool = False) -> Ops:
    made = Ops("test", Metrics(process=False), LoopLag(), calls=lambda: 3, draining=lambda: draining)
    made.checks.pop("started")
    return made


@in_virtual_time
async def test_a_process_is_not_ready_before_it_has_started() -> None:
    made = Ops("test", Metrics(process=False), LoopLag(), calls=lambda: 0, draining=lambda: False)

    assert await made.problems() == {"started": "not yet"}


@in_virtual_time
async def test_checks_may_answer_now_or_later_or_fail_or_hang() -> None:
    made = ops()

    async def later() -> str | None:
        await asyncio.sleep(1)
        return "away"

    async def never() -> str | None:
        await asyncio.sleep(1000)
        return None

    def fail() -> str | None:
        raise OSError

    made.checks |= {"fine": lambda: None, "now": lambda: "bad", "later": later, "never": never, "fails": fail}

    assert await made.problems() == {"now": "bad", "later": "away", "never": "no answer", "fails": "OSError"}


@in_virtual_time
async def test_a_process_that_drains_is_alive_but_not_ready() -> None:
    made = ops(draining=True)
    request = make_mocked_request("GET", "/")

    ready, live, health = await made._readyz(request), await made._livez(request), await made._healthz(request)

    assert (ready.status, live.status, health.status) == (503, 200, 503)
    assert isinstance(health.body, bytes)
    assert json.loads(health.body)["calls"] == 3


@in_virtual_time
async def test_a_loop_that_hardly_turns_is_not_alive() -> None:
    made = ops()
    made.lag.note(LIVE_LAG + 0.5, 100.0)

    assert (await made._livez(make_mocked_request("GET", "/"))).status == 503


def test_the_longest_stall_is_remembered_for_half_a_minute_to_a_minute() -> None:
    lag = LoopLag()
    lag.note(0.5, 100.0)
    lag.note(0.01, 110.0)
    assert (lag.now, lag.longest) == (0.01, 0.5)
    lag.note(0.01, 131.0)
    assert lag.longest == 0.5
    lag.note(0.01, 162.0)
    lag.note(-0.01, 193.0)
    assert lag.longest == 0.01
    assert lag.now == 0.0


def test_one_stall_is_no_lasting_lateness() -> None:
    lag = LoopLag()
    lag.note(0.3, 100.0)
    lag.note(0.4, 100.5)
    assert lag.lasting == 0.0
    lag.note(0.5, 101.0)
    assert lag.lasting == 0.3
    lag.note(0.0, 101.1)
    assert lag.lasting == 0.0
