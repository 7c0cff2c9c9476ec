"""What the edge knows of the configuration, indexed for the questions a call asks.

A snapshot: built whole from rows, never changed. The rows are the parts of the configuration that routing reads; how
they get here is `directory`'s business.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from typing import Literal

from jambones.sbc.expressions import BadExpression, Expression, compile_expression
from jambones.sbc.prefixes import Network, PrefixTable, parse_address
from jambones.sbc.tenants import Account, ServiceProvider, TenantTables

NumberKind = Literal["exact", "prefix", "regex"]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A trunk: `account_sid` None means every account of the service provider shares it."""

    voip_carrier_sid: str
    name: str
    account_sid: str | None = None
    service_provider_sid: str | None = None
    application_sid: str | None = None
    is_active: bool = True
    trunk_type: Literal["static_ip", "auth", "reg"] = "static_ip"
    requires_register: bool = False
    register_username: str | None = None
    register_sip_realm: str | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """An address or network of a trunk. Its port and protocol are those of calls to it: any may bring calls from it."""

    sip_gateway_sid: str
    voip_carrier_sid: str
    ipv4: str
    netmask: int = 32
    inbound: bool = True
    is_active: bool = True

    @property
    def network(self) -> Network | None:
        """The network calls may come from; None for a name, which is for calls out alone."""
        if (address := parse_address(self.ipv4)) is None:
            return None
        width = min(self.netmask, 32) if address.version == 4 else (128 if self.netmask == 32 else self.netmask)
        return ip_network((address, width), strict=False)


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number or a pattern of numbers, stored without a leading plus."""

    phone_number_sid: str
    number: str
    voip_carrier_sid: str | None = None
    account_sid: str | None = None
    application_sid: str | None = None

    @property
    def kind(self) -> NumberKind:
        if self.number.isdigit() or self.number == "anonymous":
            return "exact"
        if self.number.endswith("*") and self.number[:-1].isdigit():
            return "prefix"
        return "regex"


@dataclass(frozen=True, slots=True)
class Application:
    application_sid: str
    account_sid: str | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class CallRoute:
    """Account-wide pattern to application; lower priority first."""

    account_sid: str
    application_sid: str
    regex: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Pattern:
    """A phone number that is a prefix or a regular expression, ready to match."""

    row: PhoneNumber
    expression: Expression

    def matches(self, did: str) -> bool:
        return self.expression.search(did) is not None


def compile_pattern(number: PhoneNumber) -> Pattern | None:
    """The pattern of a prefix or regex number; None when it is not a valid expression.

    RE2 keeps the time linear in the length of the digits: both sides of the match come from strangers.
    """
    match number.kind:
        case "prefix":
            text = f"^{number.number[:-1]}[0-9]*$"
        case _:
            text = f"^(?:{number.number})$"
    try:
        return Pattern(number, compile_expression(text))
    except BadExpression:
        return None


@dataclass(frozen=True)
class Tables(TenantTables):
    """The snapshot. Rows in, indexes out; every index is built once, off the path of a call."""

    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    applications: Mapping[str, Application] = field(default_factory=dict)
    gateways: tuple[Gateway, ...] = ()
    numbers: tuple[PhoneNumber, ...] = ()
    routes: tuple[CallRoute, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        service_providers: Iterable[ServiceProvider] = (),
        accounts: Iterable[Account] = (),
        carriers: Iterable[Carrier] = (),
        applications: Iterable[Application] = (),
        gateways: Iterable[Gateway] = (),
        numbers: Iterable[PhoneNumber] = (),
        routes: Iterable[CallRoute] = (),
    ) -> "Tables":
        tables = cls(
            {row.service_provider_sid: row for row in service_providers},
            {row.account_sid: row for row in accounts},
            {row.voip_carrier_sid: row for row in carriers},
            {row.application_sid: row for row in applications},
            tuple(gateways),
            tuple(numbers),
            tuple(sorted(routes, key=lambda row: row.priority)),
        )
        tables.warm()
        return tables

    def __str__(self) -> str:
        return f"{len(self.accounts)} accounts, {len(self.numbers)} numbers, {len(self.gateways)} gateways"

    def warm(self) -> None:
        """Build every index now, so that no call pays for it."""
        _ = self.by_realm, self.by_source, self.exact, self.patterns, self.accounts_of_provider, self.registered
        _ = self.compiled_routes

    @cached_property
    def by_source(self) -> PrefixTable[Gateway]:
        """Inbound gateways of active trunks by the networks calls come from."""
        table: PrefixTable[Gateway] = PrefixTable()
        for gateway in self.gateways:
            carrier = self.carriers.get(gateway.voip_carrier_sid)
            if carrier is None or not (carrier.is_active and gateway.is_active and gateway.inbound):
                continue
            if (network := gateway.network) is not None:
                table.add(network, gateway)
        return table

    @cached_property
    def exact(self) -> dict[str, tuple[PhoneNumber, ...]]:
        rows: defaultdict[str, list[PhoneNumber]] = defaultdict(list)
        for number in self.numbers:
            if number.kind == "exact":
                rows[number.number].append(number)
        return {number: tuple(group) for number, group in rows.items()}

    @cached_property
    def patterns(self) -> dict[str | None, tuple[Pattern, ...]]:
        """Patterns by trunk (None: numbers of no trunk): prefixes longest first, then expressions longest first."""
        rows: defaultdict[str | None, list[Pattern]] = defaultdict(list)
        for number in self.numbers:
            if number.kind != "exact" and (pattern := compile_pattern(number)) is not None:
                rows[number.voip_carrier_sid].append(pattern)
        order = {"prefix": 0, "regex": 1}
        return {
            carrier: tuple(sorted(group, key=lambda p: (order[p.row.kind], -len(p.row.number))))
            for carrier, group in rows.items()
        }

    @cached_property
    def accounts_of_provider(self) -> dict[str, tuple[Account, ...]]:
        rows: defaultdict[str, list[Account]] = defaultdict(list)
        for account in self.accounts.values():
            rows[account.service_provider_sid].append(account)
        return {provider: tuple(group) for provider, group in rows.items()}

    @cached_property
    def registered(self) -> dict[tuple[str, str], tuple[Carrier, ...]]:
        """Trunks we register with, by (registrar realm, user name)."""
        rows: defaultdict[tuple[str, str], list[Carrier]] = defaultdict(list)
        for carrier in self.carriers.values():
            if carrier.is_active and carrier.requires_register and carrier.register_username:
                realm = (carrier.register_sip_realm or "").lower()
                rows[realm, carrier.register_username].append(carrier)
        return {key: tuple(group) for key, group in rows.items()}

    @cached_property
    def compiled_routes(self) -> dict[str, tuple[tuple[CallRoute, Expression], ...]]:
        rows: defaultdict[str, list[tuple[CallRoute, Expression]]] = defaultdict(list)
        for route in self.routes:
            try:
                rows[route.account_sid].append((route, compile_expression(route.regex)))
            except BadExpression:
                continue
        return {account: tuple(group) for account, group in rows.items()}
