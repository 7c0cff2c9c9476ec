"""The resources, in the order of the description."""

from jambones.api.operations import Resource
from jambones.api.resources import (
    accounts,
    alerts,
    api_keys,
    applications,
    calls,
    clients,
    later,
    lcrs,
    limits,
    live,
    phone_numbers,
    platform,
    recent_calls,
    service_providers,
    sessions,
    sip_gateways,
    users,
    voip_carriers,
)

RESOURCES: tuple[Resource, ...] = (
    sessions.resource,
    users.resource,
    service_providers.resource,
    accounts.resource,
    api_keys.resource,
    limits.resource,
    applications.resource,
    voip_carriers.resource,
    sip_gateways.resource,
    phone_numbers.resource,
    clients.resource,
    lcrs.resource,
    calls.resource,
    live.resource,
    recent_calls.resource,
    alerts.resource,
    platform.resource,
    later.resource,
)
