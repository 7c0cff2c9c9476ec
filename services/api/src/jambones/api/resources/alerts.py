"""Alerts: what a tenant should know of."""

from typing import Any

from pydantic import BaseModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.operations import Resource
from jambones.api.pagination import PageQuery, envelope, page_and_count, period, text_filter
from jambones.api.wire import shown as model_of
from jambones.api.wire import wire
from jambones.common.db.alerts import AlertFilter, AlertRow, Alerts
from jambones.common.db.tenant import Tenant

resource = Resource("Alerts", "A hook that fails, a limit reached.")
AlertOut = model_of(AlertRow, "Alert", drop=("record_id",))


class AlertsQuery(PageQuery):
    alert_type: str | None = None


class AlertsPage(BaseModel):
    """One page, newest first."""

    total: int
    page: str
    page_size: str
    data: list[AlertOut]  # type: ignore[valid-type]


async def _page(ask: Ask, tenant: Tenant) -> Any:
    page, count = page_and_count(ask.query)
    wanted = AlertFilter(period(ask.query), text_filter(ask.query, "alert_type"))
    async with ask.reading(tenant) as tx:
        found = await Alerts(tx).page(wanted, page=page, count=count)
    return envelope(ask, found, lambda row: wire(row, drop=("record_id",)))


@resource.get(
    "/Accounts/{account_sid}/Alerts", summary="List an account's alerts", id="listAlerts", query=AlertsQuery,
    returns=AlertsPage,
)  # fmt: skip
async def of_account(ask: Ask) -> Any:
    return await _page(ask, await guards.account_part(ask))


@resource.get(
    "/ServiceProviders/{service_provider_sid}/Alerts", summary="List a service provider's alerts",
    id="listServiceProviderAlerts", query=AlertsQuery, returns=AlertsPage,
)  # fmt: skip
async def of_provider(ask: Ask) -> Any:
    return await _page(ask, guards.service_provider_part(ask))
