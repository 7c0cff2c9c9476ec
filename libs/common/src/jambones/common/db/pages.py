"""Pages of what grows without end: newest first, with a total that costs no more than it is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from jambones.common.db.database import Transaction
from jambones.common.db.repository import Where
from jambones.common.db.tenant import Tenant

T = TypeVar("T")

COUNT_LIMIT = 100_000
"""Totals stop here: counting further would make every page of a big tenant slow, and nobody turns that many pages."""


@dataclass(frozen=True)
class Period:
    """Rows from `start` up to and including `end`; None is no bound."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    total: int
    rows: Sequence[T]


def owned_by(where: Where, tenant: Tenant) -> None:
    """Both kinds of record carry both sids, so that each tenant's index serves its own pages."""
    if tenant.account_sid:
        where.add("account_sid = {}", tenant.account_sid)
    elif tenant.service_provider_sid:
        where.add("service_provider_sid = {}", tenant.service_provider_sid)


def within(where: Where, column: str, period: Period) -> None:
    if period.start:
        where.add(f"{column} >= {{}}", period.start)
    if period.end:
        where.add(f"{column} <= {{}}", period.end)


def page_of(where: Where, page: int, count: int) -> str:
    """LIMIT and OFFSET of page number `page` (from 1) of `count` rows.

    The first page has its number in the text: then a plan knows how far it reads, and is made once, not each time.
    """
    if page == 1:
        return f"LIMIT {count:d}"
    return f"LIMIT {where.bind(count)} OFFSET {where.bind((page - 1) * count)}"


async def capped_count(tx: Transaction, table: str, where: Where) -> int:
    sql = f"SELECT count(*) FROM (SELECT FROM {table} WHERE {where} LIMIT {COUNT_LIMIT}) AS counted"  # noqa: S608
    return int(await tx.fetchval(sql, *where.args))


async def ensure_partitions(tx: Transaction, moment: datetime) -> None:
    """The partitions of this month and the next; call it at start and daily."""
    for parent in ("recent_calls", "alerts"):
        await tx.execute(
            "SELECT ensure_partition($1, $2), ensure_partition($1, $2 + interval '1 month')", parent, moment
        )


async def forget_before(tx: Transaction, moment: datetime) -> None:
    """Drop records older than `moment` (whole months, and stragglers)."""
    await tx.execute("SELECT drop_partitions_before('recent_calls', 'attempted_at', $1)", moment)
    await tx.execute("SELECT drop_partitions_before('alerts', 'time', $1)", moment)
