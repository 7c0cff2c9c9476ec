"""Alerts of calls: what a tenant should know of. The same one is told once a minute, with a count of the others.

What differs in its words is another alert (a developer mends one property and meets the next); an application that
finds new words for ever is stopped by a limit of its account.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from jambones.common.bus.calls import Alert, AlertType
from jambones.feature_server.calls.info import CallInfo

log = structlog.get_logger(__name__)

EVERY = 60.0
MOST = 60
"""Alerts of one account in `EVERY` seconds."""
REMEMBERED = 1000
FIELDS = frozenset({"detail", "target_sid", "url", "status", "vendor", "label"})


class CallAlerts:
    """Turns what goes wrong in calls into alerts; `record` takes them and must not block."""

    def __init__(self, record: Callable[[Alert], None]) -> None:
        self._record = record
        self._told: dict[tuple[str, ...], tuple[float, int]] = {}
        self._spent: dict[str, tuple[float, int]] = {}

    def alert(self, info: CallInfo, alert: AlertType, message: str, **data: Any) -> None:
        """Tell the account of the call, unless it was told the same within the last minute."""
        # What an application writes may hold anything of its callers: it is for the account's eyes only.
        shown = {} if alert == "alert-from-application" else {"message": message}
        log.info("alert", alert_type=alert, call_sid=info.call_sid, account_sid=info.account_sid, **shown)
        key = (info.account_sid, alert, str(data.get("url") or data.get("vendor") or ""), message)
        now = asyncio.get_running_loop().time()
        told, held_back = self._told.pop(key, (None, 0))
        if told is not None and now - told < EVERY:
            self._told[key] = (told, held_back + 1)
            return
        if self._is_over_its_limit(info.account_sid, now):
            return
        if len(self._told) >= REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[key] = (now, 0)
        self._record(
            Alert(
                account_sid=info.account_sid,
                service_provider_sid=info.service_provider_sid,
                alert_type=alert,
                message=message,
                call_sid=info.call_sid,
                repeats=held_back,
                **{name: value for name, value in data.items() if name in FIELDS},
            )
        )

    def _is_over_its_limit(self, account_sid: str, now: float) -> bool:
        since, count = self._spent.pop(account_sid, (now, 0))
        if now - since >= EVERY:
            since, count = now, 0
        if len(self._spent) >= REMEMBERED:
            del self._spent[next(iter(self._spent))]
        self._spent[account_sid] = (since, count + 1)
        return count >= MOST
