"""Templates of well-known carriers, and copies of them."""

from typing import Any

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent
from jambones.api.operations import Resource
from jambones.api.wire import shown as model_of
from jambones.api.wire import wire
from jambones.common.db.predefined_carriers import PredefinedCarrier, PredefinedCarriers
from jambones.common.db.repository import Where
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.ids import new_sid

resource = Resource("PredefinedCarriers", "Templates of carriers.")
PredefinedCarrierOut = model_of(PredefinedCarrier, "PredefinedCarrier")


@resource.get(
    "/PredefinedCarriers", summary="List templates of carriers", id="listPredefinedCarriers", public=True,
    returns=list[PredefinedCarrierOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_predefined(ask: Ask) -> Any:
    async with ask.reading(PLATFORM) as tx:
        return [wire(row) for row in await PredefinedCarriers(tx).find(Where())]


async def _copied(ask: Ask, owner: Tenant) -> dict[str, Any]:
    """A carrier made of a template, with the template's gateways."""
    sid = ask.sid("predefined_carrier_sid")
    async with ask.transaction() as tx:
        template = await PredefinedCarriers(tx).get(sid)
        if template is None:
            raise absent()
        gateways = await PredefinedCarriers(tx).gateways(sid)
        owned = {"account_sid": owner.account_sid, "service_provider_sid": owner.service_provider_sid}
        carriers = VoipCarriers(tx)
        taken = await carriers.select(name=template.name, **owned)
        values = template.model_dump(exclude={"predefined_carrier_sid", "requires_static_ip"}) | owned
        values["name"] = f"{template.name}-{new_sid()[:8]}" if taken else template.name
        carrier = await carriers.add(values)
        for gateway in gateways:
            columns = gateway.model_dump(exclude={"predefined_sip_gateway_sid", "predefined_carrier_sid"})
            await SipGateways(tx).add(columns | {"voip_carrier_sid": carrier.voip_carrier_sid})
        return {"sid": carrier.voip_carrier_sid}


@resource.post(
    "/Accounts/{account_sid}/PredefinedCarriers/{predefined_carrier_sid}", summary="Copy a template for an account",
    id="copyPredefinedCarrier",
)  # fmt: skip
async def copy_for_account(ask: Ask) -> Any:
    owner = await guards.account_part(ask)
    if await guards.account_of(ask, owner.account_sid or "") is None:
        raise absent()
    return await _copied(ask, owner)


@resource.post(
    "/ServiceProviders/{service_provider_sid}/PredefinedCarriers/{predefined_carrier_sid}",
    summary="Copy a template for a service provider", id="copyPredefinedCarrierForServiceProvider",
)  # fmt: skip
async def copy_for_provider(ask: Ask) -> Any:
    owner = guards.service_provider_part(ask)
    if await guards.service_provider_of(ask, owner.service_provider_sid or "") is None:
        raise absent()
    return await _copied(ask, owner)
