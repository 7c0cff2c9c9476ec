"""On whose behalf the database is asked."""

from dataclasses import dataclass
from typing import Literal

Scope = Literal["admin", "service_provider", "account"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """The platform itself (neither sid), a service provider, or an account of one (both sids)."""

    service_provider_sid: str | None = None
    account_sid: str | None = None

    def __post_init__(self) -> None:
        if self.account_sid and not self.service_provider_sid:
            raise ValueError("an account belongs to a service provider")

    @property
    def scope(self) -> Scope:
        if self.account_sid:
            return "account"
        return "service_provider" if self.service_provider_sid else "admin"


PLATFORM = Tenant()
"""Sees and changes everything."""
