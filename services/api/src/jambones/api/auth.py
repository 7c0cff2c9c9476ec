"""Bearer tokens: API keys, and the JWTs (RFC 7519) of logged-in users."""

from datetime import timedelta
from typing import Any

import jwt

from jambones.api.ask import Caller, Parts, Rates
from jambones.api.errors import Refused
from jambones.api.settings import ApiSettings
from jambones.common import clock
from jambones.common.db.accounts import Accounts
from jambones.common.db.api_keys import ApiKeys, KeyHolder
from jambones.common.db.database import Transaction
from jambones.common.db.limits import api_rates
from jambones.common.db.sessions import Sessions
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.users import User

LONGEST = 4096
ALGORITHM = "HS256"


async def caller_of(parts: Parts, authorization: str) -> Caller | None:
    """The holder of the token in an Authorization header; None when there is none, or it is not known."""
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.isascii() or not 0 < len(token) <= LONGEST:
        return None
    if token.count(".") == 2:
        claims = _claims(parts.settings, token)
        if claims is None:
            return None
        async with parts.db.reading(PLATFORM) as tx:
            return await _of_claims(tx, parts.settings, claims)
    callers = parts.callers
    if callers is not None and (known := callers.get(token)) is not None:
        return known
    generation = callers.generation if callers is not None else 0
    async with parts.db.reading(PLATFORM) as tx:
        key = await ApiKeys(tx).holder(token)
    if key is None or (key.expires_at is not None and key.expires_at <= clock.now()):
        return None
    if key.account_sid is not None and key.is_stale:
        async with parts.db.single() as tx:
            await ApiKeys(tx).note_use(key.account_sid)
    caller = _of_key(parts.settings, key)
    if callers is not None:
        callers.remember(token, caller, key.expires_at, generation)
    return caller


async def log_in(tx: Transaction, settings: ApiSettings, user: User, words: dict[str, Any]) -> str:
    """Open a session for the user; returns its token. `words` are further claims."""
    secret = _secret(settings)
    if secret is None:
        raise Refused(503, "nobody can log in: JAMBONES_JWT_SECRET is not set")
    now = clock.now()
    expires_at = now + timedelta(minutes=settings.jwt_lifetime)
    session_id = await Sessions(tx).open(user.user_sid, expires_at)
    claims = words | {"user_sid": user.user_sid, "name": user.name, "jti": session_id, "iat": now, "exp": expires_at}
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def _of_key(settings: ApiSettings, key: KeyHolder) -> Caller:
    rates = Rates(key.account_rate or settings.rate_limit_account, key.service_provider_rate or 0)
    tenant = Tenant(key.service_provider_sid, key.account_sid)
    return Caller(tenant, name=f"api key {key.api_key_sid}", rates=rates)


async def _of_claims(tx: Transaction, settings: ApiSettings, claims: dict[str, Any]) -> Caller | None:
    user_sid = claims.get("user_sid")
    if user_sid is None:
        return await _of_service(tx, settings, claims)
    session_id = claims.get("jti")
    if not isinstance(user_sid, str) or not isinstance(session_id, str):
        return None
    # What the user may do is read here, not off the token: it may have changed since.
    holder = await Sessions(tx).holder(session_id, user_sid)
    if holder is None:
        return None
    return Caller(
        Tenant(holder.service_provider_sid, holder.account_sid),
        user_sid=user_sid,
        name=f"user {user_sid}",
        permissions=holder.permissions,
        view_only=holder.permissions == ("VIEW_ONLY",),
        session_id=session_id,
        rates=Rates(holder.account_rate or settings.rate_limit_account, holder.service_provider_rate or 0),
    )


async def _of_service(tx: Transaction, settings: ApiSettings, claims: dict[str, Any]) -> Caller | None:
    """A token that somebody who knows the secret signed for an account, without a user."""
    account_sid = claims.get("account_sid")
    if claims.get("scope") != "account" or not isinstance(account_sid, str):
        return None
    account = await Accounts(tx).get(account_sid)
    if account is None:
        return None
    account_rate, provider_rate = await api_rates(tx, account_sid, account.service_provider_sid)
    rates = Rates(account_rate or settings.rate_limit_account, provider_rate or 0)
    return Caller(account.tenant, name="signed token", rates=rates)


def _claims(settings: ApiSettings, token: str) -> dict[str, Any] | None:
    secret = _secret(settings)
    if secret is None:
        return None
    try:
        return jwt.decode(token, secret, algorithms=[ALGORITHM])
    except jwt.InvalidTokenError:
        return None


def _secret(settings: ApiSettings) -> str | None:
    return settings.jwt_secret.get_secret_value() if settings.jwt_secret is not None else None
