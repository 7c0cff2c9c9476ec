"""Room for one more call: limits of this SBC, of the account and of its service provider."""

import asyncio
from types import SimpleNamespace
from typing import Any

from jambones.common.metrics import Metrics
from jambones.sbc.admission import CountedCall, Leases
from jambones.sbc.decision import Refusal
from jambones.sbc.figures import Figures
from jambones.sbc.limits import over_local_limits, over_tenant_limits
from jambones.sbc.rates import Rates, TokenBucket
from jambones.sbc.tenants import Account, ServiceProvider
from tests.support.edge import NoStore
from tests.support.virtual_time import in_virtual_time

ACCOUNT, PROVIDER = Account("acc", "sp"), ServiceProvider("sp")


def room(*, calls: int = 1, most: int = 10, cps: float = 0, account_cps: float = 0) -> Any:
    return SimpleNamespace(
        calls=[None] * calls,
        max_calls=most,
        calls_per_second=TokenBucket(cps, 1),
        account_calls_per_second=Rates(account_cps, 1),
        leases=Leases("edge-1", NoStore()),
        figures=Figures(Metrics(process=False)),
    )


def cause(refusal: Refusal | None) -> tuple[int, str | None, tuple[str, ...]] | None:
    return None if refusal is None else (refusal.status, refusal.x_reason, tuple(name for name, _ in refusal.headers))


@in_virtual_time
async def test_without_limits_there_is_room() -> None:
    here = room()

    assert over_local_limits(here, ACCOUNT) is None
    assert await over_tenant_limits(here, CountedCall(), ACCOUNT, PROVIDER) is None


@in_virtual_time
async def test_the_call_in_question_is_one_of_those_in_progress() -> None:
    assert over_local_limits(room(calls=10), ACCOUNT) is None
    assert cause(over_local_limits(room(calls=11), ACCOUNT)) == (503, "Maximum Calls In Progress", ("Retry-After",))


@in_virtual_time
async def test_calls_a_second_are_limited_here_and_for_each_account() -> None:
    here = room(cps=1)
    assert over_local_limits(here, ACCOUNT) is None
    assert cause(over_local_limits(here, ACCOUNT)) == (503, "Too Many Calls Per Second", ("Retry-After",))
    await asyncio.sleep(1.1)
    assert over_local_limits(here, ACCOUNT) is None

    here = room(account_cps=1)
    assert over_local_limits(here, ACCOUNT) is None
    assert cause(over_local_limits(here, ACCOUNT)) == (503, "Too Many Calls Per Second For Account", ("Retry-After",))
    assert over_local_limits(here, Account("other", "sp")) is None


@in_virtual_time
async def test_an_account_at_its_limit_is_refused_with_an_alert_until_a_call_ends() -> None:
    here, account = room(), Account("acc", "sp", call_limit=1)
    first = CountedCall()
    assert await over_tenant_limits(here, first, account, PROVIDER) is None

    refusal = await over_tenant_limits(here, CountedCall(), account, PROVIDER)
    assert refusal is not None
    assert cause(refusal) == (503, "Max Account Calls In Progress", ("X-Account-Sid", "X-Call-Limit"))
    assert refusal.alert == "account-call-limit"

    here.leases.release(first, ("acc", "sp"))
    assert await over_tenant_limits(here, CountedCall(), account, PROVIDER) is None


@in_virtual_time
async def test_a_service_provider_at_its_limit_refuses_all_its_accounts() -> None:
    here, provider = room(), ServiceProvider("sp", 1)
    assert await over_tenant_limits(here, CountedCall(), ACCOUNT, provider) is None

    refusal = await over_tenant_limits(here, CountedCall(), Account("other", "sp"), provider)

    assert refusal is not None
    assert cause(refusal) == (
        503,
        "Max Service Provider Calls In Progress",
        ("X-Service-Provider-Sid", "X-Call-Limit"),
    )
    assert refusal.alert == "service-provider-call-limit"
    assert here.leases.own() == {"acc": 1, "sp": 1}  # the refused one is not counted
