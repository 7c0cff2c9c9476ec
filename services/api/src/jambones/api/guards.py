"""Who may touch what: the guards of paths below an account or a service provider."""

from typing import TypeVar

from jambones.api.ask import Ask
from jambones.api.errors import Refused, absent, bad, forbidden, guarded
from jambones.api.operations import UUID
from jambones.common.db.accounts import Account, Accounts
from jambones.common.db.repository import Repository, Row
from jambones.common.db.service_providers import ServiceProvider, ServiceProviders
from jambones.common.db.tenant import PLATFORM, Tenant

R = TypeVar("R", bound=Row)


async def account_of(ask: Ask, sid: str) -> Account | None:
    """The account whoever owns it: to say why something is refused, never to show it."""
    async with ask.reading(PLATFORM) as tx:
        return await Accounts(tx).get(sid)


async def own_account(ask: Ask, sid: str) -> Account | None:
    """The account as the caller sees it: its own, or one below it."""
    async with ask.reading() as tx:
        return await Accounts(tx).get(sid)


def may_use(ask: Ask, account: Account) -> bool:
    """Whether the account is the caller's own, or below it."""
    match ask.caller.scope:
        case "admin":
            return True
        case "service_provider":
            return account.service_provider_sid == ask.tenant.service_provider_sid
        case _:
            return account.account_sid == ask.tenant.account_sid


async def mine(ask: Ask, repository: type[Repository[R]], sid: str, foreign: Exception) -> R:
    """The row that the caller may change. Raises `foreign` when it is somebody else's."""
    async with ask.reading() as tx:
        row = await repository(tx).mine(sid)
    if row is not None:
        return row
    async with ask.reading(PLATFORM) as tx:
        known = await repository(tx).get(sid) is not None
    raise foreign if known else absent()


async def account_item(ask: Ask, name: str = "account_sid") -> Account:
    """`/Accounts/{account_sid}/…`: the account, when the caller may use it."""
    account = await own_account(ask, ask.sid(name))
    if account is None or not may_use(ask, account):
        raise absent() if ask.caller.scope == "admin" else forbidden()
    return account


async def account_part(ask: Ask, name: str = "account_sid") -> Tenant:
    """The sub-resources with the stricter shape of errors; the platform passes for accounts that do not exist."""
    sid = ask.params[name].lower()
    if not UUID.fullmatch(sid):
        raise guarded(400, "invalid AccountsSid format")
    account = await own_account(ask, sid)
    if account is None and ask.caller.scope == "admin":
        return Tenant("none", sid)
    if account is None or not may_use(ask, account):
        raise guarded()
    return account.tenant


def service_provider_part(ask: Ask, name: str = "service_provider_sid") -> Tenant:
    """`/ServiceProviders/{service_provider_sid}/…` of the service provider and the platform only."""
    sid = ask.params[name].lower()
    if not UUID.fullmatch(sid):
        raise bad("Bad request")
    if ask.caller.scope == "admin" or (
        ask.caller.scope == "service_provider" and sid == ask.tenant.service_provider_sid
    ):
        return Tenant(sid)
    raise guarded()


def service_provider_list(ask: Ask, name: str = "service_provider_sid") -> Tenant:
    """Lists below a service provider: an account of it reads them too, its own rows only."""
    sid = ask.sid(name)
    match ask.caller.scope:
        case "admin":
            return Tenant(sid)
        case _ if sid == ask.tenant.service_provider_sid:
            return ask.tenant
        case _:
            raise forbidden()


async def service_provider_of(ask: Ask, sid: str) -> ServiceProvider | None:
    """The service provider whoever asks: to say why something is refused, never to show it."""
    async with ask.reading(PLATFORM) as tx:
        return await ServiceProviders(tx).get(sid)


def only_admin(ask: Ask, refusal: Refused | None = None) -> None:
    if ask.caller.scope != "admin":
        raise refusal or guarded()


async def owner_for(ask: Ask, account_sid: str | None, refusal: str = "insufficient privileges") -> Tenant:
    """On whose behalf a row is made when the body names `account_sid`; an account always makes its own."""
    if ask.caller.scope == "account" or account_sid is None:
        return ask.tenant
    account = await account_of(ask, account_sid)
    if account is None:
        raise bad("unknown account_sid")
    if not may_use(ask, account):
        raise forbidden(refusal)
    return account.tenant
