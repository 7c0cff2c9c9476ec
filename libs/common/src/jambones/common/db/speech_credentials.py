"""Speech credentials: how to reach a speech vendor, of one account or shared by a service provider."""

from datetime import datetime

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant
from jambones.common.private import Private


class SpeechCredential(Row):
    speech_credential_sid: str
    service_provider_sid: str | None
    account_sid: str | None
    vendor: str
    credential: Private[str]
    """JSON, whose members depend on the vendor"""
    use_for_tts: bool | None
    use_for_stt: bool | None
    last_used: datetime | None
    last_tested: datetime | None
    tts_tested_ok: bool | None
    stt_tested_ok: bool | None
    created_at: datetime
    label: str | None


class SpeechCredentials(Repository[SpeechCredential]):
    TABLE, KEY, ROW, ENTITY = "speech_credentials", "speech_credential_sid", SpeechCredential, "speech_credential"
    SEALED = frozenset({"credential"})
    ORDER = "vendor, label NULLS FIRST, speech_credential_sid"

    def visible(self, where: Where, tenant: Tenant) -> None:
        if tenant.account_sid:
            where.add(
                "account_sid = {} OR (account_sid IS NULL AND service_provider_sid = {})",
                tenant.account_sid,
                tenant.service_provider_sid,
            )
        else:
            self.owned(where, tenant)
