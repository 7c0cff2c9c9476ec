"""Call records: one for each dialog with the outside, kept for months."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import asyncpg
from pydantic import ConfigDict, Field

from jambones.common.db.call_counts import count_calls
from jambones.common.db.database import Transaction
from jambones.common.db.pages import Page, Period, capped_count, owned_by, page_of, within
from jambones.common.db.repository import Row, Where, contains
from jambones.common.db.tenant import PLATFORM
from jambones.common.private import Private


class RecentCall(Row):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    record_id: str
    attempted_at: datetime
    answered_at: datetime | None = None
    terminated_at: datetime | None = None
    account_sid: str
    service_provider_sid: str | None = None
    application_sid: str | None = None
    call_sid: str | None = None
    sip_callid: str | None = None
    sip_parent_callid: str | None = None
    from_: Private[str] | None = Field(None, alias="from")
    to: Private[str] | None = None
    direction: Literal["inbound", "outbound"]
    answered: bool
    sip_status: int | None = None
    sip_reason: str | None = None
    duration: int = 0
    """Seconds answered."""
    termination_reason: str | None = None
    hangup_side: str | None = None
    host: str | None = None
    remote_host: str | None = None
    trunk: str | None = None
    gateway_sid: str | None = None
    trace_id: str | None = None
    recording_url: str | None = None
    user_agent: str | None = None
    codec: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    """Gateway attempts, media quality, reasons."""


@dataclass(frozen=True)
class CallFilter:
    """What a page of calls shows; None is everything."""

    period: Period = field(default_factory=Period)
    direction: str | None = None
    answered: bool | None = None
    trunk: str | None = None
    text: str | None = None
    """Part of the caller's or the called number, or a whole call sid."""

    def where(self) -> Where:
        where = Where()
        within(where, "attempted_at", self.period)
        if self.direction is not None:
            where.add("direction = {}", self.direction)
        if self.answered is not None:
            where.add("answered = {}", self.answered)
        if self.trunk is not None:
            where.add("trunk = {}", self.trunk)
        if self.text is not None:
            pattern, sid = where.bind(contains(self.text)), where.bind(self.text)
            where.add(f'"from" ILIKE {pattern} OR "to" ILIKE {pattern} OR call_sid = {sid}')
        return where


class RecentCalls:
    """Call records of the transaction's tenant."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def page(self, wanted: CallFilter, *, page: int, count: int) -> Page[RecentCall]:
        """Page number `page` (from 1) of `count` records, newest first."""
        where = wanted.where()
        owned_by(where, self._tx.tenant)
        total = await self._total(wanted, where)
        records = await self._tx.fetch(
            f"SELECT * FROM recent_calls WHERE {where} ORDER BY attempted_at DESC, record_id "  # noqa: S608
            f"{page_of(where, page, count)}",
            *where.args,
        )
        return Page(total, [_row(record) for record in records])

    async def _total(self, wanted: CallFilter, where: Where) -> int:
        """Numbers and trunks are looked for in the records themselves, which ends at COUNT_LIMIT."""
        if wanted.trunk is None and wanted.text is None and self._tx.tenant != PLATFORM:
            with suppress(OverflowError):  # no record is that old or that young
                return await count_calls(self._tx, wanted.period, direction=wanted.direction, answered=wanted.answered)
        return await capped_count(self._tx, "recent_calls", where)

    async def get(self, *, call_sid: str | None = None, sip_callid: str | None = None) -> RecentCall | None:
        """The newest record of a call."""
        where = Where()
        owned_by(where, self._tx.tenant)
        if call_sid is not None:
            where.add("call_sid = {}", call_sid)
        if sip_callid is not None:
            where.add("sip_callid = {}", sip_callid)
        record = await self._tx.fetchrow(
            f"SELECT * FROM recent_calls WHERE {where} ORDER BY attempted_at DESC LIMIT 1",  # noqa: S608
            *where.args,
        )
        return None if record is None else _row(record)

    async def store(self, rows: Sequence[RecentCall]) -> int:
        """Insert those that are not there yet; returns how many were new. For the platform."""
        return await self._tx.execute(
            """
            INSERT INTO recent_calls SELECT * FROM jsonb_populate_recordset(NULL::recent_calls, $1::jsonb)
            ON CONFLICT DO NOTHING
            """,
            json.dumps([row.model_dump(mode="json") for row in rows]),
        )


def _row(record: asyncpg.Record) -> RecentCall:
    return RecentCall.model_validate({**dict(record), "details": json.loads(record["details"])})
