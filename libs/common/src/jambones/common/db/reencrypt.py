"""Key rotation: seal everything again that an older key sealed.

In batches, each its own transaction, found by what is stored: an interrupted run is simply started again, and two runs
at once do no harm. Services go on meanwhile, as long as their rings have both keys.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from jambones.common.db.accounts import Accounts
from jambones.common.db.api_keys import ApiKeys
from jambones.common.db.applications import Applications
from jambones.common.db.clients import Clients
from jambones.common.db.database import Database, Transaction
from jambones.common.db.idempotent_answers import IdempotentAnswers
from jambones.common.db.repository import Repository
from jambones.common.db.speech_credentials import SpeechCredentials
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.db.webhooks import Webhooks
from jambones.common.secrets import KeyRing, SecretUnreadable

log = structlog.get_logger(__name__)
REPOSITORIES: tuple[type[Repository], ...] = (  # type: ignore[type-arg]
    Accounts, ApiKeys, Applications, Clients, SpeechCredentials, VoipCarriers, Webhooks,
)  # fmt: skip
BATCH = 200
# The values do not change, so the audit log has nothing to tell (migration 0006).
AUDIT = json.dumps({"operation": "reencrypt"})


@dataclass(frozen=True)
class Sealed:
    """A table with sealed columns, and what its rows are found by."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


PLACES: tuple[Sealed, ...] = (
    *(Sealed(kind.TABLE, (kind.KEY,), tuple(sorted(kind.SEALED))) for kind in REPOSITORIES),
    Sealed(IdempotentAnswers.TABLE, ("caller", "idempotency_key"), ("body",)),
)


@dataclass
class Tally:
    """Values by what became of them."""

    resealed: int = 0
    unreadable: int = 0
    """No key of the ring opens them: they stay as they are."""

    def add(self, other: "Tally") -> None:
        self.resealed += other.resealed
        self.unreadable += other.unreadable


async def reencrypt(db: Database, *, batch: int = BATCH) -> AsyncIterator[tuple[str, Tally]]:
    """Seal all that is stale with the newest key; yields each table with its tally as it is done."""
    for place in PLACES:
        tally, after, more = Tally(), None, True
        while more:
            async with db.transaction(PLATFORM, audit=AUDIT) as tx:
                done, after = await _some(tx, place, after, batch)
                # A short batch may also mean that another run had locked these rows and has done them.
                more = await _more(tx, place, after)
            tally.add(done)
        yield place.table, tally


async def stale(db: Database) -> dict[str, int]:
    """How many rows of each table have values that the newest key did not seal."""
    counts = {}
    async with db.transaction(PLATFORM) as tx:
        for place in PLACES:
            sql = f"SELECT count(*) FROM {place.table} WHERE {_is_stale(place, 1)}"  # noqa: S608
            counts[place.table] = int(await tx.fetchval(sql, _ring(tx).newest_prefix))
    return counts


async def _some(
    tx: Transaction, place: Sealed, after: Sequence[str] | None, batch: int
) -> tuple[Tally, Sequence[str] | None]:
    """One batch of rows behind `after`; returns the key of its last row."""
    ring, key = _ring(tx), ", ".join(place.key)
    rows = await tx.fetch(
        f"SELECT {key}, {', '.join(place.columns)} FROM {place.table} "  # noqa: S608
        f"WHERE {_behind(place, after)} ORDER BY {key} LIMIT {batch:d} FOR UPDATE",
        ring.newest_prefix,
        *after or (),
    )
    tally = Tally()
    for row in rows:
        fresh = {}
        for column in place.columns:
            if row[column] is None or not ring.stale(row[column]):
                continue
            where = f"{place.table}.{column}"
            try:
                fresh[column] = ring.seal(ring.open(row[column], where), where)
            except SecretUnreadable:
                tally.unreadable += 1
                log.warning("secret cannot be read with any key", place=where, row=[row[name] for name in place.key])
        if fresh:
            marks = ", ".join(f"{column} = ${n}" for n, column in enumerate(fresh, 1))
            found = " AND ".join(f"{name} = ${n}" for n, name in enumerate(place.key, len(fresh) + 1))
            await tx.execute(
                f"UPDATE {place.table} SET {marks} WHERE {found}",  # noqa: S608
                *fresh.values(),
                *[row[name] for name in place.key],
            )
            tally.resealed += len(fresh)
    return tally, [rows[-1][name] for name in place.key] if rows else after


async def _more(tx: Transaction, place: Sealed, after: Sequence[str] | None) -> bool:
    sql = f"SELECT EXISTS (SELECT FROM {place.table} WHERE {_behind(place, after)})"  # noqa: S608
    return bool(await tx.fetchval(sql, _ring(tx).newest_prefix, *after or ()))


def _behind(place: Sealed, after: Sequence[str] | None) -> str:
    """Stale rows behind a key, which is parameter 2 and following."""
    condition = f"({_is_stale(place, 1)})"
    if after is None:
        return condition
    marks = ", ".join(f"${n}" for n in range(2, 2 + len(after)))
    return f"{condition} AND ({', '.join(place.key)}) > ({marks})"


def _is_stale(place: Sealed, parameter: int) -> str:
    return " OR ".join(f"NOT starts_with({column}, ${parameter})" for column in place.columns)


def _ring(tx: Transaction) -> KeyRing:
    if tx.keys is None:
        raise RuntimeError("the database was opened without encryption keys (JAMBONES_ENCRYPTION_KEYS)")
    return tx.keys
