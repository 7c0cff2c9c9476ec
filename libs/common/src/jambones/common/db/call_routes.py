"""Call routes: an account's own patterns from dialled number to application, asked after numbers and carriers."""

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant


class CallRoute(Row):
    call_route_sid: str
    priority: int
    account_sid: str
    regex: str
    application_sid: str


def of_account(where: Where, tenant: Tenant) -> None:
    """Rows that always have an account."""
    if tenant.account_sid:
        where.add("account_sid = {}", tenant.account_sid)
    elif tenant.service_provider_sid:
        where.add(
            "account_sid IN (SELECT account_sid FROM accounts WHERE service_provider_sid = {})",
            tenant.service_provider_sid,
        )


class CallRoutes(Repository[CallRoute]):
    TABLE, KEY, ROW, ENTITY = "call_routes", "call_route_sid", CallRoute, "call_route"
    ORDER = "priority, call_route_sid"

    def owned(self, where: Where, tenant: Tenant) -> None:
        of_account(where, tenant)
