"""Rows as they go out."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from pydantic import ConfigDict, Field

from jambones.api.wire import stamp, wire
from jambones.common.db.repository import Row
from jambones.common.private import Private

NOON = datetime(2026, 1, 31, 12, 0, 0, 5000, UTC)


class Thing(Row):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    thing_sid: str
    kind: Literal["a", "b"] | None = None
    from_: Private[str] | None = Field(None, alias="from")
    is_active: bool = True
    is_new: bool | None = None
    made_at: datetime = NOON
    details: dict[str, bool] = Field(default_factory=dict)
    port: int | None = None


def test_every_column_goes_out_in_its_order_as_clients_know_it() -> None:
    row = Thing(thing_sid="x", from_=Private("1508"), is_active=False, details={"y": True})
    assert list(wire(row).items()) == [
        ("thing_sid", "x"), ("kind", None), ("from", "1508"), ("is_active", 0), ("is_new", None),
        ("made_at", "2026-01-31T12:00:00.005Z"), ("details", {"y": True}), ("port", None),
    ]  # fmt: skip


def test_flags_may_stay_what_they_are() -> None:
    shown = wire(Thing(thing_sid="x"), flags=False)
    assert shown["is_active"] is True
    assert shown["made_at"] == "2026-01-31T12:00:00.005Z"


def test_columns_are_dropped_and_words_added() -> None:
    shown = wire(Thing(thing_sid="x"), drop=("from_", "details"), port=5060, hook=None)
    assert list(shown) == ["thing_sid", "kind", "is_active", "is_new", "made_at", "port", "hook"]
    assert shown["port"] == 5060
    assert wire(Thing(thing_sid="x"), drop=set(Thing.model_fields) - {"thing_sid"}) == {"thing_sid": "x"}


def test_a_moment_is_told_in_utc() -> None:
    assert stamp(datetime(2026, 1, 31, 14, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-31T12:00:00.000Z"
