"""Accounts straight in the database, with an application and a client of their own."""

from jambones.common.db.accounts import Accounts, new_webhook_secret
from jambones.common.db.applications import Applications
from jambones.common.db.clients import Clients
from jambones.common.db.database import Database
from jambones.common.db.service_providers import ServiceProviders
from jambones.common.db.tenant import PLATFORM, Tenant


async def account(db: Database, name: str) -> Tenant:
    """An account of a service provider of its own; everything is called `name`."""
    async with db.transaction(PLATFORM) as tx:
        provider = (await ServiceProviders(tx).add({"name": name})).service_provider_sid
        values = {"name": name, "service_provider_sid": provider, "webhook_secret": new_webhook_secret()}
        tenant = (await Accounts(tx).add(values)).tenant
        await Applications(tx).add({"name": name, "account_sid": tenant.account_sid})
        await Clients(tx).add({"username": name, "account_sid": tenant.account_sid, "password": "open sesame"})
    return tenant
