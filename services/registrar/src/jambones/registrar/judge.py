"""Judging credentials with all that goes with it: shielding of guessed users, blocks, alerts."""

from collections.abc import Sequence
from typing import Protocol

from jambones.common.db.accounts import Account
from jambones.common.db.cache import AccountConfig
from jambones.common.db.errors import DatabaseUnavailable
from jambones.registrar.authorize import INVALID, Admitted, Authorizer, Judgement
from jambones.registrar.blocks import Guard
from jambones.registrar.hook import Attempt, Denied
from jambones.registrar.tables import tenant
from jambones.sbc.alerts import Alerts
from jambones.sbc.registrations import Registrations


class Configs(Protocol):
    """Accounts with their hooks."""

    async def account(self, sid: str) -> AccountConfig | None: ...


class Judge:
    """`await judge(account, attempt, user)`; the user is that of a REGISTER's address of record."""

    def __init__(
        self, authorizer: Authorizer, configs: Configs, copy: Registrations, guard: Guard, alerts: Alerts
    ) -> None:
        self._authorizer = authorizer
        self._configs = configs
        self._copy = copy
        self._guard = guard
        self._alerts = alerts

    async def unknown_realm(self, address: str) -> None:
        """Somebody tries names."""
        await self._guard.failed(address, None)

    async def __call__(self, account: Account, attempt: Attempt, user: str | None) -> Judgement:
        """The authorizer's word, with what guessing, blocking and alerts ask for."""
        aor = f"{user}@{attempt.realm}" if user is not None else None
        if attempt.authorization is not None and aor is not None:
            known = any(stored.binding.source == f"{attempt.host}:{attempt.port}"
                        for stored in self._copy.of(user or "", attempt.realm))  # fmt: skip
            if not known and self._guard.shields(aor):
                return Denied(403, "too many wrong passwords for this user", INVALID)
        config: AccountConfig | None = None
        if attempt.authorization is not None:
            try:
                config = await self._configs.account(account.account_sid)
            except DatabaseUnavailable:
                config = None
        judgement = await self._authorizer.judge(account, config, attempt)
        match judgement:
            case Denied():
                if judgement.counts:
                    await self._guard.failed(attempt.host, aor)
                if judgement.block is not None:
                    await self._guard.block(attempt.host, judgement.block, "registration hook")
                if judgement.alert is not None:
                    await self._alerts.raise_(tenant(account), *judgement.alert)
            case Admitted():
                self._guard.succeeded(attempt.host, aor)
        return judgement


def of_realm(values: Sequence[str], realm: str) -> str | None:
    """A device may keep credentials of several realms; those of ours, else the first."""
    ours = [value for value in values if f'realm="{realm}"' in value.lower()]
    return next(iter(ours or values), None)
