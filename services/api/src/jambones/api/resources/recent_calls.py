"""Recent calls: the records of calls that have ended."""

from typing import Any

from pydantic import BaseModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent
from jambones.api.operations import Resource
from jambones.api.pagination import PageQuery, envelope, page_and_count, period, text_filter
from jambones.api.wire import shown as model_of
from jambones.api.wire import wire
from jambones.common.db.recent_calls import CallFilter, RecentCall, RecentCalls
from jambones.common.db.tenant import Tenant

resource = Resource("RecentCalls", "The records of calls that have ended.")
RecentCallOut = model_of(RecentCall, "RecentCall", drop=("record_id",), flags=False)


class RecentCallsQuery(PageQuery):
    direction: str | None = None
    answered: str | None = None
    trunk: str | None = None
    filter: str | None = None


class RecentCallsPage(BaseModel):
    """One page, newest first."""

    total: int
    page: str
    page_size: str
    data: list[RecentCallOut]  # type: ignore[valid-type]


def _shown(row: RecentCall) -> dict[str, Any]:
    return wire(row, drop=("record_id",), flags=False)


async def _page(ask: Ask, tenant: Tenant) -> Any:
    page, count = page_and_count(ask.query)
    direction, answered = ask.query.get("direction"), ask.query.get("answered")
    wanted = CallFilter(
        period=period(ask.query),
        direction=direction if direction in ("inbound", "outbound") else None,
        answered={"true": True, "false": False}.get(answered or ""),
        trunk=text_filter(ask.query, "trunk"),
        text=text_filter(ask.query, "filter"),
    )
    async with ask.reading(tenant) as tx:
        found = await RecentCalls(tx).page(wanted, page=page, count=count)
    return envelope(ask, found, _shown)


@resource.get(
    "/Accounts/{account_sid}/RecentCalls", summary="List an account's calls", id="listRecentCalls",
    query=RecentCallsQuery, returns=RecentCallsPage,
)  # fmt: skip
async def of_account(ask: Ask) -> Any:
    return await _page(ask, await guards.account_part(ask))


@resource.get(
    "/ServiceProviders/{service_provider_sid}/RecentCalls", summary="List a service provider's calls",
    id="listServiceProviderRecentCalls", query=RecentCallsQuery, returns=RecentCallsPage,
)  # fmt: skip
async def of_provider(ask: Ask) -> Any:
    return await _page(ask, guards.service_provider_part(ask))


async def _explained(ask: Ask, tenant: Tenant) -> Any:
    """Why a call went where it went: by call sid or SIP Call-ID."""
    wanted = ask.params["call_id"]
    async with ask.reading(tenant) as tx:
        calls = RecentCalls(tx)
        row = await calls.get(call_sid=wanted) or await calls.get(sip_callid=wanted)
    if row is None:
        raise absent()
    details = row.details
    return {
        "call": _shown(row),
        "reasons": details.get("reasons", []),
        "attempts": details.get("attempts", []),
        "media": details.get("media"),
    }


@resource.get(
    "/Accounts/{account_sid}/RecentCalls/{call_id}/explain", summary="Say why a call went where it went",
    id="explainCall", returns=dict[str, Any],
)  # fmt: skip
async def explain(ask: Ask) -> Any:
    return await _explained(ask, await guards.account_part(ask))
