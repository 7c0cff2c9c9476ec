"""From rows to tables."""

from jambones.common.db.phone_numbers import PhoneNumber
from jambones.common.db.routing import RoutingTables
from jambones.sbc_outbound.snapshot import convert


def number(text: str, account: str | None, trunk: str | None) -> PhoneNumber:
    return PhoneNumber(
        phone_number_sid=f"n-{text}-{account}", number=text, voip_carrier_sid=trunk, account_sid=account,
        application_sid=None, service_provider_sid=None,
    )  # fmt: skip


def test_numbers_of_accounts_and_their_trunks_are_known_patterns_and_half_given_ones_are_not() -> None:
    rows = RoutingTables(
        numbers={
            "1555": (number("1555", "ann", "t"), number("1555", "bob", "u")),
            "1556": (number("1556", None, "t"), number("1556", "ann", None)),
            "155*": (number("155*", "ann", "t"),),
        }
    )

    assert convert(rows).delivered_by == {("ann", "1555"): "t", ("bob", "1555"): "u"}
