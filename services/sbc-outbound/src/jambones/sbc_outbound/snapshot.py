"""From the database's rows to the egress's tables: only what routing reads."""

import asyncio

from jambones.common.db.database import Database
from jambones.common.db.routing import RoutingTables
from jambones.sbc.tenants import provider_of, tenants
from jambones.sbc_outbound import tables as egress
from jambones.sbc_outbound.tables import Tables


async def load(database: Database) -> Tables:
    """Read the configuration and index it, in a thread. Raises DatabaseUnavailable."""
    rows = await RoutingTables.load(database)
    return await asyncio.to_thread(convert, rows)


def convert(rows: RoutingTables) -> Tables:
    service_providers, accounts = tenants(rows)
    return Tables.of(
        service_providers=service_providers,
        accounts=accounts,
        trunks=[
            egress.Trunk(
                row.voip_carrier_sid,
                row.name,
                row.account_sid,
                row.service_provider_sid or provider_of(rows, row.account_sid),
                row.is_active,
                row.e164_leading_plus,
                row.tech_prefix,
                row.diversion,
                row.requires_register,
                row.register_username,
                row.register_password,
                row.register_sip_realm,
                row.register_from_user,
                row.register_from_domain,
                row.outbound_sip_proxy,
            )
            for row in rows.carriers.values()
        ],
        gateways=[
            egress.Gateway(
                row.sip_gateway_sid,
                row.voip_carrier_sid,
                row.ipv4,
                row.port,
                row.protocol or "udp",
                row.use_sips_scheme,
                row.pad_crypto,
                row.outbound,
                row.is_active,
            )
            for row in rows.gateways
        ],
        lcrs=[
            egress.Lcr(row.lcr_sid, owner, row.is_active, row.default_carrier_set_entry_sid)
            for owner, row in rows.lcrs.items()
        ],
        lcr_routes=[
            egress.LcrRoute(row.lcr_route_sid, row.lcr_sid, row.regex, row.priority)
            for group in rows.lcr_routes.values()
            for row in group
        ],
        lcr_entries=[
            egress.LcrEntry(
                row.lcr_carrier_set_entry_sid, row.lcr_route_sid, row.voip_carrier_sid, row.workload, row.priority
            )
            for group in rows.lcr_entries.values()
            for row in group
        ],
        delivered_by={
            (row.account_sid, row.number): row.voip_carrier_sid
            for group in rows.numbers.values()
            for row in group
            if row.account_sid and row.voip_carrier_sid and not row.is_pattern
        },
    )
