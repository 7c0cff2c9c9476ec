"""What the edge needs to place a call: a snapshot of all carriers, gateways, numbers and their owners, in memory.

The tables are small next to the calls they decide, so each edge keeps them whole and no call waits for SQL.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from jambones.common.db.accounts import Account, Accounts
from jambones.common.db.applications import Application, Applications
from jambones.common.db.call_routes import CallRoute, CallRoutes
from jambones.common.db.clients import Client, Clients
from jambones.common.db.database import Database, Transaction
from jambones.common.db.lcrs import Lcr, LcrCarrierSetEntries, LcrCarrierSetEntry, LcrRoute, LcrRoutes, Lcrs
from jambones.common.db.phone_numbers import PhoneNumber, PhoneNumbers
from jambones.common.db.service_providers import ServiceProvider, ServiceProviders
from jambones.common.db.sip_gateways import SipGateway, SipGateways
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarrier, VoipCarriers


@dataclass(frozen=True)
class RoutingTables:
    """One consistent moment. Maps are by sid unless their name says otherwise; inactive rows are in it too."""

    service_providers: Mapping[str, ServiceProvider] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    accounts_by_realm: Mapping[str, Account] = field(default_factory=dict)
    """By SIP realm in lower case."""
    applications: Mapping[str, Application] = field(default_factory=dict)
    carriers: Mapping[str, VoipCarrier] = field(default_factory=dict)
    gateways: tuple[SipGateway, ...] = ()
    numbers: Mapping[str, tuple[PhoneNumber, ...]] = field(default_factory=dict)
    """By number (digits, no "+"): several carriers may deliver the same one."""
    call_routes: Mapping[str, tuple[CallRoute, ...]] = field(default_factory=dict)
    """By account, in order of priority."""
    clients: Mapping[tuple[str, str], Client] = field(default_factory=dict)
    """By (account sid, user name in lower case)."""
    limits: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By (account or service provider sid, category)."""
    lcrs: Mapping[str, Lcr] = field(default_factory=dict)
    """By owner: account or service provider sid."""
    lcr_routes: Mapping[str, tuple[LcrRoute, ...]] = field(default_factory=dict)
    """By lcr, in order of priority."""
    lcr_entries: Mapping[str, tuple[LcrCarrierSetEntry, ...]] = field(default_factory=dict)
    """By lcr route, in order of priority."""

    @classmethod
    async def load(cls, database: Database) -> "RoutingTables":
        """Read everything at one moment. Raises DatabaseUnavailable."""
        async with database.transaction(PLATFORM, snapshot=True) as tx:
            return await _load(tx)


async def _load(tx: Transaction) -> RoutingTables:
    accounts = await Accounts(tx).select()
    by_number, routes, lcr_routes, lcr_entries = (defaultdict(list) for _ in range(4))
    for number in await PhoneNumbers(tx).select():
        by_number[number.number].append(number)
    for route in await CallRoutes(tx).select():
        routes[route.account_sid].append(route)
    for lcr_route in await LcrRoutes(tx).select():
        lcr_routes[lcr_route.lcr_sid].append(lcr_route)
    for entry in await LcrCarrierSetEntries(tx).select():
        lcr_entries[entry.lcr_route_sid].append(entry)
    limits = await tx.fetch(
        "SELECT account_sid AS owner, category, quantity FROM account_limits UNION ALL "
        "SELECT service_provider_sid, category, quantity FROM service_provider_limits"
    )
    return RoutingTables(
        service_providers={row.service_provider_sid: row for row in await ServiceProviders(tx).select()},
        accounts={row.account_sid: row for row in accounts},
        accounts_by_realm={row.sip_realm.lower(): row for row in accounts if row.sip_realm},
        applications={row.application_sid: row for row in await Applications(tx).select()},
        carriers={row.voip_carrier_sid: row for row in await VoipCarriers(tx).select()},
        gateways=tuple(await SipGateways(tx).select()),
        numbers={number: tuple(rows) for number, rows in by_number.items()},
        call_routes={sid: tuple(rows) for sid, rows in routes.items()},
        clients={(row.account_sid, row.username.lower()): row for row in await Clients(tx).select()},
        limits={(row["owner"], row["category"]): row["quantity"] for row in limits},
        lcrs={owner: row for row in await Lcrs(tx).select() if (owner := row.account_sid or row.service_provider_sid)},
        lcr_routes={sid: tuple(rows) for sid, rows in lcr_routes.items()},
        lcr_entries={sid: tuple(rows) for sid, rows in lcr_entries.items()},
    )
