"""A REGISTER as data."""

import pytest

from jambones.registrar.register import AskedContact, Registration, refusal
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request
from jambones.sip.parser import parse


def registration(*rows: str, to: str = "sip:ann@acme.example", uri: str = "sip:acme.example") -> Registration:
    text = "\r\n".join(
        [f"REGISTER {uri} SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;rport=1024;received=192.0.2.1",
         f"From: <{to}>;tag=1", f"To: <{to}>", "Call-ID: c", "CSeq: 7 REGISTER", *rows, "Content-Length: 0", "", ""]
    )  # fmt: skip
    request = parse(text.encode())
    assert isinstance(request, Request)
    return Registration.of(request)


def test_what_is_asked() -> None:
    asked = registration(
        'Contact: "Ann" <sip:ann@10.0.0.5:5060;ob>;+sip.instance="<urn:uuid:1>";reg-id=1;expires=120',
        "Contact: <sip:ann@10.0.0.6>",
        "Expires: 600",
        "Path: <sip:p1;lr>, <sip:p2;lr>",
        "Supported: path, outbound",
    )

    assert asked.contacts == (
        AskedContact("sip:ann@10.0.0.5:5060;ob", "urn:uuid:1", 1, 120),
        AskedContact("sip:ann@10.0.0.6"),
    )
    assert [asked.wanted(contact) for contact in asked.contacts] == [120, 600]
    assert (asked.user, asked.host, asked.cseq, asked.outbound) == ("ann", "acme.example", 7, True)
    assert asked.path == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert not asked.unregisters


@pytest.mark.parametrize(
    ("rows", "ends"),
    [
        (("Contact: *", "Expires: 0"), True),
        (("Contact: <sip:ann@h>;expires=0", "Expires: 600"), True),
        (("Contact: <sip:ann@h>", "Expires: 0"), True),
        (("Contact: <sip:ann@h>;expires=junk",), False),  # counts as 3600
        ((), False),
    ],
)
def test_which_requests_end_bindings(rows: tuple[str, ...], ends: bool) -> None:
    assert registration(*rows).unregisters is ends


@pytest.mark.parametrize("row", ["Contact: *, <sip:a@h>", "Contact: <tel:+1555>", "Contact: <sip:>", "Contact: <"])
def test_contacts_that_nobody_could_call_are_unreadable(row: str) -> None:
    with pytest.raises(GrammarError):
        registration(row)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (registration(to="sip:ann@192.0.2.1"), 403),
        (registration(uri="sip:192.0.2.1"), 403),
        (registration(uri="sip:[2001:db8::1]"), 403),
        (registration(to="sip:acme.example"), 400),
        (registration(to=f"sip:{'a' * 200}@acme.example"), 400),
        (registration("Contact: *"), 400),
        (registration("Contact: *", "Expires: 60"), 400),
        (registration(*(f"Contact: <sip:a{n}@h>" for n in range(11))), 400),
        (registration(f"Contact: <sip:{'a' * 1100}@h>"), 400),
        (registration("Contact: *", "Expires: 0"), None),
        (registration("Contact: <sip:ann@10.0.0.5>"), None),
        (registration(), None),
    ],
)
def test_what_is_refused_whoever_sent_it(asked: Registration, status: int | None) -> None:
    refused = refusal(asked)

    assert (refused.status if refused is not None else None) == status


@pytest.mark.parametrize(
    ("transport", "host", "port", "nat"),
    [
        ("udp", "192.0.2.1", 1024, True),
        ("udp", "10.0.0.5", 5060, False),
        ("udp", "10.0.0.5", 5061, True),
        ("tcp", "192.0.2.1", 1024, False),
    ],
)
def test_a_device_whose_via_is_not_where_its_packets_come_from_is_behind_nat(
    transport: str, host: str, port: int, nat: bool
) -> None:
    assert registration().behind_nat(transport, host, port) is nat
