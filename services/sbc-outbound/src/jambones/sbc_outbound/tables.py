"""What the egress knows of the configuration, indexed for the questions an outgoing call asks.

A snapshot: built whole from rows, never changed. Rows in, indexes out; how rows get here is `snapshot`'s business.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from jambones.common.private import Private
from jambones.sbc.expressions import BadExpression, Expression, compile_expression
from jambones.sbc.tenants import Account, ServiceProvider, TenantTables

Protocol = Literal["udp", "tcp", "tls", "tls/srtp"]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A carrier: `account_sid` None means every account of the service provider shares it."""

    voip_carrier_sid: str
    name: str
    account_sid: str | None = None
    service_provider_sid: str | None = None
    is_active: bool = True
    e164_leading_plus: bool = False
    tech_prefix: str | None = None
    diversion: str | None = None
    requires_register: bool = False
    register_username: str | None = None
    register_password: Private[str] | None = None
    register_sip_realm: str | None = None
    register_from_user: str | None = None
    register_from_domain: str | None = None
    outbound_sip_proxy: str | None = None

    def serves(self, account: Account) -> bool:
        """Whether calls of this account may take the trunk: its own, or shared by its service provider."""
        if self.account_sid is not None:
            return self.account_sid == account.account_sid
        return self.service_provider_sid == account.service_provider_sid

    @property
    def register_realm(self) -> str | None:
        """The registrar's realm, of a trunk that we register with."""
        return self.register_sip_realm if self.requires_register else None


@dataclass(frozen=True, slots=True)
class Gateway:
    """An address that calls of a trunk are sent to."""

    sip_gateway_sid: str
    voip_carrier_sid: str
    host: str
    """An address or a name."""
    port: int | None = None
    protocol: Protocol = "udp"
    use_sips_scheme: bool = False
    pad_crypto: bool = False
    outbound: bool = True
    is_active: bool = True

    @property
    def transport(self) -> Literal["udp", "tcp", "tls"]:
        return "tls" if self.protocol == "tls/srtp" else self.protocol

    @property
    def srtp(self) -> bool:
        return self.protocol == "tls/srtp"


@dataclass(frozen=True, slots=True)
class Lcr:
    """Least-cost routing of an account or a service provider."""

    lcr_sid: str
    owner: str
    is_active: bool = True
    default_entry_sid: str | None = None


@dataclass(frozen=True, slots=True)
class LcrRoute:
    """Digits are a prefix of the dialled number, anything else an expression anchored at its start."""

    lcr_route_sid: str
    lcr_sid: str
    text: str
    priority: int = 0

    @property
    def is_prefix(self) -> bool:
        return self.text.isdigit()


@dataclass(frozen=True, slots=True)
class LcrEntry:
    """A trunk of a route: lower priority first; among equals `workload` is the share, 0 only when others fail."""

    lcr_carrier_set_entry_sid: str
    lcr_route_sid: str
    voip_carrier_sid: str
    workload: int = 1
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A route ready to match."""

    route: LcrRoute
    expression: Expression | None
    """None: a prefix."""

    def matches(self, number: str) -> bool:
        if self.expression is None:
            return number.startswith(self.route.text)
        return self.expression.search(number) is not None


def compile_route(route: LcrRoute) -> Rule | None:
    """None when it is not a valid expression."""
    if route.is_prefix:
        return Rule(route, None)
    try:
        return Rule(route, compile_expression(f"^(?:{route.text})"))
    except BadExpression:
        return None


@dataclass(frozen=True)
class Tables(TenantTables):
    """The snapshot; every index is built once, off the path of a call."""

    trunks: Mapping[str, Trunk] = field(default_factory=dict)
    gateways: tuple[Gateway, ...] = ()
    lcrs: Mapping[str, Lcr] = field(default_factory=dict)
    """By owner: account or service provider sid."""
    lcr_routes: tuple[LcrRoute, ...] = ()
    lcr_entries: tuple[LcrEntry, ...] = ()
    delivered_by: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By (account sid, number without its plus): the trunk that delivers calls to it."""

    @classmethod
    def of(
        cls,
        *,
        service_providers: Iterable[ServiceProvider] = (),
        accounts: Iterable[Account] = (),
        trunks: Iterable[Trunk] = (),
        gateways: Iterable[Gateway] = (),
        lcrs: Iterable[Lcr] = (),
        lcr_routes: Iterable[LcrRoute] = (),
        lcr_entries: Iterable[LcrEntry] = (),
        delivered_by: Mapping[tuple[str, str], str] | None = None,
    ) -> "Tables":
        tables = cls(
            {row.service_provider_sid: row for row in service_providers},
            {row.account_sid: row for row in accounts},
            {row.voip_carrier_sid: row for row in trunks},
            tuple(gateways),
            {row.owner: row for row in lcrs},
            tuple(lcr_routes),
            tuple(lcr_entries),
            delivered_by or {},
        )
        tables.warm()
        return tables

    def __str__(self) -> str:
        return f"{len(self.accounts)} accounts, {len(self.trunks)} trunks, {len(self.gateways)} gateways"

    def warm(self) -> None:
        """Build every index now, so that no call pays for it."""
        _ = self.by_realm, self.gateways_of, self.rules_of, self.entries_of, self.entries, self.trunks_of

    @cached_property
    def gateways_of(self) -> dict[str, tuple[Gateway, ...]]:
        """By trunk, in the order of the database: active ones that take calls."""
        rows: defaultdict[str, list[Gateway]] = defaultdict(list)
        for gateway in self.gateways:
            if gateway.outbound and gateway.is_active:
                rows[gateway.voip_carrier_sid].append(gateway)
        return {trunk: tuple(group) for trunk, group in rows.items()}

    @cached_property
    def rules_of(self) -> dict[str, tuple[Rule, ...]]:
        """By lcr: lower priority first; inside one, prefixes before expressions, longer before shorter."""
        rows: defaultdict[str, list[Rule]] = defaultdict(list)
        for route in self.lcr_routes:
            if (rule := compile_route(route)) is not None:
                rows[route.lcr_sid].append(rule)
        return {
            lcr: tuple(sorted(group, key=lambda r: (r.route.priority, not r.route.is_prefix, -len(r.route.text))))
            for lcr, group in rows.items()
        }

    @cached_property
    def entries_of(self) -> dict[str, tuple[LcrEntry, ...]]:
        """By route, lower priority first."""
        rows: defaultdict[str, list[LcrEntry]] = defaultdict(list)
        for entry in self.lcr_entries:
            rows[entry.lcr_route_sid].append(entry)
        return {route: tuple(sorted(group, key=lambda e: e.priority)) for route, group in rows.items()}

    @cached_property
    def entries(self) -> dict[str, LcrEntry]:
        return {entry.lcr_carrier_set_entry_sid: entry for entry in self.lcr_entries}

    @cached_property
    def trunks_of(self) -> dict[tuple[str, str], tuple[Trunk, ...]]:
        """By ("account" or "provider", sid): active trunks that take calls."""
        rows: defaultdict[tuple[str, str], list[Trunk]] = defaultdict(list)
        for trunk in self.trunks.values():
            if self.usable(trunk):
                key = ("account", trunk.account_sid) if trunk.account_sid else ("provider", trunk.service_provider_sid)
                rows[key[0], key[1] or ""].append(trunk)
        return {key: tuple(group) for key, group in rows.items()}

    def usable(self, trunk: Trunk) -> bool:
        """Whether the trunk is active and has a gateway that takes calls."""
        return trunk.is_active and bool(self.gateways_of.get(trunk.voip_carrier_sid))
