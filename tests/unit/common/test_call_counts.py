"""A period as whole days and what is left over."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from jambones.common.db.call_counts import days_of
from jambones.common.db.pages import Period

MICRO = timedelta(microseconds=1)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def test_without_bounds_every_day_is_whole() -> None:
    days = days_of(Period())
    assert (days.first, days.until, days.edges, days.none) == (None, None, (), False)


def test_the_days_of_the_bounds_are_left_over() -> None:
    days = days_of(Period(at(1, 12), at(4, 18)))
    assert (days.first, days.until) == (at(2), at(4))
    assert days.edges == (Period(at(1, 12), at(2) - MICRO), Period(at(4), at(4, 18)))


def test_a_start_at_midnight_leaves_nothing_over_and_an_end_at_midnight_its_instant() -> None:
    days = days_of(Period(at(1), at(3)))
    assert (days.first, days.until, days.edges) == (at(1), at(3), (Period(at(3), at(3)),))


@pytest.mark.parametrize("period", [Period(at(1, 1), at(1, 2)), Period(at(1, 1), at(2, 2)), Period(at(9), at(1))])
def test_what_holds_no_whole_day_is_left_over_whole(period: Period) -> None:
    days = days_of(period)
    assert (days.none, days.edges) == (True, (period,))


def test_days_are_those_of_utc() -> None:
    days = days_of(Period(datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=2)))))
    assert (days.first, days.edges) == (at(1), ())


def test_the_ends_of_time_have_no_days() -> None:
    with pytest.raises(OverflowError):
        days_of(Period(datetime(9999, 12, 31, 1, tzinfo=UTC)))
    with pytest.raises(OverflowError):
        days_of(Period(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))))
