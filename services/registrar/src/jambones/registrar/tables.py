"""What the registrar knows of the configuration: realms, clients, trunks that authenticate, gateways never to block."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from jambones.common.db.accounts import Account
from jambones.common.db.clients import Client
from jambones.common.db.database import Database
from jambones.common.db.routing import RoutingTables
from jambones.common.db.voip_carriers import VoipCarrier
from jambones.sbc import tenants
from jambones.sbc.prefixes import PrefixTable, parse_address

DEVICES = "device"


@dataclass(frozen=True)
class Tables:
    """A snapshot: built whole from rows, never changed."""

    rows: RoutingTables = field(default_factory=RoutingTables)

    @classmethod
    async def load(cls, database: Database) -> "Tables":
        """Raises DatabaseUnavailable."""
        return cls(await RoutingTables.load(database))

    def account(self, host: str) -> Account | None:
        """The account whose SIP realm this is, or that of the parent domain."""
        return tenants.of_realm(self.rows.accounts_by_realm, host)

    def client(self, account: Account, username: str) -> Client | None:
        client = self.rows.clients.get((account.account_sid, username.lower()))
        return client if client is not None and client.is_active else None

    def auth_trunks(self, account: Account, username: str) -> list[VoipCarrier]:
        """Carriers that send calls with this user name: the account's first, then its service provider's."""
        return [*self._by_username.get((account.account_sid, username), ()),
                *self._by_username.get((account.service_provider_sid, username), ())]  # fmt: skip

    def device_limit(self, account: Account) -> int | None:
        """Addresses of record that may be registered at once."""
        return self.rows.limits.get((account.account_sid, DEVICES)) or None  # 0 is no limit

    def is_gateway(self, address: str) -> bool:
        return address in self._gateways

    @cached_property
    def _by_username(self) -> dict[tuple[str, str], list[VoipCarrier]]:
        found: defaultdict[tuple[str, str], list[VoipCarrier]] = defaultdict(list)
        for carrier in self.rows.carriers.values():
            owner = carrier.account_sid or carrier.service_provider_sid
            username = carrier.inbound_auth_username
            if carrier.is_active and owner and username and carrier.inbound_auth_password:
                found[owner, username].append(carrier)
        return dict(found)

    @cached_property
    def _gateways(self) -> PrefixTable[str]:
        table: PrefixTable[str] = PrefixTable()
        for gateway in self.rows.gateways:
            if parse_address(gateway.ipv4) is not None:
                width = f"/{gateway.netmask}" if ":" not in gateway.ipv4 else ""
                table.add(f"{gateway.ipv4}{width}", gateway.sip_gateway_sid)
        return table

    def __str__(self) -> str:
        rows = self.rows
        return f"{len(rows.accounts)} accounts, {len(rows.clients)} clients, {len(rows.carriers)} carriers"


def tenant(account: Account) -> tenants.Account:
    """An account as alerts need it."""
    return tenants.Account(account.account_sid, account.service_provider_sid, account.sip_realm, account.is_active)
