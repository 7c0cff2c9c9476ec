"""The pool of PostgreSQL connections, and transactions on behalf of a tenant."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from jambones.common.bus.config import ConfigChanged
from jambones.common.db.errors import DatabaseUnavailable, verdicts
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.secrets import KeyRing

log = structlog.get_logger(__name__)

_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
Announce = Callable[[ConfigChanged], Awaitable[None]]
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


@dataclass
class Transaction:
    """One transaction, seen through one tenant's eyes. Repositories are made on it: `Accounts(tx)`."""

    connection: Connection
    tenant: Tenant
    keys: KeyRing | None
    changes: list[ConfigChanged]

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        with verdicts():
            return await self.connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        with verdicts():
            return await self.connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        with verdicts():
            return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> int:
        """Run one statement; returns how many rows it touched."""
        with verdicts():
            status = await self.connection.execute(sql, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with verdicts():
            await self.connection.executemany(sql, rows)

    def seal(self, plain: str, place: str) -> str:
        return self._ring().seal(plain, place)

    def unseal(self, sealed: str, place: str) -> str:
        return self._ring().open(sealed, place)

    def changed(self, change: ConfigChanged) -> None:
        """Announce `change` once the transaction is committed."""
        if change not in self.changes:
            self.changes.append(change)

    def _ring(self) -> KeyRing:
        if self.keys is None:
            raise RuntimeError("the database was opened without encryption keys (JAMBONES_ENCRYPTION_KEYS)")
        return self.keys


class Database:
    """A pool that connects when it is first needed and again after PostgreSQL was away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", keys: KeyRing | None, acquire_timeout: float) -> None:
        self._pool = pool
        self._acquire_timeout = acquire_timeout
        self.keys = keys
        self.announce: Announce | None = None
        """Told of every configuration change after its commit; usually `bus.publish`."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        dsn: str,
        *,
        keys: KeyRing | None = None,
        size: int = 10,
        statement_timeout: float = 10.0,
        acquire_timeout: float = 5.0,
        application: str = "jambones",
    ) -> AsyncIterator[Self]:
        """Open the pool; it does not wait for the server. Times are seconds."""
        pool = asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            timeout=acquire_timeout,
            command_timeout=statement_timeout + 5,  # only when the server itself stopped answering
            max_inactive_connection_lifetime=300,
            server_settings={
                "application_name": application,
                "statement_timeout": str(int(statement_timeout * 1000)),
                "idle_in_transaction_session_timeout": "60000",
                "timezone": "UTC",
            },
        )
        await pool
        try:
            yield cls(pool, keys, acquire_timeout)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await pool.close()
            pool.terminate()

    @asynccontextmanager
    async def transaction(
        self,
        tenant: Tenant,
        *,
        identity: Tenant | None = None,
        snapshot: bool = False,
        audit: str | None = None,
    ) -> AsyncIterator[Transaction]:
        """A transaction that sees `tenant`'s rows only (row-level security); committed when the block ends well.

        `identity`: whose eyes PostgreSQL uses, when somebody looks at rows of a tenant below; repositories still ask
        for `tenant`'s. `snapshot`: read-only, all statements see the same moment. `audit`: who makes its changes, as
        JSON for the audit log (`AuditContext`). Raises DatabaseUnavailable.
        """
        seen_as = tenant if identity is None else identity
        with verdicts():
            connection = await self._pool.acquire(timeout=self._acquire_timeout)
        try:
            transaction = connection.transaction(
                isolation="repeatable_read" if snapshot else "read_committed", readonly=snapshot
            )
            tx = Transaction(connection, tenant, self.keys, [])
            with verdicts():
                await transaction.start()
                if audit is not None:
                    await connection.execute("SELECT set_config('jambones.audit', $1, true)", audit)
                if seen_as != PLATFORM:
                    await self._become(connection, seen_as)
            try:
                yield tx
            except BaseException:
                with suppress(*_TROUBLE, TimeoutError):
                    await transaction.rollback()
                raise
            with verdicts():
                await transaction.commit()
        finally:
            with suppress(*_TROUBLE, TimeoutError):
                await self._pool.release(connection, timeout=5)
        await self._tell(tx.changes)

    async def ping(self, limit: float = 2.0) -> bool:
        """Whether PostgreSQL answers now."""
        try:
            async with asyncio.timeout(limit), self.transaction(PLATFORM) as tx:
                return bool(await tx.fetchval("SELECT true"))
        except (DatabaseUnavailable, TimeoutError):
            return False

    @staticmethod
    async def _become(connection: Connection, tenant: Tenant) -> None:
        # Both last until the end of the transaction; the role is what makes the policies apply.
        await connection.execute(
            "SELECT set_config('role', 'jambones_tenant', true), set_config('jambones.account_sid', $1, true), "
            "set_config('jambones.service_provider_sid', $2, true)",
            tenant.account_sid or "",
            tenant.service_provider_sid or "",
        )

    async def _tell(self, changes: list[ConfigChanged]) -> None:
        if self.announce is None:
            return
        for change in changes:
            try:
                await self.announce(change)
            except Exception:  # the row is stored; whoever missed the event reads it again at the next full refresh
                log.warning("configuration change not announced", entity=change.entity, sid=change.sid, exc_info=True)
