"""API keys: bearer tokens of the platform, a service provider or an account."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad
from jambones.api.operations import Resource
from jambones.api.wire import Input, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common import clock
from jambones.common.db.api_keys import ApiKey, ApiKeys
from jambones.common.db.tenant import PLATFORM, Tenant

resource = Resource("ApiKeys", "Bearer tokens.")
ApiKeyOut = model_of(ApiKey, "ApiKey", drop=("token_digest",))
NOT_ADMIN = "service provider token may not be used to create admin token"
NOT_OTHER_PROVIDER = "a service provider token can only be used to create tokens for the same service provider"
NOT_OTHER_ACCOUNT = "an account level token can only be used to create account level tokens for the same account"


class ApiKeyIn(Input):
    account_sid: SidOrNone = None
    service_provider_sid: SidOrNone = None
    expires_at: datetime | None = None
    expiry_secs: int | None = Field(None, ge=1, le=10**9)
    """Seconds from now, instead of `expires_at`."""


class NewKey(BaseModel):
    """The token of a new key."""

    sid: str
    token: str


def shown(row: ApiKey) -> dict[str, Any]:
    return wire(row, drop=("token_digest",))


@resource.post("/ApiKeys", summary="Make an API key", id="createApiKey", body=ApiKeyIn, returns=NewKey)
async def create(ask: Ask, body: ApiKeyIn) -> dict[str, Any]:
    owner = await _owner(ask, body)
    if body.expires_at is not None and body.expires_at.tzinfo is None:
        raise bad("invalid expires_at: give a time zone")
    expires_at = body.expires_at
    if expires_at is None and body.expiry_secs is not None:
        expires_at = clock.now() + timedelta(seconds=body.expiry_secs)
    async with ask.transaction() as tx:
        row = await ApiKeys(tx).add({**owner, "expires_at": expires_at})
    return {"sid": row.api_key_sid, "token": row.token.reveal()}


async def _owner(ask: Ask, body: ApiKeyIn) -> dict[str, Any]:
    account = await guards.account_of(ask, body.account_sid) if body.account_sid else None
    match ask.caller.scope:
        case "account":
            if body.account_sid != ask.tenant.account_sid:
                raise bad(NOT_OTHER_ACCOUNT)
        case "service_provider":
            if body.account_sid is None and body.service_provider_sid is None:
                raise bad(NOT_ADMIN)
            if body.service_provider_sid not in (None, ask.tenant.service_provider_sid):
                raise bad(NOT_OTHER_PROVIDER)
            if body.account_sid is not None and (account is None or not guards.may_use(ask, account)):
                raise bad(NOT_OTHER_PROVIDER)
        case _:
            if body.account_sid is not None and account is None:
                raise bad("unknown account_sid")
    if body.account_sid is not None:
        return {"account_sid": body.account_sid}
    if body.service_provider_sid and await guards.service_provider_of(ask, body.service_provider_sid) is None:
        raise bad("unknown service_provider_sid")
    return {"service_provider_sid": body.service_provider_sid}


@resource.get("/ApiKeys", summary="List one's own API keys", id="listApiKeys", returns=list[ApiKeyOut])  # type: ignore[valid-type]
async def list_own(ask: Ask) -> Any:
    """Those of the caller's own level, as the reference documents (and does not serve)."""
    account = ask.tenant.account_sid
    provider = None if account else ask.tenant.service_provider_sid
    async with ask.reading() as tx:
        return [shown(row) for row in await ApiKeys(tx).select(account_sid=account, service_provider_sid=provider)]


@resource.delete("/ApiKeys/{api_key_sid}", summary="Delete an API key", id="deleteApiKey")
async def delete(ask: Ask) -> None:
    sid = ask.sid("api_key_sid")
    async with ask.reading(PLATFORM) as tx:
        row = await ApiKeys(tx).get(sid)
    if row is None:
        raise absent()
    await _check_deletion(ask, row)
    async with ask.transaction() as tx:
        if not await ApiKeys(tx).delete(sid):
            raise absent()


async def _check_deletion(ask: Ask, row: ApiKey) -> None:
    if ask.caller.scope == "account" and row.account_sid != ask.tenant.account_sid:
        raise bad("a user may not delete a token associated with a different account")
    if ask.caller.scope != "service_provider":
        return
    if row.account_sid is None and row.service_provider_sid is None:
        raise bad("a service provider user may not delete an admin token")
    sp = row.service_provider_sid
    if row.account_sid is not None:
        account = await guards.account_of(ask, row.account_sid)
        sp = account.service_provider_sid if account is not None else None
    if sp != ask.tenant.service_provider_sid:
        raise bad("a service provider user may not delete an api key from another service provider")


@resource.get(
    "/Accounts/{account_sid}/ApiKeys", summary="List an account's API keys", id="listAccountApiKeys",
    returns=list[ApiKeyOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_of_account(ask: Ask) -> Any:
    account = await guards.account_item(ask)
    async with ask.reading() as tx:
        return [shown(row) for row in await ApiKeys(tx).select(account_sid=account.account_sid)]


@resource.get(
    "/ServiceProviders/{service_provider_sid}/ApiKeys", summary="List a service provider's API keys",
    id="listServiceProviderApiKeys", returns=list[ApiKeyOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_of_provider(ask: Ask) -> Any:
    tenant: Tenant = guards.service_provider_list(ask)
    if tenant.scope == "account":
        return []
    async with ask.reading(tenant) as tx:
        rows = await ApiKeys(tx).select(service_provider_sid=tenant.service_provider_sid, account_sid=None)
    return [shown(row) for row in rows]
