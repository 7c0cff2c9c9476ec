"""The audit log: who changed what, with the values before and after. Rows are only ever added.

Triggers of the database write the entries of changed rows (migration 0006), so that no change escapes; what changes no
row (hanging up a call, logging out) is added here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from jambones.common.db.database import Transaction
from jambones.common.db.pages import Page, Period, capped_count, owned_by, page_of, within
from jambones.common.db.repository import Row, Where


class AuditEntry(Row):
    audit_id: int
    at: datetime
    request_id: str | None = None
    """The same for all entries of one request."""
    caller: str
    """"user <sid>", "api key <sid>", or "database <role>" for changes made in SQL."""
    caller_account_sid: str | None = None
    caller_service_provider_sid: str | None = None
    account_sid: str | None
    """Whose thing was changed."""
    service_provider_sid: str | None
    operation: str
    path: str
    status: int | None = None
    """Only of requests that changed no row."""
    address: str
    fields: list[str]
    """The columns that were set, or the members that were sent."""
    action: str | None = None
    """insert, update, delete; None for a request that changed no row."""
    entity: str | None = None
    """The table."""
    sid: str | None = None
    before: dict[str, Any] | None = None
    """What changed, as it was; secrets are "***"."""
    after: dict[str, Any] | None = None


@dataclass(frozen=True)
class AuditContext:
    """Who makes the changes of a transaction."""

    request_id: str
    caller: str
    caller_account_sid: str | None
    caller_service_provider_sid: str | None
    operation: str
    path: str
    address: str

    def __str__(self) -> str:
        return json.dumps(self.__dict__)


@dataclass(frozen=True)
class AuditFilter:
    """What a page of the log shows; None is everything."""

    period: Period = field(default_factory=Period)
    operation: str | None = None
    entity: str | None = None
    action: str | None = None
    sid: str | None = None
    """Of the thing that was changed."""
    caller: str | None = None

    def where(self) -> Where:
        where = Where()
        within(where, "at", self.period)
        for column in ("operation", "entity", "action", "sid", "caller"):
            if (value := getattr(self, column)) is not None:
                where.add(f"{column} = {{}}", value)
        return where


class AuditLog:
    """The entries of the transaction's tenant; adding and forgetting are for the platform."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(
        self,
        context: AuditContext,
        *,
        account_sid: str | None,
        service_provider_sid: str | None,
        status: int,
        fields: Sequence[str],
    ) -> None:
        """Add the entry of a request, unless rows that it changed have theirs."""
        await self._tx.execute(
            """
            INSERT INTO audit_log (request_id, caller, caller_account_sid, caller_service_provider_sid, account_sid,
                                   service_provider_sid, operation, path, address, status, fields)
            SELECT $1::varchar, $2, $3, $4, $5::varchar,
                   coalesce($6, (SELECT service_provider_sid FROM accounts WHERE account_sid = $5)),
                   $7, $8, $9, $10, $11
            WHERE NOT EXISTS (SELECT FROM audit_log WHERE request_id = $1)
            """,
            context.request_id,
            context.caller,
            context.caller_account_sid,
            context.caller_service_provider_sid,
            account_sid,
            service_provider_sid,
            context.operation,
            context.path,
            context.address,
            status,
            list(fields),
        )

    async def page(self, wanted: AuditFilter, *, page: int, count: int) -> Page[AuditEntry]:
        """Page number `page` (from 1) of `count` entries, newest first."""
        where = wanted.where()
        owned_by(where, self._tx.tenant)
        total = await capped_count(self._tx, "audit_log", where)
        records = await self._tx.fetch(
            f"SELECT * FROM audit_log WHERE {where} ORDER BY at DESC, audit_id DESC "  # noqa: S608
            f"{page_of(where, page, count)}",
            *where.args,
        )
        return Page(total, [_entry(record) for record in records])

    async def forget_before(self, moment: datetime) -> int:
        """Forget what is older, but nothing of the last 90 days; returns how many entries."""
        return int(await self._tx.fetchval("SELECT forget_audit_before($1)", moment))


def _entry(record: asyncpg.Record) -> AuditEntry:
    values = dict(record)
    for name in ("before", "after"):
        if values[name] is not None:
            values[name] = json.loads(values[name])
    return AuditEntry.model_validate(values)
