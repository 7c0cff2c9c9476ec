"""Bearer tokens: who holds this one."""

from jambones.api.ask import Caller, Parts
from jambones.common import clock
from jambones.common.db.accounts import Accounts
from jambones.common.db.api_keys import ApiKey, ApiKeys
from jambones.common.db.tenant import PLATFORM, Tenant

LONGEST = 4096


async def caller_of(parts: Parts, authorization: str) -> Caller | None:
    """The holder of the token in an Authorization header; None when there is none, or it is not known."""
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.isascii() or not 0 < len(token) <= LONGEST:
        return None
    async with parts.db.transaction(PLATFORM) as tx:
        keys = ApiKeys(tx)
        key = await keys.by_token(token)
        if key is None or (key.expires_at is not None and key.expires_at <= clock.now()):
            return None
        if key.account_sid is None:
            return Caller(Tenant(key.service_provider_sid), name=_named(key))
        account = await Accounts(tx).get(key.account_sid)
        if account is None:
            return None
        await keys.note_use(account.account_sid)
        return Caller(account.tenant, name=_named(key))


def _named(key: ApiKey) -> str:
    return f"api key {key.api_key_sid}"
