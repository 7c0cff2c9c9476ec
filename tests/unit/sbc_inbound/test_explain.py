"""The dry run of routing: what it says, and to whom."""

import pytest

from jambones.common.bus.explain import ExplainInbound, Explanation
from jambones.common.bus.nodes import Choice, Node
from jambones.common.ids import AccountSid, NodeId, ServiceProviderSid
from jambones.common.private import Private
from jambones.sbc.tenants import Account, ServiceProvider
from jambones.sbc_inbound.explain import explain
from jambones.sbc_inbound.tables import Application, CallRoute, Carrier, Gateway, PhoneNumber, Tables

ANN = Account("ann-sid", "sp", "ann.example.com", call_limit=2)
BOB = Account("bob-sid", "sp", "bob.example.com")
FAR = Account("far-sid", "sp2", "far.example.org")
TABLES = Tables.of(
    service_providers=[ServiceProvider("sp", 100), ServiceProvider("sp2")],
    accounts=[ANN, BOB, FAR],
    carriers=[
        Carrier("t-ann", "ann-trunk", "ann-sid", "sp"),
        Carrier("t-bob", "bob-trunk", "bob-sid", "sp"),
        Carrier("t-sp", "shared-trunk", None, "sp"),
        Carrier("t-far", "far-trunk", "far-sid", "sp2", application_sid="f1-sid"),
    ],
    applications=[
        Application("a1-sid", "ann-sid", "ann-app"),
        Application("b1-sid", "bob-sid", "bob-app"),
        Application("f1-sid", "far-sid", "far-app"),
    ],
    gateways=[
        Gateway("g-ann", "t-ann", "192.0.2.1"),
        Gateway("g-bob", "t-bob", "192.0.2.1"),
        Gateway("g-sp", "t-sp", "192.0.2.7"),
        Gateway("g-far", "t-far", "192.0.2.1"),
    ],
    numbers=[
        PhoneNumber("n1", "15550001", "t-ann", "ann-sid", "a1-sid"),
        PhoneNumber("n2", "15550002", "t-bob", "bob-sid", "b1-sid"),
        PhoneNumber("n3", "15550003", "t-sp", "ann-sid", "a1-sid"),
        PhoneNumber("n4", "15550004", "t-sp", "bob-sid", None),
    ],
    routes=[CallRoute("bob-sid", "b1-sid", "^bob-route$")],
)
FS = Choice(Node(kind="fs", id=NodeId("fs-1")), ("fs.fs-1 chosen: the only candidate",))


class Counts:
    def __init__(self, calls: int = 0) -> None:
        self.calls = calls

    def total(self, sid: str) -> int:
        return self.calls


def ask(
    number: str | None = "+15550001",
    address: str = "192.0.2.1",
    *,
    sp: str | None = None,
    account: str | None = None,
    host: str | None = None,
    calls: int = 0,
    choice: Choice = FS,
    blocked: str = "",
) -> Explanation:
    question = ExplainInbound(
        number=Private(number) if number is not None else None,
        address=address,
        host=host,
        viewer_service_provider_sid=ServiceProviderSid(sp) if sp else None,
        viewer_account_sid=AccountSid(account) if account else None,
    )
    return explain(TABLES, question, host="198.51.100.1", counts=Counts(calls), servers=lambda: choice, blocked=blocked)


def test_the_platform_sees_every_rule_and_the_whole_route() -> None:
    answer = ask()

    assert (answer.verdict, answer.status, answer.number) == ("accepted", None, "15550001")
    assert (answer.account_sid, answer.application, answer.carrier) == ("ann-sid", "ann-app", "ann-trunk")
    assert answer.feature_server == "fs-1"
    assert [(rule.name, rule.verdict) for rule in answer.rules] == [
        ("realm", "missed"), ("source address", "matched"), ("exact number", "passed"), ("application", "matched"),
    ]  # fmt: skip
    assert {gateway.carrier for gateway in answer.gateways} == {"ann-trunk", "bob-trunk", "far-trunk"}


def test_an_account_sees_its_own_route_and_no_name_of_others() -> None:
    answer = ask(sp="sp", account="ann-sid")

    assert (answer.verdict, answer.application) == ("accepted", "ann-app")
    assert [gateway.carrier for gateway in answer.gateways] == ["ann-trunk"]
    assert next(rule for rule in answer.rules if rule.name == "source address").detail == "of another tenant"
    assert next(rule for rule in answer.rules if rule.name == "exact number").detail == "15550001 on ann-trunk"


def test_a_number_that_leads_to_another_tenant_is_elsewhere() -> None:
    answer = ask("15550002", sp="sp", account="ann-sid")

    assert answer.verdict == "elsewhere"
    assert answer.account_sid is answer.application_sid is answer.carrier is None
    assert answer.limits == ()


@pytest.mark.parametrize("number", [None, "15550001", "15550002", "15550003", "15550004", "15559999", "bob-route", ""])
@pytest.mark.parametrize("address", ["192.0.2.1", "192.0.2.7", "203.0.113.9"])
@pytest.mark.parametrize("host", [None, "bob.example.com", "ann.example.com", "x.far.example.org"])
@pytest.mark.parametrize(
    ("viewer", "foreign"),
    [
        ({"sp": "sp", "account": "ann-sid"}, ("bob-", "b1-sid", "t-bob", "g-bob", "far-", "f1-sid", "t-far", "g-far")),
        ({"sp": "sp2", "account": "far-sid"}, ("ann-", "a1-sid", "t-ann", "bob-", "b1-sid", "t-bob", "shared", "t-sp")),
        ({"sp": "sp2"}, ("ann-", "a1-sid", "t-ann", "bob-", "b1-sid", "t-bob", "shared-trunk", "t-sp")),
    ],
)  # fmt: skip
def test_nothing_of_another_tenant_is_ever_named(
    number: str | None, address: str, host: str | None, viewer: dict[str, str], foreign: tuple[str, ...]
) -> None:
    text = ask(number, address, host=host, **viewer).model_dump_json()

    asked = {str(number), str(host)}
    assert [word for word in foreign if word in text and not any(word in own for own in asked)] == []


def test_a_reached_limit_is_the_status_that_the_caller_would_get() -> None:
    answer = ask(calls=2, sp="sp", account="ann-sid")

    assert (answer.verdict, answer.status, answer.reason) == ("refused", 503, "Max Account Calls In Progress")
    assert [(limit.scope, limit.calls, limit.limit) for limit in answer.limits] == [("account", 2, 2)]


def test_without_a_feature_server_the_call_is_refused() -> None:
    answer = ask(choice=Choice(None, ("no fs node can take a call",)))

    assert (answer.verdict, answer.status, answer.servers) == ("refused", 503, ("no fs node can take a call",))


def test_an_unknown_source_gets_404() -> None:
    answer = ask(address="203.0.113.9", sp="sp", account="ann-sid")

    assert (answer.verdict, answer.status) == ("refused", 404)
    assert answer.rules[-1].verdict == "refused"


def test_a_source_alone_says_whose_it_is() -> None:
    assert [gateway.carrier for gateway in ask(None, "192.0.2.7", sp="sp").gateways] == ["shared-trunk"]
    assert ask(None, "192.0.2.7", sp="sp2").verdict == "elsewhere"


def test_a_blocked_source_is_refused_whatever_the_number() -> None:
    answer = ask(blocked="162.142.125.0/24")

    assert (answer.verdict, answer.status) == ("refused", None)
    assert answer.reason == "the source is blocked: 162.142.125.0/24"
