"""Applications: what a call does — the hooks that are asked, and the speech it uses unless a verb says otherwise."""

import json
from datetime import datetime

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.webhooks import Webhook, Webhooks
from jambones.common.private import Private

HOOKS = ("call_hook", "call_status_hook", "messaging_hook")


class Application(Row):
    application_sid: str
    name: str
    service_provider_sid: str | None
    account_sid: str | None
    call_hook_sid: str | None
    call_status_hook_sid: str | None
    messaging_hook_sid: str | None
    app_json: str | None
    speech_synthesis_vendor: str
    speech_synthesis_language: str
    speech_synthesis_voice: str | None
    speech_synthesis_label: str | None
    speech_recognizer_vendor: str
    speech_recognizer_language: str
    speech_recognizer_label: str | None
    use_for_fallback_speech: bool | None
    fallback_speech_synthesis_vendor: str | None
    fallback_speech_synthesis_language: str | None
    fallback_speech_synthesis_voice: str | None
    fallback_speech_synthesis_label: str | None
    fallback_speech_recognizer_vendor: str | None
    fallback_speech_recognizer_language: str | None
    fallback_speech_recognizer_label: str | None
    env_vars: Private[str] | None
    """JSON"""
    created_at: datetime
    record_all_calls: bool

    @property
    def hook_sids(self) -> list[str]:
        return [sid for name in HOOKS if (sid := getattr(self, f"{name}_sid"))]


class Applications(Repository[Application]):
    TABLE, KEY, ROW, ENTITY = "applications", "application_sid", Application, "application"
    SEALED = frozenset({"env_vars"})

    async def with_hooks(self, sid: str) -> tuple[Application, dict[str, Webhook]] | None:
        """An application and its hooks by their sids, in one query."""
        where = Where()
        where.add("application_sid = {}", sid)
        self.visible(where, self._tx.tenant)
        record = await self._tx.fetchrow(
            f"""
            SELECT a.*, (
              SELECT json_agg(w) FROM webhooks w
              WHERE w.webhook_sid IN (a.call_hook_sid, a.call_status_hook_sid, a.messaging_hook_sid)
            ) AS hooks
            FROM (SELECT * FROM applications WHERE {where}) AS a
            """,  # noqa: S608
            *where.args,
        )
        if record is None:
            return None
        hooks = Webhooks(self._tx)
        found = [hooks.row(values) for values in json.loads(record["hooks"] or "[]")]
        return self.row(record), {hook.webhook_sid: hook for hook in found}

    async def delete(self, sid: str) -> bool:
        """Delete with its hooks. Raises StillReferenced while a number, carrier, account or route uses it."""
        row = await self.mine(sid)
        if row is None or not await super().delete(sid):
            return False
        await Webhooks(self._tx).drop_unused(row.hook_sids)
        return True
