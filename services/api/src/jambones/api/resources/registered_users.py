"""Registered SIP users: who can be called at an account's realm now, read from the registrar's bindings."""

from typing import Any

from pydantic import BaseModel, Field, RootModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import Refused, bad
from jambones.api.operations import Resource
from jambones.common.bus.registrations import BUCKET, LONGEST, Binding
from jambones.common.db.accounts import Account
from jambones.common.db.clients import Client, Clients

resource = Resource("RegisteredSipUsers", "Devices that are registered.")
FLAGS = ("allow_direct_app_calling", "allow_direct_queue_calling", "allow_direct_user_calling")
MOST_NAMES = 1000


class Usernames(RootModel[list[str]]):
    """Users to look up; none: all that are registered."""


class RegisteredUser(BaseModel):
    """A user, and where the device is that registered last."""

    name: str = Field(examples=["joe"])
    contact: str | None = Field(examples=["sip:joe@10.10.1.1:5060"])
    protocol: str | None = Field(description="udp, tcp, tls, ws or wss", examples=["udp"])
    expiryTime: int = Field(description="Milliseconds since 1970; 0: not registered.", examples=[1795415438913])  # noqa: N815 - its name on the wire


class RegisteredUserState(RegisteredUser):
    """A user who was asked for by name."""

    registered_status: str = Field(description="active or inactive")


class RegisteredUserDetail(RegisteredUserState):
    """A user with what the device may dial."""

    allow_direct_app_calling: int
    allow_direct_queue_calling: int
    allow_direct_user_calling: int
    proxy: str | None


async def _account(ask: Ask) -> Account:
    try:
        return await guards.account_item(ask)
    except Refused as exc:
        if exc.status == 404:  # the platform asks about an account that is not there
            raise bad(f"account not found for sid {ask.sid('account_sid')}") from exc
        raise


async def _with_realm(ask: Ask) -> Account:
    account = await _account(ask)
    if not account.sip_realm:
        raise bad("account does not have sip_realm configuration")
    return account


async def _bindings(ask: Ask, account: Account, *user: str) -> dict[str, Binding]:
    """The youngest binding of each registered user of the account."""
    found: dict[str, Binding] = {}
    realm = (account.sip_realm or "").lower()
    for entry in await ask.bus.bucket(BUCKET, Binding, ttl=LONGEST).entries(realm, *user):
        binding = entry.value
        if binding.account_sid != account.account_sid or not binding.alive:
            continue
        known = found.get(binding.user)
        if known is None or known.registered_at < binding.registered_at:
            found[binding.user] = binding
    return found


def _state(name: str, binding: Binding | None) -> dict[str, Any]:
    """`name` as it was asked for."""
    return {
        "name": name,
        "contact": binding.contact if binding is not None else None,
        "expiryTime": binding.expires_at if binding is not None else 0,
        "protocol": binding.transport if binding is not None else None,
        "registered_status": "inactive" if binding is None else "active",
    }


def _user(name: str, account: Account) -> str:
    """The user part of a name that may come with the realm."""
    user, at, realm = name.rpartition("@")
    return user if at and realm.lower() == (account.sip_realm or "").lower() else name


@resource.get(
    "/Accounts/{account_sid}/RegisteredSipUsers", summary="List registered users", id="listRegisteredUsers",
    returns=list[str],
)  # fmt: skip
async def registered(ask: Ask) -> Any:
    account = await _with_realm(ask)
    return sorted(binding.aor for binding in (await _bindings(ask, account)).values())


@resource.post(
    "/Accounts/{account_sid}/RegisteredSipUsers", summary="Look up registered users", id="findRegisteredUsers",
    body=Usernames, body_optional=True, status=200, returns=list[RegisteredUserState | RegisteredUser],
)  # fmt: skip
async def find_registered(ask: Ask, body: Usernames | None) -> Any:
    account = await _with_realm(ask)
    names = body.root if body is not None else []
    if len(names) > MOST_NAMES:
        raise bad(f"ask for at most {MOST_NAMES} users at a time")
    found = await _bindings(ask, account)
    if names:
        return [_state(name, found.get(_user(name, account))) for name in names]
    rows = [_state(binding.user, binding) for binding in found.values()]
    return [{name: value for name, value in row.items() if name != "registered_status"} for row in rows]


@resource.get(
    "/Accounts/{account_sid}/RegisteredSipUsers/{username}", summary="Show a registered user", id="getRegisteredUser",
    returns=RegisteredUserDetail,
)  # fmt: skip
async def show_registered(ask: Ask) -> Any:
    account = await _account(ask)
    name = ask.params["username"]
    user = _user(name, account)
    binding = (await _bindings(ask, account, user)).get(user) if user and account.sip_realm else None
    rights: Binding | Client | None = binding
    if binding is None:  # what the client will have that is not registered now
        async with ask.reading(account.tenant) as tx:
            rights = next(iter(await Clients(tx).select(account_sid=account.account_sid, username=user)), None)
    may = {flag: int(rights is not None and getattr(rights, flag)) for flag in FLAGS}
    proxy = binding.path[0] if binding is not None and binding.path else None
    return _state(name, binding) | may | {"proxy": proxy}
