"""The dry run of calls out: what it says, and to whom."""

import pytest

from jambones.common.bus.explain import ExplainOutbound, Explanation
from jambones.common.ids import AccountSid, ServiceProviderSid
from jambones.common.private import Private
from jambones.sbc.decision import Decision, Refusal
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.tenants import Account, ServiceProvider
from jambones.sbc_outbound.destinations import Surroundings
from jambones.sbc_outbound.devices import Device
from jambones.sbc_outbound.explain import explain
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Gateway, Tables, Trunk

TABLES = Tables.of(
    service_providers=[ServiceProvider("sp", 100), ServiceProvider("sp2")],
    accounts=[
        Account("ann", "sp", "ann.example.com", call_limit=2),
        Account("off", "sp", is_active=False),
        Account("far", "sp2", "far.example.com"),
    ],
    trunks=[
        Trunk("t-ann", "ann's", "ann", "sp", e164_leading_plus=True),
        Trunk("t-sp", "shared", None, "sp"),
        Trunk("t-far", "far's", "far", "sp2"),
    ],
    gateways=[
        Gateway("g1", "t-ann", "192.0.2.1", 5060),
        Gateway("g2", "t-ann", "192.0.2.2"),
        Gateway("g3", "t-sp", "192.0.2.3"),
        Gateway("g4", "t-far", "192.0.2.4"),
    ],
)


class Counts:
    def __init__(self, calls: int) -> None:
        self.calls = calls

    def total(self, sid: str) -> int:
        return self.calls


def nobody(order: Order) -> Decision[tuple[Device, ...] | Refusal]:
    return Decision(Refusal(404, "user not registered", x_reason="user not registered"))


def ask(
    target: str = "+15551234",
    *,
    account: str = "ann",
    trunk: str | None = None,
    viewer: str | None = None,
    sp: str | None = None,
    calls: int = 0,
    down: frozenset[str] = frozenset(),
) -> Explanation:
    question = ExplainOutbound(
        account_sid=AccountSid(account),
        target=Private(target),
        trunk=trunk,
        viewer_account_sid=AccountSid(viewer) if viewer else None,
        viewer_service_provider_sid=ServiceProviderSid(sp) if sp else None,
    )
    return explain(
        TABLES,
        question,
        down=down,
        private=PrefixTable(),
        devices=nobody,
        surroundings=Surroundings(),
        counts=Counts(calls),
    )


def test_a_number_is_explained_down_to_the_request_uri() -> None:
    answer = ask()

    assert (answer.verdict, answer.number, answer.carrier) == ("accepted", "15551234", "ann's")
    assert [(seen.sip_gateway_sid, seen.address) for seen in answer.gateways] == [
        ("g1", "192.0.2.1:5060;udp"), ("g2", "192.0.2.2;udp"),
    ]  # fmt: skip
    assert answer.gateways[0].detail == "as sip:+15551234@192.0.2.1;transport=udp"
    assert [rule.name for rule in answer.rules][-1] == "gateways"


def test_a_gateway_that_is_down_is_left_out() -> None:
    assert [seen.sip_gateway_sid for seen in ask(down=frozenset({"g1"})).gateways] == ["g2"]


@pytest.mark.parametrize(
    ("target", "options", "status"),
    [
        ("15551234", {"trunk": "nobody"}, 404),
        ("15551234", {"account": "off"}, 503),
        ("15551234", {"calls": 2}, 503),
        ("alice@ann.example.com", {}, 404),
        ("sip:alice@ann.example.com", {}, 404),
        ("sip:x@far.example.com", {}, 482),
        ("sip:x@10.0.0.1", {}, 403),
        ("sip:<>", {}, 400),
        ("+", {}, None),
    ],
)
def test_a_refusal_has_its_status(target: str, options: dict[str, object], status: int | None) -> None:
    answer = ask(target, **options)  # type: ignore[arg-type]

    assert answer.status == status


def test_a_sip_uri_outside_is_accepted_without_a_gateway() -> None:
    answer = ask("sip:x@elsewhere.example")

    assert (answer.verdict, answer.gateways) == ("accepted", ())


def test_the_account_sees_its_own_and_shared_trunks_and_not_its_providers_counts() -> None:
    answer = ask(trunk="t-sp", viewer="ann", sp="sp")

    assert answer.carrier == "shared"
    assert [limit.scope for limit in answer.limits] == ["account"]


def test_another_tenants_account_is_elsewhere() -> None:
    assert ask(account="far", viewer="ann", sp="sp").verdict == "elsewhere"
    assert ask(account="far", sp="sp").verdict == "elsewhere"
    assert ask(account="far", sp="sp2").carrier == "far's"
