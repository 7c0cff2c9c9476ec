"""Whether this SBC and the tenants have room for one more call."""

import asyncio
from collections.abc import Sized
from typing import Protocol

from jambones.sbc.admission import CountedCall, Leases, Limit
from jambones.sbc.decision import Refusal
from jambones.sbc.figures import Figures
from jambones.sbc.rates import Rates, TokenBucket
from jambones.sbc.tenants import Account, ServiceProvider

RETRY_AFTER = ("Retry-After", "5")


class Room(Protocol):
    """What an SBC counts by: the limits of its own, and the leases it shares with the others."""

    @property
    def calls(self) -> Sized:
        """In progress, the one in question among them."""
        ...

    @property
    def max_calls(self) -> int: ...

    @property
    def calls_per_second(self) -> TokenBucket: ...

    @property
    def account_calls_per_second(self) -> Rates: ...

    @property
    def leases(self) -> Leases: ...

    @property
    def figures(self) -> Figures: ...


def over_local_limits(room: Room, account: Account) -> Refusal | None:
    """The limits of this SBC: calls at once, calls a second, calls a second of one account."""
    now = asyncio.get_running_loop().time()
    if len(room.calls) > room.max_calls:
        scope, cause = "edge", "Maximum Calls In Progress"
    elif not room.calls_per_second.take(now):
        scope, cause = "edge", "Too Many Calls Per Second"
    elif not room.account_calls_per_second.take(account.account_sid, now):
        scope, cause = "account", "Too Many Calls Per Second For Account"
    else:
        return None
    room.figures.limited(scope)
    return Refusal(503, cause.lower(), x_reason=cause, account_sid=account.account_sid, headers=(RETRY_AFTER,))


async def over_tenant_limits(
    room: Room, call: CountedCall, account: Account, provider: ServiceProvider | None
) -> Refusal | None:
    """The limits of the account and its service provider, over all SBCs; the call is counted when there is room."""
    limits = []
    if account.call_limit is not None:
        limits.append(Limit(account.account_sid, account.call_limit))
    if provider is not None and provider.call_limit is not None:
        limits.append(Limit(provider.service_provider_sid, provider.call_limit))
    broken = await room.leases.take(call, tenants_of(account), tuple(limits))
    if broken is None:
        return None
    of_account = broken.sid == account.account_sid
    room.figures.limited("account" if of_account else "service provider")
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
