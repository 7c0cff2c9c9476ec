"""Gateways: the addresses of a carrier, as a source of calls, a destination, or both."""

from typing import Literal

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Tenant


class SipGateway(Row):
    sip_gateway_sid: str
    ipv4: str
    """An IPv4 address, or a DNS name for a gateway that is only a destination."""
    netmask: int
    port: int | None
    inbound: bool
    outbound: bool
    voip_carrier_sid: str
    is_active: bool
    send_options_ping: bool
    use_sips_scheme: bool
    pad_crypto: bool
    protocol: Literal["udp", "tcp", "tls", "tls/srtp"] | None
    remove_ice: bool
    dtls_off: bool


class SipGateways(Repository[SipGateway]):
    TABLE, KEY, ROW, ENTITY = "sip_gateways", "sip_gateway_sid", SipGateway, "sip_gateway"

    def visible(self, where: Where, tenant: Tenant) -> None:
        if tenant.account_sid:
            where.add(
                "voip_carrier_sid IN (SELECT voip_carrier_sid FROM voip_carriers WHERE account_sid = {} "
                "OR (account_sid IS NULL AND service_provider_sid = {}))",
                tenant.account_sid,
                tenant.service_provider_sid,
            )
        else:
            self.owned(where, tenant)

    def owned(self, where: Where, tenant: Tenant) -> None:
        """Those of the tenant's own carriers."""
        if tenant.account_sid:
            where.add(
                "voip_carrier_sid IN (SELECT voip_carrier_sid FROM voip_carriers WHERE account_sid = {})",
                tenant.account_sid,
            )
        elif tenant.service_provider_sid:
            sp = where.bind(tenant.service_provider_sid)
            where.add(
                "voip_carrier_sid IN (SELECT c.voip_carrier_sid FROM voip_carriers c "  # noqa: S608
                "LEFT JOIN accounts a ON a.account_sid = c.account_sid "
                f"WHERE coalesce(a.service_provider_sid, c.service_provider_sid) = {sp})"
            )
