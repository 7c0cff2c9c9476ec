"""The INVITE towards a feature server: what of the caller's it carries, and in which form."""

import pytest

from jambones.sbc.tenants import Account
from jambones.sbc_inbound.tables import Application, Carrier, Gateway, Tables
from jambones.sip.uri import Uri
from tests.support.edge import SOURCE, World
from tests.support.virtual_time import in_virtual_time

ANY_NUMBER = Tables.of(
    accounts=[Account("acc", "sp", "acc.example.com")],
    carriers=[Carrier("trunk", "acme", "acc", "sp", application_sid="app")],
    applications=[Application("app", "acc")],
    gateways=[Gateway("gw", "trunk", SOURCE, 32)],
    numbers=[],
)


@pytest.mark.parametrize("user", ["1%0D%0AX-Jambones-App:%20other", "1%20SIP/2.0%0D%0AVia:%20x", "a%40b", "%3E%3F#"])
@in_virtual_time
async def test_what_a_caller_escaped_stays_escaped_towards_the_feature_server(user: str) -> None:
    world = World(tables=ANY_NUMBER, uri=f"sip:{user}@192.0.2.1", from_=f"<sip:{user}@198.51.100.7>;tag=x")
    await world.server()
    world.caller.cancels()
    await world.over()

    (invite,) = world.invites
    plain = Uri.parse(f"sip:{user}@host").user_text
    assert Uri.parse(invite["uri"]).user_text == plain
    assert Uri.parse(str(invite["from_"].uri)).user_text == plain


@in_virtual_time
async def test_a_telephone_number_without_a_host_is_routed_by_its_digits() -> None:
    world = World(tables=ANY_NUMBER, uri="tel:+1-201-555-0123;phone-context=x", from_="<tel:+44-20-7946.0000>;tag=x")
    await world.server()
    world.caller.cancels()
    record = await world.over()

    (invite,) = world.invites
    assert invite["uri"] == "sip:12015550123@10.0.0.9:5070"
    assert invite["from_"].uri.user == "+442079460000"
    assert record.to.reveal() == "+12015550123"


@in_virtual_time
async def test_a_caller_without_a_name_is_anonymous() -> None:
    world = World(from_="<sip:anonymous.invalid>;tag=x")
    await world.server()
    world.caller.cancels()
    await world.over()

    (invite,) = world.invites
    assert str(invite["from_"].uri) == "sip:anonymous@10.0.0.1"
