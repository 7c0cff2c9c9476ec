"""Applications, carriers and API keys by paths below their account, where published clients look for them.

The reference has few of these paths; a Python SDK and the older JavaScript one use them all. Each is the operation of
the plain path, for what is the account's: the service provider's shared carriers are not below an account.
"""

from typing import Any

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent
from jambones.api.operations import Resource
from jambones.api.resources import api_keys, applications, calls, voip_carriers
from jambones.api.resources.api_keys import ApiKeyIn, ApiKeyOut, NewKey
from jambones.api.resources.applications import ApplicationIn, ApplicationOut
from jambones.api.resources.calls import CallCount
from jambones.api.resources.voip_carriers import VoipCarrierOut
from jambones.common.db.api_keys import ApiKeys
from jambones.common.db.applications import Applications
from jambones.common.db.repository import Repository
from jambones.common.db.voip_carriers import VoipCarriers

resource = Resource("BelowAccounts", "Things of an account by paths below it, for clients that ask so.")


async def _its(ask: Ask, repository: type[Repository[Any]], name: str) -> Any:
    """The row of the path, when it is the account's. Raises Refused."""
    account = await guards.account_item(ask)
    async with ask.reading(account.tenant) as tx:
        row = await repository(tx).get(ask.sid(name))
    if row is None or row.account_sid != account.account_sid:
        raise absent()
    return row


@resource.post(
    "/Accounts/{account_sid}/Applications", summary="Make an application of an account",
    id="createAccountApplication", body=ApplicationIn, errors=(422,),
)  # fmt: skip
async def create_application(ask: Ask, body: ApplicationIn) -> Any:
    account = await guards.account_item(ask)
    return await applications.create(ask, body.model_copy(update={"account_sid": account.account_sid}))


@resource.get(
    "/Accounts/{account_sid}/Applications/{application_sid}", summary="Show an application of an account",
    id="getAccountApplication", returns=ApplicationOut,
)  # fmt: skip
async def show_application(ask: Ask) -> Any:
    await _its(ask, Applications, "application_sid")
    return await applications.show(ask)


@resource.put(
    "/Accounts/{account_sid}/Applications/{application_sid}", summary="Change an application of an account",
    id="updateAccountApplication", body=ApplicationIn, errors=(422,),
)  # fmt: skip
async def update_application(ask: Ask, body: ApplicationIn) -> None:
    await _its(ask, Applications, "application_sid")
    await applications.update(ask, body)


@resource.delete(
    "/Accounts/{account_sid}/Applications/{application_sid}", summary="Delete an application of an account",
    id="deleteAccountApplication", errors=(422,),
)  # fmt: skip
async def delete_application(ask: Ask) -> None:
    await _its(ask, Applications, "application_sid")
    await applications.delete(ask)


@resource.get(
    "/Accounts/{account_sid}/VoipCarriers/{voip_carrier_sid}", summary="Show a carrier of an account",
    id="getAccountVoipCarrier", returns=VoipCarrierOut,
)  # fmt: skip
async def show_carrier(ask: Ask) -> Any:
    return voip_carriers.shown(await _its(ask, VoipCarriers, "voip_carrier_sid"))


@resource.delete(
    "/Accounts/{account_sid}/VoipCarriers/{voip_carrier_sid}", summary="Delete a carrier of an account",
    id="deleteAccountVoipCarrier", errors=(422,),
)  # fmt: skip
async def delete_carrier(ask: Ask) -> None:
    await _its(ask, VoipCarriers, "voip_carrier_sid")
    await voip_carriers.delete(ask)


@resource.post(
    "/Accounts/{account_sid}/ApiKeys", summary="Make an API key of an account", id="createAccountApiKey",
    body=ApiKeyIn, body_optional=True, returns=NewKey,
)  # fmt: skip
async def create_key(ask: Ask, body: ApiKeyIn | None) -> Any:
    account = await guards.account_item(ask)
    owner = {"account_sid": account.account_sid, "service_provider_sid": None}
    return await api_keys.create(ask, (body or ApiKeyIn()).model_copy(update=owner))


@resource.get(
    "/Accounts/{account_sid}/ApiKeys/{api_key_sid}", summary="Show an API key of an account",
    id="getAccountApiKey", returns=ApiKeyOut,
)  # fmt: skip
async def show_key(ask: Ask) -> Any:
    return api_keys.shown(await _its(ask, ApiKeys, "api_key_sid"))


@resource.delete(
    "/Accounts/{account_sid}/ApiKeys/{api_key_sid}", summary="Delete an API key of an account",
    id="deleteAccountApiKey",
)  # fmt: skip
async def delete_key(ask: Ask) -> None:
    await _its(ask, ApiKeys, "api_key_sid")
    await api_keys.delete(ask)


resource.get(
    "/Accounts/{account_sid}/Calls/count", summary="Count live calls", id="countCallsByPath", returns=CallCount
)(calls.count)
