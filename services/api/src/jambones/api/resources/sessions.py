"""Logging in and out, and passwords."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field

from jambones.api import auth, mail, passwords
from jambones.api.ask import Ask
from jambones.api.errors import Refused, absent, bad, forbidden
from jambones.api.operations import Resource
from jambones.api.wire import Input
from jambones.common.db.accounts import Accounts
from jambones.common.db.database import Transaction
from jambones.common.db.platform import password_settings
from jambones.common.db.service_providers import ServiceProviders
from jambones.common.db.sessions import Sessions
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.users import User, Users

resource = Resource("Sessions", "Logging in and out, and passwords.")
LOCKED = "Maximum login attempts reached. Please try again later or reset your password."


class Login(Input):
    username: str | None = Field(None, max_length=255)
    password: str | None = Field(None, max_length=1024)


class SignIn(Input):
    link: str | None = Field(None, max_length=255)
    email: str | None = Field(None, max_length=255)
    password: str | None = Field(None, max_length=1024)


class Email(Input):
    email: str | None = Field(None, max_length=255)


class ChangePassword(Input):
    old_password: str | None = Field(None, max_length=1024)
    new_password: str | None = Field(None, max_length=1024)


class LoggedIn(BaseModel):
    token: str
    user_sid: str
    scope: str
    force_change: bool
    permissions: list[str]


async def about(tx: Transaction, user: User) -> dict[str, Any]:
    """Scope, permissions and the tenant's names: what a token and the answer of a login say."""
    permissions = await Users(tx).permissions(user.user_sid)
    words: dict[str, Any] = {
        "scope": user.tenancy, "permissions": permissions, "is_view_only": permissions == ["VIEW_ONLY"]
    }  # fmt: skip
    if user.service_provider_sid is not None:
        provider = await ServiceProviders(tx).get(user.service_provider_sid)
        words["service_provider_sid"] = user.service_provider_sid
        words["service_provider_name"] = provider.name if provider is not None else None
    if user.account_sid is not None:
        account = await Accounts(tx).get(user.account_sid)
        words["account_sid"] = user.account_sid
        words["account_name"] = account.name if account is not None else None
    return words


async def _checked(ask: Ask, user: User | None, password: str) -> bool:
    """Whether the password is right; counts failures, and refuses while there were too many."""
    settings = ask.parts.settings
    window = timedelta(seconds=settings.login_window)
    if user is not None:
        async with ask.reading(PLATFORM) as tx:
            if await Sessions(tx).failures(user.user_sid, window) >= settings.login_max_failures:
                raise Refused(403, LOCKED, error=LOCKED)
    right = await passwords.matches(password, user.hashed_password if user is not None else None)
    if user is not None:
        async with ask.transaction(PLATFORM) as tx:
            if right:
                await Sessions(tx).forget_failures(user.user_sid)
            else:
                await Sessions(tx).note_failure(user.user_sid, window)
    return right


@resource.post(
    "/login", summary="Log in", id="login", body=Login, public=True, status=200, returns=LoggedIn, errors=(403,)
)
async def login(ask: Ask, body: Login) -> Any:
    if not body.username or not body.password:
        raise bad("missing username or password")
    async with ask.reading(PLATFORM) as tx:
        user = await Users(tx).by_login(body.username)
    if user is not None and (user.provider != "local" or user.name.lower() != body.username.lower()):
        user = None
    if not await _checked(ask, user, body.password) or user is None or not user.is_active:
        raise forbidden("Forbidden")
    async with ask.transaction(PLATFORM) as tx:
        words = await about(tx, user)
        token = await auth.log_in(tx, ask.parts.settings, user, words)
    words.pop("is_view_only")
    return {"token": token, "user_sid": user.user_sid, "force_change": user.force_change, **words}


@resource.post("/logout", summary="Log out", id="logout", status=204)
async def logout(ask: Ask) -> None:
    if ask.caller.session_id is not None:
        async with ask.transaction(PLATFORM) as tx:
            await Sessions(tx).close(ask.caller.session_id)


@resource.post(
    "/signin", summary="Log in by e-mail, or with the link of a forgotten password", id="signin", body=SignIn,
    public=True, status=200, returns=dict[str, Any], errors=(403, 404),
)  # fmt: skip
async def signin(ask: Ask, body: SignIn) -> Any:
    if body.link:
        async with ask.reading(PLATFORM) as tx:
            sid = await Sessions(tx).user_of_link(body.link)
            user = await Users(tx).get(sid) if sid is not None else None
        if user is None or not user.is_active:
            raise forbidden("Forbidden")
    else:
        if not body.email or not body.password:
            raise bad("missing email or password")
        async with ask.reading(PLATFORM) as tx:
            user = await Users(tx).by_login(body.email)
        if user is None or user.provider != "local" or user.email.lower() != body.email.lower():
            raise absent()
        if not await _checked(ask, user, body.password) or not user.is_active:
            raise forbidden("Forbidden")
    async with ask.transaction(PLATFORM) as tx:
        words = await about(tx, user)
        token = await auth.log_in(tx, ask.parts.settings, user, words)
    shown = ("name", "email", "phone", "account_sid", "service_provider_sid", "force_change", "provider",
             "provider_userid", "phone_validated", "email_validated")  # fmt: skip
    answer = {name: getattr(user, name) for name in shown}
    return {
        "jwt": token, "user_sid": user.user_sid, **answer, "scope": user.tenancy, "is_active": int(user.is_active),
        "pristine": False,
    }  # fmt: skip


@resource.post(
    "/forgot-password", summary="Send a link that resets the password", id="forgotPassword", body=Email, public=True,
    status=204,
)  # fmt: skip
async def forgot_password(ask: Ask, body: Email) -> None:
    if not body.email or "@" not in body.email:
        raise Refused(400, "invalid or missing email", error="invalid or missing email")
    settings = ask.parts.settings
    failed = Refused(400, "failed to reset your password", error="failed to reset your password")
    async with ask.transaction(PLATFORM) as tx:
        user = await Users(tx).by_login(body.email)
        if user is None or user.email.lower() != body.email.lower() or not user.is_active:
            raise failed
        account = await Accounts(tx).get(user.account_sid) if user.account_sid else None
        if account is not None and not account.is_active:
            raise failed
        link = await Sessions(tx).new_link(user.user_sid)
        await Sessions(tx).close_all(user.user_sid)
    url = f"{settings.portal_url.rstrip('/')}/reset-password/{link}"
    text = f"Set a new password within the hour:\n\n{url}\n\nIf you did not ask for this, ignore it.\n"
    ask.parts.tasks.start(mail.send(settings, user.email, "Reset your password", text), name="mail a reset link")


@resource.post(
    "/change-password", summary="Change the own password", id="changePassword", body=ChangePassword, status=204
)
async def change_password(ask: Ask, body: ChangePassword) -> None:
    if not body.old_password or not body.new_password:
        raise bad("missing old_password or new_password")
    if ask.caller.user_sid is None:
        raise forbidden("only users have passwords")
    async with ask.reading(PLATFORM) as tx:
        user = await Users(tx).get(ask.caller.user_sid)
        rules = await password_settings(tx)
        link_user = await Sessions(tx).user_of_link(body.old_password)
    if user is None:
        raise absent()
    if user.provider != "local":
        raise bad("user is using oauth authentication")
    if link_user != user.user_sid and not await passwords.matches(body.old_password, user.hashed_password):
        raise bad("old_password is incorrect")
    passwords.check(body.new_password, rules)
    hashed = await passwords.hashed(body.new_password)
    async with ask.transaction(PLATFORM) as tx:
        await Users(tx).update(user.user_sid, {"hashed_password": hashed, "force_change": False})
        await Sessions(tx).close_all(user.user_sid)
        await Sessions(tx).drop_links(user.user_sid)
        await Sessions(tx).forget_failures(user.user_sid)
