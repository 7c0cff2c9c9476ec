"""What lives on feature servers and registrars: queues, conferences, registered users, the cache of spoken texts."""

from typing import Any

from pydantic import BaseModel, RootModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import bad
from jambones.api.operations import Resource
from jambones.api.wire import Input
from jambones.common.db.accounts import Account

resource = Resource("Live", "Queues, conferences, registered users, the cache of spoken texts.")


class QueueOut(BaseModel):
    name: str
    length: int


class CacheSize(BaseModel):
    size: int


class SearchQuery(Input):
    search: str | None = None


class Usernames(RootModel[list[str]]):
    """Users to look up; none: all that are registered."""


@resource.get(
    "/Accounts/{account_sid}/Queues", summary="List queues in which calls wait", id="listQueues", query=SearchQuery,
    returns=list[QueueOut],
)  # fmt: skip
async def queues(ask: Ask) -> Any:
    if ask.caller.scope != "admin":
        await guards.account_item(ask)
    ask.sid("account_sid")
    return []


@resource.get(
    "/Accounts/{account_sid}/Conferences", summary="List conferences", id="listConferences", returns=list[str]
)
async def conferences(ask: Ask) -> Any:
    if ask.caller.scope != "admin":
        await guards.account_item(ask)
    ask.sid("account_sid")
    return []


async def _with_realm(ask: Ask) -> Account:
    account = await guards.account_item(ask)
    if not account.sip_realm:
        raise bad("account does not have sip_realm configuration")
    return account


@resource.get(
    "/Accounts/{account_sid}/RegisteredSipUsers", summary="List registered users", id="listRegisteredUsers",
    returns=list[str],
)  # fmt: skip
async def registered(ask: Ask) -> Any:
    await _with_realm(ask)
    return []


def _absent_user(name: str) -> dict[str, Any]:
    return {"name": name, "contact": None, "expiryTime": 0, "protocol": None, "registered_status": "inactive"}


@resource.post(
    "/Accounts/{account_sid}/RegisteredSipUsers", summary="Look up registered users", id="findRegisteredUsers",
    body=Usernames, body_optional=True, status=200, returns=list[dict[str, Any]],
)  # fmt: skip
async def find_registered(ask: Ask, body: Usernames | None) -> Any:
    await _with_realm(ask)
    return [_absent_user(name) for name in (body.root if body is not None else [])]


@resource.get(
    "/Accounts/{account_sid}/RegisteredSipUsers/{username}", summary="Show a registered user", id="getRegisteredUser",
    returns=dict[str, Any],
)  # fmt: skip
async def show_registered(ask: Ask) -> Any:
    await _with_realm(ask)
    flags = ("allow_direct_app_calling", "allow_direct_queue_calling", "allow_direct_user_calling")
    return _absent_user(ask.params["username"]) | dict.fromkeys(flags, 0) | {"proxy": None}


@resource.get("/TtsCache", summary="Count cached speech", id="getTtsCache", returns=CacheSize)
async def cache_size(ask: Ask) -> Any:
    guards.only_admin(ask)
    return {"size": 0}


@resource.delete("/TtsCache", summary="Empty the cache of speech", id="deleteTtsCache")
async def empty_cache(ask: Ask) -> None:
    guards.only_admin(ask)


@resource.get(
    "/Accounts/{account_sid}/TtsCache", summary="Count cached speech", id="getAccountTtsCache", returns=CacheSize
)
async def account_cache_size(ask: Ask) -> Any:
    await guards.account_part(ask)
    return {"size": 0}


@resource.delete("/Accounts/{account_sid}/TtsCache", summary="Empty the cache of speech", id="deleteAccountTtsCache")
async def empty_account_cache(ask: Ask) -> None:
    await guards.account_part(ask)


resource.later("POST", "/Accounts/{account_sid}/TtsCache/Synthesize", summary="Speak a text", id="synthesize")
