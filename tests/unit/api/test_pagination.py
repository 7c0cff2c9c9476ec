"""Pages and filters of a query."""

from datetime import UTC, datetime, timedelta

import pytest

from jambones.api.errors import Refused
from jambones.api.pagination import page_and_count, period, text_filter
from jambones.common import clock

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("query", [{}, {"page": "1"}, {"page": "0", "count": "5"}, {"page": "1", "count": "501"}])
def test_page_and_count_are_both_needed(query: dict[str, str]) -> None:
    with pytest.raises(Refused, match="missing or invalid"):
        page_and_count(query)


@pytest.mark.parametrize("text", ["-1", "1e3", "²", "9" * 10, "1.0"])
def test_a_page_is_a_number(text: str) -> None:
    with pytest.raises(Refused):
        page_and_count({"page": text, "count": "5"})


def test_days_win_over_start_and_end() -> None:
    with clock.replaced(lambda: NOW):
        found = period({"days": "2", "start": "2020-01-01", "end": "2020-01-02"})
    assert (found.start, found.end) == (NOW - timedelta(days=2), None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00.000Z", NOW),
        ("2026-01-31T13:00:00 01:00", NOW),
    ],
)
def test_a_start_is_a_date_or_a_moment(text: str, moment: datetime) -> None:
    assert period({"start": text}).start == moment


@pytest.mark.parametrize(("text", "found"), [(" 1508", "+1508"), ("1508 ", "1508"), ("", None), ("  ", None)])
def test_a_leading_space_was_a_plus(text: str, found: str | None) -> None:
    assert text_filter({"filter": text}, "filter") == found
