"""The first rows: a service provider, an account with a SIP realm, keys, and a demo that can be called at once.

Sids are fixed, so that running it again changes nothing.
"""

import json
import secrets
from dataclasses import dataclass
from urllib.parse import urljoin

from jambones.common.db.accounts import Accounts, new_webhook_secret
from jambones.common.db.api_keys import ApiKeys
from jambones.common.db.applications import Applications
from jambones.common.db.clients import Clients
from jambones.common.db.database import Database, Transaction
from jambones.common.db.phone_numbers import PhoneNumbers
from jambones.common.db.service_providers import ServiceProviders
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.db.webhooks import Webhooks

SERVICE_PROVIDER_SID = "2708b1b3-2736-40ea-b502-c53d8396247f"
ACCOUNT_SID = "9351f46a-678c-43f5-b8a6-d4eb58d131af"
ADMIN_KEY_SID = "3f35518f-5a0d-4c2e-90a5-2407bb3b36f0"
ACCOUNT_KEY_SID = "5b1d2b3e-0f5c-4a43-9d5c-6f4b7d0e8a11"
DEMO_APPLICATION_SID = "0f6d3b1e-6c52-4d3c-8f0e-1d7f3a5c9b20"
DEMO_CARRIER_SID = "7c9f2a64-3b1d-4e58-a0c6-9e2d5f8b4c31"
DEMO_GATEWAY_SID = "a4e8c0d2-5f7b-4961-b3da-2c6e8f0a1d42"
DEMO_NUMBER_SID = "e1b7d953-8a2c-4f06-9d4e-7b3c5a6f8e53"
DEMO_HOOK_SID = "c2d4e6f8-1a3b-4c5d-8e7f-9a0b1c2d3e64"
DEMO_CLIENT_SID = "b6f1c0de-4d2a-4f7e-9c13-5e8a7d6b4c92"
DEMO_STATUS_HOOK_SID = "d3e5f7a9-2b4c-4d6e-9f80-ab1c2d3e4f75"


@dataclass(frozen=True)
class Seeded:
    """What somebody needs to begin."""

    account_sid: str
    sip_realm: str
    admin_key: str
    account_key: str
    application_sid: str | None
    number: str | None
    sip_user: str | None = None
    sip_password: str | None = None
    """A phone registers as sip_user at sip_realm; what it dials runs the demo application."""


async def seed(
    database: Database,
    *,
    demo: bool = True,
    sip_realm: str = "demo.jambones.local",
    number: str = "15550100",
    hook_url: str | None = None,
    gateway: tuple[str, int] = ("127.0.0.0", 8),
) -> Seeded:
    """Make what is missing and return it, keys included (they are random, made once).

    `demo`: also an application that greets the caller, a number, a carrier whose calls come from `gateway`
    (address, netmask), and the credentials of a phone. `hook_url` makes the application ask there instead; status
    events go to `status` beside it.
    """
    async with database.transaction(PLATFORM) as tx:
        # Two processes may start at once; the second waits here and then finds everything.
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('jambones seed', 0))")
        await _tenants(tx, sip_realm)
        if demo:
            await _demo(tx, number, hook_url, gateway)
        keys = ApiKeys(tx)
        admin = await keys.get(ADMIN_KEY_SID) or await keys.add({"api_key_sid": ADMIN_KEY_SID})
        own = await keys.get(ACCOUNT_KEY_SID) or await keys.add(
            {"api_key_sid": ACCOUNT_KEY_SID, "account_sid": ACCOUNT_SID}
        )
        account = await Accounts(tx).get(ACCOUNT_SID)
        assert account is not None
        phone = await Clients(tx).get(DEMO_CLIENT_SID)
        return Seeded(
            account_sid=ACCOUNT_SID,
            sip_realm=account.sip_realm or "",
            admin_key=admin.token.reveal(),
            account_key=own.token.reveal(),
            application_sid=DEMO_APPLICATION_SID if demo else None,
            number=number if demo else None,
            sip_user=phone.username if phone is not None else None,
            sip_password=phone.password.reveal() if phone is not None and phone.password is not None else None,
        )


async def _tenants(tx: Transaction, sip_realm: str) -> None:
    providers, accounts = ServiceProviders(tx), Accounts(tx)
    if await providers.get(SERVICE_PROVIDER_SID) is None:
        await providers.add({"service_provider_sid": SERVICE_PROVIDER_SID, "name": "default service provider"})
    if await accounts.get(ACCOUNT_SID) is None:
        await accounts.add(
            {
                "account_sid": ACCOUNT_SID,
                "name": "default account",
                "service_provider_sid": SERVICE_PROVIDER_SID,
                "sip_realm": sip_realm,
                "webhook_secret": new_webhook_secret(),
            }
        )


async def _demo(tx: Transaction, number: str, hook_url: str | None, gateway: tuple[str, int]) -> None:
    owner = {"account_sid": ACCOUNT_SID, "service_provider_sid": SERVICE_PROVIDER_SID}
    applications, carriers, gateways, numbers = Applications(tx), VoipCarriers(tx), SipGateways(tx), PhoneNumbers(tx)
    if await applications.get(DEMO_APPLICATION_SID) is None:
        values: dict[str, object] = {
            "application_sid": DEMO_APPLICATION_SID,
            "account_sid": ACCOUNT_SID,
            "name": "demo",
            "speech_synthesis_vendor": "local",
            "speech_synthesis_voice": None,
            "speech_recognizer_vendor": "local",
        }
        if hook_url is None:
            greeting = "Welcome to jambones. Your platform is up and this call works."
            values["app_json"] = json.dumps([{"verb": "say", "text": greeting}, {"verb": "hangup"}])
        else:
            hooks = Webhooks(tx)
            for sid, url in ((DEMO_HOOK_SID, hook_url), (DEMO_STATUS_HOOK_SID, urljoin(hook_url, "status"))):
                await hooks.add({"webhook_sid": sid, "url": url, **owner})
            values |= {"call_hook_sid": DEMO_HOOK_SID, "call_status_hook_sid": DEMO_STATUS_HOOK_SID}
        await applications.add(values)
        await Accounts(tx).update(ACCOUNT_SID, {"device_calling_application_sid": DEMO_APPLICATION_SID})
    clients = Clients(tx)
    if await clients.get(DEMO_CLIENT_SID) is None:
        await clients.add(
            {
                "client_sid": DEMO_CLIENT_SID,
                "account_sid": ACCOUNT_SID,
                "username": "demo",
                "password": secrets.token_urlsafe(12),
            }
        )
    if await carriers.get(DEMO_CARRIER_SID) is None:
        await carriers.add({"voip_carrier_sid": DEMO_CARRIER_SID, "name": "demo", **owner})
    if await gateways.get(DEMO_GATEWAY_SID) is None:
        await gateways.add(
            {
                "sip_gateway_sid": DEMO_GATEWAY_SID,
                "voip_carrier_sid": DEMO_CARRIER_SID,
                "ipv4": gateway[0],
                "netmask": gateway[1],
                "inbound": True,
                "outbound": False,
            }
        )
    if await numbers.get(DEMO_NUMBER_SID) is None:
        await numbers.add(
            {
                "phone_number_sid": DEMO_NUMBER_SID,
                "number": number,
                "voip_carrier_sid": DEMO_CARRIER_SID,
                "application_sid": DEMO_APPLICATION_SID,
                **owner,
            }
        )
