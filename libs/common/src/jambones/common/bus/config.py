"""Configuration changes: whoever caches an entity forgets it when it hears this."""

from typing import ClassVar, Literal

from jambones.common.bus.event import Event

Entity = Literal[
    "service_provider", "account", "application", "voip_carrier", "sip_gateway", "phone_number", "call_route",
    "webhook", "api_key", "speech_credential", "client", "limits", "system_information",
    "lcr", "lcr_route", "lcr_carrier_set_entry",
]  # fmt: skip


class ConfigChanged(Event):
    """An entity was added, changed or deleted; what it is now is read from the database."""

    SUBJECT: ClassVar[str] = "config.changed.{entity}.{sid}"

    entity: Entity
    sid: str
    account_sid: str | None = None
