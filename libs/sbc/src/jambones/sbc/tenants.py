"""Accounts and service providers, as far as a call at an SBC needs them."""

from dataclasses import dataclass


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
