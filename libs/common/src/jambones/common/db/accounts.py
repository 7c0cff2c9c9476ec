"""Accounts: the tenants that own applications, numbers and calls."""

import secrets
from datetime import datetime
from typing import Literal

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant
from jambones.common.private import Private

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Account(Row):
    account_sid: str
    name: str
    sip_realm: str | None
    service_provider_sid: str
    registration_hook_sid: str | None
    queue_event_hook_sid: str | None
    device_calling_application_sid: str | None
    siprec_hook_sid: str | None
    is_active: bool
    created_at: datetime
    plan_type: Literal["trial", "free", "paid"]
    stripe_customer_id: str | None
    webhook_secret: Private[str]
    disable_cdrs: bool
    trial_end_date: datetime | None
    deactivated_reason: str | None
    device_to_call_ratio: int
    subspace_client_id: str | None
    subspace_client_secret: str | None
    subspace_sip_teleport_id: str | None
    subspace_sip_teleport_destinations: str | None
    record_all_calls: bool
    record_format: Literal["mp3", "wav"]
    bucket_credential: Private[str] | None
    """JSON"""
    enable_debug_log: bool

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.service_provider_sid, self.account_sid)


def new_webhook_secret() -> str:
    """A secret that signs the requests to an account's webhooks."""
    return "wh_secret_" + "".join(secrets.choice(_ALPHABET) for _ in range(22))


class Accounts(Repository[Account]):
    TABLE, KEY, ROW, ENTITY = "accounts", "account_sid", Account, "account"
    SEALED = frozenset({"webhook_secret", "bucket_credential"})

    def owned(self, where: Where, tenant: Tenant) -> None:
        if tenant.account_sid:
            where.add("account_sid = {}", tenant.account_sid)
        elif tenant.service_provider_sid:
            where.add("service_provider_sid = {}", tenant.service_provider_sid)

    async def by_realm(self, realm: str) -> Account | None:
        where = Where()
        where.add("lower(sip_realm) = lower({})", realm)
        rows = await self.find(where)
        return rows[0] if rows else None

    async def at_debug(self) -> frozenset[str]:
        """The sids of those whose calls are logged at debug."""
        where = Where()
        where.add("enable_debug_log")
        self.visible(where, self._tx.tenant)
        rows = await self._tx.fetch(f"SELECT account_sid FROM accounts WHERE {where}", *where.args)  # noqa: S608
        return frozenset(row["account_sid"] for row in rows)

    async def delete(self, sid: str) -> bool:
        """Delete with everything it owns, or not at all. Call records and alerts stay until they are too old."""
        if await self.mine(sid) is None:
            return False
        await self._tx.execute(
            """
            UPDATE accounts SET device_calling_application_sid = NULL, siprec_hook_sid = NULL,
              registration_hook_sid = NULL, queue_event_hook_sid = NULL
            WHERE account_sid = $1
            """,
            sid,
        )
        await self._tx.execute("DELETE FROM lcr WHERE account_sid = $1", sid)
        carriers = "SELECT voip_carrier_sid FROM voip_carriers WHERE account_sid = $1"
        for condition in (
            "api_keys WHERE account_sid = $1",
            "clients WHERE account_sid = $1",
            "speech_credentials WHERE account_sid = $1",
            "users WHERE account_sid = $1",
            "phone_numbers WHERE account_sid = $1",
            "call_routes WHERE account_sid = $1",
            f"lcr_carrier_set_entry WHERE voip_carrier_sid IN ({carriers})",
            f"sip_gateways WHERE voip_carrier_sid IN ({carriers})",
            "voip_carriers WHERE account_sid = $1",
            "applications WHERE account_sid = $1",
        ):
            await self._tx.execute(f"DELETE FROM {condition}", sid)  # noqa: S608
        return await super().delete(sid)
