"""Letting users and authenticating trunks in."""

import pytest

from jambones.common.bus.registrar import Authenticate, Authenticated
from jambones.common.bus.registrations import Binding
from jambones.common.errors import BusUnavailable
from jambones.sbc.decision import Refusal
from jambones.sbc.registrations import Registrations, Stored
from jambones.sbc.tenants import Account, ServiceProvider
from jambones.sbc_inbound.destinations import DeviceRoute
from jambones.sbc_inbound.identify import Caller
from jambones.sbc_inbound.routing import Route
from jambones.sbc_inbound.tables import Application, Carrier, PhoneNumber, Tables
from jambones.sbc_inbound.users import Users
from jambones.sip.message import Request
from jambones.sip.parser import parse

ACCOUNT = Account("acc", "sp", "acme.example", device_calling_application_sid="dev")
TABLES = Tables.of(
    service_providers=[ServiceProvider("sp")],
    accounts=[ACCOUNT],
    carriers=[Carrier("t", "pbx", "acc", "sp", trunk_type="auth")],
    applications=[Application("dev", "acc", "devices"), Application("ivr", "acc", "ivr")],
    numbers=[PhoneNumber("n", "4711", "t", "acc", "ivr")],
)
CALLER = Caller("192.0.2.4", 5062, "udp", "4711", "acme.example")


def invite() -> Request:
    rows = [
        "INVITE sip:4711@acme.example SIP/2.0", "Via: SIP/2.0/UDP a;branch=z9hG4bK1", "Call-ID: c", "CSeq: 1 INVITE",
        "From: <sip:ann@acme.example>;tag=1", "To: <sip:4711@acme.example>", "Contact: <sip:a@b>", "Content-Length: 0",
    ]  # fmt: skip
    text = "\r\n".join([*rows, "", ""])
    request = parse(text.encode())
    assert isinstance(request, Request)
    return request


async def admit(answer: Authenticated | Exception) -> tuple[Route | DeviceRoute | Refusal, Authenticate]:
    asked: list[Authenticate] = []

    async def ask(question: Authenticate) -> Authenticated:
        asked.append(question)
        if isinstance(answer, Exception):
            raise answer
        return answer

    decision = await Users(ask, Registrations()).admit(TABLES, ACCOUNT, CALLER, invite())
    return decision.result, asked[0]


async def test_the_registrar_is_told_the_whole_request_and_its_challenge_is_passed_on() -> None:
    result, asked = await admit(Authenticated(status=401, headers=(("WWW-Authenticate", "Digest x"),)))

    assert isinstance(result, Refusal)
    assert (result.status, result.sip_headers()) == (401, [("WWW-Authenticate", "Digest x")])
    assert (asked.realm, asked.method, asked.host, asked.port) == ("acme.example", "INVITE", "192.0.2.4", 5062)
    assert ("From", "<sip:ann@acme.example>;tag=1") in asked.headers
    assert result.account_sid is None  # a stranger leaves no call record


async def test_a_refusal_keeps_the_registrars_words() -> None:
    result, _ = await admit(Authenticated(status=403, x_reason="Invalid credentials", headers=(("X-A", "1"),)))

    assert isinstance(result, Refusal)
    assert result.sip_headers() == [("X-Reason", "Invalid credentials"), ("X-A", "1")]


async def test_without_a_registrar_nobody_is_let_in() -> None:
    result, _ = await admit(BusUnavailable("nobody serves"))

    assert isinstance(result, Refusal)
    assert (result.status, result.sip_headers()) == (503, [("Retry-After", "5")])


async def test_a_user_goes_where_devices_may_go() -> None:
    result, _ = await admit(Authenticated(status=200, user="ann@acme.example"))

    assert isinstance(result, DeviceRoute)
    assert (result.user, result.did) == ("ann@acme.example", "4711")
    assert result.application is not None
    assert result.application.application_sid == "dev"


async def test_a_trunk_that_authenticated_is_routed_by_number() -> None:
    result, _ = await admit(Authenticated(status=200, trunk_sid="t"))

    assert isinstance(result, Route)
    assert (result.carrier.name, result.application.application_sid) == ("pbx", "ivr")


async def test_a_trunk_the_edge_does_not_know_is_refused() -> None:
    result, _ = await admit(Authenticated(status=200, trunk_sid="new"))

    assert isinstance(result, Refusal)
    assert result.status == 403


@pytest.mark.parametrize(
    ("more", "trusted", "asked"),
    [
        ({}, True, False),
        ({}, False, True),
        ({"transport": "udp"}, True, True),
        ({"user": "bob"}, True, True),
        ({"realm": "other.example"}, True, True),
        ({"edge": "e2"}, True, True),
        ({"expires_at": 1}, True, True),
    ],
)
async def test_a_call_on_the_connection_its_user_is_registered_on_may_go_without_a_challenge(
    more: dict[str, object], trusted: bool, asked: bool
) -> None:
    usual = {
        "account_sid": "acc", "user": "ann", "realm": "acme.example", "contact": "sip:ann@x", "transport": "wss",
        "source": "192.0.2.4:5062", "edge": "e1", "flow": "f", "registered_at": 0, "expires_at": 2**50,
        "granted_until": 2**50, "sip_call_id": "c", "cseq": 1, "allow_direct_user_calling": False,
    }  # fmt: skip
    binding = Binding.model_validate(usual | more)
    registrations = Registrations()
    registrations.note(Stored((binding.realm, binding.user, "b"), binding, 1))
    questions: list[Authenticate] = []

    async def ask(question: Authenticate) -> Authenticated:
        questions.append(question)
        return Authenticated(status=401)

    users = Users(ask, registrations, trusted_edge="e1" if trusted else None)
    decision = await users.admit(TABLES, ACCOUNT, CALLER, invite(), (), "f")

    assert bool(questions) is asked
    assert isinstance(decision.result, Refusal if asked else DeviceRoute)
