"""Whether this edge and the tenants have room for one more call."""

import asyncio

from jambones.sbc.admission import CountedCall, Limit
from jambones.sbc.decision import Refusal
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.environment import Environment

RETRY_AFTER = ("Retry-After", "5")


def over_local_limits(env: Environment, account: Account) -> Refusal | None:
    """The limits of this edge: calls at once, calls a second, calls a second of one account."""
    now = asyncio.get_running_loop().time()
    if len(env.calls) > env.max_calls:
        scope, cause = "edge", "Maximum Calls In Progress"
    elif not env.calls_per_second.take(now):
        scope, cause = "edge", "Too Many Calls Per Second"
    elif not env.account_calls_per_second.take(account.account_sid, now):
        scope, cause = "account", "Too Many Calls Per Second For Account"
    else:
        return None
    env.figures.limited(scope)
    return Refusal(503, cause.lower(), x_reason=cause, account_sid=account.account_sid, headers=(RETRY_AFTER,))


async def over_tenant_limits(env: Environment, call: CountedCall, account: Account) -> Refusal | None:
    """The limits of the account and its service provider, over all edges; the call is counted when there is room."""
    provider = env.directory.tables.service_providers.get(account.service_provider_sid)
    limits = []
    if account.call_limit is not None:
        limits.append(Limit(account.account_sid, account.call_limit))
    if provider is not None and provider.call_limit is not None:
        limits.append(Limit(provider.service_provider_sid, provider.call_limit))
    broken = await env.leases.take(call, tenants_of(account), tuple(limits))
    if broken is None:
        return None
    of_account = broken.sid == account.account_sid
    env.figures.limited("account" if of_account else "service provider")
    return Refusal(
        503,
        "call limit",
        x_reason=f"Max {'Account' if of_account else 'Service Provider'} Calls In Progress",
        account_sid=account.account_sid,
        alert="account-call-limit" if of_account else "service-provider-call-limit",
        headers=(
            ("X-Account-Sid" if of_account else "X-Service-Provider-Sid", broken.sid),
            ("X-Call-Limit", str(broken.calls)),
        ),
    )


def tenants_of(account: Account) -> tuple[str, str]:
    """Those among whose calls a call of this account counts."""
    return account.account_sid, account.service_provider_sid
