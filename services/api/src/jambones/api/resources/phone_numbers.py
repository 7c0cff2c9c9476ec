"""Phone numbers: which application answers a number."""

from typing import Any, ClassVar

from pydantic import Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden
from jambones.api.operations import UUID, Resource
from jambones.api.pagination import listed, text_filter
from jambones.api.wire import Input, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.applications import Applications
from jambones.common.db.database import Transaction
from jambones.common.db.errors import Taken
from jambones.common.db.phone_numbers import PhoneNumber, PhoneNumbers
from jambones.common.db.repository import Where, contains
from jambones.common.db.tenant import Tenant
from jambones.common.db.voip_carriers import VoipCarriers

resource = Resource("PhoneNumbers", "Which application answers a number.")


class PhoneNumberIn(Input):
    number: str | None = Field(None, max_length=132)
    voip_carrier_sid: SidOrNone = None
    account_sid: SidOrNone = None
    application_sid: SidOrNone = None

    KEY: ClassVar[str] = "phone_number_sid"


class NumbersQuery(Input):
    account_sid: str | None = None
    service_provider_sid: str | None = None
    filter: str | None = None
    page: str | None = None
    page_size: str | None = None


PhoneNumberOut = model_of(PhoneNumber, "PhoneNumber")


def _shown(rows: list[PhoneNumber]) -> list[dict[str, Any]]:
    return [wire(row) for row in rows]


async def listing(ask: Ask, tenant: Tenant, where: Where) -> Any:
    """The numbers that `tenant` sees."""
    if (text := text_filter(ask.query, "filter")) is not None:
        where.add("number ILIKE {}", contains(text.lstrip("+")))
    async with ask.reading(tenant) as tx:
        return await listed(ask, PhoneNumbers(tx), where, _shown, paged_order="number, phone_number_sid")


@resource.post("/PhoneNumbers", summary="Add a number", id="createPhoneNumber", body=PhoneNumberIn, errors=(422,))
async def create(ask: Ask, body: PhoneNumberIn) -> dict[str, Any]:
    number = (body.number or "").removeprefix("+")
    if not number:
        raise bad("number is required")
    if any(char.isspace() for char in number):
        raise bad("number cannot contain whitespace")
    if "voip_carrier_sid" not in body.model_fields_set:
        raise bad("missing field voip_carrier_sid")
    owner = await guards.owner_for(ask, body.account_sid)
    account_sid = owner.account_sid
    async with ask.transaction() as tx:
        if body.voip_carrier_sid is not None:
            carrier = await VoipCarriers(tx).get(body.voip_carrier_sid)
            if carrier is None:
                raise bad(f"voip_carrier not found for sid {body.voip_carrier_sid}")
            if carrier.account_sid is not None and carrier.account_sid != account_sid:
                raise bad("voip_carrier_sid does not belong to the account")
        await _check_application(tx, body.application_sid, account_sid)
        values = {
            "number": number,
            "voip_carrier_sid": body.voip_carrier_sid,
            "account_sid": account_sid,
            "application_sid": body.application_sid,
        }
        if ask.tenant.service_provider_sid is not None:
            values["service_provider_sid"] = ask.tenant.service_provider_sid
        try:
            return {"sid": (await PhoneNumbers(tx).add(values)).phone_number_sid}
        except Taken as exc:
            raise Taken("this number already exists with this carrier") from exc


@resource.get(
    "/PhoneNumbers", summary="List numbers", id="listPhoneNumbers", query=NumbersQuery,
    returns=list[PhoneNumberOut] | dict[str, Any],  # type: ignore[valid-type]
)  # fmt: skip
async def list_numbers(ask: Ask) -> Any:
    where, tenant = Where(), ask.tenant
    if account_sid := ask.query.get("account_sid", "").strip():
        where.add("account_sid = {}", account_sid)
    sp = ask.query.get("service_provider_sid", "").strip()
    if sp and ask.caller.scope == "admin":
        tenant = Tenant(sp)
    return await listing(ask, tenant, where)


@resource.get(
    "/ServiceProviders/{service_provider_sid}/PhoneNumbers", summary="List a service provider's numbers",
    id="listServiceProviderPhoneNumbers", query=NumbersQuery,
    returns=list[PhoneNumberOut] | dict[str, Any],  # type: ignore[valid-type]
)  # fmt: skip
async def list_of_provider(ask: Ask) -> Any:
    return await listing(ask, guards.service_provider_list(ask), Where())


@resource.get("/PhoneNumbers/{phone_number_sid}", summary="Show a number", id="getPhoneNumber", returns=PhoneNumberOut)
async def show(ask: Ask) -> Any:
    foreign = absent() if ask.caller.scope == "account" else bad("insufficient privileges")
    return wire(await _mine(ask, foreign))


@resource.put("/PhoneNumbers/{phone_number_sid}", summary="Change a number", id="updatePhoneNumber", body=PhoneNumberIn)
async def update(ask: Ask, body: PhoneNumberIn) -> None:
    row = await _mine(ask, forbidden("insufficient privileges"))
    if "voip_carrier_sid" in body.model_fields_set and body.voip_carrier_sid != row.voip_carrier_sid:
        raise bad("voip_carrier_sid may not be modified")
    if "number" in body.model_fields_set and (body.number or "").removeprefix("+") != row.number:
        raise bad("number may not be modified")
    values = body.given(but=("number", "voip_carrier_sid"))
    account_sid = row.account_sid
    if "account_sid" in values and values["account_sid"] != row.account_sid:
        if ask.caller.scope == "account":
            raise forbidden("insufficient privileges")
        if values["account_sid"] is not None:
            await guards.owner_for(ask, values["account_sid"])
        elif ask.tenant.service_provider_sid is not None:
            values["service_provider_sid"] = ask.tenant.service_provider_sid  # else nobody but the platform sees it
        account_sid = values["account_sid"]
    async with ask.transaction() as tx:
        await _check_application(tx, values.get("application_sid"), account_sid)
        await PhoneNumbers(tx).update(row.phone_number_sid, values)


@resource.delete("/PhoneNumbers/{phone_number_sid}", summary="Delete a number", id="deletePhoneNumber")
async def delete(ask: Ask) -> None:
    row = await _mine(ask, forbidden("insufficient privileges"))
    async with ask.transaction() as tx:
        await PhoneNumbers(tx).delete(row.phone_number_sid)


async def _check_application(tx: Transaction, sid: str | None, account_sid: str | None) -> None:
    if sid is None:
        return
    application = await Applications(tx).get(sid) if UUID.fullmatch(sid) else None
    if application is None:
        raise bad("unknown application_sid")
    if account_sid is not None and application.account_sid not in (None, account_sid):
        raise bad("application_sid does not belong to the account")


async def _mine(ask: Ask, foreign: Exception) -> PhoneNumber:
    return await guards.mine(ask, PhoneNumbers, ask.sid("phone_number_sid"), foreign)
