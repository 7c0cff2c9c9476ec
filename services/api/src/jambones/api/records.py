"""Call records and alerts from the stream into PostgreSQL: nothing lost, nothing doubled.

A record is acknowledged after its transaction is committed; what comes twice is the same row. While PostgreSQL is away
the records stay in the stream. One that PostgreSQL does not take by itself is set aside: logged, counted, acknowledged.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import structlog

from jambones.common import clock
from jambones.common.bus import Bus
from jambones.common.bus.calls import Alert, CallRecord
from jambones.common.bus.event import Recorded
from jambones.common.bus.records import Delivery
from jambones.common.db.alerts import AlertRow, Alerts
from jambones.common.db.audit_log import AuditLog
from jambones.common.db.database import Database
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.db.pages import ensure_partitions, forget_before
from jambones.common.db.recent_calls import RecentCall, RecentCalls
from jambones.common.db.repository import Row
from jambones.common.db.tenant import PLATFORM
from jambones.common.errors import JambonesError
from jambones.common.metrics import Metrics
from jambones.common.private import Private
from jambones.common.tasks import backoff

log = structlog.get_logger(__name__)
BATCH = 200
WAIT = 0.5
ACK_WAIT = 15.0
"""Seconds after which what a dead process had taken is given to another one."""
WORDS = 255
R = TypeVar("R", bound=Recorded)


class RecordKeeper:
    """Consumes the stream for ever; several processes share the work."""

    def __init__(self, bus: Bus, db: Database, metrics: Metrics) -> None:
        self._bus = bus
        self._db = db
        self._count = metrics.counter("jambones_records_total")

    async def keep_calls(self) -> None:
        """Call records, for ever."""
        await self._keep("call-records", CallRecord)

    async def keep_alerts(self) -> None:
        """Alerts, for ever."""
        await self._keep("alerts", Alert)

    async def tidy(self, days: int, audit_days: int) -> None:
        """Make the partitions of this month and the next, drop what is older than so many days. Call it daily."""
        now = clock.now()
        async with self._db.transaction(PLATFORM) as tx:
            await ensure_partitions(tx, now)
            await forget_before(tx, now - timedelta(days=days))
            await AuditLog(tx).forget_before(now - timedelta(days=audit_days))

    async def _keep(self, durable: str, kind: type[R]) -> None:
        batches = cast(
            "AsyncIterator[list[Delivery[R]]]",
            self._bus.consume_batches(durable, kind, batch=BATCH, wait=WAIT, ack_wait=ACK_WAIT),
        )
        async with aclosing(cast(Any, batches)):
            async for batch in batches:
                await self.store(batch)

    async def store(self, batch: Sequence[Delivery[R]]) -> None:
        """Store a batch and acknowledge it; waits while PostgreSQL is away."""
        delays = backoff(0.25, 10.0)
        waiting = False
        while True:
            try:
                await self._store(batch)
            except DatabaseUnavailable as exc:
                if not waiting:
                    log.warning("records wait for PostgreSQL", count=len(batch), cause=exc.data.get("cause"))
                waiting = True
                await asyncio.sleep(next(delays))
            else:
                break
        if waiting:
            log.info("records stored after an outage", count=len(batch))
        for delivery in batch:
            await delivery.ack()

    async def _store(self, batch: Sequence[Delivery[R]]) -> None:
        """All at once; when PostgreSQL refuses, one by one, so that only the bad ones are set aside."""
        try:
            await self._insert([delivery.event for delivery in batch])
        except DatabaseUnavailable:
            raise
        except (JambonesError, ValueError):
            for delivery in batch:
                await self._store_one(delivery.event)

    async def _store_one(self, event: Recorded) -> None:
        try:
            await self._insert([event])
        except DatabaseUnavailable:
            raise
        except (JambonesError, ValueError) as exc:
            self._count.labels(event.kind() or "", "parked").inc()
            log.error("record parked", event_kind=event.kind(), event_id=event.event_id, error=str(exc))

    async def _insert(self, events: Sequence[Recorded]) -> None:
        calls = [call_row(event) for event in events if isinstance(event, CallRecord)]
        alerts = [alert_row(event) for event in events if isinstance(event, Alert)]
        async with self._db.transaction(PLATFORM) as tx:
            if calls:
                self._stored("record", await RecentCalls(tx).store(calls), len(calls))
            if alerts:
                self._stored("alert", await Alerts(tx).store(alerts), len(alerts))

    def _stored(self, kind: str, new: int, all_: int) -> None:
        self._count.labels(kind, "stored").inc(new)
        self._count.labels(kind, "doubled").inc(all_ - new)


def call_row(event: CallRecord) -> RecentCall:
    """The row of a record; texts from the network are cut to what a column holds."""
    details: dict[str, Any] = {"attempts": [attempt.model_dump() for attempt in event.attempts]}
    details["reasons"] = list(event.reasons)
    if event.media is not None:
        details["media"] = event.media.model_dump(exclude_none=True)
    names = set(RecentCall.model_fields) & set(CallRecord.model_fields)
    values = {name: getattr(event, name) for name in names}
    values |= {
        "record_id": event.record_sid,
        "attempted_at": moment(event.attempted_at),
        "answered_at": moment(event.answered_at) if event.answered_at is not None else None,
        "terminated_at": moment(event.terminated_at),
        "from_": Private(event.from_.reveal()),
        "to": Private(event.to.reveal()),
        "details": details,
    }
    return cast(RecentCall, _cut(RecentCall.model_validate(values)))


def alert_row(event: Alert) -> AlertRow:
    """The row of an alert."""
    detail = event.detail
    if detail is None and event.url is not None:
        detail = event.url if event.status is None else f"{event.url}: {event.status}"
    return cast(
        AlertRow,
        _cut(
            AlertRow(
                record_id=event.event_id,
                time=moment(event.at),
                account_sid=event.account_sid,
                service_provider_sid=event.service_provider_sid,
                alert_type=event.alert_type,
                vendor=event.vendor,
                message=event.message,
                detail=detail,
                target_sid=event.target_sid or event.call_sid,
            )
        ),
    )


def moment(milliseconds: int) -> datetime:
    """Raises ValueError for what no clock can have said."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError) as exc:
        raise ValueError(f"no such time: {milliseconds} ms") from exc


LENGTHS = {
    "hangup_side": 16, "codec": 32, "vendor": 64, "target_sid": 64, "trace_id": 32, "recording_url": 1024,
    "message": 4096, "detail": 4096,
}  # fmt: skip
WHOLE = frozenset({"record_id", "account_sid", "service_provider_sid", "application_sid", "call_sid", "gateway_sid"})


def _cut(row: Row) -> Row:
    """Free text of others, without NUL (which PostgreSQL does not store) and no longer than its column."""
    changes: dict[str, Any] = {}
    for name in type(row).model_fields:
        value = getattr(row, name)
        text = value.reveal() if isinstance(value, Private) else value
        if isinstance(text, str) and name not in WHOLE:
            short = text.replace("\0", "")[: LENGTHS.get(name, WORDS)]
            if short != text:
                changes[name] = Private(short) if isinstance(value, Private) else short
    return row.model_copy(update=changes) if changes else row
