"""What every repository does: rows of one table, of one tenant, as frozen models.

Each statement names the tenant itself; row-level security stands behind it (migration 0004). Identifiers in SQL come
from class constants and model fields only, values always travel as parameters.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import asyncpg
from pydantic import BaseModel, ConfigDict

from jambones.common.bus.config import ConfigChanged, Entity
from jambones.common.db.database import Transaction
from jambones.common.db.tenant import Tenant
from jambones.common.ids import new_sid


class Row(BaseModel):
    """One row. Columns of a newer schema are ignored, so that old processes go on during an upgrade."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


R = TypeVar("R", bound=Row)


class Where:
    """Conditions and their parameters: `where.add("name ILIKE {}", "%x%")`."""

    def __init__(self) -> None:
        self.args: list[Any] = []
        self._conditions: list[str] = []

    def bind(self, value: Any) -> str:
        """The placeholder for `value`."""
        self.args.append(value)
        return f"${len(self.args)}"

    def add(self, condition: str, *values: Any) -> None:
        self._conditions.append(f"({condition.format(*[self.bind(value) for value in values])})")

    def __str__(self) -> str:
        return " AND ".join(self._conditions) or "true"


def contains(text: str) -> str:
    """The ILIKE pattern for "contains this text"."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


class Repository(Generic[R]):
    """CRUD on `TABLE` within a transaction."""

    TABLE: ClassVar[str]
    KEY: ClassVar[str]
    ROW: ClassVar[type[Row]]
    ENTITY: ClassVar[Entity | None] = None
    """What to announce when a row changes; None: nobody caches it."""
    SEALED: ClassVar[frozenset[str]] = frozenset()
    """Columns encrypted at rest."""
    ORDER: ClassVar[str] = ""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    # What a tenant may see and change; tables owned in other ways override these two.

    def visible(self, where: Where, tenant: Tenant) -> None:
        self.owned(where, tenant)

    def owned(self, where: Where, tenant: Tenant) -> None:
        """Rows of an account, or of a service provider for all its accounts."""
        if tenant.account_sid:
            where.add("account_sid = {}", tenant.account_sid)
        elif tenant.service_provider_sid:
            sp = where.bind(tenant.service_provider_sid)
            where.add(
                f"account_sid IN (SELECT account_sid FROM accounts WHERE service_provider_sid = {sp})"  # noqa: S608
                f" OR (account_sid IS NULL AND service_provider_sid = {sp})"
            )

    async def get(self, sid: str) -> R | None:
        where = Where()
        where.add(f"{self.KEY} = {{}}", sid)
        rows = await self.find(where)
        return rows[0] if rows else None

    async def mine(self, sid: str) -> R | None:
        """The row when the tenant may change it."""
        where = Where()
        where.add(f"{self.KEY} = {{}}", sid)
        self.owned(where, self._tx.tenant)
        rows = await self.find(where)
        return rows[0] if rows else None

    async def select(self, **equals: Any) -> list[R]:
        """All rows the tenant sees whose columns equal the given values (None: IS NULL)."""
        where = Where()
        for column, value in equals.items():
            self._equal(where, column, value)
        return await self.find(where)

    async def find(
        self, where: Where, *, order: str = "", limit: int | None = None, offset: int | None = None
    ) -> list[R]:
        self.visible(where, self._tx.tenant)
        sql = f"SELECT * FROM {self.TABLE} WHERE {where} ORDER BY {order or self.ORDER or self.KEY}"  # noqa: S608
        if limit is not None:
            sql += f" LIMIT {where.bind(limit)} OFFSET {where.bind(offset or 0)}"
        return [self.row(record) for record in await self._tx.fetch(sql, *where.args)]

    async def count(self, where: Where) -> int:
        self.visible(where, self._tx.tenant)
        return int(await self._tx.fetchval(f"SELECT count(*) FROM {self.TABLE} WHERE {where}", *where.args))  # noqa: S608

    async def add(self, values: Mapping[str, Any]) -> R:
        """Insert; the sid is made here unless given. Raises Taken, UnknownReference, Invalid."""
        columns = {self.KEY: new_sid()} | self._columns(values)
        marks = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
        record = await self._tx.fetchrow(
            f"INSERT INTO {self.TABLE} ({_names(columns)}) VALUES ({marks}) RETURNING *",  # noqa: S608
            *columns.values(),
        )
        assert record is not None  # the policies let a tenant read what it may insert
        row = self.row(record)
        self.announce(row)
        return row

    async def update(self, sid: str, values: Mapping[str, Any]) -> bool:
        """Set the given columns; False when there is no such row that the tenant may change."""
        columns = self._columns(values)
        if not columns:
            return await self.mine(sid) is not None
        where = Where()
        marks = [f"{_quoted(name)} = {where.bind(value)}" for name, value in columns.items()]
        where.add(f"{self.KEY} = {{}}", sid)
        self.owned(where, self._tx.tenant)
        record = await self._tx.fetchrow(
            f"UPDATE {self.TABLE} SET {', '.join(marks)} WHERE {where} RETURNING *",  # noqa: S608
            *where.args,
        )
        if record is None:
            return False
        self.announce(self.row(record))
        return True

    async def delete(self, sid: str) -> bool:
        """False when there is no such row that the tenant may change. Raises StillReferenced."""
        where = Where()
        where.add(f"{self.KEY} = {{}}", sid)
        return await self.delete_where(where) > 0

    async def delete_where(self, where: Where) -> int:
        self.owned(where, self._tx.tenant)
        records = await self._tx.fetch(f"DELETE FROM {self.TABLE} WHERE {where} RETURNING *", *where.args)  # noqa: S608
        for record in records:
            self.announce(self.row(record))
        return len(records)

    def announce(self, row: R) -> None:
        if self.ENTITY is not None:
            self._tx.changed(
                ConfigChanged(
                    entity=self.ENTITY, sid=getattr(row, self.KEY), account_sid=getattr(row, "account_sid", None)
                )
            )

    def row(self, record: asyncpg.Record | Mapping[str, Any]) -> R:
        values = dict(record)
        for column in self.SEALED:
            if values.get(column) is not None:
                values[column] = self._tx.unseal(values[column], f"{self.TABLE}.{column}")
        return self.ROW.model_validate(values)  # type: ignore[return-value]  # ROW is R's class

    def _columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        columns = {}
        for name, value in values.items():
            if name not in self.ROW.model_fields:
                raise ValueError(f"{self.TABLE} has no column {name}")
            if name in self.SEALED and value is not None:
                columns[name] = self._tx.seal(value, f"{self.TABLE}.{name}")
            else:
                columns[name] = value
        return columns

    @staticmethod
    def _equal(where: Where, column: str, value: Any) -> None:
        if value is None:
            where.add(f"{_quoted(column)} IS NULL")
        else:
            where.add(f"{_quoted(column)} = {{}}", value)


def _quoted(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"not a column: {name}")
    return f'"{name}"'


def _names(columns: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(map(_quoted, columns))
