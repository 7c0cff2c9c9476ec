"""What the outside calls an edge."""

from typing import Any

from jambones.sbc.prefixes import PrefixTable
from jambones.sbc_inbound.addresses import advertised, connection_rules, labels_of
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sip.transport import Address

LISTENING = [Address("udp", "10.0.0.5", 5060), Address("tcp", "10.0.0.5", 5060), Address("wss", "10.0.0.5", 8443)]
PRIVATE: PrefixTable[str] = PrefixTable([("10.0.0.0/8", "private")])


def settings(**more: Any) -> EdgeSettings:
    return EdgeSettings(sip_listen=tuple(map(str, LISTENING)), **more)


def test_without_settings_the_outside_sees_the_listeners() -> None:
    assert labels_of(settings(), LISTENING) == {
        "public_tcp": "10.0.0.5:5060", "public_udp": "10.0.0.5:5060", "public_wss": "10.0.0.5:8443",
    }  # fmt: skip
    assert advertised(settings(), PRIVATE) is None


def test_a_public_address_stands_for_all_and_a_name_for_one_transport() -> None:
    named = settings(public_ip="203.0.113.5", advertise=("wss:sip.acme.net:443", "tls:sip.acme.net:5061"))

    assert labels_of(named, LISTENING) == {
        "public_tcp": "203.0.113.5:5060", "public_udp": "203.0.113.5:5060", "public_wss": "sip.acme.net:443",
    }  # fmt: skip
    shown = advertised(named, PRIVATE)
    assert shown is not None
    assert shown(Address("udp", "198.51.100.1", 5060)) == ("203.0.113.5", 5060)
    assert shown(Address("wss", "198.51.100.1", 5060)) == ("sip.acme.net", 443)
    assert shown(Address("udp", "10.1.1.1", 5060)) is None  # a peer inside sees the private address
    assert shown(Address("tls", "198.51.100.1", 5061)) is None  # nothing listens there


def test_a_name_alone_leaves_the_other_transports_as_they_are() -> None:
    shown = advertised(settings(advertise=("wss:sip.acme.net:443",)), PRIVATE)

    assert shown is not None
    assert shown(Address("wss", "198.51.100.1", 1)) == ("sip.acme.net", 443)
    assert shown(Address("udp", "198.51.100.1", 1)) is None


def test_an_ipv6_address_is_written_as_a_host() -> None:
    assert labels_of(settings(public_ip="2001:db8::5"), LISTENING[:1]) == {"public_udp": "[2001:db8::5]:5060"}


def test_pages_and_proxies_of_websockets() -> None:
    rules = connection_rules(settings(ws_origins=("https://a",), trusted_http_proxies=("10.0.0.0/8",)))

    assert rules.origins == ("https://a",)
    assert rules.trusted_proxy("10.1.2.3")
    assert not rules.trusted_proxy("192.0.2.1")
