"""Carriers ("trunks"): who brings calls in and takes calls out, of one account or shared by a service provider."""

from datetime import datetime
from typing import Literal

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant
from jambones.common.private import Private

TrunkType = Literal["static_ip", "auth", "reg"]


class VoipCarrier(Row):
    voip_carrier_sid: str
    name: str
    description: str | None
    account_sid: str | None
    service_provider_sid: str | None
    application_sid: str | None
    e164_leading_plus: bool
    requires_register: bool
    register_username: str | None
    register_sip_realm: str | None
    register_password: Private[str] | None
    tech_prefix: str | None
    inbound_auth_username: str | None
    inbound_auth_password: Private[str] | None
    diversion: str | None
    is_active: bool
    created_at: datetime
    smpp_system_id: str | None
    smpp_password: Private[str] | None
    smpp_enquire_link_interval: int | None
    smpp_inbound_system_id: str | None
    smpp_inbound_password: Private[str] | None
    register_from_user: str | None
    register_from_domain: str | None
    register_public_ip_in_contact: bool
    register_status: str | None
    """JSON, written by the registrar"""
    dtmf_type: Literal["rfc2833", "tones", "info"]
    outbound_sip_proxy: str | None
    trunk_type: TrunkType


class VoipCarriers(Repository[VoipCarrier]):
    TABLE, KEY, ROW, ENTITY = "voip_carriers", "voip_carrier_sid", VoipCarrier, "voip_carrier"
    SEALED = frozenset({"register_password", "inbound_auth_password", "smpp_password", "smpp_inbound_password"})

    def visible(self, where: Where, tenant: Tenant) -> None:
        if tenant.account_sid:
            where.add(
                "account_sid = {} OR (account_sid IS NULL AND service_provider_sid = {})",
                tenant.account_sid,
                tenant.service_provider_sid,
            )
        else:
            self.owned(where, tenant)

    async def note_registration(self, sid: str, status: str) -> None:
        """What became of our registration with the carrier; nobody's configuration changes by it, so nobody is told."""
        await self._tx.execute("UPDATE voip_carriers SET register_status = $2 WHERE voip_carrier_sid = $1", sid, status)

    async def delete(self, sid: str) -> bool:
        """Delete with its gateways. Raises StillReferenced while a number or a least-cost route uses it."""
        if await self.mine(sid) is None:
            return False
        await self._tx.execute("DELETE FROM sip_gateways WHERE voip_carrier_sid = $1", sid)
        return await super().delete(sid)
