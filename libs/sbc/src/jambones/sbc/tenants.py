"""Accounts and service providers, as far as a call at an SBC needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from jambones.common.db.routing import RoutingTables

CALLS = "voice_call_session"
"""The limit on calls at once."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    service_provider_sid: str
    call_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    account_sid: str
    service_provider_sid: str
    sip_realm: str | None = None
    is_active: bool = True
    disable_cdrs: bool = False
    call_limit: int | None = None
    device_calling_application_sid: str | None = None
    """The application that runs calls of the account's registered devices."""


@dataclass(frozen=True)
class TenantTables:
    """What the snapshots of both SBCs have: tenants by sid, accounts by realm."""

    service_providers: Mapping[str, ServiceProvider] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)

    @cached_property
    def by_realm(self) -> dict[str, Account]:
        return {row.sip_realm.lower(): row for row in self.accounts.values() if row.sip_realm}

    def account_by_realm(self, host: str) -> Account | None:
        """The account whose SIP realm this is, or that of the parent domain."""
        return of_realm(self.by_realm, host)


def of_realm(by_realm: Mapping[str, T], host: str) -> T | None:
    """Whose SIP realm (in lower case) the host is, or its parent domain; a domain of two labels has none."""
    host = host.lower()
    if (found := by_realm.get(host)) is not None:
        return found
    labels = host.split(".")
    return by_realm.get(".".join(labels[1:])) if len(labels) > 2 else None


def tenants(rows: RoutingTables) -> tuple[list[ServiceProvider], list[Account]]:
    """From the database's rows. A limit of 0 is none."""

    def limit(owner: str) -> int | None:
        return rows.limits.get((owner, CALLS)) or None

    accounts = [
        Account(
            row.account_sid,
            row.service_provider_sid,
            row.sip_realm,
            row.is_active,
            row.disable_cdrs,
            limit(row.account_sid),
            row.device_calling_application_sid,
        )
        for row in rows.accounts.values()
    ]
    return [ServiceProvider(sid, limit(sid)) for sid in rows.service_providers], accounts


def provider_of(rows: RoutingTables, account_sid: str | None) -> str | None:
    """The service provider of an account; None for no or an unknown account."""
    account = rows.accounts.get(account_sid or "")
    return account.service_provider_sid if account is not None else None
