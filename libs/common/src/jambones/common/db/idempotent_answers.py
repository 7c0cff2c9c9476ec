"""What was answered to requests with an Idempotency-Key; answers are sealed, since they may hold new tokens."""

from dataclasses import dataclass
from datetime import timedelta

from jambones.common import clock
from jambones.common.db.database import Transaction

LIFETIME = timedelta(hours=24)
PATIENCE = timedelta(minutes=2)
"""A request that has no answer after so long died with its process: its key may be taken over."""
_PLACE = "idempotent_answers.body"


@dataclass(frozen=True)
class StoredAnswer:
    request_digest: bytes
    status: int | None
    """None while the first request is being worked on."""
    body: str


class IdempotentAnswers:
    """For the platform."""

    TABLE = "idempotent_answers"

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def begin(self, caller: str, key: str, request_digest: bytes) -> StoredAnswer | None:
        """Reserve the key; returns what is there when somebody was first."""
        await self.forget_old()
        new = await self._tx.execute(
            """
            INSERT INTO idempotent_answers (caller, idempotency_key, request_digest, created_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (caller, idempotency_key) DO UPDATE SET request_digest = $3, created_at = $4
            WHERE idempotent_answers.status IS NULL AND idempotent_answers.created_at < $5
            """,
            caller,
            key,
            request_digest,
            clock.now(),
            clock.now() - PATIENCE,
        )
        if new:
            return None
        record = await self._tx.fetchrow(
            "SELECT * FROM idempotent_answers WHERE caller = $1 AND idempotency_key = $2", caller, key
        )
        if record is None:
            return StoredAnswer(request_digest, None, "")  # its first request failed at this very moment
        body = self._tx.unseal(record["body"], _PLACE) if record["body"] is not None else ""
        return StoredAnswer(record["request_digest"], record["status"], body)

    async def finish(self, caller: str, key: str, status: int, body: str) -> None:
        await self._tx.execute(
            "UPDATE idempotent_answers SET status = $3, body = $4 WHERE caller = $1 AND idempotency_key = $2",
            caller,
            key,
            status,
            self._tx.seal(body, _PLACE),
        )

    async def forget(self, caller: str, key: str) -> None:
        """The request failed: the key may be used again."""
        await self._tx.execute("DELETE FROM idempotent_answers WHERE caller = $1 AND idempotency_key = $2", caller, key)

    async def forget_old(self) -> None:
        await self._tx.execute("DELETE FROM idempotent_answers WHERE created_at < $1", clock.now() - LIFETIME)
