"""Connections on which tenants read: of the role of tenants from their first moment, and unable to write.

A statement is a transaction of its own there, so a row costs one round trip instead of three (BEGIN and the tenant, the
statement, COMMIT). The tenant stays set until another one uses the connection; before it is set no row is seen.
Sessions must therefore be ours alone: a pooler between us and PostgreSQL has to pool sessions, not transactions.
"""

from typing import TYPE_CHECKING, Any

import asyncpg

from jambones.common.db.tenant import Tenant

if TYPE_CHECKING:
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection

SETTINGS = {"role": "jambones_tenant", "default_transaction_read_only": "on"}
"""What such a connection is opened with, besides what every connection is."""


class ReaderConnection(Base):
    """Remembers through whose eyes PostgreSQL looks."""

    def __init__(self, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        self._eyes: Tenant | None = None

    async def look_as(self, tenant: Tenant) -> None:
        """Look through the eyes of `tenant`, which is not the platform; no round trip when it was the last one too."""
        if self._eyes == tenant:
            return
        self._eyes = None  # not known until PostgreSQL has said so
        await self.execute(
            "SELECT set_config('jambones.account_sid', $1, false), "
            "set_config('jambones.service_provider_sid', $2, false)",
            tenant.account_sid or "",
            tenant.service_provider_sid or "",
        )
        self._eyes = tenant
