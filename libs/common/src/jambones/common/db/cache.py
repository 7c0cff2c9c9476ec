"""Accounts and applications by sid, with their hooks, kept in memory and forgotten when they change."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from jambones.common.bus.config import ConfigChanged
from jambones.common.db.accounts import Account, Accounts
from jambones.common.db.applications import HOOKS, Application, Applications
from jambones.common.db.database import Database
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.webhooks import Webhook, Webhooks

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AccountConfig:
    """An account with its hook for registrations; `account.webhook_secret` signs requests to it."""

    account: Account
    registration_hook: Webhook | None


@dataclass(frozen=True)
class ApplicationConfig:
    """An application with its hooks; speech defaults are columns of `application`."""

    application: Application
    call_hook: Webhook | None
    call_status_hook: Webhook | None
    messaging_hook: Webhook | None


T = TypeVar("T")


@dataclass
class _Entry(Generic[T]):
    value: T | None
    read_at: float


class _Shelf(Generic[T]):
    """Values by sid. A value that could not be refreshed is used until the database is back."""

    def __init__(self, load: Callable[[str], Awaitable[T | None]], lifetime: float, capacity: int) -> None:
        self._load = load
        self._lifetime, self._capacity = lifetime, capacity
        self._entries: dict[str, _Entry[T]] = {}
        self._loading: dict[str, asyncio.Future[T | None]] = {}

    def forget(self, sid: str) -> None:
        entry = self._entries.get(sid)
        if entry is not None:
            entry.read_at = float("-inf")  # kept for the case that the database is away
        self._loading.pop(sid, None)  # what is being read now may already be old

    def forget_all(self) -> None:
        for sid in self._entries:
            self.forget(sid)

    async def get(self, sid: str) -> T | None:
        entry = self._entries.get(sid)
        if entry is not None and asyncio.get_running_loop().time() - entry.read_at < self._lifetime:
            return entry.value
        loading = self._loading.get(sid)
        if loading is None:
            loading = asyncio.ensure_future(self._read(sid))
            self._loading[sid] = loading
            loading.add_done_callback(lambda done: self._done(sid, done))
        try:
            return await asyncio.shield(loading)  # one caller's hang-up must not fail the others
        except DatabaseUnavailable:
            if entry is None:
                raise
            log.warning("serving old configuration", sid=sid)
            return entry.value

    async def _read(self, sid: str) -> T | None:
        started = asyncio.get_running_loop().time()
        value = await self._load(sid)
        if self._loading.get(sid) is asyncio.current_task():
            while len(self._entries) >= self._capacity:
                del self._entries[next(iter(self._entries))]
            self._entries[sid] = _Entry(value, started)
        return value

    def _done(self, sid: str, done: "asyncio.Future[T | None]") -> None:
        if self._loading.get(sid) is done:
            del self._loading[sid]
        if not done.cancelled():
            done.exception()  # retrieved here, in case every waiter has gone


class ConfigCache:
    """`await cache.account(sid)`, `await cache.application(sid)`: None when there is no such thing.

    Feed `changed()` with every ConfigChanged. Raises DatabaseUnavailable only for what was never read.
    """

    def __init__(self, database: Database, *, lifetime: float = 60.0, capacity: int = 10_000) -> None:
        """`lifetime`: seconds after which a value is read again even when no change was heard."""
        self._database = database
        self._accounts = _Shelf(self._load_account, lifetime, capacity)
        self._applications = _Shelf(self._load_application, lifetime, capacity)

    async def account(self, sid: str) -> AccountConfig | None:
        return await self._accounts.get(sid)

    async def application(self, sid: str) -> ApplicationConfig | None:
        return await self._applications.get(sid)

    def changed(self, change: ConfigChanged) -> None:
        if change.entity == "account":
            self._accounts.forget(change.sid)
        elif change.entity == "application":
            self._applications.forget(change.sid)
        elif change.entity == "webhook":  # hooks do not say who uses them
            self._accounts.forget_all()
            self._applications.forget_all()

    async def _load_account(self, sid: str) -> AccountConfig | None:
        async with self._database.transaction(PLATFORM, snapshot=True) as tx:
            account = await Accounts(tx).get(sid)
            if account is None:
                return None
            hook_sid = account.registration_hook_sid
            return AccountConfig(account, await Webhooks(tx).get(hook_sid) if hook_sid else None)

    async def _load_application(self, sid: str) -> ApplicationConfig | None:
        async with self._database.transaction(PLATFORM, snapshot=True) as tx:
            application = await Applications(tx).get(sid)
            if application is None:
                return None
            hooks = await Webhooks(tx).some(application.hook_sids)
        return ApplicationConfig(
            application, **{name: hooks.get(getattr(application, f"{name}_sid") or "") for name in HOOKS}
        )
