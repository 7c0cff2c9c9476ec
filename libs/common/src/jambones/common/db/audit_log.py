"""The audit log: who changed what. Rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime

from jambones.common.db.database import Transaction
from jambones.common.db.repository import Row


class AuditEntry(Row):
    audit_id: int
    at: datetime
    caller: str
    account_sid: str | None
    service_provider_sid: str | None
    operation: str
    path: str
    status: int
    address: str
    fields: list[str]
    """Names of the members that were sent; never their values."""


class AuditLog:
    """For the platform."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(
        self,
        *,
        caller: str,
        account_sid: str | None,
        service_provider_sid: str | None,
        operation: str,
        path: str,
        status: int,
        address: str,
        fields: Sequence[str],
    ) -> None:
        await self._tx.execute(
            """
            INSERT INTO audit_log (caller, account_sid, service_provider_sid, operation, path, status, address, fields)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            caller,
            account_sid,
            service_provider_sid,
            operation,
            path,
            status,
            address,
            list(fields),
        )

    async def newest(self, limit: int = 100) -> list[AuditEntry]:
        """The newest entries, newest first."""
        records = await self._tx.fetch("SELECT * FROM audit_log ORDER BY audit_id DESC LIMIT $1", limit)
        return [AuditEntry.model_validate(dict(record)) for record in records]

    async def forget_before(self, moment: datetime) -> None:
        await self._tx.execute("DELETE FROM audit_log WHERE at < $1", moment)
