"""Counting failures."""

from jambones.registrar.guard import MOST, FailureCounts


def test_the_limit_within_a_minute_is_reached_once_it_is_there() -> None:
    counts = FailureCounts(3)

    assert [counts.failed("a", now) for now in (0, 10, 20)] == [False, False, True]
    assert counts.reached("a", 59)
    assert not counts.reached("a", 61)
    assert not counts.reached("b", 20)


def test_slow_failures_never_reach_it() -> None:
    counts = FailureCounts(3)

    assert not any(counts.failed("a", now) for now in range(0, 3000, 31))


def test_success_forgets_and_no_limit_never_blocks() -> None:
    counts = FailureCounts(1)
    counts.failed("a", 0)
    counts.forget("a")

    assert not counts.reached("a", 0)
    assert not any(FailureCounts(0).failed("a", 0) for _ in range(100))


def test_memory_is_bounded() -> None:
    counts = FailureCounts(2)
    for number in range(MOST + 100):
        counts.failed(str(number), 0)

    assert len(counts._times) == MOST
