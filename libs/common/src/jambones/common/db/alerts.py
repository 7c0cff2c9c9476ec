"""Alerts: what a tenant should know of — a hook that fails, a limit reached."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jambones.common.db.database import Transaction
from jambones.common.db.pages import Page, Period, capped_count, owned_by, page_of, within
from jambones.common.db.repository import Row, Where


class AlertRow(Row):
    record_id: str
    time: datetime
    account_sid: str | None = None
    service_provider_sid: str | None = None
    alert_type: str
    vendor: str | None = None
    message: str | None = None
    detail: str | None = None
    target_sid: str | None = None


@dataclass(frozen=True)
class AlertFilter:
    period: Period = field(default_factory=Period)
    alert_type: str | None = None


class Alerts:
    """Alerts of the transaction's tenant."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def page(self, wanted: AlertFilter, *, page: int, count: int) -> Page[AlertRow]:
        """Page number `page` (from 1) of `count` alerts, newest first."""
        where = Where()
        within(where, "time", wanted.period)
        if wanted.alert_type is not None:
            where.add("alert_type = {}", wanted.alert_type)
        owned_by(where, self._tx.tenant)
        total = await capped_count(self._tx, "alerts", where)
        records = await self._tx.fetch(
            f"SELECT * FROM alerts WHERE {where} ORDER BY time DESC, record_id "  # noqa: S608
            f"{page_of(where, page, count)}",
            *where.args,
        )
        return Page(total, [AlertRow.model_validate(dict(record)) for record in records])

    async def store(self, rows: Sequence[AlertRow]) -> int:
        """Insert those that are not there yet; returns how many were new. For the platform."""
        return await self._tx.execute(
            """
            INSERT INTO alerts SELECT * FROM jsonb_populate_recordset(NULL::alerts, $1::jsonb) ON CONFLICT DO NOTHING
            """,
            json.dumps([row.model_dump(mode="json") for row in rows]),
        )
