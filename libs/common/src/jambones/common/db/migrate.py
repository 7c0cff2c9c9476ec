"""Migrations: numbered SQL files, forward only, each in its own transaction, recorded with a checksum.

One advisory lock keeps two processes that start together from doing the same work.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import asyncpg
import structlog

from jambones.common.db.errors import verdicts

log = structlog.get_logger(__name__)

_LOCK = 0x6A616D626F6E6573 >> 1  # "jambones", as a positive 64-bit number
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class MigrationChanged(Exception):
    """A migration that was applied differs from the file of today."""


@dataclass(frozen=True)
class Migration:
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True)
class Status:
    name: str
    state: Literal["applied", "pending", "changed"]


def migrations() -> list[Migration]:
    """The files of this release, in order."""
    folder = files("jambones.common.db") / "migrations"
    found = [
        Migration(entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if _NAME.fullmatch(entry.name)
    ]
    return sorted(found, key=lambda migration: migration.name)


async def migrate(dsn: str, known: list[Migration] | None = None) -> list[str]:
    """Apply what is missing; returns the names applied. Raises MigrationChanged, DatabaseUnavailable."""
    with verdicts():
        connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        applied = await _applied(connection)
        done = []
        for migration in migrations() if known is None else known:
            if migration.name in applied:
                if applied[migration.name] != migration.checksum:
                    raise MigrationChanged(migration.name)
                continue
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum
                )
            log.info("migration applied", migration=migration.name)
            done.append(migration.name)
        return done
    finally:
        await connection.close(timeout=10)  # ends the session, and with it the lock


async def status(dsn: str) -> list[Status]:
    """What is applied and what is not."""
    with verdicts():
        connection = await asyncpg.connect(dsn, timeout=10)
    try:
        applied = await _applied(connection)
    finally:
        await connection.close(timeout=10)
    return [
        Status(
            migration.name,
            "pending"
            if migration.name not in applied
            else "applied"
            if applied[migration.name] == migration.checksum
            else "changed",
        )
        for migration in migrations()
    ]


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, str]:
    await connection.execute(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
          name varchar(128) PRIMARY KEY,
          checksum char(64) NOT NULL,
          applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    return {row["name"]: row["checksum"] for row in await connection.fetch("SELECT * FROM schema_migrations")}
