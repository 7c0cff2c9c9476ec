"""Which gateways are pinged, which registrations are kept."""

from typing import Any

import pytest

from jambones.common.db.routing import RoutingTables
from jambones.common.db.sip_gateways import SipGateway
from jambones.common.db.voip_carriers import VoipCarrier
from jambones.common.private import Private
from jambones.registrar.tables import Tables
from jambones.registrar.trunks.keeper import contact_of
from jambones.registrar.trunks.plans import pings, registrations, uri_of


def gateway(sid: str = "g", **more: Any) -> SipGateway:
    usual = {
        "sip_gateway_sid": sid, "ipv4": "192.0.2.10", "netmask": 32, "port": None, "inbound": True, "outbound": True,
        "voip_carrier_sid": "c", "is_active": True, "send_options_ping": True, "use_sips_scheme": False,
        "pad_crypto": False, "protocol": "udp", "remove_ice": False, "dtls_off": False,
    }  # fmt: skip
    return SipGateway.model_validate(usual | more)


def carrier(**more: Any) -> VoipCarrier:
    usual: dict[str, Any] = dict.fromkeys(VoipCarrier.model_fields) | {
        "voip_carrier_sid": "c", "name": "carrier", "e164_leading_plus": False, "requires_register": True,
        "register_username": "us", "register_sip_realm": "carrier.example", "register_password": Private("sesame"),
        "is_active": True, "created_at": "2026-01-01T00:00:00Z", "register_public_ip_in_contact": False,
        "dtmf_type": "rfc2833", "trunk_type": "static_ip",
    }  # fmt: skip
    return VoipCarrier.model_validate(usual | more)


def tables(row: VoipCarrier, *gateways: SipGateway) -> Tables:
    return Tables(RoutingTables(carriers={"c": row}, gateways=gateways))


@pytest.mark.parametrize(
    ("row", "gate", "pinged"),
    [
        (carrier(), gateway(), True),
        (carrier(), gateway(send_options_ping=False), False),
        (carrier(), gateway(outbound=False), False),
        (carrier(), gateway(is_active=False), False),
        (carrier(is_active=False), gateway(), False),
        (carrier(account_sid="gone"), gateway(), False),
    ],
)
def test_active_outbound_gateways_that_want_it_are_pinged(row: VoipCarrier, gate: SipGateway, pinged: bool) -> None:
    assert bool(pings(tables(row, gate))) is pinged


@pytest.mark.parametrize(
    ("gate", "uri"),
    [
        (gateway(), "sip:192.0.2.10;transport=udp"),
        (gateway(port=5070, protocol="tcp"), "sip:192.0.2.10:5070;transport=tcp"),
        (gateway(ipv4="sip.carrier.example", protocol="tls/srtp"), "sip:sip.carrier.example;transport=tls"),
        (gateway(ipv4="2001:db8::1", protocol=None), "sip:[2001:db8::1];transport=udp"),
    ],
)
def test_where_a_gateway_is(gate: SipGateway, uri: str) -> None:
    assert uri_of(gate) == uri


def test_gateways_of_one_place_are_one_registration() -> None:
    found = registrations(tables(carrier(), gateway("a"), gateway("b"), gateway("c", port=5070)))

    assert [trunk.gateway_sid for trunk in found] == ["a", "c"]
    assert len({trunk.sip_call_id for trunk in found}) == 2
    assert "sesame" not in repr(found[0])


def test_a_proxy_stands_for_all_gateways() -> None:
    (trunk,) = registrations(tables(carrier(outbound_sip_proxy="proxy.example"), gateway("a"), gateway("b", port=1)))

    assert trunk.next_hop == "sip:proxy.example"


@pytest.mark.parametrize("missing", ["register_username", "register_sip_realm", "register_password"])
def test_without_an_identity_there_is_no_registration(missing: str) -> None:
    assert registrations(tables(carrier(**{missing: None}), gateway())) == []


def test_identity_and_contact() -> None:
    row = carrier(register_from_user="+15551234", register_from_domain="us.example", register_public_ip_in_contact=True)
    (trunk,) = registrations(tables(row, gateway(protocol="tcp")))

    assert (trunk.registrar, trunk.aor) == ("sip:carrier.example", "sip:+15551234@us.example")
    assert contact_of(trunk, {"public_tcp": "203.0.113.5:5060"}) == "sip:us@203.0.113.5:5060;transport=tcp"
    (private,) = registrations(tables(carrier(), gateway()))
    assert contact_of(private, {"public_udp": "203.0.113.5:5060"}) == "sip:us@carrier.example"
