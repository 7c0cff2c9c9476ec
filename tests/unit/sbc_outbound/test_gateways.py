"""Gateways in order, and the INVITE for each: user part, addresses, identities."""

from dataclasses import replace

import pytest

from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.gateways import (
    Candidate,
    candidates,
    contact_user,
    dialled,
    from_address,
    identity_headers,
    next_hop,
    request_uri,
)
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Gateway, Protocol, Tables, Trunk
from jambones.sip.uri import Uri

ANN = Account("ann", "sp")
TRUNK = Trunk("t", "trunk", "ann", "sp")
PRIVATE = PrefixTable([("10.0.0.0/8", "10.0.0.0/8")])
ORDER = Order(ANN, "phone", Uri("sip", "15551234", host="egress"), "15550000", "Ann's Shop")


def hosts(gateways: list[Gateway], down: frozenset[str] = frozenset()) -> list[str]:
    tables = Tables.of(trunks=[TRUNK], gateways=gateways)
    return [c.gateway.host for c in candidates(tables, [TRUNK], down=down, private=PRIVATE).result]


def gateway(host: str, **more: object) -> Gateway:
    return Gateway(host, "t", host, **more)  # type: ignore[arg-type]


def test_gateways_keep_their_order_private_ones_last() -> None:
    assert hosts([gateway("10.0.0.1"), gateway("192.0.2.2"), gateway("192.0.2.1")]) == [
        "192.0.2.2", "192.0.2.1", "10.0.0.1",
    ]  # fmt: skip


def test_only_active_gateways_that_take_calls_are_tried() -> None:
    assert hosts([gateway("a", is_active=False), gateway("b", outbound=False), gateway("c")]) == ["c"]


def test_a_gateway_that_is_down_is_passed_over() -> None:
    assert hosts([gateway("a"), gateway("b")], frozenset({"a"})) == ["b"]


def test_when_all_are_down_all_are_tried() -> None:
    assert hosts([gateway("a"), gateway("b")], frozenset({"a", "b"})) == ["a", "b"]


# Scenario 26: tech prefix and plus.
@pytest.mark.parametrize(
    ("number", "prefix", "plus", "expected"),
    [
        ("15551234", None, False, "15551234"),
        ("15551234", None, True, "+15551234"),
        ("15551234", "0999", True, "0999+15551234"),
        ("15551234", "0999", False, "099915551234"),
        ("+15551234", None, False, "15551234"),
        ("+15551234", "0999", True, "0999+15551234"),
        ("0301234", None, True, "0301234"),
        ("0301234", "0999", True, "09990301234"),
        ("112", None, True, "112"),
        ("116117", "0999", True, "0999116117"),
        ("*98", "0999", True, "*98"),
        ("alice", "0999", True, "alice"),
        ("1#2", None, True, "1#2"),
        ("\u0661\u0662", None, True, "\u0661\u0662"),  # digits, but not of a telephone
    ],
)
def test_the_user_part_is_prefix_plus_digits(number: str, prefix: str | None, plus: bool, expected: str) -> None:
    trunk = replace(TRUNK, tech_prefix=prefix, e164_leading_plus=plus)

    assert dialled(trunk, number) == expected


@pytest.mark.parametrize(
    ("protocol", "port", "sips", "expected"),
    [
        ("udp", 5060, False, "sip:15551234@192.0.2.1;transport=udp"),
        ("udp", None, False, "sip:15551234@192.0.2.1;transport=udp"),
        ("udp", 5062, False, "sip:15551234@192.0.2.1:5062;transport=udp"),
        ("tcp", 5060, False, "sip:15551234@192.0.2.1;transport=tcp"),
        ("tls", 5061, False, "sip:15551234@192.0.2.1:5061;transport=tls"),
        ("tls/srtp", None, False, "sip:15551234@192.0.2.1;transport=tls"),
        ("tls", 5061, True, "sips:15551234@192.0.2.1:5061"),
        ("udp", 5060, True, "sip:15551234@192.0.2.1;transport=udp"),
    ],
)
def test_the_request_uri_names_the_gateway(protocol: Protocol, port: int | None, sips: bool, expected: str) -> None:
    row = gateway("192.0.2.1", port=port, protocol=protocol, use_sips_scheme=sips)

    assert str(request_uri(Candidate(TRUNK, row), "15551234")) == expected


def test_a_trunk_we_register_with_is_called_at_its_realm_through_its_gateway() -> None:
    trunk = replace(TRUNK, requires_register=True, register_sip_realm="sip.carrier.example")
    candidate = Candidate(trunk, gateway("192.0.2.1", port=5062))

    hop, route = next_hop(candidate)

    assert str(request_uri(candidate, "15551234")) == "sip:15551234@sip.carrier.example;transport=udp"
    assert (str(hop), route) == ("sip:192.0.2.1:5062;transport=udp", None)


@pytest.mark.parametrize(
    ("proxy", "hop"),
    [
        ("proxy.example", "sip:proxy.example;transport=udp"),
        ("proxy.example:5070", "sip:proxy.example:5070;transport=udp"),
        ("sip:proxy.example;transport=tcp", "sip:proxy.example;transport=tcp"),
        ("sips:proxy.example", "sips:proxy.example"),
    ],
)
def test_a_proxy_is_the_next_hop_and_a_loose_route(proxy: str, hop: str) -> None:
    candidate = Candidate(replace(TRUNK, outbound_sip_proxy=proxy), gateway("192.0.2.1"))

    found, route = next_hop(candidate)

    assert str(found) == hop
    assert str(route) == f"{hop};lr"


def test_a_proxy_that_nobody_can_read_is_none() -> None:
    candidate = Candidate(replace(TRUNK, outbound_sip_proxy="not a host"), gateway("192.0.2.1"))

    assert str(next_hop(candidate)[0]) == "sip:192.0.2.1;transport=udp"


def own_host() -> str:
    return "198.51.100.9"


@pytest.mark.parametrize(
    ("order", "trunk", "expected"),
    [
        ({}, {}, '"Ann\'s Shop" <sip:15550000@198.51.100.9>'),
        ({"from_user": ""}, {}, '"Ann\'s Shop" <sip:anonymous@198.51.100.9>'),
        ({"from_host": "shop.example"}, {}, '"Ann\'s Shop" <sip:15550000@shop.example>'),
        ({}, {"register_from_domain": "carrier.example"}, '"Ann\'s Shop" <sip:15550000@carrier.example>'),
        (
            {"from_host": "shop.example"},
            {"register_from_domain": "carrier.example"},
            '"Ann\'s Shop" <sip:15550000@shop.example>',
        ),
        ({"display": None}, {"register_from_user": "acct"}, "<sip:15550000@198.51.100.9>"),
        (
            {"display": None},
            {"register_from_user": "acct", "requires_register": True},
            "<sip:acct@198.51.100.9>",
        ),
        ({"display": None, "from_user": "a b"}, {}, "<sip:a%20b@198.51.100.9>"),
        ({"display": None, "from_host": "shop.example:5070"}, {}, "<sip:15550000@shop.example:5070>"),
    ],
)
def test_the_caller_is_who_the_application_says(
    order: dict[str, object], trunk: dict[str, object], expected: str
) -> None:
    asked = replace(ORDER, **order)  # type: ignore[arg-type]
    row = replace(TRUNK, **trunk)  # type: ignore[arg-type]

    assert str(from_address(row, asked, own_host)) == expected.replace('"Ann\'s Shop"', "Ann's Shop")


def test_the_contact_is_the_registered_name_else_the_callers() -> None:
    registered = replace(TRUNK, requires_register=True, register_username="acct")
    from_ = from_address(TRUNK, ORDER, own_host)

    assert contact_user(registered, from_) == "acct"
    assert contact_user(replace(registered, requires_register=False), from_) == "15550000"
    assert contact_user(None, from_) == "15550000"


@pytest.mark.parametrize(
    ("diversion", "expected"),
    [
        (None, []),
        ("15559999", ["<sip:15559999@198.51.100.9>;reason=unknown;counter=1;privacy=off"]),
        ("+15559999", ["<sip:+15559999@198.51.100.9>;reason=unknown;counter=1;privacy=off"]),
        ("sip:1@carrier.example", ["<sip:1@carrier.example>;reason=unknown;counter=1;privacy=off"]),
    ],
)
def test_a_trunk_may_say_who_diverted_the_call(diversion: str | None, expected: list[str]) -> None:
    rows = identity_headers(replace(TRUNK, diversion=diversion), own_host)

    assert rows == [("Diversion", value) for value in expected]
