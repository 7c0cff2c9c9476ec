"""Carriers: who brings calls in and takes calls out."""

import ipaddress
import json
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden, unprocessable
from jambones.api.operations import UUID, Resource
from jambones.api.pagination import listed, text_filter
from jambones.api.wire import Input, Lower, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.accounts import Accounts
from jambones.common.db.applications import Applications
from jambones.common.db.database import Transaction
from jambones.common.db.phone_numbers import PhoneNumbers
from jambones.common.db.repository import Where, contains
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.voip_carriers import VoipCarrier, VoipCarriers
from jambones.common.private import Private

resource = Resource("VoipCarriers", "Who brings calls in and takes calls out.")
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\.?(:\d{1,5})?")
_NOT_A_DOMAIN = "{} must be a valid domain or IP address (no sip: prefix, no spaces)"


class VoipCarrierIn(Input):
    name: str | None = Field(None, min_length=1, max_length=64)
    description: str | None = Field(None, max_length=255)
    account_sid: SidOrNone = None
    service_provider_sid: SidOrNone = None
    application_sid: SidOrNone = None
    e164_leading_plus: bool | None = None
    requires_register: bool | None = None
    register_username: str | None = Field(None, max_length=64)
    register_sip_realm: str | None = Field(None, max_length=64)
    register_password: str | None = Field(None, max_length=64)
    tech_prefix: str | None = Field(None, max_length=16)
    inbound_auth_username: str | None = Field(None, max_length=64)
    inbound_auth_password: str | None = Field(None, max_length=64)
    diversion: str | None = Field(None, max_length=32)
    is_active: bool | None = None
    smpp_system_id: str | None = Field(None, max_length=255)
    smpp_password: str | None = Field(None, max_length=64)
    smpp_enquire_link_interval: int | None = Field(None, ge=0, le=86400)
    smpp_inbound_system_id: str | None = Field(None, max_length=255)
    smpp_inbound_password: str | None = Field(None, max_length=64)
    register_from_user: str | None = Field(None, max_length=128)
    register_from_domain: str | None = Field(None, max_length=255)
    register_public_ip_in_contact: bool | None = None
    dtmf_type: Annotated[Literal["rfc2833", "tones", "info"] | None, Lower] = None
    outbound_sip_proxy: str | None = Field(None, max_length=255)
    trunk_type: Annotated[Literal["static_ip", "auth", "reg"] | None, Lower] = None

    REQUIRED: ClassVar[tuple[str, ...]] = ("name",)
    KEY: ClassVar[str] = "voip_carrier_sid"
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "e164_leading_plus": False, "requires_register": False, "is_active": True, "dtmf_type": "rfc2833",
        "register_public_ip_in_contact": False, "trunk_type": "static_ip",
    }  # fmt: skip


VoipCarrierOut = model_of(VoipCarrier, "VoipCarrier", register_status=dict[str, Any])


class CarriersQuery(Input):
    account_sid: str | None = None
    name: str | None = None
    page: str | None = None
    page_size: str | None = None


def shown(row: VoipCarrier) -> dict[str, Any]:
    """A carrier as it goes out."""
    try:
        status = json.loads(row.register_status or "{}")
    except ValueError:
        status = {}
    return wire(row, register_status=status)


def check_fields(values: dict[str, Any], before: VoipCarrier | None) -> None:
    """The rules among the fields of a carrier, with what is stored for those not given. Raises Refused."""

    def now(name: str) -> Any:
        if name in values:
            return values[name]
        stored = getattr(before, name, None)
        return stored.reveal() if isinstance(stored, Private) else stored

    if now("requires_register"):
        if not now("register_username"):
            raise bad("register_username is required when requires_register is true")
        if not now("register_password"):
            raise bad("register_password is required when requires_register is true")
    if any(char.isspace() for char in now("register_username") or ""):
        raise bad("register_username must not contain whitespace")
    realm = now("register_sip_realm")
    if realm == "":
        raise bad("register_sip_realm must not be empty string; use null to fall back to gateway IP")
    if realm is not None and not _is_domain(realm):
        raise bad(_NOT_A_DOMAIN.format("register_sip_realm"))
    domain = now("register_from_domain")
    if domain and not _is_domain(domain):
        raise bad(_NOT_A_DOMAIN.format("register_from_domain"))


def _is_domain(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return _DOMAIN.fullmatch(text) is not None
    return True


async def _check_application(tx: Transaction, values: dict[str, Any], account_sid: str | None) -> None:
    if values.get("application_sid") is None:
        return
    if account_sid is None:
        raise bad("account_sid missing")
    application = await Applications(tx).get(values["application_sid"])
    if application is None:
        raise bad("unknown application_sid")
    if application.account_sid != account_sid:
        raise bad("application_sid does not exist for specified account_sid")


async def _owner(ask: Ask, account_sid: str | None, service_provider_sid: str | None) -> dict[str, Any]:
    """The owner's columns of a new carrier."""
    if ask.caller.scope == "account":
        return {"account_sid": ask.tenant.account_sid, "service_provider_sid": ask.tenant.service_provider_sid}
    if account_sid is not None:
        async with ask.reading(PLATFORM) as tx:
            account = await Accounts(tx).get(account_sid)
        if account is None:
            raise bad("unknown account_sid")
        if not guards.may_use(ask, account):
            raise forbidden("insufficient privileges")
        return {"account_sid": account.account_sid, "service_provider_sid": account.service_provider_sid}
    return {"account_sid": None, "service_provider_sid": ask.tenant.service_provider_sid or service_provider_sid}


async def add(ask: Ask, body: VoipCarrierIn, owner: dict[str, Any]) -> dict[str, Any]:
    """Make a carrier for `owner`."""
    values = body.given() | owner
    if not values.get("name"):
        raise bad("missing field name")
    check_fields(values, None)
    async with ask.transaction() as tx:
        await _check_application(tx, values, owner["account_sid"])
        return {"sid": (await VoipCarriers(tx).add(values)).voip_carrier_sid}


async def change(ask: Ask, sid: str, body: VoipCarrierIn, row: VoipCarrier) -> None:
    """Change a carrier that the caller may change."""
    values = body.given(but=("service_provider_sid",))
    if "name" in values and not values["name"]:
        raise bad("missing field name")
    check_fields(values, row)
    if "account_sid" in values and values["account_sid"] != row.account_sid:
        if ask.caller.scope == "account":
            raise forbidden("insufficient privileges")
        if values["account_sid"] is not None:
            values |= await _owner(ask, values["account_sid"], None)
    async with ask.transaction() as tx:
        await _check_application(tx, values, values.get("account_sid", row.account_sid))
        if not await VoipCarriers(tx).update(sid, values):
            raise absent()


async def listing(ask: Ask, tenant: Tenant, where: Where | None = None) -> Any:
    """The carriers that `tenant` sees."""
    where = where or Where()
    if (name := text_filter(ask.query, "name")) is not None:
        where.add("name ILIKE {}", contains(name))
    async with ask.reading(tenant) as tx:
        return await listed(
            ask, VoipCarriers(tx), where, lambda rows: [shown(row) for row in rows],
            paged_order="lower(name), voip_carrier_sid",
        )  # fmt: skip


async def _narrowed(ask: Ask, tenant: Tenant) -> Tenant:
    """With `?account_sid=`: that account's view, which has the shared carriers too."""
    sid = ask.query.get("account_sid", "").strip().lower()
    if not sid or tenant.scope == "account":
        return tenant
    account = await guards.account_of(ask, sid) if UUID.fullmatch(sid) else None
    if account is None:
        raise bad("unknown account_sid")
    if not guards.may_use(ask, account) or tenant.service_provider_sid not in (None, account.service_provider_sid):
        raise forbidden()
    return account.tenant


@resource.post("/VoipCarriers", summary="Make a carrier", id="createVoipCarrier", body=VoipCarrierIn, errors=(422,))
async def create(ask: Ask, body: VoipCarrierIn) -> dict[str, Any]:
    if body.application_sid is not None and body.account_sid is None and ask.tenant.account_sid is None:
        raise bad("account_sid missing")
    return await add(ask, body, await _owner(ask, body.account_sid, body.service_provider_sid))


@resource.get(
    "/VoipCarriers", summary="List carriers", id="listVoipCarriers", query=CarriersQuery,
    returns=list[VoipCarrierOut] | dict[str, Any],  # type: ignore[valid-type]
)  # fmt: skip
async def list_carriers(ask: Ask) -> Any:
    return await listing(ask, await _narrowed(ask, ask.tenant))


@resource.get("/VoipCarriers/{voip_carrier_sid}", summary="Show a carrier", id="getVoipCarrier", returns=VoipCarrierOut)
async def show(ask: Ask) -> Any:
    return shown(await _mine(ask, bad("insufficient privileges")))


@resource.put(
    "/VoipCarriers/{voip_carrier_sid}", summary="Change a carrier", id="updateVoipCarrier", body=VoipCarrierIn,
    errors=(422,),
)  # fmt: skip
async def update(ask: Ask, body: VoipCarrierIn) -> None:
    await change(ask, ask.sid("voip_carrier_sid"), body, await _mine(ask, _foreign(ask)))


@resource.delete("/VoipCarriers/{voip_carrier_sid}", summary="Delete a carrier", id="deleteVoipCarrier", errors=(422,))
async def delete(ask: Ask) -> None:
    sid = (await _mine(ask, _foreign(ask))).voip_carrier_sid
    async with ask.transaction() as tx:
        if await PhoneNumbers(tx).select(voip_carrier_sid=sid):
            raise unprocessable("cannot delete voip carrier with active phone numbers")
        if not await VoipCarriers(tx).delete(sid):
            raise absent()


@resource.get(
    "/Accounts/{account_sid}/VoipCarriers", summary="List an account's own carriers", id="listAccountVoipCarriers",
    query=CarriersQuery, returns=list[VoipCarrierOut] | dict[str, Any],  # type: ignore[valid-type]
)  # fmt: skip
async def list_of_account(ask: Ask) -> Any:
    account = await guards.account_item(ask)
    where = Where()
    where.add("account_sid = {}", account.account_sid)
    return await listing(ask, account.tenant, where)


@resource.post(
    "/Accounts/{account_sid}/VoipCarriers", summary="Make a carrier of an account", id="createAccountVoipCarrier",
    body=VoipCarrierIn, errors=(422,),
)  # fmt: skip
async def create_for_account(ask: Ask, body: VoipCarrierIn) -> dict[str, Any]:
    account = await guards.account_item(ask)
    owner = {"account_sid": account.account_sid, "service_provider_sid": account.service_provider_sid}
    return await add(ask, body, owner)


@resource.put(
    "/Accounts/{account_sid}/VoipCarriers/{voip_carrier_sid}", summary="Change a carrier of an account",
    id="updateAccountVoipCarrier", body=VoipCarrierIn, errors=(422,),
)  # fmt: skip
async def update_of_account(ask: Ask, body: VoipCarrierIn) -> None:
    account = await guards.account_item(ask)
    row = await _mine(ask, absent())
    if row.account_sid != account.account_sid:
        raise absent()
    await change(ask, row.voip_carrier_sid, body, row)


@resource.get(
    "/ServiceProviders/{service_provider_sid}/VoipCarriers", summary="List a service provider's carriers",
    id="listServiceProviderVoipCarriers", query=CarriersQuery,
    returns=list[VoipCarrierOut] | dict[str, Any],  # type: ignore[valid-type]
)  # fmt: skip
async def list_of_provider(ask: Ask) -> Any:
    return await listing(ask, await _narrowed(ask, guards.service_provider_list(ask)))


@resource.post(
    "/ServiceProviders/{service_provider_sid}/VoipCarriers", summary="Make a carrier of a service provider",
    id="createServiceProviderVoipCarrier", body=VoipCarrierIn, errors=(422,),
)  # fmt: skip
async def create_for_provider(ask: Ask, body: VoipCarrierIn) -> dict[str, Any]:
    sp = guards.service_provider_part(ask).service_provider_sid
    owner = await _owner(ask, body.account_sid, sp)
    if owner["service_provider_sid"] != sp:
        raise bad("unknown account_sid")
    return await add(ask, body, owner)


@resource.put(
    "/ServiceProviders/{service_provider_sid}/VoipCarriers/{voip_carrier_sid}",
    summary="Change a carrier of a service provider", id="updateServiceProviderVoipCarrier", body=VoipCarrierIn,
    errors=(422,),
)  # fmt: skip
async def update_of_provider(ask: Ask, body: VoipCarrierIn) -> None:
    tenant = guards.service_provider_part(ask)
    async with ask.reading(tenant) as tx:
        row = await VoipCarriers(tx).mine(ask.sid("voip_carrier_sid"))
    if row is None:
        raise absent()
    await change(ask, row.voip_carrier_sid, body, row)


def _foreign(ask: Ask) -> Exception:
    return unprocessable("carrier belongs to a different user") if ask.caller.scope == "account" else forbidden()


async def _mine(ask: Ask, refusal: Exception) -> VoipCarrier:
    """The carrier of the path, when the caller may change it; `refusal` when it is somebody else's."""
    return await guards.mine(ask, VoipCarriers, ask.sid("voip_carrier_sid"), refusal)
