"""What an operator may switch on: carriers are the provider's, counts are limited, gateways are not too wide."""

from typing import Any

import pytest

from tests.integration.api.conftest import World
from tests.support.tenants import HOOKS, belongings


def switch(world: World, **settings: Any) -> None:
    assert world.api.parts is not None
    world.api.parts.settings = world.api.parts.settings.model_copy(update=settings)


async def test_carriers_may_be_the_providers_alone(world: World) -> None:
    ours = await belongings(world, "ours")
    switch(world, admin_carrier=True)
    carrier, number = ours.sids["voip_carrier_sid"], ours.sids["phone_number_sid"]
    for method, path, body in [
        ("POST", "/VoipCarriers", {"name": "x"}), ("PUT", f"/VoipCarriers/{carrier}", {"name": "x"}),
        ("DELETE", f"/VoipCarriers/{carrier}", None), ("POST", "/PhoneNumbers", {"number": "1"}),
        ("PUT", f"/PhoneNumbers/{number}", {}), ("DELETE", f"/SipGateways/{ours.sids['sip_gateway_sid']}", None),
    ]:  # fmt: skip
        refused = await ours.tenant.ask(method, path, body)
        assert (refused.status, refused.msg) == (400, "insufficient privileges"), path
    assert (await ours.tenant.get("/VoipCarriers")).status == 200
    assert (await ours.owner.put(f"/VoipCarriers/{carrier}", {"name": "x"})).status == 204


async def test_an_account_may_have_so_many_of_a_thing(world: World) -> None:
    ours = await belongings(world, "ours")
    await ours.owner.make("/VoipCarriers", {"name": "shared, which does not count"})
    switch(world, count_limits=True)
    for number in range(9):
        await ours.tenant.make("/VoipCarriers", {"name": f"carrier {number}"})
    refused = await ours.tenant.post("/VoipCarriers", {"name": "one more"})
    assert (refused.status, refused.body["status"]) == (422, "fail")
    assert refused.body["message"]
    assert (await ours.tenant.post("/Applications", {"name": "x", **HOOKS})).status == 201
    assert (await ours.owner.post("/VoipCarriers", {"name": "one more"})).status == 201


@pytest.mark.parametrize(("netmask", "status"), [(8, 400), (23, 400), (24, 201), (32, 201)])
async def test_gateways_may_not_be_too_wide(world: World, netmask: int, status: int) -> None:
    ours = await belongings(world, "ours")
    switch(world, min_gateway_netmask=24)
    body = {"voip_carrier_sid": ours.sids["voip_carrier_sid"], "ipv4": "10.0.0.0", "inbound": 1, "netmask": netmask}
    reply = await ours.tenant.post("/SipGateways", body)
    assert reply.status == status
    assert status == 201 or reply.msg == "netmask required to have value equal or greater than 24"
