"""The ingress filter, row by row."""

from collections.abc import Callable
from typing import Any

import pytest

from jambones.sbc_inbound.filter import Answer, Arrival, FilterResult, IngressFilter, Shedding


def invite(**changes: Any) -> Arrival:
    return Arrival(**{"method": "INVITE", "address": "192.0.2.1", "transport": "udp", **changes})


def result(arrival: Arrival, *, now: float = 0, shedding: Shedding | None = None, **settings: Any) -> FilterResult:
    return IngressFilter(**settings).decide(arrival, now, shedding).result


def status(answer: FilterResult) -> int:
    assert isinstance(answer, Answer)
    return answer.status


def only(address: str) -> Callable[[str], bool]:
    return lambda other: other == address


def test_an_ordinary_invite_is_accepted() -> None:
    assert result(invite()) == "accept"


@pytest.mark.parametrize("address", ["128.90.3.4", "162.142.125.9", "198.235.24.1", "205.210.31.200"])
def test_networks_of_scanners_get_no_answer(address: str) -> None:
    assert result(invite(address=address)) == "drop"
    assert result(invite(address=address, transport="tcp")) == "drop"


def test_a_block_ends_at_its_time() -> None:
    sieve = IngressFilter()
    sieve.block("192.0.2.1", 10)

    assert sieve.decide(invite(), 9).result == "drop"
    assert sieve.decide(invite(), 10).result == "accept"


def test_too_many_new_dialogs_are_dropped_over_udp_and_refused_over_a_stream() -> None:
    sieve = IngressFilter(rate=1, burst=2)
    answers = [sieve.decide(invite(), 0).result for _ in range(3)]

    assert answers == ["accept", "accept", "drop"]
    assert status(sieve.decide(invite(transport="tcp"), 0).result) == 503
    assert sieve.decide(invite(), 1).result == "accept"  # a second later there is a token again
    assert sieve.decide(invite(address="192.0.2.2"), 0).result == "accept"  # others are not concerned


def test_gateways_are_exempt_from_rate_and_blocks() -> None:
    sieve = IngressFilter(rate=1, burst=1, blocked=["192.0.2.0/24"], trusted=only("192.0.2.1"))

    assert [sieve.decide(invite(), 0).result for _ in range(5)] == ["accept"] * 5
    assert sieve.decide(invite(address="192.0.2.2"), 0).result == "drop"


def test_requests_in_a_dialog_cost_no_tokens() -> None:
    sieve = IngressFilter(rate=1, burst=1)

    assert {sieve.decide(invite(method="BYE", in_dialog=True), 0).result for _ in range(5)} == {"accept"}


@pytest.mark.parametrize("field", ["user_agent", "from_", "to"])
@pytest.mark.parametrize("name", ["sip-cli", "SIPCLI 1.8", "Friendly-Scanner", "sipvicious", "pplsip"])
def test_scanners_get_no_answer(field: str, name: str) -> None:
    assert result(invite(**{field: name})) == "drop"
    assert status(result(invite(**{field: name}), scanner_action="decline")) == 603


@pytest.mark.parametrize("method", ["BYE", "INFO", "MESSAGE", "UPDATE", "PRACK", "REFER", "NOTIFY", "SUBSCRIBE"])
def test_methods_of_a_dialog_are_not_allowed_outside_one(method: str) -> None:
    answer = result(invite(method=method))

    assert status(answer) == 405
    assert isinstance(answer, Answer)
    assert "INVITE" in dict(answer.headers)["Allow"]


def test_an_unknown_method_is_not_implemented() -> None:
    assert status(result(invite(method="DANCE"))) == 501


def test_a_draining_edge_takes_no_call_and_says_so_to_pings() -> None:
    for method in ("INVITE", "OPTIONS"):
        answer = result(invite(method=method), shedding=Shedding(draining=True))
        assert status(answer) == 503
        assert isinstance(answer, Answer)
        assert dict(answer.headers)["Retry-After"] == "5"
    assert result(invite(method="BYE", in_dialog=True), shedding=Shedding(draining=True)) == "accept"


def test_an_overloaded_edge_still_answers_pings() -> None:
    overloaded = Shedding(overloaded="loop lag")

    assert status(result(invite(), shedding=overloaded)) == 503
    assert result(invite(method="OPTIONS"), shedding=overloaded) == "accept"


def test_the_reason_names_the_rule_that_hit() -> None:
    decision = IngressFilter().decide(invite(user_agent="friendly-scanner"), 0)

    assert [(rule.name, rule.verdict, rule.detail) for rule in decision.reasons] == [
        ("scanner", "matched", "friendly-scanner")
    ]
