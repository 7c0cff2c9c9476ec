"""Pages and periods, as far as they need no database."""

from datetime import UTC, datetime

import pytest

from jambones.common.db.pages import Period, owned_by, within
from jambones.common.db.repository import Where
from jambones.common.db.tenant import PLATFORM, Tenant

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def test_each_kind_of_tenant_sees_its_own_rows() -> None:
    texts = []
    for tenant in (PLATFORM, Tenant("sp-1"), Tenant("sp-1", "acc-1")):
        where = Where()
        owned_by(where, tenant)
        texts.append((str(where), list(where.args)))

    assert texts[1] == ("(service_provider_sid = $1)", ["sp-1"])
    assert texts[2] == ("(account_sid = $1)", ["acc-1"])
    assert "sid" not in texts[0][0]
    assert texts[0][1] == []


@pytest.mark.parametrize(
    ("period", "args"),
    [(Period(), []), (Period(START), [START]), (Period(None, END), [END]), (Period(START, END), [START, END])],
)
def test_a_period_may_be_open_at_either_end(period: Period, args: list[datetime]) -> None:
    where = Where()
    within(where, "time", period)

    assert list(where.args) == args


def test_values_are_never_part_of_the_text() -> None:
    where = Where()
    owned_by(where, Tenant("x'; DROP TABLE accounts; --"))

    assert "DROP" not in str(where)


def test_an_account_without_a_provider_is_nobody() -> None:
    with pytest.raises(ValueError):
        Tenant(account_sid="acc-1")
    assert (Tenant("sp", "acc").scope, Tenant("sp").scope, PLATFORM.scope) == ("account", "service_provider", "admin")
