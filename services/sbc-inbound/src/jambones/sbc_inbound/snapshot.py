"""From the database's rows to the edge's tables: only what routing reads, no secrets, no rows without use."""

import asyncio

from jambones.common.db.database import Database
from jambones.common.db.routing import RoutingTables
from jambones.sbc.tenants import provider_of, tenants
from jambones.sbc_inbound import tables as edge
from jambones.sbc_inbound.tables import Tables


async def load(database: Database) -> Tables:
    """Read the configuration and index it. Raises DatabaseUnavailable.

    Indexing happens in a thread: a hundred thousand numbers would otherwise hold up the calls of that moment.
    """
    rows = await RoutingTables.load(database)
    return await asyncio.to_thread(convert, rows)


def convert(rows: RoutingTables) -> Tables:
    service_providers, accounts = tenants(rows)
    return Tables.of(
        service_providers=service_providers,
        accounts=accounts,
        carriers=[
            edge.Carrier(
                row.voip_carrier_sid,
                row.name,
                row.account_sid,
                row.service_provider_sid or provider_of(rows, row.account_sid),
                row.application_sid,
                row.is_active,
                row.trunk_type,
                row.requires_register,
                row.register_username,
                row.register_sip_realm,
            )
            for row in rows.carriers.values()
        ],
        applications=[
            edge.Application(row.application_sid, row.account_sid, row.name) for row in rows.applications.values()
        ],
        gateways=[
            edge.Gateway(
                row.sip_gateway_sid,
                row.voip_carrier_sid,
                row.ipv4,
                row.netmask,
                row.inbound,
                row.is_active,
            )
            for row in rows.gateways
        ],
        numbers=[
            edge.PhoneNumber(
                row.phone_number_sid, row.number, row.voip_carrier_sid, row.account_sid, row.application_sid
            )
            for group in rows.numbers.values()
            for row in group
        ],
        routes=[
            edge.CallRoute(row.account_sid, row.application_sid, row.regex, row.priority)
            for group in rows.call_routes.values()
            for row in group
        ],
    )
