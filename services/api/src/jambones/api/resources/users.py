"""Users: people who log in."""

from typing import Any, ClassVar

from pydantic import BaseModel, Field

from jambones.api import bucket, guards, passwords
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden
from jambones.api.operations import Resource
from jambones.api.wire import Input, SidOrNone, wire
from jambones.common.db.accounts import Account, Accounts
from jambones.common.db.database import Transaction
from jambones.common.db.errors import Taken
from jambones.common.db.platform import password_settings
from jambones.common.db.repository import Where
from jambones.common.db.service_providers import ServiceProvider, ServiceProviders
from jambones.common.db.sessions import Sessions
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.users import User, Users

resource = Resource("Users", "People who log in.")
HIDDEN = ("hashed_password", "phone_activation_code", "email_activation_code")
TAKEN = "invalid username or email"


class UserIn(Input):
    name: str | None = Field(None, min_length=1, max_length=255)
    email: str | None = Field(None, max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")
    initial_password: str | None = Field(None, max_length=1024)
    old_password: str | None = Field(None, max_length=1024)
    new_password: str | None = Field(None, max_length=1024)
    is_active: bool | None = None
    force_change: bool | None = None
    account_sid: SidOrNone = None
    service_provider_sid: SidOrNone = None
    is_view_only: bool | None = None

    KEY: ClassVar[str] = "user_sid"
    REQUIRED: ClassVar[tuple[str, ...]] = ("name", "email", "initial_password")
    DEFAULTS: ClassVar[dict[str, Any]] = {"is_active": True, "force_change": False}

    def columns(self) -> dict[str, Any]:
        only = {"name", "email", "is_active", "force_change"}
        values = {name: value for name, value in self.given().items() if name in only}
        for name in ("name", "email"):
            if name in values and not values[name]:
                raise bad(f"missing field {name}")
        return values


class UserSid(BaseModel):
    user_sid: str


@resource.get("/Users", summary="List users", id="listUsers", returns=list[dict[str, Any]])
async def list_users(ask: Ask) -> Any:
    async with ask.reading() as tx:
        rows = await Users(tx).find(Where())
        accounts = {row.account_sid: row.name for row in await Accounts(tx).find(Where())}
        providers = {row.service_provider_sid: row.name for row in await ServiceProviders(tx).find(Where())}
    answer = []
    for row in rows:
        shown: dict[str, Any] = {
            "user_sid": row.user_sid, "name": row.name, "email": row.email, "scope": row.tenancy,
            "force_change": int(row.force_change), "is_active": int(row.is_active),
        }  # fmt: skip
        if row.account_sid is not None:
            shown |= {"account_sid": row.account_sid, "account_name": accounts.get(row.account_sid)}
        if row.service_provider_sid is not None:
            sp = row.service_provider_sid
            shown |= {"service_provider_sid": sp, "service_provider_name": providers.get(sp)}
        answer.append(shown)
    return answer


@resource.get("/Users/me", summary="Show the user that is logged in", id="getMe", returns=dict[str, Any])
async def me(ask: Ask) -> Any:
    if ask.caller.user_sid is None:
        raise forbidden()
    async with ask.reading(PLATFORM) as tx:
        user = await Users(tx).get(ask.caller.user_sid)
        if user is None:
            raise absent()
        account = await Accounts(tx).get(user.account_sid) if user.account_sid else None
        provider = await ServiceProviders(tx).get(user.service_provider_sid) if user.service_provider_sid else None
    booleans = {name: getattr(user, name) for name in ("force_change", "email_validated", "phone_validated")}
    no_account, no_provider = dict.fromkeys(Account.model_fields), dict.fromkeys(ServiceProvider.model_fields)
    return {
        "user": wire(user, drop=HIDDEN) | booleans,
        "account": wire(account, bucket_credential=bucket.shown(account.bucket_credential)) if account else no_account,
        "sp": wire(provider) if provider is not None else no_provider,
    }


@resource.get("/Users/{user_sid}", summary="Show a user", id="getUser", returns=dict[str, Any])
async def show(ask: Ask) -> Any:
    user = await _reachable(ask)
    async with ask.reading() as tx:
        permissions = await Users(tx).permissions(user.user_sid)
    return wire(user, drop=HIDDEN) | {"is_view_only": permissions == ["VIEW_ONLY"]}


@resource.post("/Users", summary="Make a user", id="createUser", body=UserIn, returns=UserSid, errors=(422,))
async def create(ask: Ask, body: UserIn) -> Any:
    if not body.initial_password:
        raise bad("missing field initial_password")
    owner = await _owner(ask, body)
    async with ask.reading(PLATFORM) as tx:
        rules = await password_settings(tx)
    passwords.check(body.initial_password, rules)
    values = body.columns() | owner | {"hashed_password": await passwords.hashed(body.initial_password)}
    async with ask.transaction() as tx:
        try:
            user = await Users(tx).add(values)
        except Taken as exc:
            raise Taken(TAKEN) from exc
        if body.is_view_only:
            await Users(tx).permit(user.user_sid, ["VIEW_ONLY"])
    return {"user_sid": user.user_sid}


@resource.put("/Users/{user_sid}", summary="Change a user", id="updateUser", body=UserIn, errors=(422,))
async def update(ask: Ask, body: UserIn) -> None:
    user = await _reachable(ask, missing=bad("Invalid request: user_sid does not exist"))
    values = body.columns()
    given = body.model_fields_set
    if bool(body.old_password) != bool(body.new_password):
        raise bad("both old_password and new_password must be supplied")
    if body.new_password and "name" in values and values["name"] != user.name:
        raise bad("can not change name and password simultaneously")
    async with ask.reading(PLATFORM) as tx:
        rules = await password_settings(tx)
    if body.new_password and body.old_password:
        if user.provider != "local":
            raise bad("user is using oauth authentication")
        if not await passwords.matches(body.old_password, user.hashed_password):
            raise forbidden("Forbidden")
        if body.new_password == body.old_password:
            raise bad("new_password must differ from old_password")
        passwords.check(body.new_password, rules)
        values |= {"hashed_password": await passwords.hashed(body.new_password), "force_change": False}
    elif body.initial_password:
        if user.provider != "local":
            raise bad("user is using oauth authentication")
        passwords.check(body.initial_password, rules)
        values["hashed_password"] = await passwords.hashed(body.initial_password)
    moved = await _moved(ask, user, body)
    if not values and "is_view_only" not in given and not moved and not given & {"account_sid", "service_provider_sid"}:
        raise bad("no updates requested")
    await _store(ask, user, body, values | moved)
    if moved:
        async with ask.transaction(PLATFORM) as tx:
            await Sessions(tx).close_all(user.user_sid)


async def _store(ask: Ask, user: User, body: UserIn, values: dict[str, Any]) -> None:
    async with ask.transaction() as tx:
        if values.get("is_active") is False and await _is_last_admin(tx, user):
            raise bad("Bad request")
        try:
            if not await Users(tx).update(user.user_sid, values):
                raise absent()
        except Taken as exc:
            raise Taken(TAKEN) from exc
        if body.is_view_only is not None:
            await Users(tx).permit(user.user_sid, ["VIEW_ONLY"] if body.is_view_only else [])


@resource.delete("/Users/{user_sid}", summary="Delete a user", id="deleteUser")
async def delete(ask: Ask) -> None:
    user = await _reachable(ask)
    async with ask.transaction() as tx:
        if await _is_last_admin(tx, user):
            raise bad("Bad request")
        if not await Users(tx).delete(user.user_sid):
            raise absent()


async def _is_last_admin(tx: Transaction, user: User) -> bool:
    return user.tenancy == "admin" and user.is_active and await Users(tx).active_admins() <= 1


async def _reachable(ask: Ask, missing: Exception | None = None) -> User:
    """The user of the path, when the caller may see it."""
    sid = ask.sid("user_sid")
    async with ask.reading() as tx:
        user = await Users(tx).get(sid)
    if user is not None:
        return user
    async with ask.reading(PLATFORM) as tx:
        if await Users(tx).get(sid) is not None:
            raise forbidden()
    raise missing or absent()


async def _owner(ask: Ask, body: UserIn) -> dict[str, Any]:
    """Where a new user belongs. Raises Refused."""
    if ask.caller.scope == "account":
        return {"account_sid": ask.tenant.account_sid, "service_provider_sid": ask.tenant.service_provider_sid}
    if body.account_sid is not None:
        tenant = await guards.owner_for(ask, body.account_sid)
        return {"account_sid": tenant.account_sid, "service_provider_sid": tenant.service_provider_sid}
    sp = ask.tenant.service_provider_sid or body.service_provider_sid
    if sp is not None and await guards.service_provider_of(ask, sp) is None:
        raise bad("unknown service_provider_sid")
    return {"account_sid": None, "service_provider_sid": sp}


async def _moved(ask: Ask, user: User, body: UserIn) -> dict[str, Any]:
    """The new owner's columns when the body moves the user; nobody is promoted by it."""
    given = body.model_fields_set
    account = body.account_sid if "account_sid" in given else user.account_sid
    sp = body.service_provider_sid if "service_provider_sid" in given else user.service_provider_sid
    if (account, sp) == (user.account_sid, user.service_provider_sid):
        return {}
    if ask.caller.scope == "account":
        raise bad("account users may not move users")
    if (user.account_sid and not account) or (user.service_provider_sid and not sp):
        raise bad("a user may not be promoted")
    if ask.caller.scope == "service_provider" and sp != user.service_provider_sid:
        raise bad("service provider users may not change the service provider")
    if account is not None:
        tenant = await guards.owner_for(ask, account)
        if "service_provider_sid" in given and tenant.service_provider_sid != sp:
            raise bad("account_sid does not belong to the service provider")
        return {"account_sid": account, "service_provider_sid": tenant.service_provider_sid}
    if sp is not None and await guards.service_provider_of(ask, sp) is None:
        raise bad("unknown service_provider_sid")
    return {"account_sid": None, "service_provider_sid": sp}
