"""How many calls a tenant had: whole days from the counts of days (migration 0009), the rest from the index."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from jambones.common.db.database import Transaction
from jambones.common.db.pages import COUNT_LIMIT, Period, owned_by, within
from jambones.common.db.repository import Where


@dataclass(frozen=True)
class Days:
    """A period as whole days (UTC) from `first` until before `until`, None being no bound, and what is left over."""

    first: datetime | None
    until: datetime | None
    edges: tuple[Period, ...]

    @property
    def none(self) -> bool:
        return self.first is not None and self.until is not None and self.first >= self.until


def days_of(period: Period) -> Days:
    """Raises OverflowError next to the first and the last year."""
    start = period.start and period.start.astimezone(UTC)
    end = period.end and period.end.astimezone(UTC)
    first = start and _midnight(start)
    if start and first and first < start:
        first += timedelta(days=1)
    until = end and _midnight(end)
    days = Days(first, until, ())
    if days.none:
        return Days(first, until, (period,))
    edges = [Period(start, first - timedelta(microseconds=1))] if start and first and start < first else []
    edges += [Period(until, end)] if until else []  # the end is part of its period
    return Days(first, until, tuple(edges))


async def count_calls(tx: Transaction, period: Period, *, direction: str | None, answered: bool | None) -> int:
    """The records of the transaction's tenant, an account or a service provider; one statement, one moment.

    Exact for whole days; of a part of a day no more than COUNT_LIMIT are counted. Raises OverflowError as `days_of`.
    """
    days, parts, args = days_of(period), [], Where()
    if not days.none:
        whole = Where()
        whole.args = args.args
        whole.add("tenant_sid = {}", tx.tenant.account_sid or tx.tenant.service_provider_sid)
        if days.first:
            whole.add("day >= {}", days.first.date())
        if days.until:
            whole.add("day < {}", days.until.date())
        _kind(whole, direction, answered)
        parts.append(f"(SELECT coalesce(sum(total), 0) FROM call_counts WHERE {whole})")  # noqa: S608
    for edge in days.edges:
        part = Where()
        part.args = args.args
        owned_by(part, tx.tenant)
        within(part, "attempted_at", edge)
        _kind(part, direction, answered)
        rows = f"SELECT FROM recent_calls WHERE {part} LIMIT {COUNT_LIMIT}"
        parts.append(f"(SELECT count(*) FROM ({rows}) AS counted)")  # noqa: S608
    return int(await tx.fetchval(f"SELECT {' + '.join(parts)}", *args.args))


def _kind(where: Where, direction: str | None, answered: bool | None) -> None:
    if direction is not None:
        where.add("direction = {}", direction)
    if answered is not None:
        where.add("answered = {}", answered)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), UTC)
