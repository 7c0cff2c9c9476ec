"""Webhooks: where an application, an account or a service provider wants to be asked or told."""

from typing import Literal

from jambones.common.db.repository import Repository, Row
from jambones.common.private import Private


class Webhook(Row):
    webhook_sid: str
    url: str
    method: Literal["GET", "POST"] = "POST"
    username: str | None = None
    password: Private[str] | None = None
    account_sid: str | None = None
    service_provider_sid: str | None = None


class Webhooks(Repository[Webhook]):
    TABLE, KEY, ROW, ENTITY = "webhooks", "webhook_sid", Webhook, "webhook"
    SEALED = frozenset({"password"})

    async def some(self, sids: list[str]) -> dict[str, Webhook]:
        """The hooks with these sids, by sid."""
        records = await self._tx.fetch("SELECT * FROM webhooks WHERE webhook_sid = ANY($1)", sids)
        return {record["webhook_sid"]: self.row(record) for record in records}

    async def drop_unused(self, sids: list[str]) -> None:
        """Delete those of these hooks that nothing points at any more."""
        await self._tx.execute(
            """
            DELETE FROM webhooks w WHERE webhook_sid = ANY($1)
              AND NOT EXISTS (SELECT FROM applications a
                              WHERE w.webhook_sid IN (a.call_hook_sid, a.call_status_hook_sid, a.messaging_hook_sid))
              AND NOT EXISTS (SELECT FROM accounts a
                              WHERE w.webhook_sid IN (a.registration_hook_sid, a.queue_event_hook_sid))
              AND NOT EXISTS (SELECT FROM service_providers s WHERE w.webhook_sid = s.registration_hook_sid)
            """,
            sids,
        )
