"""The audit log: who changed what, with the values before and after."""

from typing import Any

from pydantic import BaseModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.operations import Resource
from jambones.api.pagination import PageQuery, envelope, page_and_count, period, text_filter
from jambones.api.wire import shown as model_of
from jambones.api.wire import wire
from jambones.common.db.audit_log import AuditEntry, AuditFilter, AuditLog
from jambones.common.db.tenant import Tenant

resource = Resource("AuditLog", "Who changed what; secrets are masked. Entries cannot be changed or removed.")
CALLER = ("caller_account_sid", "caller_service_provider_sid")
AuditEntryOut = model_of(AuditEntry, "AuditEntry", drop=CALLER)


class AuditQuery(PageQuery):
    operation: str | None = None
    """The id of an operation: updateApplication."""
    entity: str | None = None
    """A table: applications."""
    action: str | None = None
    """insert, update or delete."""
    sid: str | None = None
    """Of the thing that was changed."""
    caller: str | None = None


class AuditPage(BaseModel):
    """One page, newest first."""

    total: int
    page: str
    page_size: str
    data: list[AuditEntryOut]  # type: ignore[valid-type]


def shown(entry: AuditEntry, viewer: Tenant) -> dict[str, Any]:
    """An entry as `viewer` sees it: who above it made a change is not told, only from which scope."""
    above = None
    if viewer.account_sid and entry.caller_account_sid != viewer.account_sid:
        above = "the service provider" if entry.caller_service_provider_sid else "the platform"
    elif viewer.service_provider_sid and entry.caller_service_provider_sid != viewer.service_provider_sid:
        above = "the platform"
    hidden = {} if above is None else {"caller": above, "address": ""}
    return wire(entry, drop=CALLER, flags=False) | hidden


async def _page(ask: Ask, tenant: Tenant) -> Any:
    page, count = page_and_count(ask.query)
    names = ("operation", "entity", "action", "sid", "caller")
    wanted = AuditFilter(period(ask.query), **{name: text_filter(ask.query, name) for name in names})
    async with ask.reading(tenant) as tx:
        found = await AuditLog(tx).page(wanted, page=page, count=count)
    return envelope(ask, found, lambda row: shown(row, ask.tenant))


@resource.get(
    "/Accounts/{account_sid}/AuditLog", summary="List changes of an account's things", id="listAccountAuditLog",
    query=AuditQuery, returns=AuditPage,
)  # fmt: skip
async def of_account(ask: Ask) -> Any:
    return await _page(ask, await guards.account_part(ask))


@resource.get(
    "/ServiceProviders/{service_provider_sid}/AuditLog", summary="List changes of a service provider's things",
    id="listServiceProviderAuditLog", query=AuditQuery, returns=AuditPage,
)  # fmt: skip
async def of_provider(ask: Ask) -> Any:
    return await _page(ask, guards.service_provider_part(ask))


@resource.get(
    "/AuditLog", summary="List changes of everything the caller sees", id="listAuditLog", query=AuditQuery,
    returns=AuditPage,
)  # fmt: skip
async def of_caller(ask: Ask) -> Any:
    return await _page(ask, ask.tenant)
