"""Addresses of the edges, shown to tenants so that they know where to send calls."""

from datetime import datetime

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant
from jambones.common.ids import new_sid


class SbcAddress(Row):
    sbc_address_sid: str
    ipv4: str
    port: int
    tls_port: int | None
    wss_port: int | None
    service_provider_sid: str | None
    last_updated: datetime | None
    pinned: bool


class SbcAddresses(Repository[SbcAddress]):
    TABLE, KEY, ROW = "sbc_addresses", "sbc_address_sid", SbcAddress
    ORDER = "ipv4, port"

    def visible(self, where: Where, tenant: Tenant) -> None:
        if tenant.service_provider_sid:
            where.add("service_provider_sid IS NULL OR service_provider_sid = {}", tenant.service_provider_sid)

    def owned(self, where: Where, tenant: Tenant) -> None:
        if tenant.scope != "admin":
            where.add("false")

    async def of(self, service_provider_sid: str | None) -> list[SbcAddress]:
        """The service provider's own edges, else those of the platform."""
        own = await self.select(service_provider_sid=service_provider_sid) if service_provider_sid else []
        return own or await self.select(service_provider_sid=None)

    async def report(self, ipv4: str, port: int, *, tls_port: int | None = None, wss_port: int | None = None) -> None:
        """An edge says that it is there."""
        await self._tx.execute(
            """
            INSERT INTO sbc_addresses (sbc_address_sid, ipv4, port, tls_port, wss_port, last_updated)
            VALUES ($1, $2, $3, $4, $5, now())
            ON CONFLICT (ipv4, port, coalesce(service_provider_sid, '')) DO UPDATE
              SET tls_port = excluded.tls_port, wss_port = excluded.wss_port, last_updated = now()
            """,
            new_sid(),
            ipv4,
            port,
            tls_port,
            wss_port,
        )

    async def forget_silent(self, seconds: int) -> int:
        """Drop edges that have not reported for so long; those entered by hand stay."""
        return await self._tx.execute(
            "DELETE FROM sbc_addresses WHERE NOT pinned AND last_updated < now() - make_interval(secs => $1)", seconds
        )
