"""What the edge needs to place a call: a snapshot of all carriers, gateways, numbers and their owners, in memory.

The tables are small next to the calls they decide, so each edge keeps them whole and no call waits for SQL.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from jambones.common.bus.config import ConfigChanged
from jambones.common.db.accounts import Account, Accounts
from jambones.common.db.applications import Application, Applications
from jambones.common.db.call_routes import CallRoute, CallRoutes
from jambones.common.db.clients import Client, Clients
from jambones.common.db.database import Database, Transaction
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.db.lcrs import Lcr, LcrCarrierSetEntries, LcrCarrierSetEntry, LcrRoute, LcrRoutes, Lcrs
from jambones.common.db.phone_numbers import PhoneNumber, PhoneNumbers
from jambones.common.db.service_providers import ServiceProvider, ServiceProviders
from jambones.common.db.sip_gateways import SipGateway, SipGateways
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarrier, VoipCarriers

log = structlog.get_logger(__name__)

ROUTING_ENTITIES = frozenset(
    {
        "service_provider", "account", "application", "voip_carrier", "sip_gateway", "phone_number", "call_route",
        "client", "limits", "system_information", "lcr", "lcr_route", "lcr_carrier_set_entry",
    }
)  # fmt: skip
"""Changes of these make a snapshot stale."""


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
    gateways_by_carrier: Mapping[str, tuple[SipGateway, ...]] = field(default_factory=dict)
    numbers: Mapping[str, tuple[PhoneNumber, ...]] = field(default_factory=dict)
    """By number (digits, no "+"): several carriers may deliver the same one."""
    number_patterns: tuple[PhoneNumber, ...] = ()
    """Numbers that are patterns, longest first."""
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
    gateways = await SipGateways(tx).select()
    numbers = await PhoneNumbers(tx).select()
    by_carrier, by_number, routes, lcr_routes, lcr_entries = (defaultdict(list) for _ in range(5))
    for gateway in gateways:
        by_carrier[gateway.voip_carrier_sid].append(gateway)
    for number in numbers:
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
        gateways=tuple(gateways),
        gateways_by_carrier={sid: tuple(rows) for sid, rows in by_carrier.items()},
        numbers={number: tuple(rows) for number, rows in by_number.items()},
        number_patterns=tuple(sorted((n for n in numbers if n.is_pattern), key=lambda n: -len(n.number))),
        call_routes={sid: tuple(rows) for sid, rows in routes.items()},
        clients={(row.account_sid, row.username.lower()): row for row in await Clients(tx).select()},
        limits={(row["owner"], row["category"]): row["quantity"] for row in limits},
        lcrs={owner: row for row in await Lcrs(tx).select() if (owner := row.account_sid or row.service_provider_sid)},
        lcr_routes={sid: tuple(rows) for sid, rows in lcr_routes.items()},
        lcr_entries={sid: tuple(rows) for sid, rows in lcr_entries.items()},
    )


class RoutingSnapshot:
    """The current tables: `snapshot.tables`. Refreshed after a change and every minute; the old ones serve meanwhile.

    `run()` is a task of the owner's; feed `changed()` with every ConfigChanged.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[RoutingTables]],
        *,
        refresh: float = 60.0,
        settle: float = 0.1,
        retry: float = 2.0,
    ) -> None:
        """`settle`: seconds to wait after a change, so that a burst of them is one load."""
        self.tables = RoutingTables()
        self.loaded = asyncio.Event()
        """Set when the first load is done: before that nothing can be routed."""
        self._load = load
        self._refresh, self._settle, self._retry = refresh, settle, retry
        self._stale = asyncio.Event()

    def changed(self, change: ConfigChanged) -> None:
        if change.entity in ROUTING_ENTITIES:
            self._stale.set()

    async def run(self) -> None:
        while True:
            self._stale.clear()
            try:
                self.tables = await self._load()
                self.loaded.set()
            except DatabaseUnavailable:
                log.warning("routing tables not refreshed", known=self.loaded.is_set())
                await asyncio.sleep(self._retry)
                continue
            try:
                async with asyncio.timeout(self._refresh):
                    await self._stale.wait()
                await asyncio.sleep(self._settle)
            except TimeoutError:
                pass
