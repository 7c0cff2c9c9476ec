"""Clients: SIP credentials of an account's devices, for accounts without a registration hook."""

from jambones.common.db.call_routes import of_account
from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant
from jambones.common.private import Private


class Client(Row):
    client_sid: str
    account_sid: str
    is_active: bool
    username: str
    password: Private[str] | None
    allow_direct_app_calling: bool
    allow_direct_queue_calling: bool
    allow_direct_user_calling: bool


class Clients(Repository[Client]):
    TABLE, KEY, ROW, ENTITY = "clients", "client_sid", Client, "client"
    SEALED = frozenset({"password"})
    ORDER = "username, client_sid"

    def owned(self, where: Where, tenant: Tenant) -> None:
        of_account(where, tenant)
