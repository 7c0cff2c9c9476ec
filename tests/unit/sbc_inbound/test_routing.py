"""From the number to the application, row by row."""

import time

import pytest

from jambones.sbc.decision import Refusal
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.identify import Caller, TrunkCaller, identify
from jambones.sbc_inbound.routing import Route, did_of, route
from jambones.sbc_inbound.tables import Application, CallRoute, Carrier, Gateway, PhoneNumber, Tables

ANN = Account("ann", "sp", "ann.example.com")
BOB = Account("bob", "sp", "bob.example.com")
APPS = [
    Application("a1", "ann"), Application("a2", "ann"), Application("b1", "bob"), Application("test", None),
]  # fmt: skip
ANNS = Carrier("t-ann", "ann's", "ann", "sp")
BOBS = Carrier("t-bob", "bob's", "bob", "sp")
SHARED = Carrier("t-sp", "shared", None, "sp")
HERE = "192.0.2.1"


def number(
    digits: str,
    trunk: str | None = "t-ann",
    account: str | None = "ann",
    app: str | None = "a1",
) -> PhoneNumber:
    return PhoneNumber(f"{digits}@{trunk}/{account}", digits, trunk, account, app)


def decide(
    *numbers: PhoneNumber,
    carriers: tuple[Carrier, ...] = (ANNS,),
    accounts: tuple[Account, ...] = (ANN, BOB),
    widths: dict[str, int] | None = None,
    routes: tuple[CallRoute, ...] = (),
    dialled: str = "15551234",
    host: str = "198.51.100.1",
    applied: tuple[str, ...] = (),
) -> Route | Refusal:
    tables = Tables.of(
        accounts=accounts,
        carriers=carriers,
        applications=APPS,
        gateways=[
            Gateway(f"g-{c.voip_carrier_sid}", c.voip_carrier_sid, HERE, (widths or {}).get(c.voip_carrier_sid, 32))
            for c in carriers
        ],
        numbers=numbers,
        routes=routes,
    )
    caller = identify(tables, Caller(HERE, 5060, "udp", dialled, host)).result
    assert isinstance(caller, TrunkCaller)
    return route(tables, caller, dialled, applied=applied).result


def app(result: Route | Refusal) -> str:
    assert isinstance(result, Route), result
    return result.application.application_sid


def refusal(result: Route | Refusal) -> tuple[int, str | None]:
    assert isinstance(result, Refusal), result
    return result.status, result.x_reason


@pytest.mark.parametrize(
    ("user", "did"),
    [("+15551234", "15551234"), ("15551234", "15551234"), ("", "anonymous"), ("+x1", "+x1"), ("1;ext=2", "1")],
)
def test_the_number_is_compared_without_a_leading_plus(user: str, did: str) -> None:
    assert did_of(user) == did


def test_an_exact_number_finds_its_application() -> None:
    result = decide(number("15551234"), dialled="+15551234")

    assert isinstance(result, Route)
    assert (result.account, result.application.application_sid, result.carrier) == (ANN, "a1", ANNS)


def test_one_carrier_of_two_accounts_is_told_apart_by_the_number() -> None:
    result = decide(number("15551234", "t-bob", "bob", "b1"), carriers=(ANNS, BOBS))

    assert isinstance(result, Route)
    assert result.account == BOB


def test_the_same_number_twice_on_one_level_is_refused() -> None:
    result = decide(number("15551234"), number("15551234", "t-bob", "bob", "b1"), carriers=(ANNS, BOBS))

    assert refusal(result) == (
        503, "Multiple accounts are attempting to route the same phone number from the same carrier",
    )  # fmt: skip


def test_the_same_number_on_two_trunks_of_one_account_is_refused() -> None:
    second = Carrier("t-ann2", "second", "ann", "sp")
    result = decide(number("15551234"), number("15551234", "t-ann2"), carriers=(ANNS, second))

    assert refusal(result)[1] == (
        "Multiple carriers with the same gateway are attempting to route the same number for this account"
    )


def test_a_narrower_network_wins_over_a_wider_one_with_the_same_number() -> None:
    result = decide(
        number("15551234"), number("15551234", "t-bob", "bob", "b1"), carriers=(ANNS, BOBS), widths={"t-ann": 24}
    )

    assert app(result) == "b1"


def test_the_realms_account_sees_its_own_numbers_only() -> None:
    result = decide(
        number("15551234", "t-sp", "bob", "b1"), number("1555*", "t-sp", "ann", "a2"),
        carriers=(SHARED,), host="ann.example.com",
    )  # fmt: skip

    assert app(result) == "a2"


def test_patterns_longest_first_prefixes_before_expressions() -> None:
    numbers = [number("1*", app="a1"), number("1555*", app="a2"), number("1555[0-9]{4}", app="a1")]

    assert app(decide(*numbers)) == "a2"
    assert app(decide(*numbers, dialled="1444")) == "a1"
    assert app(decide(number("15551234", app="a1"), number("1555*", app="a2"))) == "a1"  # exact before all


def test_expressions_are_anchored() -> None:
    assert refusal(decide(number("55[0-9]"), carriers=(ANNS, BOBS)))[0] == 404


def test_equally_long_patterns_are_refused() -> None:
    assert refusal(decide(number("1555[0-9]*"), number("1555[1-9]*", app="a2")))[0] == 503


def test_an_invalid_expression_is_skipped() -> None:
    assert app(decide(number("1555("), number("1[0-9]*", app="a2"))) == "a2"


def test_a_hostile_expression_takes_no_time() -> None:
    started = time.perf_counter()
    decide(number("(1*)*x"), number("(([0-9]+)+)+y"), dialled="1" * 128, accounts=(ANN, BOB))

    assert time.perf_counter() - started < 0.5


def test_a_number_too_long_is_not_provisioned() -> None:
    assert refusal(decide(number("1*"), dialled="1" * 129)) == (404, "Number Not Provisioned")


def test_a_number_without_application_takes_its_trunks() -> None:
    carrier = Carrier("t-ann", "ann's", "ann", "sp", application_sid="a2")

    assert app(decide(number("15551234", app=None), carriers=(carrier,))) == "a2"


def test_the_realms_trunk_needs_no_number() -> None:
    carrier = Carrier("t-ann", "ann's", "ann", "sp", application_sid="a2")

    assert app(decide(carriers=(carrier,), host="ann.example.com", dialled="anything")) == "a2"


def test_by_address_the_only_trunk_with_a_default_gets_unknown_numbers() -> None:
    carrier = Carrier("t-ann", "ann's", "ann", "sp", application_sid="a2")

    assert app(decide(carriers=(carrier, SHARED, BOBS))) == "a2"


def test_two_trunks_with_a_default_are_refused() -> None:
    ann = Carrier("t-ann", "ann's", "ann", "sp", application_sid="a2")
    bob = Carrier("t-bob", "bob's", "bob", "sp", application_sid="b1")

    assert refusal(decide(carriers=(ann, bob))) == (
        503, "Multiple accounts are attempting to default route this carrier",
    )  # fmt: skip
    assert app(decide(carriers=(ann, bob), widths={"t-bob": 24})) == "a2"  # the narrower network decides


def test_the_only_account_of_a_service_provider_gets_what_is_left() -> None:
    routes = (CallRoute("ann", "a2", "^1555", 5), CallRoute("ann", "a1", ".*", 9))

    assert app(decide(carriers=(SHARED,), accounts=(ANN,), routes=routes)) == "a2"
    assert app(decide(carriers=(SHARED,), accounts=(ANN,), routes=routes, dialled="44")) == "a1"
    assert refusal(decide(carriers=(SHARED,), accounts=(ANN,))) == (480, "no configured application")
    assert refusal(decide(carriers=(SHARED,))) == (404, "Number Not Provisioned")


def test_no_application_anywhere_is_480_and_names_the_account() -> None:
    result = decide(number("15551234", app=None))

    assert refusal(result) == (480, "no configured application")
    assert isinstance(result, Refusal)
    assert result.account_sid == "ann"


@pytest.mark.parametrize("wrong", ["b1", "gone"])
def test_an_unknown_or_foreign_application_is_no_application(wrong: str) -> None:
    assert refusal(decide(number("15551234", app=wrong))) == (480, "no configured application")


def test_an_application_of_the_service_provider_serves_its_accounts() -> None:
    assert app(decide(number("15551234", app="test"))) == "test"


def test_an_inactive_account_is_refused() -> None:
    result = decide(number("15551234"), accounts=(Account("ann", "sp", is_active=False),))

    assert refusal(result) == (503, "Account exists but is inactive")


def test_meeting_the_same_application_again_is_a_loop() -> None:
    assert refusal(decide(number("15551234"), applied=("a1",))) == (482, "Loop Detected")
    assert app(decide(number("15551234"), applied=("other",))) == "a1"


def test_a_number_of_no_trunk_comes_last_and_only_for_accounts_served() -> None:
    loose = number("15551234", None, "bob", "b1")

    assert app(decide(loose, carriers=(SHARED,))) == "b1"
    assert app(decide(loose, number("1555*", "t-sp", "ann", "a1"), carriers=(SHARED,))) == "a1"
    assert refusal(decide(loose, carriers=(ANNS,)))[0] == 404
