"""API keys: bearer tokens of the platform, a service provider or an account."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jambones.common.db.repository import Repository, Row
from jambones.common.ids import new_sid
from jambones.common.private import Private


class ApiKey(Row):
    api_key_sid: str
    token: Private[str]
    token_digest: bytes
    account_sid: str | None
    service_provider_sid: str | None
    expires_at: datetime | None
    last_used: datetime | None
    created_at: datetime


class KeyHolder(Row):
    """Whose a token is, and how many requests the tenant may make in five minutes (limit `api_rate`)."""

    api_key_sid: str
    account_sid: str | None
    service_provider_sid: str | None
    """Of the account, where there is one."""
    expires_at: datetime | None
    is_stale: bool
    """`last_used` is older than a minute."""
    account_rate: int | None
    service_provider_rate: int | None


def digest(token: str) -> bytes:
    """What a token is found by. Tokens are random (122 bits), so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).digest()


class ApiKeys(Repository[ApiKey]):
    TABLE, KEY, ROW, ENTITY = "api_keys", "api_key_sid", ApiKey, "api_key"
    SEALED = frozenset({"token"})
    ORDER = "created_at, api_key_sid"

    async def add(self, values: Mapping[str, Any]) -> ApiKey:
        """Insert with a random token unless `values` has one (seeds)."""
        token = values.get("token") or new_sid()
        return await super().add({**values, "token": token, "token_digest": digest(token)})

    async def holder(self, token: str) -> KeyHolder | None:
        """Who holds this token, in one query and without opening a secret; for the platform only."""
        record = await self._tx.fetchrow(
            """
            SELECT k.api_key_sid, k.account_sid, k.expires_at,
              coalesce(a.service_provider_sid, k.service_provider_sid) AS service_provider_sid,
              k.last_used IS NULL OR k.last_used < now() - interval '1 minute' AS is_stale,
              al.quantity AS account_rate, sl.quantity AS service_provider_rate
            FROM api_keys k
            LEFT JOIN accounts a ON a.account_sid = k.account_sid
            LEFT JOIN account_limits al ON al.account_sid = k.account_sid AND al.category = 'api_rate'
            LEFT JOIN service_provider_limits sl ON sl.category = 'api_rate'
              AND sl.service_provider_sid = coalesce(a.service_provider_sid, k.service_provider_sid)
            WHERE k.token_digest = $1
            """,
            digest(token),
        )
        return None if record is None else KeyHolder.model_validate(dict(record))

    async def note_use(self, account_sid: str) -> None:
        """All keys of the account were used now; at most once a minute."""
        await self._tx.execute(
            """
            UPDATE api_keys SET last_used = now()
            WHERE account_sid = $1 AND (last_used IS NULL OR last_used < now() - interval '1 minute')
            """,
            account_sid,
        )
