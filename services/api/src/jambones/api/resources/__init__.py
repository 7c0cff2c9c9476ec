"""The resources, in the order of the description."""

from jambones.api.operations import Resource
from jambones.api.resources import (
    accounts,
    alerts,
    api_keys,
    applications,
    calls,
    limits,
    phone_numbers,
    recent_calls,
    service_providers,
    sip_gateways,
    voip_carriers,
)

RESOURCES: tuple[Resource, ...] = (
    service_providers.resource,
    accounts.resource,
    api_keys.resource,
    limits.resource,
    applications.resource,
    voip_carriers.resource,
    sip_gateways.resource,
    phone_numbers.resource,
    calls.resource,
    recent_calls.resource,
    alerts.resource,
)
