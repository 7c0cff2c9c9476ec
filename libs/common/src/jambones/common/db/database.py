"""The pool of PostgreSQL connections, and transactions on behalf of a tenant."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, Self, TypeAlias, TypeVar, cast

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from jambones.common.bus.config import ConfigChanged
from jambones.common.db import readers
from jambones.common.db.errors import DatabaseUnavailable, verdicts
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.times import QueryTimes
from jambones.common.metrics import Metrics
from jambones.common.secrets import KeyRing

log = structlog.get_logger(__name__)

_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
Announce = Callable[[ConfigChanged], Awaitable[None]]
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@dataclass
class Transaction:
    """One transaction, seen through one tenant's eyes. Repositories are made on it: `Accounts(tx)`."""

    connection: Connection
    tenant: Tenant
    keys: KeyRing | None
    changes: list[ConfigChanged]
    times: QueryTimes

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        with verdicts(), self.times.of_sql(sql):
            return await self.connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        with verdicts(), self.times.of_sql(sql):
            return await self.connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        with verdicts(), self.times.of_sql(sql):
            return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> int:
        """Run one statement; returns how many rows it touched."""
        with verdicts(), self.times.of_sql(sql):
            status = await self.connection.execute(sql, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with verdicts(), self.times.of_sql(sql):
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


class Reading(Transaction):
    """Statements that only read, each a transaction of its own, seen through one tenant's eyes."""

    async def execute(self, sql: str, *args: Any) -> NoReturn:
        raise RuntimeError("this was opened to read")

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> NoReturn:
        raise RuntimeError("this was opened to read")

    def changed(self, change: ConfigChanged) -> NoReturn:
        raise RuntimeError("this was opened to read")


class Database:
    """Pools that connect when they are first needed and again after PostgreSQL was away: one, and one of readers."""

    def __init__(
        self, pool: Pool, reading: Pool, keys: KeyRing | None, acquire_timeout: float, times: QueryTimes
    ) -> None:
        self._pool = pool
        self._reading = reading
        self._acquire_timeout = acquire_timeout
        self.keys = keys
        self.times = times
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
        metrics: Metrics | None = None,
    ) -> AsyncIterator[Self]:
        """Open the pools of `size` connections each; it does not wait for the server. Times are seconds."""
        settings = {
            "standard_conforming_strings": "on",
            "application_name": application,
            "statement_timeout": str(int(statement_timeout * 1000)),
            "idle_in_transaction_session_timeout": "60000",
            "timezone": "UTC",
        }

        def pool(**words: Any) -> Pool:
            return asyncpg.create_pool(
                dsn,
                min_size=0,
                max_size=size,
                timeout=acquire_timeout,
                command_timeout=statement_timeout + 5,  # only when the server itself stopped answering
                max_inactive_connection_lifetime=300,
                reset=_no_reset,
                **words,
            )

        writing = await pool(server_settings=settings)
        reading = await pool(server_settings=settings | readers.SETTINGS, connection_class=readers.ReaderConnection)
        try:
            yield cls(writing, reading, keys, acquire_timeout, QueryTimes(metrics))
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await asyncio.gather(writing.close(), reading.close())
            writing.terminate()
            reading.terminate()

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
        connection = await self._acquire(self._pool)
        try:
            tx = Transaction(connection, tenant, self.keys, [], self.times)
            try:
                with verdicts(), self.times.of("begin"):
                    # One round trip: the server runs these as one message.
                    await connection.execute(_begin(seen_as, snapshot=snapshot, audit=audit))
                yield tx
            except BaseException:
                with suppress(*_TROUBLE, TimeoutError):
                    await connection.execute("ROLLBACK")
                raise
            with verdicts(), self.times.of("commit"):
                await connection.execute("COMMIT")
        finally:
            await _release(self._pool, connection)
        await self._tell(tx.changes)

    def reading(self, tenant: Tenant, *, identity: Tenant | None = None) -> AbstractAsyncContextManager[Reading]:
        """Statements that see `tenant`'s rows only, as in `transaction`; each sees what is committed when it begins.

        Cheaper than a transaction, for whoever changes nothing. Raises DatabaseUnavailable.
        """
        return _Lease(self, Reading, tenant, tenant if identity is None else identity)

    def single(self) -> AbstractAsyncContextManager[Transaction]:
        """One statement of the platform that changes something, without BEGIN and COMMIT around it."""
        return _Lease(self, Transaction, PLATFORM, PLATFORM)

    async def _acquire(self, pool: Pool) -> Connection:
        with verdicts(), self.times.of("connection"):
            # A timer is needed only where one must wait.
            return await pool.acquire(timeout=None if pool.get_idle_size() else self._acquire_timeout)

    async def ping(self, limit: float = 2.0) -> bool:
        """Whether PostgreSQL answers now."""
        try:
            async with asyncio.timeout(limit), self.transaction(PLATFORM) as tx:
                return bool(await tx.fetchval("SELECT true"))
        except (DatabaseUnavailable, TimeoutError):
            return False

    async def _tell(self, changes: list[ConfigChanged]) -> None:
        if self.announce is None:
            return
        for change in changes:
            try:
                await self.announce(change)
            except Exception:  # the row is stored; whoever missed the event reads it again at the next full refresh
                log.warning("configuration change not announced", entity=change.entity, sid=change.sid, exc_info=True)


T = TypeVar("T", bound=Transaction)


class _Lease(Generic[T]):
    """A connection for a while, without a transaction. A class, since most requests enter one."""

    __slots__ = ("_connection", "_db", "_kind", "_pool", "_seen_as", "_tenant")

    def __init__(self, db: Database, kind: type[T], tenant: Tenant, seen_as: Tenant) -> None:
        self._db, self._kind, self._tenant, self._seen_as = db, kind, tenant, seen_as
        self._pool = db._pool if seen_as == PLATFORM else db._reading

    async def __aenter__(self) -> T:
        self._connection = connection = await self._db._acquire(self._pool)
        if self._seen_as != PLATFORM:
            try:
                with verdicts():
                    await cast(readers.ReaderConnection, connection).look_as(self._seen_as)
            except BaseException:
                await _release(self._pool, connection)
                raise
        return self._kind(connection, self._tenant, self._db.keys, [], self._db.times)

    async def __aexit__(self, *exc: object) -> None:
        await _release(self._pool, self._connection)


def _begin(tenant: Tenant, *, snapshot: bool, audit: str | None) -> str:
    """The SQL that begins a transaction. What it sets lasts until its end; the role makes the policies apply."""
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else "BEGIN ISOLATION LEVEL READ COMMITTED"
    values = {} if audit is None else {"jambones.audit": audit}
    if tenant != PLATFORM:
        values |= {
            "jambones.account_sid": tenant.account_sid or "",
            "jambones.service_provider_sid": tenant.service_provider_sid or "",
            "role": "jambones_tenant",
        }
    if not values:
        return begin
    settings = ", ".join(f"set_config('{name}', {_literal(value)}, true)" for name, value in values.items())
    return f"{begin}; SELECT {settings}"


def _literal(value: str) -> str:
    """A text as an SQL literal. Connections are opened with standard_conforming_strings: a quote is all there is."""
    return "'" + value.replace("\0", "").replace("'", "''") + "'"


async def _release(pool: Pool, connection: Connection) -> None:
    with suppress(*_TROUBLE, TimeoutError):
        await pool.release(connection, timeout=5)


async def _no_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing to clean: what a connection is told lasts until the end of its transaction, or is whose eyes it has."""
