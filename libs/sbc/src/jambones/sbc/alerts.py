"""Alerts to tenants, the same one at most once a minute with a count of those held back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from jambones.common.bus.calls import Alert, AlertType
from jambones.common.ids import AccountSid, ServiceProviderSid
from jambones.sbc.tenants import Account

PERIOD = 60.0
MOST = 10_000


@dataclass(slots=True)
class _Sent:
    until: float
    held_back: int = 0


class Alerts:
    def __init__(self, record: Callable[[Alert], Awaitable[None]]) -> None:
        self._record = record
        self._sent: dict[tuple[str, str], _Sent] = {}

    async def raise_(self, account: Account, kind: AlertType, message: str, detail: str | None = None) -> None:
        now = asyncio.get_running_loop().time()
        key = (account.account_sid, kind)
        before = self._sent.get(key)
        if before is not None and now < before.until:
            before.held_back += 1
            return
        if len(self._sent) >= MOST:
            self._sent.clear()
        self._sent[key] = _Sent(now + PERIOD)
        await self._record(
            Alert(
                account_sid=AccountSid(account.account_sid),
                service_provider_sid=ServiceProviderSid(account.service_provider_sid),
                alert_type=kind,
                message=message,
                detail=detail,
                target_sid=None,
                repeats=before.held_back if before is not None else 0,
            )
        )
