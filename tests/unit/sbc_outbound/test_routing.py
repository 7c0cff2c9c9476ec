"""Which trunks take a call to a number, rule by rule."""

from dataclasses import replace

import pytest

from jambones.sbc.decision import Refusal
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.routing import trunks_for
from jambones.sbc_outbound.tables import Gateway, Lcr, LcrEntry, LcrRoute, Tables, Trunk
from jambones.sip.uri import Uri

ANN = Account("ann", "sp", "ann.example.com")
OWN = Trunk("t-own", "own", "ann", "sp")
SECOND = Trunk("t-second", "second", "ann", "sp")
SHARED = Trunk("t-shared", "shared", None, "sp")
BOBS = Trunk("t-bob", "bob's", "bob", "sp")
ASLEEP = Trunk("t-asleep", "asleep", "ann", "sp", is_active=False)
BARE = Trunk("t-bare", "bare", "ann", "sp")
FOREIGN = Trunk("t-foreign", "foreign", None, "other sp")


def order(number: str = "15551234", **more: object) -> Order:
    return replace(Order(ANN, "phone", Uri("sip", number, host="egress"), "15550000"), **more)  # type: ignore[arg-type]


def tables(*trunks: Trunk, lcrs: tuple[Lcr, ...] = (), routes: tuple[LcrRoute, ...] = (), **more: object) -> Tables:
    """Each trunk has one gateway that takes calls, but for `bare`, which has one that only places them."""
    gateways = [
        Gateway(f"g-{trunk.voip_carrier_sid}", trunk.voip_carrier_sid, "192.0.2.1", outbound=trunk is not BARE)
        for trunk in trunks
    ]
    return Tables.of(accounts=[ANN], trunks=trunks, gateways=gateways, lcrs=lcrs, lcr_routes=routes, **more)  # type: ignore[arg-type]


def names(known: Tables, asked: Order, draw: float = 0.0) -> tuple[str, ...] | tuple[int, str]:
    result = trunks_for(known, asked, lambda: draw).result
    if isinstance(result, Refusal):
        return result.status, result.cause
    return tuple(trunk.name for trunk in result)


NONE = (603, "no carrier")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("t-own", ("own",)),
        ("t-shared", ("shared",)),
        ("own", ("own",)),
        ("t-asleep", NONE),
        ("t-bare", NONE),
        ("t-bob", (404, "unknown trunk")),
        ("t-foreign", (404, "unknown trunk")),
        ("bob's", (404, "unknown trunk")),
        ("nobody", (404, "unknown trunk")),
    ],
)
def test_the_trunk_of_the_application_is_its_own_or_shared_and_takes_calls(
    wanted: str, expected: tuple[str, ...]
) -> None:
    known = tables(OWN, SHARED, BOBS, ASLEEP, BARE, FOREIGN)

    assert names(known, order(trunk=wanted)) == expected


def test_a_name_means_the_accounts_own_trunk_before_a_shared_one() -> None:
    twin = Trunk("t-twin", "own", None, "sp")

    assert names(tables(twin, OWN), order(trunk="own")) == ("own",)
    result = trunks_for(tables(twin, OWN), order(trunk="own")).result
    assert not isinstance(result, Refusal)
    assert result[0].voip_carrier_sid == "t-own"


def lcr_tables(owner: str = "ann", *, active: bool = True, default: str | None = None) -> Tables:
    return tables(
        OWN,
        SECOND,
        SHARED,
        lcrs=(Lcr("l", owner, active, default),),
        routes=(LcrRoute("r1", "l", "1555", 1),),
        lcr_entries=[LcrEntry("e1", "r1", "t-second", 1, 0), LcrEntry("e2", "r1", "t-own", 1, 1)],
    )


def test_least_cost_routing_gives_all_its_trunks_in_order() -> None:
    assert names(lcr_tables(), order()) == ("second", "own")
    assert names(lcr_tables("sp"), order()) == ("second", "own")


def test_an_explicit_trunk_wins_over_least_cost_routing() -> None:
    assert names(lcr_tables(), order(trunk="t-own")) == ("own",)


def test_least_cost_routing_without_a_route_ends_the_search() -> None:
    assert names(lcr_tables(), order("33123", in_trunk="t-own")) == NONE


def test_the_default_entry_takes_what_no_route_has() -> None:
    assert names(lcr_tables(default="e2"), order("33123")) == ("own",)


def test_an_inactive_table_is_none() -> None:
    assert names(lcr_tables(active=False), order(in_trunk="t-shared")) == ("shared",)


def test_the_accounts_table_hides_its_service_providers() -> None:
    known = tables(
        OWN,
        SHARED,
        lcrs=(Lcr("l", "ann"), Lcr("l2", "sp")),
        routes=(LcrRoute("r1", "l", "1", 1), LcrRoute("r2", "l2", "1", 1)),
        lcr_entries=[LcrEntry("e1", "r1", "t-own"), LcrEntry("e2", "r2", "t-shared")],
    )

    assert names(known, order()) == ("own",)


@pytest.mark.parametrize(
    ("came_in_on", "expected"),
    [("t-shared", ("shared",)), ("t-second", ("second",)), ("t-asleep", ("own",)), ("t-bob", ("own",))],
)
def test_the_trunk_of_the_parent_call_takes_it_back_when_it_can(came_in_on: str, expected: tuple[str, ...]) -> None:
    assert names(tables(OWN, SECOND, SHARED, ASLEEP, BOBS), order(in_trunk=came_in_on)) == expected


@pytest.mark.parametrize(
    ("delivered_by", "expected"),
    [("t-second", "second"), ("t-shared", "shared"), ("t-asleep", "own"), ("t-bob", "own")],
)
def test_the_trunk_of_the_calling_number_comes_before_that_of_the_parent_call(delivered_by: str, expected: str) -> None:
    known = tables(OWN, SECOND, SHARED, ASLEEP, BOBS, delivered_by={("ann", "15550000"): delivered_by})

    assert names(known, order(in_trunk="t-own")) == (expected,)
    assert names(known, order(from_user="+15550000", in_trunk="t-own")) == (expected,)
    assert names(known, order(from_user="15550001", in_trunk="t-own")) == ("own",)


def test_the_trunk_of_another_accounts_number_is_nobodys_reason() -> None:
    known = tables(OWN, SHARED, delivered_by={("bob", "15550000"): "t-shared"})

    assert names(known, order()) == ("own",)


def test_the_reasons_do_not_show_the_calling_number() -> None:
    decision = trunks_for(tables(SECOND, delivered_by={("ann", "15550000"): "t-second"}), order())

    assert "15550000" not in str(decision.reasons)


@pytest.mark.parametrize(("draw", "expected"), [(0.0, "own"), (0.49, "own"), (0.5, "second"), (0.999, "second")])
def test_any_trunk_of_the_account_is_drawn(draw: float, expected: str) -> None:
    assert names(tables(OWN, SECOND, SHARED, BARE, ASLEEP), order(), draw) == (expected,)


def test_the_service_providers_trunks_come_after_the_accounts() -> None:
    assert names(tables(SHARED, BARE, ASLEEP, BOBS, FOREIGN), order()) == ("shared",)


def test_without_any_trunk_nobody_takes_the_call() -> None:
    decision = trunks_for(tables(BARE, ASLEEP, BOBS, FOREIGN), order())

    assert isinstance(decision.result, Refusal)
    assert (decision.result.status, decision.result.alert) == (603, "no-carrier")
    assert [rule.name for rule in decision.reasons] == [
        "trunk of the application", "least-cost routing of the account", "least-cost routing of the service provider",
        "trunk of the calling number", "trunk of the parent call", "trunk of the account",
        "trunk of the service provider", "trunk",
    ]  # fmt: skip


def test_the_reasons_name_the_sids_they_are_about() -> None:
    decision = trunks_for(lcr_tables(), order())

    assert "t-second" in decision.reasons[-1].about
