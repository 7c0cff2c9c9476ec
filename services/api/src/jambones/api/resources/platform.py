"""What the whole platform shares: its edges, its settings, templates of carriers, and hooks by their sid."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from jambones.api import guards, hooks
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden
from jambones.api.operations import Resource
from jambones.api.wire import Input, Lower, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.platform import (
    PasswordSettings,
    SystemInformation,
    password_settings,
    put_password_settings,
    put_system_information,
    system_information,
)
from jambones.common.db.predefined_carriers import PredefinedCarrier, PredefinedCarriers
from jambones.common.db.repository import Where
from jambones.common.db.sbc_addresses import SbcAddress, SbcAddresses
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.db.webhooks import Webhooks
from jambones.common.ids import new_sid

resource = Resource("Platform", "Edges, settings, templates.")
Port = Annotated[int | None, Field(ge=1, le=65535)]
SbcOut = model_of(SbcAddress, "SbcAddress", drop=("pinned",))
PredefinedCarrierOut = model_of(PredefinedCarrier, "PredefinedCarrier")


class SbcIn(Input):
    ipv4: str | None = Field(None, min_length=1, max_length=255)
    port: Port = None
    tls_port: Port = None
    wss_port: Port = None
    service_provider_sid: SidOrNone = None
    REQUIRED: ClassVar[tuple[str, ...]] = ("ipv4",)
    DEFAULTS: ClassVar[dict[str, Any]] = {"port": 5060}


class SbcQuery(Input):
    service_provider_sid: str | None = None


@resource.get("/Sbcs", summary="List edges", id="listSbcs", query=SbcQuery, returns=list[SbcOut])  # type: ignore[valid-type]
async def list_sbcs(ask: Ask) -> Any:
    sp = ask.tenant.service_provider_sid or ask.query.get("service_provider_sid") or None
    async with ask.transaction(PLATFORM) as tx:
        return [wire(row, drop=("pinned",)) for row in await SbcAddresses(tx).of(sp)]


@resource.post("/Sbcs", summary="Add an edge", id="createSbc", body=SbcIn, errors=(422,))
async def create_sbc(ask: Ask, body: SbcIn) -> dict[str, Any]:
    guards.only_admin(ask)
    if not body.ipv4:
        raise bad("missing field ipv4")
    async with ask.transaction() as tx:
        return {"sid": (await SbcAddresses(tx).add(body.given() | {"pinned": True})).sbc_address_sid}


@resource.delete("/Sbcs/{sbc_address_sid}", summary="Remove an edge", id="deleteSbc")
async def delete_sbc(ask: Ask) -> None:
    guards.only_admin(ask)
    async with ask.transaction() as tx:
        if not await SbcAddresses(tx).delete(ask.sid("sbc_address_sid")):
            raise absent()


class PasswordSettingsIn(Input):
    min_password_length: int | None = Field(None, ge=8, le=20)
    require_digit: bool | None = None
    require_special_character: bool | None = None
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "min_password_length": 8, "require_digit": False, "require_special_character": False
    }  # fmt: skip


@resource.get(
    "/PasswordSettings", summary="Show the rules for passwords", id="getPasswordSettings", returns=dict[str, Any]
)
async def show_password_settings(ask: Ask) -> Any:
    async with ask.transaction(PLATFORM) as tx:
        row = await password_settings(tx)
    return {"min_password_length": PasswordSettings().min_password_length} if row is None else wire(row)


@resource.post(
    "/PasswordSettings", summary="Set the rules for passwords", id="setPasswordSettings", body=PasswordSettingsIn,
    returns=dict[str, Any],
)  # fmt: skip
async def set_password_settings(ask: Ask, body: PasswordSettingsIn) -> Any:
    guards.only_admin(ask)
    async with ask.transaction() as tx:
        await put_password_settings(tx, body.given())
    return {}


class SystemInformationIn(Input):
    domain_name: str | None = Field(None, max_length=255)
    sip_domain_name: str | None = Field(None, max_length=255)
    monitoring_domain_name: str | None = Field(None, max_length=255)
    private_network_cidr: str | None = Field(None, max_length=8192)
    log_level: Annotated[Literal["info", "debug"] | None, Lower] = None
    DEFAULTS: ClassVar[dict[str, Any]] = {"log_level": "info"}


@resource.get(
    "/SystemInformation", summary="Show the platform's names", id="getSystemInformation", returns=dict[str, Any]
)
async def show_system_information(ask: Ask) -> Any:
    guards.only_admin(ask)
    async with ask.transaction() as tx:
        row = await system_information(tx)
    return {} if row is None else wire(row)


@resource.post(
    "/SystemInformation", summary="Set the platform's names", id="setSystemInformation", body=SystemInformationIn,
    returns=dict[str, Any],
)  # fmt: skip
async def set_system_information(ask: Ask, body: SystemInformationIn) -> Any:
    guards.only_admin(ask)
    async with ask.transaction() as tx:
        await put_system_information(tx, body.given())
        return wire(await system_information(tx) or SystemInformation())


@resource.get(
    "/PredefinedCarriers", summary="List templates of carriers", id="listPredefinedCarriers", public=True,
    returns=list[PredefinedCarrierOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_predefined(ask: Ask) -> Any:
    async with ask.transaction(PLATFORM) as tx:
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


class HookOut(BaseModel):
    """A hook."""

    webhook_sid: str
    url: str
    method: str
    username: str | None
    password: str | None


@resource.post("/Webhooks", summary="Make a hook", id="createWebhook", body=hooks.Hook)
async def create_hook(ask: Ask, body: hooks.Hook) -> Any:
    if body.url is None:
        raise bad("missing field url")
    if ask.caller.view_only:
        raise forbidden()
    async with ask.transaction() as tx:
        fresh = body.model_copy(update={"webhook_sid": None})
        sid = await hooks.store(tx, "webhook", fresh, None, ask.tenant)
    if sid is None:
        raise bad("webhook URL is invalid")
    return {"sid": sid}


@resource.get("/Webhooks/{webhook_sid}", summary="Show a hook", id="getWebhook", returns=HookOut)
async def show_hook(ask: Ask) -> Any:
    async with ask.transaction() as tx:
        row = await Webhooks(tx).get(ask.sid("webhook_sid"))
    if row is None:
        raise absent()
    return hooks.shown(row, with_sid=True)
