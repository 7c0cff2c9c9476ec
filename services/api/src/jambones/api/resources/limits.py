"""Limits: how much an account or a service provider may use at a time."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, guarded
from jambones.api.operations import Resource
from jambones.api.wire import Input, Lower, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.limits import (
    CATEGORIES,
    AccountLimit,
    AccountLimits,
    Category,
    ServiceProviderLimit,
    ServiceProviderLimits,
)

resource = Resource("Limits", "How much a tenant may use at a time; no row or 0 is no limit.")
AccountLimitOut = model_of(AccountLimit, "AccountLimit")
ServiceProviderLimitOut = model_of(ServiceProviderLimit, "ServiceProviderLimit")


class LimitIn(Input):
    category: Annotated[Category | None, Lower] = None
    quantity: int | None = Field(None, ge=0, le=2**31 - 1)
    REQUIRED: ClassVar[tuple[str, ...]] = ("category", "quantity")

    def values(self) -> tuple[str, int]:
        """Category and quantity; raises Refused when either is null."""
        if self.category is None:
            raise bad("missing field category")
        if self.quantity is None:
            raise bad("missing field quantity")
        return self.category, self.quantity


class CategoryQuery(Input):
    category: str | None = None


def _category(ask: Ask) -> str | None:
    category = ask.query.get("category", "").strip().lower() or None
    if category is not None and category not in CATEGORIES:
        raise bad("invalid category")
    return category


@resource.get(
    "/Accounts/{account_sid}/Limits", summary="List an account's limits", id="listAccountLimits", query=CategoryQuery,
    returns=list[AccountLimitOut],  # type: ignore[valid-type]
)  # fmt: skip
async def of_account(ask: Ask) -> Any:
    owner = await guards.account_part(ask)
    async with ask.reading() as tx:
        return [wire(row) for row in await AccountLimits(tx).of(owner.account_sid or "", _category(ask))]


@resource.post(
    "/Accounts/{account_sid}/Limits", summary="Set a limit of an account", id="setAccountLimit", body=LimitIn
)
async def put_for_account(ask: Ask, body: LimitIn) -> Any:
    owner = await guards.account_part(ask)
    if ask.caller.scope == "account":
        raise guarded()  # nobody raises the own limits
    if owner.service_provider_sid == "none":
        raise absent()
    async with ask.transaction() as tx:
        return {"sid": await AccountLimits(tx).put(owner.account_sid or "", *body.values())}


@resource.delete(
    "/Accounts/{account_sid}/Limits", summary="Remove limits of an account", id="deleteAccountLimits",
    query=CategoryQuery,
)  # fmt: skip
async def remove_of_account(ask: Ask) -> None:
    owner = await guards.account_part(ask)
    if ask.caller.scope == "account":
        raise guarded()
    async with ask.transaction() as tx:
        await AccountLimits(tx).remove(owner.account_sid or "", _category(ask))


@resource.get(
    "/ServiceProviders/{service_provider_sid}/Limits", summary="List a service provider's limits",
    id="listServiceProviderLimits", query=CategoryQuery,
    returns=list[ServiceProviderLimitOut],  # type: ignore[valid-type]
)  # fmt: skip
async def of_provider(ask: Ask) -> Any:
    sid = guards.service_provider_part(ask).service_provider_sid or ""
    async with ask.reading() as tx:
        return [wire(row) for row in await ServiceProviderLimits(tx).of(sid, _category(ask))]


@resource.post(
    "/ServiceProviders/{service_provider_sid}/Limits", summary="Set a limit of a service provider",
    id="setServiceProviderLimit", body=LimitIn,
)  # fmt: skip
async def put_for_provider(ask: Ask, body: LimitIn) -> Any:
    sid = guards.service_provider_part(ask).service_provider_sid or ""
    if await guards.service_provider_of(ask, sid) is None:
        raise absent()
    async with ask.transaction() as tx:
        return {"sid": await ServiceProviderLimits(tx).put(sid, *body.values())}


@resource.delete(
    "/ServiceProviders/{service_provider_sid}/Limits", summary="Remove limits of a service provider",
    id="deleteServiceProviderLimits", query=CategoryQuery,
)  # fmt: skip
async def remove_of_provider(ask: Ask) -> None:
    sid = guards.service_provider_part(ask).service_provider_sid or ""
    async with ask.transaction() as tx:
        await ServiceProviderLimits(tx).remove(sid, _category(ask))
