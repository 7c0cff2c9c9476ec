"""Where calls to SIP URIs may go."""

from dataclasses import replace

import pytest

from jambones.sbc.decision import Refusal
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.destinations import Surroundings, destination, may_reach
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Tables
from jambones.sip.uri import Uri

ANN = Account("ann", "sp", "ann.example.com")
BOB = Account("bob", "sp", "bob.example.com")
TABLES = Tables.of(accounts=[ANN, BOB])
AROUND = Surroundings({"sip.ours.example"}, {("192.0.2.10", 5060)}, PrefixTable([("10.9.0.0/16", "10.9.0.0/16")]))


def decide(uri: str, proxy: str | None = None) -> str | int:
    order = Order(ANN, "sip", Uri.parse(uri), "1")
    if proxy is not None:
        order = replace(order, proxy=Uri.parse(proxy))
    result = destination(TABLES, order, AROUND).result
    return result.status if isinstance(result, Refusal) else result


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:alice@ann.example.com", "user"),
        ("sip:alice@ANN.example.com", "user"),
        ("sip:alice@phones.ann.example.com", "user"),
        ("sip:bob@bob.example.com", 482),
        ("sip:ann.example.com", 482),
        ("sip:1@sip.ours.example", 482),
        ("sip:1@192.0.2.10", 482),
        ("sip:1@192.0.2.10:5062", "outside"),
        ("sip:1@elsewhere.example", "outside"),
        ("sip:1@198.51.100.3:5070;transport=tcp", "outside"),
        ("sip:1@10.9.1.1", "outside"),
        ("sip:1@127.0.0.1", 403),
        ("sip:1@10.8.1.1", 403),
        ("sip:1@[::1]", 403),
        ("sip:1@[::ffff:127.0.0.1]", 403),
        ("sip:1@169.254.169.254", 403),
    ],
)
def test_a_uri_is_a_user_a_loop_forbidden_or_outside(uri: str, expected: str | int) -> None:
    assert decide(uri) == expected


@pytest.mark.parametrize(
    ("proxy", "expected"), [("sip:127.0.0.1", 403), ("sip:sip.ours.example", 482), ("sip:proxy.example", "outside")]
)
def test_a_proxy_is_looked_at_like_a_target(proxy: str, expected: str | int) -> None:
    assert decide("sip:1@elsewhere.example", proxy) == expected


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "224.0.0.1", "fe80::1", "fd00::1", "100.64.1.1", "not an address"]
)
def test_what_a_name_leads_to_is_looked_at_too(address: str) -> None:
    assert not may_reach(address, AROUND)


@pytest.mark.parametrize("address", ["198.51.100.3", "10.9.3.4", "2001:db8::1"])
def test_the_internet_and_what_is_allowed_may_be_called(address: str) -> None:
    assert may_reach(address, AROUND)
