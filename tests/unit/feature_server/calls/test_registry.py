"""How many calls, and whether another one may come in."""

import asyncio
from typing import Any

import pytest

from jambones.feature_server.calls.registry import CallRegistry, Limits
from tests.support.virtual_time import in_virtual_time


def registry(limits: Limits | None = None, *, lag: float = 0.0, late: float = 0.0) -> CallRegistry:
    return CallRegistry(limits or Limits(), loop_lag=lambda: lag, tick_late=lambda: late)


@in_virtual_time
async def test_without_limits_everybody_comes_in() -> None:
    calls = registry()
    for _ in range(100):
        with calls.admitted():
            assert calls.refusal() is None


@in_virtual_time
async def test_calls_count_from_their_admission_to_their_end() -> None:
    calls = registry(Limits(calls=2))
    with calls.admitted():
        assert (len(calls), calls.refusal()) == (1, None)
        with calls.admitted():
            assert calls.refusal() == "2 calls"
        assert calls.refusal() is None
    assert len(calls) == 0


@in_virtual_time
async def test_a_call_that_fails_gives_its_place_back() -> None:
    calls = registry(Limits(calls=1))
    with pytest.raises(RuntimeError), calls.admitted():
        raise RuntimeError
    assert calls.refusal() is None


@in_virtual_time
async def test_calls_a_second_are_limited_over_one_second() -> None:
    calls = registry(Limits(per_second=2))
    for _ in range(2):
        with calls.admitted():
            pass
    assert calls.refusal() == "2 calls a second"
    await asyncio.sleep(1.1)
    assert calls.refusal() is None


@in_virtual_time
async def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    calls = registry()
    for _ in range(20):
        with calls.admitted():
            pass
    assert calls.per_second() == 2.0
    await asyncio.sleep(11)
    assert calls.per_second() == 0.0


@in_virtual_time
async def test_a_late_loop_and_late_ticks_send_calls_elsewhere() -> None:
    lagging, late = registry(lag=0.3), registry(late=0.05)
    with lagging.admitted(), late.admitted():
        assert "event loop" in (lagging.refusal() or "")
        assert "media ticks" in (late.refusal() or "")
    unlimited = registry(Limits(loop_lag=0, tick_late=0), lag=9, late=9)
    with unlimited.admitted():
        assert unlimited.refusal() is None


@in_virtual_time
async def test_lateness_without_a_call_is_no_reason_to_refuse() -> None:
    assert registry(lag=0.3, late=0.05).refusal() is None


@in_virtual_time
async def test_draining_refuses_but_is_not_full() -> None:
    calls = registry()
    calls.draining = True

    assert (calls.refusal(), calls.full()) == ("draining", None)


@in_virtual_time
async def test_calls_are_found_by_their_sid_while_they_are_listed() -> None:
    class Session:
        class info:  # noqa: N801
            call_sid = "call-1"

    calls, session = registry(), Session()
    untyped: Any = session
    with calls.listed(untyped):
        assert calls.find("call-1") is untyped
        assert list(calls) == [untyped]
    assert calls.find("call-1") is None
