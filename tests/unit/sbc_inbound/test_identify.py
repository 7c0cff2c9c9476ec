"""Who is calling, row by row."""

import pytest

from jambones.sbc.decision import Refusal
from jambones.sbc.tenants import Account, ServiceProvider
from jambones.sbc_inbound.identify import Caller, TrunkCaller, UserCaller, identify
from jambones.sbc_inbound.tables import Carrier, Gateway, Tables

SP, OTHER_SP = ServiceProvider("sp"), ServiceProvider("sp2")
ANN = Account("ann", "sp", "ann.example.com")
BOB = Account("bob", "sp", "bob.example.com")
FAR = Account("far", "sp2", "far.example.org")
OFF = Account("off", "sp", "off.example.com", is_active=False)
ANNS = Carrier("t-ann", "ann's", "ann", "sp")
BOBS = Carrier("t-bob", "bob's", "bob", "sp")
SHARED = Carrier("t-sp", "shared", None, "sp")
FOREIGN = Carrier("t-far", "foreign", "far", "sp2")


def tables(*gateways: Gateway, carriers: tuple[Carrier, ...] = (ANNS, BOBS, SHARED, FOREIGN)) -> Tables:
    return Tables.of(
        service_providers=[SP, OTHER_SP], accounts=[ANN, BOB, FAR, OFF], carriers=carriers, gateways=gateways
    )


def call(host: str = "198.51.100.1", *, address: str = "192.0.2.1", user: str = "15551234", port: int = 5060) -> Caller:
    return Caller(address, port, "udp", user, host)


def trunks(config: Tables, caller: Caller) -> list[str]:
    result = identify(config, caller).result
    assert isinstance(result, TrunkCaller), result
    return [match.carrier.voip_carrier_sid for match in result.matches]


def test_a_trunk_of_the_realms_account_is_a_trunk_call_of_that_account() -> None:
    result = identify(tables(Gateway("g", "t-ann", "192.0.2.1")), call("Ann.Example.com")).result

    assert isinstance(result, TrunkCaller)
    assert result.account == ANN


def test_a_trunk_shared_by_the_service_provider_serves_the_realm() -> None:
    assert trunks(tables(Gateway("g", "t-sp", "192.0.2.1")), call("ann.example.com")) == ["t-sp"]


@pytest.mark.parametrize("trunk", ["t-bob", "t-far"])
def test_a_known_realm_never_falls_back_to_the_address_alone(trunk: str) -> None:
    result = identify(tables(Gateway("g", trunk, "192.0.2.1")), call("ann.example.com")).result

    assert result == UserCaller(ANN)


def test_an_address_that_several_accounts_configured_keeps_all_of_them() -> None:
    config = tables(Gateway("g1", "t-sp", "192.0.2.1"), Gateway("g2", "t-ann", "192.0.2.1"))

    assert trunks(config, call()) == ["t-ann", "t-sp"]  # trunks of an account first


def test_the_longest_prefix_goes_first() -> None:
    config = tables(Gateway("g1", "t-ann", "192.0.2.0", netmask=24), Gateway("g2", "t-sp", "192.0.2.1"))

    assert trunks(config, call()) == ["t-sp", "t-ann"]
    assert trunks(config, call(address="192.0.2.9")) == ["t-ann"]


def test_a_trunk_with_two_matching_gateways_counts_once() -> None:
    config = tables(Gateway("g1", "t-ann", "192.0.2.0", netmask=24), Gateway("g2", "t-ann", "192.0.2.1"))

    result = identify(config, call()).result

    assert isinstance(result, TrunkCaller)
    assert [(match.gateway.sip_gateway_sid, match.prefix) for match in result.matches] == [("g2", 32)]


def test_ipv6_sources_match_too() -> None:
    config = tables(Gateway("g", "t-ann", "2001:db8::", netmask=48))

    assert trunks(config, call(address="2001:db8::42")) == ["t-ann"]


@pytest.mark.parametrize(
    "gateway",
    [
        Gateway("g", "t-ann", "192.0.2.1", inbound=False),
        Gateway("g", "t-ann", "192.0.2.1", is_active=False),
        Gateway("g", "t-ann", "gw.carrier.example"),
        Gateway("g", "t-none", "192.0.2.1"),
    ],
)
def test_what_may_not_send_calls_does_not_match(gateway: Gateway) -> None:
    assert isinstance(identify(tables(gateway), call()).result, Refusal)


def test_an_inactive_trunk_does_not_match() -> None:
    config = tables(Gateway("g", "t", "192.0.2.1"), carriers=(Carrier("t", "t", "ann", "sp", is_active=False),))

    assert isinstance(identify(config, call()).result, Refusal)


REGISTERED = Carrier(
    "t-reg", "reg", "ann", "sp", trunk_type="reg", requires_register=True,
    register_username="us", register_sip_realm="Carrier.example",
)  # fmt: skip


def test_a_call_to_what_we_registered_belongs_to_that_trunk() -> None:
    config = tables(
        Gateway("g1", "t-reg", "192.0.2.1"), Gateway("g2", "t-bob", "192.0.2.1"), carriers=(REGISTERED, BOBS)
    )
    result = identify(config, call("carrier.example", user="us")).result

    assert isinstance(result, TrunkCaller)
    assert result.account == ANN
    assert trunks(config, call("carrier.example", user="someone")) == ["t-reg", "t-bob"]


def test_two_trunks_registered_alike_are_ambiguous() -> None:
    twin = Carrier(
        "t-reg2", "reg2", "bob", "sp", requires_register=True, register_username="us",
        register_sip_realm="carrier.example",
    )  # fmt: skip
    config = tables(
        Gateway("g1", "t-reg", "192.0.2.1"), Gateway("g2", "t-reg2", "192.0.2.1"), carriers=(REGISTERED, twin)
    )

    result = identify(config, call("carrier.example", user="us")).result

    assert isinstance(result, Refusal)
    assert result.status == 503


def test_a_stranger_at_a_realm_or_its_sub_domain_is_a_user() -> None:
    assert identify(tables(), call("ann.example.com")).result == UserCaller(ANN)
    assert identify(tables(), call("phones.ann.example.com")).result == UserCaller(ANN)


def test_a_stranger_anywhere_else_is_unknown() -> None:
    result = identify(tables(), call("nowhere.example")).result

    assert isinstance(result, Refusal)
    assert (result.status, result.account_sid) == (404, None)


def test_an_inactive_account_is_named_in_the_refusal() -> None:
    config = tables(Gateway("g", "t-sp", "192.0.2.1"))
    for address in ("192.0.2.1", "203.0.113.9"):
        result = identify(config, call("off.example.com", address=address)).result
        assert isinstance(result, Refusal)
        assert (result.status, result.x_reason) == (503, "Account exists but is inactive")
        assert result.account_sid == "off"


def test_the_reasons_tell_the_way() -> None:
    decision = identify(tables(Gateway("g", "t-ann", "192.0.2.0", netmask=24)), call())

    assert str(decision) == ("realm missed: 198.51.100.1 is no account's realm; source address matched: ann's/24")


def test_a_registered_phone_behind_its_trunks_address_is_a_user() -> None:
    config = tables(Gateway("g", "t-ann", "192.0.2.1"))
    phone = Caller("192.0.2.1", 5062, "udp", "100", "ann.example.com", registered=True)

    assert isinstance(identify(config, phone).result, UserCaller)
    assert trunks(config, call("ann.example.com")) == ["t-ann"]


def test_a_trunk_that_registers_calls_from_its_registrars_address() -> None:
    config = tables()
    sources = frozenset({"t-ann", "t-bob", "gone"})
    caller = Caller("203.0.113.9", 5060, "udp", "100", "198.51.100.1", sources=sources)

    assert trunks(config, caller) == ["t-ann", "t-bob"]
    to_the_realm = Caller("203.0.113.9", 5060, "udp", "100", "ann.example.com", sources=sources)
    assert trunks(config, to_the_realm) == ["t-ann"]


def test_configured_gateways_go_before_addresses_that_were_learnt() -> None:
    config = tables(Gateway("g", "t-ann", "203.0.113.0", 24))
    caller = Caller("203.0.113.9", 5060, "udp", "100", "198.51.100.1", sources=frozenset({"t-bob"}))

    assert trunks(config, caller) == ["t-ann"]
