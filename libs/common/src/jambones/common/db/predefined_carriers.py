"""Predefined carriers: templates of well-known carriers that a tenant copies."""

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant
from jambones.common.db.voip_carriers import TrunkType


class PredefinedCarrier(Row):
    predefined_carrier_sid: str
    name: str
    requires_static_ip: bool
    e164_leading_plus: bool
    requires_register: bool
    register_username: str | None
    register_sip_realm: str | None
    register_password: str | None
    tech_prefix: str | None
    inbound_auth_username: str | None
    inbound_auth_password: str | None
    diversion: str | None
    trunk_type: TrunkType


class PredefinedSipGateway(Row):
    predefined_sip_gateway_sid: str
    ipv4: str
    port: int
    inbound: bool
    outbound: bool
    netmask: int
    predefined_carrier_sid: str


class PredefinedCarriers(Repository[PredefinedCarrier]):
    """The same for everybody."""

    TABLE, KEY, ROW = "predefined_carriers", "predefined_carrier_sid", PredefinedCarrier
    ORDER = "name"

    def owned(self, where: Where, tenant: Tenant) -> None:
        pass

    async def gateways(self, sid: str) -> list[PredefinedSipGateway]:
        records = await self._tx.fetch("SELECT * FROM predefined_sip_gateways WHERE predefined_carrier_sid = $1", sid)
        return [PredefinedSipGateway.model_validate(dict(record)) for record in records]
