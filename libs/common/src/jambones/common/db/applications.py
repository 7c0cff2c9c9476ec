"""Applications: what a call does — the hooks that are asked, and the speech it uses unless a verb says otherwise."""

from datetime import datetime

from jambones.common.db.repository import Repository, Row
from jambones.common.db.webhooks import Webhooks
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

    async def delete(self, sid: str) -> bool:
        """Delete with its hooks. Raises StillReferenced while a number, carrier, account or route uses it."""
        row = await self.mine(sid)
        if row is None or not await super().delete(sid):
            return False
        await Webhooks(self._tx).drop_unused(row.hook_sids)
        return True
