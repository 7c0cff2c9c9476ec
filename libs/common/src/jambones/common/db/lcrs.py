"""Least-cost routing: which carriers take a call out, by dialled number, in order."""

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant

DEFAULT_PRIORITY = 9999
"""The route of this priority is the catch-all; its entry becomes the table's default."""


class Lcr(Row):
    lcr_sid: str
    name: str | None
    is_active: bool
    default_carrier_set_entry_sid: str | None
    service_provider_sid: str | None
    account_sid: str | None


class LcrRoute(Row):
    lcr_route_sid: str
    lcr_sid: str
    regex: str
    description: str | None
    priority: int


class LcrCarrierSetEntry(Row):
    lcr_carrier_set_entry_sid: str
    workload: int
    lcr_route_sid: str
    voip_carrier_sid: str
    priority: int


def _owned_lcrs(where: Where, tenant: Tenant) -> str | None:
    if tenant.account_sid:
        return f"SELECT lcr_sid FROM lcr WHERE account_sid = {where.bind(tenant.account_sid)}"  # noqa: S608
    if tenant.service_provider_sid:
        sp = where.bind(tenant.service_provider_sid)
        return (
            f"SELECT lcr_sid FROM lcr WHERE service_provider_sid = {sp} OR account_sid IN "  # noqa: S608
            f"(SELECT account_sid FROM accounts WHERE service_provider_sid = {sp})"
        )
    return None


class Lcrs(Repository[Lcr]):
    TABLE, KEY, ROW, ENTITY = "lcr", "lcr_sid", Lcr, "lcr"

    async def route_counts(self) -> dict[str, int]:
        records = await self._tx.fetch("SELECT lcr_sid, count(*) AS n FROM lcr_routes GROUP BY lcr_sid")
        return {record["lcr_sid"]: record["n"] for record in records}


class LcrRoutes(Repository[LcrRoute]):
    TABLE, KEY, ROW, ENTITY = "lcr_routes", "lcr_route_sid", LcrRoute, "lcr_route"
    ORDER = "priority, lcr_route_sid"

    def owned(self, where: Where, tenant: Tenant) -> None:
        lcrs = _owned_lcrs(where, tenant)
        if lcrs:
            where.add(f"lcr_sid IN ({lcrs})")


class LcrCarrierSetEntries(Repository[LcrCarrierSetEntry]):
    TABLE, KEY, ROW = "lcr_carrier_set_entry", "lcr_carrier_set_entry_sid", LcrCarrierSetEntry
    ENTITY = "lcr_carrier_set_entry"
    ORDER = "priority, lcr_carrier_set_entry_sid"

    def owned(self, where: Where, tenant: Tenant) -> None:
        lcrs = _owned_lcrs(where, tenant)
        if lcrs:
            where.add(f"lcr_route_sid IN (SELECT lcr_route_sid FROM lcr_routes WHERE lcr_sid IN ({lcrs}))")  # noqa: S608
