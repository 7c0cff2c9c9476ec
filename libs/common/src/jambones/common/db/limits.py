"""Limits: how much an account or a service provider may use at a time; no row or 0 is no limit."""

from typing import Literal, get_args

from jambones.common.bus.config import ConfigChanged
from jambones.common.db.database import Transaction
from jambones.common.db.repository import Row
from jambones.common.ids import new_sid

Category = Literal[
    "api_rate",
    "voice_call_session",
    "device",
    "voice_call_minutes",
    "voice_call_session_license",
    "voice_call_minutes_license",
]
CATEGORIES: frozenset[str] = frozenset(get_args(Category))


class AccountLimit(Row):
    account_limits_sid: str
    account_sid: str
    category: Category
    quantity: int


class ServiceProviderLimit(Row):
    service_provider_limits_sid: str
    service_provider_sid: str
    category: Category
    quantity: int


class _Limits:
    """One quantity for each (owner, category)."""

    TABLE: str
    OWNER: str

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def put(self, owner: str, category: str, quantity: int) -> str:
        """Set a quantity; returns the sid of the row."""
        sid = await self._tx.fetchval(
            f"""
            INSERT INTO {self.TABLE} ({self.TABLE}_sid, {self.OWNER}, category, quantity) VALUES ($1, $2, $3, $4)
            ON CONFLICT ({self.OWNER}, category) DO UPDATE SET quantity = excluded.quantity
            RETURNING {self.TABLE}_sid
            """,  # noqa: S608
            new_sid(),
            owner,
            category,
            quantity,
        )
        self._tx.changed(ConfigChanged(entity="limits", sid=owner))
        return str(sid)

    async def remove(self, owner: str, category: str | None = None) -> int:
        """Remove one limit or all; returns how many there were."""
        self._tx.changed(ConfigChanged(entity="limits", sid=owner))
        return await self._tx.execute(
            f"DELETE FROM {self.TABLE} WHERE {self.OWNER} = $1 AND ($2::text IS NULL OR category = $2)",  # noqa: S608
            owner,
            category,
        )


async def api_rates(
    tx: Transaction, account_sid: str | None, service_provider_sid: str | None
) -> tuple[int | None, int | None]:
    """The limits `api_rate` of an account and of its service provider."""
    record = await tx.fetchrow(
        """
        SELECT (SELECT quantity FROM account_limits WHERE account_sid = $1 AND category = 'api_rate') AS account,
          (SELECT quantity FROM service_provider_limits WHERE service_provider_sid = $2 AND category = 'api_rate')
            AS provider
        """,
        account_sid,
        service_provider_sid,
    )
    return (None, None) if record is None else (record["account"], record["provider"])


class AccountLimits(_Limits):
    TABLE, OWNER = "account_limits", "account_sid"

    async def of(self, owner: str, category: str | None = None) -> list[AccountLimit]:
        records = await self._tx.fetch(
            """
            SELECT * FROM account_limits
            WHERE account_sid = $1 AND ($2::text IS NULL OR category = $2) ORDER BY category
            """,
            owner,
            category,
        )
        return [AccountLimit.model_validate(dict(record)) for record in records]


class ServiceProviderLimits(_Limits):
    TABLE, OWNER = "service_provider_limits", "service_provider_sid"

    async def of(self, owner: str, category: str | None = None) -> list[ServiceProviderLimit]:
        records = await self._tx.fetch(
            """
            SELECT * FROM service_provider_limits
            WHERE service_provider_sid = $1 AND ($2::text IS NULL OR category = $2) ORDER BY category
            """,
            owner,
            category,
        )
        return [ServiceProviderLimit.model_validate(dict(record)) for record in records]
