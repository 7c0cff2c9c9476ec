"""Where in-dialog requests go: the NAT table, row by row."""

import pytest

from jambones.sip.dialog import Dialog
from jambones.sip.route import is_private, next_hop
from jambones.sip.transport import Address, TransportName
from jambones.sip.uri import Uri

# Documentation addresses count as private for Python's ipaddress, so the public ones here are real.
SEEN = "8.8.4.4"


def dialog(contact: str | None, *routes: str) -> Dialog:
    target = None if contact is None else Uri.parse(contact)
    return Dialog("c", "<sip:us@h>;tag=1", "1", "<sip:them@h>;tag=2", "2", 1, 1, routes, target, True)


def hop(
    contact: str | None,
    *routes: str,
    seen: str = SEEN,
    port: int = 5060,
    transport: TransportName = "udp",
    nat_fix: bool = True,
    as_server: bool = False,
) -> str | None:
    found = next_hop(dialog(contact, *routes), Address(transport, seen, port), nat_fix=nat_fix, as_server=as_server)
    return None if found is None else str(found)


@pytest.mark.parametrize("contact", ["sip:a@10.0.0.5:5062", "sip:a@8.8.8.8", f"sip:a@{SEEN}:9999", None])
def test_the_server_of_a_udp_peer_answers_to_the_source(contact: str | None) -> None:
    assert hop(contact, as_server=True) is None


@pytest.mark.parametrize("as_server", [True, False])
@pytest.mark.parametrize("contact", ["sip:a@10.0.0.5", f"sip:a@{SEEN}"])
def test_a_recorded_route_is_followed_and_the_trick_ignored(as_server: bool, contact: str) -> None:
    routes = ("<sip:proxy.example;lr>", "<sip:far.example;lr>")

    assert hop(contact, *routes, as_server=as_server) == "sip:proxy.example;lr"


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_recorded_proxy_at_the_other_end_is_reached_on_its_connection(transport: TransportName) -> None:
    assert hop("sip:a@10.0.0.5", f"<sip:{SEEN};transport=tcp;lr>", transport=transport) is None


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws", "wss"])
def test_the_server_of_a_connection_keeps_to_it(transport: TransportName) -> None:
    assert hop(f"sip:a@{SEEN}:5060", transport=transport, as_server=True) is None
    assert hop("sip:a@10.0.0.5", transport=transport, as_server=True) is None


@pytest.mark.parametrize(
    "contact",
    ["sip:a@10.0.0.5", "sip:a@192.168.1.9:5060", "sip:a@100.64.7.7", "sip:a@x.invalid", "sip:a@8.8.8.8", None],
)
def test_a_client_believes_no_contact_that_is_not_the_host_it_hears(contact: str | None) -> None:
    assert hop(contact) is None


def test_a_client_believes_the_contact_of_the_host_it_hears() -> None:
    assert hop(f"sip:a@{SEEN}:5070") == f"sip:a@{SEEN}:5070"


@pytest.mark.parametrize("as_server", [True, False])
@pytest.mark.parametrize("contact", ["sip:a@10.0.0.5:5062", "sip:a@8.8.8.8", "sip:a@carrier.example"])
def test_without_the_nat_fix_the_contact_is_followed_strictly(as_server: bool, contact: str) -> None:
    assert hop(contact, nat_fix=False, as_server=as_server) == contact


def test_a_private_peer_is_not_rewritten_without_the_nat_fix() -> None:
    assert hop("sip:fs@10.0.0.5:5070", seen="10.0.0.5", nat_fix=False) == "sip:fs@10.0.0.5:5070"


def test_nobody_dials_a_websocket_client() -> None:
    assert hop("sip:a@8.8.8.8;transport=ws", transport="ws", nat_fix=False) is None


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.0.1", True),
        ("100.64.0.1", True),
        ("100.128.0.1", False),
        ("169.254.1.1", True),
        ("fe80::1", True),
        ("fd00::1", True),
        ("2606:4700::1", False),
        ("8.8.8.8", False),
        ("abc.invalid", True),
        ("ABC.INVALID", True),
        ("example.com", False),
    ],
)
def test_what_cannot_be_reached_from_elsewhere(host: str, private: bool) -> None:
    assert is_private(host) is private
