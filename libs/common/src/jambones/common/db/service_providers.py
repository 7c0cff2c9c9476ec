"""Service providers: resellers of the platform; each owns accounts and shares carriers and speech with them."""

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant


class ServiceProvider(Row):
    service_provider_sid: str
    name: str
    description: str | None
    root_domain: str | None
    registration_hook_sid: str | None
    ms_teams_fqdn: str | None


class ServiceProviders(Repository[ServiceProvider]):
    TABLE, KEY, ROW, ENTITY = "service_providers", "service_provider_sid", ServiceProvider, "service_provider"

    def visible(self, where: Where, tenant: Tenant) -> None:
        if tenant.service_provider_sid:
            where.add("service_provider_sid = {}", tenant.service_provider_sid)

    def owned(self, where: Where, tenant: Tenant) -> None:
        if tenant.scope == "account":
            where.add("false")
        self.visible(where, tenant)

    async def in_use(self, sid: str) -> bool:
        """Whether an account or a user belongs to it."""
        return bool(
            await self._tx.fetchval(
                """
                SELECT EXISTS (SELECT FROM accounts WHERE service_provider_sid = $1)
                    OR EXISTS (SELECT FROM users WHERE service_provider_sid = $1)
                """,
                sid,
            )
        )

    async def delete(self, sid: str) -> bool:
        """Delete with all it shares; accounts and users must be gone. Raises StillReferenced."""
        if await self.mine(sid) is None:
            return False
        await self._tx.execute(
            "UPDATE service_providers SET registration_hook_sid = NULL WHERE service_provider_sid = $1", sid
        )
        await self._tx.execute("DELETE FROM lcr WHERE service_provider_sid = $1", sid)
        await self._tx.execute("DELETE FROM phone_numbers WHERE account_sid IS NULL AND service_provider_sid = $1", sid)
        await self._tx.execute(
            """
            DELETE FROM sip_gateways WHERE voip_carrier_sid IN
              (SELECT voip_carrier_sid FROM voip_carriers WHERE service_provider_sid = $1)
            """,
            sid,
        )
        for table in ("voip_carriers", "applications", "speech_credentials", "api_keys"):
            await self._tx.execute(f"DELETE FROM {table} WHERE service_provider_sid = $1", sid)  # noqa: S608
        return await super().delete(sid)
