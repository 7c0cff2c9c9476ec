"""Service providers: resellers of the platform."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from jambones.api import guards, hooks
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden
from jambones.api.operations import Resource
from jambones.api.resources import accounts, applications
from jambones.api.wire import Input, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.accounts import Accounts
from jambones.common.db.repository import Where
from jambones.common.db.service_providers import ServiceProvider, ServiceProviders
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.webhooks import Webhooks

resource = Resource("ServiceProviders", "Resellers of the platform; each owns accounts.")


def _hook(value: Any) -> Any:
    return None if value == {} else value


class ServiceProviderIn(Input):
    name: str | None = Field(None, min_length=1, max_length=64)
    description: str | None = Field(None, max_length=255)
    root_domain: str | None = Field(None, max_length=128)
    ms_teams_fqdn: str | None = Field(None, max_length=255)
    registration_hook: Annotated[hooks.Hook | None, BeforeValidator(_hook)] = None

    REQUIRED: ClassVar[tuple[str, ...]] = ("name",)
    KEY: ClassVar[str] = "service_provider_sid"


ServiceProviderOut = model_of(
    ServiceProvider, "ServiceProvider", drop=("registration_hook_sid",), registration_hook=dict[str, Any] | None
)


async def _shown(ask: Ask, rows: list[ServiceProvider]) -> list[dict[str, Any]]:
    """With their hooks; an account sees where devices are asked about, but not with which password."""
    async with ask.reading(PLATFORM) as tx:
        found = await Webhooks(tx).some([row.registration_hook_sid for row in rows if row.registration_hook_sid])
    answers = []
    for row in rows:
        hook = hooks.shown(found.get(row.registration_hook_sid or ""), with_sid=False)
        if hook is not None and ask.caller.scope == "account":
            hook["password"] = None
        answers.append(wire(row, drop=("registration_hook_sid",), registration_hook=hook))
    return answers


@resource.post(
    "/ServiceProviders", summary="Make a service provider", id="createServiceProvider", body=ServiceProviderIn,
    errors=(422,),
)  # fmt: skip
async def create(ask: Ask, body: ServiceProviderIn) -> dict[str, Any]:
    guards.only_admin(ask, forbidden("only admin users can add a service provider"))
    values = body.given(but=("registration_hook",))
    if not values["name"]:
        raise bad("missing field name")
    async with ask.transaction() as tx:
        row = await ServiceProviders(tx).add(values)
        sid = row.service_provider_sid
        if body.registration_hook is not None and body.registration_hook.url:
            hook = await hooks.store(tx, "registration_hook", body.registration_hook, None, Tenant(sid))
            await ServiceProviders(tx).update(sid, {"registration_hook_sid": hook})
        return {"sid": sid}


@resource.get(
    "/ServiceProviders", summary="List service providers", id="listServiceProviders",
    returns=list[ServiceProviderOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_providers(ask: Ask) -> Any:
    async with ask.reading() as tx:
        rows = await ServiceProviders(tx).find(Where(), order="lower(name)")
    return await _shown(ask, rows)


@resource.get(
    "/ServiceProviders/{service_provider_sid}", summary="Show a service provider", id="getServiceProvider",
    returns=ServiceProviderOut,
)  # fmt: skip
async def show(ask: Ask) -> Any:
    guards.service_provider_list(ask)
    async with ask.reading() as tx:
        row = await ServiceProviders(tx).get(ask.sid("service_provider_sid"))
    if row is None:
        raise absent()
    return (await _shown(ask, [row]))[0]


@resource.put(
    "/ServiceProviders/{service_provider_sid}", summary="Change a service provider", id="updateServiceProvider",
    body=ServiceProviderIn, errors=(422,),
)  # fmt: skip
async def update(ask: Ask, body: ServiceProviderIn) -> None:
    sid = ask.sid("service_provider_sid")
    if ask.caller.scope == "account" or ask.tenant.service_provider_sid not in (None, sid):
        raise forbidden("insufficient permissions to update service provider")
    values = body.given(but=("registration_hook",))
    if "name" in values and not values["name"]:
        raise bad("missing field name")
    async with ask.transaction() as tx:
        row = await ServiceProviders(tx).mine(sid)
        if row is None:
            raise absent()
        old = row.registration_hook_sid
        if "registration_hook" in body.model_fields_set:
            values["registration_hook_sid"] = await hooks.store(
                tx, "registration_hook", body.registration_hook, old, Tenant(sid)
            )
        await ServiceProviders(tx).update(sid, values)
        if old and values.get("registration_hook_sid", old) != old:
            await Webhooks(tx).drop_unused([old])


@resource.delete(
    "/ServiceProviders/{service_provider_sid}", summary="Delete a service provider", id="deleteServiceProvider",
    errors=(422,),
)  # fmt: skip
async def delete(ask: Ask) -> None:
    guards.only_admin(ask, forbidden("only admin users can delete a service provider"))
    sid = ask.sid("service_provider_sid")
    async with ask.transaction() as tx:
        providers = ServiceProviders(tx)
        if await providers.in_use(sid):
            raise forbidden("insufficient privileges")
        if not await providers.delete(sid):
            raise absent()


@resource.get(
    "/ServiceProviders/{service_provider_sid}/Accounts", summary="List a service provider's accounts",
    id="listServiceProviderAccounts", returns=list[accounts.AccountOut],  # type: ignore[valid-type]
)  # fmt: skip
async def its_accounts(ask: Ask) -> Any:
    async with ask.reading(guards.service_provider_list(ask)) as tx:
        return await accounts.shown(tx, await Accounts(tx).find(Where()))


@resource.get(
    "/ServiceProviders/{service_provider_sid}/Applications", summary="List a service provider's applications",
    id="listServiceProviderApplications", query=applications.ApplicationsQuery,
    returns=list[applications.ApplicationOut],  # type: ignore[valid-type]
)  # fmt: skip
async def its_applications(ask: Ask) -> Any:
    return await applications.listing(ask, guards.service_provider_list(ask))
