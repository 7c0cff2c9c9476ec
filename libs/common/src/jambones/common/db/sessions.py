"""Sessions of users, links that reset a password, and failed logins. For the platform: nobody is known yet."""

import hashlib
import secrets
from datetime import datetime, timedelta

from jambones.common import clock
from jambones.common.db.database import Transaction
from jambones.common.db.repository import Row
from jambones.common.ids import new_sid

LINK_LIFETIME = timedelta(hours=1)


class SessionHolder(Row):
    """What the user of a session may do, and how many requests the tenant may make in five minutes."""

    account_sid: str | None
    service_provider_sid: str | None
    permissions: tuple[str, ...]
    account_rate: int | None
    service_provider_rate: int | None


class Sessions:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def open(self, user_sid: str, expires_at: datetime) -> str:
        """Begin a session; returns its id. Sessions that are over are forgotten."""
        session_id = new_sid()
        await self._tx.execute("DELETE FROM sessions WHERE user_sid = $1 AND expires_at < $2", user_sid, clock.now())
        await self._tx.execute("INSERT INTO sessions VALUES ($1, $2, $3)", session_id, user_sid, expires_at)
        return session_id

    async def holder(self, session_id: str, user_sid: str) -> SessionHolder | None:
        """Whose session it is and what that user may do now, in one query; None when it is over or the user is not."""
        record = await self._tx.fetchrow(
            """
            SELECT u.account_sid, u.service_provider_sid,
              ARRAY(SELECT p.name FROM permissions p JOIN user_permissions up USING (permission_sid)
                    WHERE up.user_sid = u.user_sid ORDER BY p.name) AS permissions,
              al.quantity AS account_rate, sl.quantity AS service_provider_rate
            FROM sessions s JOIN users u USING (user_sid)
            LEFT JOIN account_limits al ON al.account_sid = u.account_sid AND al.category = 'api_rate'
            LEFT JOIN service_provider_limits sl ON sl.category = 'api_rate'
              AND sl.service_provider_sid = u.service_provider_sid
            WHERE s.session_id = $1 AND s.user_sid = $2 AND s.expires_at > $3 AND u.is_active
            """,
            session_id,
            user_sid,
            clock.now(),
        )
        return None if record is None else SessionHolder.model_validate(dict(record))

    async def close(self, session_id: str) -> None:
        await self._tx.execute("DELETE FROM sessions WHERE session_id = $1", session_id)

    async def close_all(self, user_sid: str) -> None:
        """End every session of the user."""
        await self._tx.execute("DELETE FROM sessions WHERE user_sid = $1", user_sid)

    async def new_link(self, user_sid: str) -> str:
        """A link that lets the user set a password, once, within the hour; earlier ones end."""
        link = secrets.token_urlsafe(24)
        await self._tx.execute("DELETE FROM reset_links WHERE user_sid = $1", user_sid)
        expires_at = clock.now() + LINK_LIFETIME
        await self._tx.execute("INSERT INTO reset_links VALUES ($1, $2, $3)", _digest(link), user_sid, expires_at)
        return link

    async def user_of_link(self, link: str) -> str | None:
        sql = "SELECT user_sid FROM reset_links WHERE link_digest = $1 AND expires_at > $2"
        found: str | None = await self._tx.fetchval(sql, _digest(link), clock.now())
        return found

    async def drop_links(self, user_sid: str) -> None:
        await self._tx.execute("DELETE FROM reset_links WHERE user_sid = $1", user_sid)

    async def failures(self, user_sid: str, window: timedelta) -> int:
        """Failed logins since the first one within the window."""
        sql = "SELECT failures FROM login_failures WHERE user_sid = $1 AND since > $2"
        return int(await self._tx.fetchval(sql, user_sid, clock.now() - window) or 0)

    async def note_failure(self, user_sid: str, window: timedelta) -> None:
        await self._tx.execute(
            """
            INSERT INTO login_failures VALUES ($1, 1, $2)
            ON CONFLICT (user_sid) DO UPDATE SET
              failures = CASE WHEN login_failures.since > $3 THEN login_failures.failures + 1 ELSE 1 END,
              since = CASE WHEN login_failures.since > $3 THEN login_failures.since ELSE $2 END
            """,
            user_sid,
            clock.now(),
            clock.now() - window,
        )

    async def forget_failures(self, user_sid: str) -> None:
        await self._tx.execute("DELETE FROM login_failures WHERE user_sid = $1", user_sid)


def _digest(link: str) -> bytes:
    return hashlib.sha256(link.encode()).digest()
