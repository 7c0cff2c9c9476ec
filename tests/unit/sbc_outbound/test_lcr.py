"""Least-cost routing: matching, order, weights."""

import random
from collections import Counter

import pytest

from jambones.sbc.decision import Reasons
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.lcr import ordered, trunks_by_cost
from jambones.sbc_outbound.tables import Gateway, Lcr, LcrEntry, LcrRoute, Tables, Trunk

ANN = Account("ann", "sp")
LCR = Lcr("l", "ann")


def of_routes(*routes: tuple[str, int]) -> Tables:
    """A trunk named like each route's text."""
    texts = [text for text, _ in routes]
    return Tables.of(
        trunks=[Trunk(text, text, "ann", "sp") for text in texts],
        gateways=[Gateway(text, text, "192.0.2.1") for text in texts],
        lcrs=[LCR],
        lcr_routes=[LcrRoute(text, "l", text, priority) for text, priority in routes],
        lcr_entries=[LcrEntry(text, text, text) for text in texts],
    )


def route_of(tables: Tables, number: str) -> str | None:
    found = trunks_by_cost(tables, LCR, ANN, number, random.random, Reasons())
    return found[0].name if found else None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("15551234", "1555"),  # the longest prefix of one priority
        ("15541234", "1"),
        ("44201234", "44(20|21)"),
        ("44221234", "44"),
        ("99", ".*"),
        ("33123", "33"),  # lower priority first, whatever is longer
        ("0044201", ".*"),  # an expression begins at the number's start
    ],
)
def test_a_route_is_found_by_priority_then_by_length(number: str, expected: str) -> None:
    tables = of_routes(
        ("1", 2), ("1555", 2), ("44", 3), ("44(20|21)", 2), ("33", 1), ("33123", 2), (".*", 9999)
    )  # fmt: skip

    assert route_of(tables, number) == expected


def test_prefixes_go_before_expressions_of_the_same_priority() -> None:
    assert route_of(of_routes(("1...1234", 1), ("1555", 1)), "15551234") == "1555"


def test_an_expression_that_nobody_can_read_matches_nothing() -> None:
    assert route_of(of_routes(("(", 1)), "15551234") is None


def test_a_hostile_expression_costs_no_time() -> None:
    assert route_of(of_routes(("(1+)+$", 1)), "1" * 30 + "x") is None


def entries(*rows: tuple[str, int, int]) -> list[LcrEntry]:
    return [LcrEntry(name, "r", name, workload, priority) for name, workload, priority in rows]


def sids(rows: list[LcrEntry]) -> list[str]:
    return [row.voip_carrier_sid for row in rows]


def test_entries_go_by_priority_then_by_lot() -> None:
    rows = entries(("later", 100, 2), ("a", 1, 1), ("b", 1, 1))

    assert sids(ordered(rows, lambda: 0.0)) == ["a", "b", "later"]
    assert sids(ordered(rows, lambda: 0.99)) == ["b", "a", "later"]


def test_no_workload_means_only_when_the_others_fail() -> None:
    assert sids(ordered(entries(("spare", 0, 1), ("a", 1, 1), ("next", 5, 2)), lambda: 0.5)) == ["a", "spare", "next"]


def test_workloads_are_shares_within_five_percent_over_a_thousand_calls() -> None:
    chance = random.Random(1)
    rows = entries(("seventy", 70, 1), ("thirty", 30, 1))

    firsts = Counter(sids(ordered(rows, chance.random))[0] for _ in range(1000))

    assert abs(firsts["seventy"] - 700) <= 50
    assert firsts["seventy"] + firsts["thirty"] == 1000


def test_trunks_of_others_and_sleeping_ones_are_passed_over() -> None:
    tables = Tables.of(
        trunks=[
            Trunk("asleep", "asleep", "ann", "sp", is_active=False),
            Trunk("bob", "bob", "bob", "sp"),
            Trunk("bare", "bare", "ann", "sp"),
            Trunk("good", "good", None, "sp"),
        ],
        gateways=[Gateway(sid, sid, "192.0.2.1") for sid in ("asleep", "bob", "good")],
        lcrs=[LCR],
        lcr_routes=[LcrRoute("r", "l", "1", 1)],
        lcr_entries=entries(("asleep", 1, 1), ("bob", 1, 2), ("bare", 1, 3), ("good", 1, 4), ("gone", 1, 5)),
    )
    reasons = Reasons()

    found = trunks_by_cost(tables, LCR, ANN, "15551234", random.random, reasons)

    assert [trunk.name for trunk in found] == ["good"]


def test_a_route_whose_trunks_all_sleep_falls_to_the_default() -> None:
    tables = Tables.of(
        trunks=[Trunk("asleep", "asleep", "ann", "sp", is_active=False), Trunk("good", "good", "ann", "sp")],
        gateways=[Gateway("g1", "asleep", "192.0.2.1"), Gateway("g2", "good", "192.0.2.2")],
        lcrs=[LCR],
        lcr_routes=[LcrRoute("r", "l", "1", 1), LcrRoute("r2", "l", ".*", 9999)],
        lcr_entries=[LcrEntry("e1", "r", "asleep"), LcrEntry("e2", "r2", "good")],
    )
    lcr = Lcr("l", "ann", default_entry_sid="e2")

    found = trunks_by_cost(tables, lcr, ANN, "15551234", random.random, Reasons())

    assert [trunk.name for trunk in found] == ["good"]
