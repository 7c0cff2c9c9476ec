"""What an operator sees when an account is to be logged at debug: its lines, in a process that runs, and no other's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import structlog

from jambones.common import logs
from jambones.common.bus import Bus
from jambones.common.db.accounts import Accounts
from jambones.common.db.database import Database
from jambones.common.db.platform import put_system_information
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.secrets import KeyRing
from jambones.common.service import Service, open_service
from jambones.common.settings import ServiceSettings
from tests.support import accounts


@pytest.fixture
async def operator(database_dsn: str, bus: Bus) -> AsyncIterator[Database]:
    """Another process, which changes the configuration."""
    async with Database.open(database_dsn, keys=KeyRing.parse(KeyRing.generate()), size=1) as db:
        db.announce = bus.publish
        yield db


@pytest.fixture
def running(database_dsn: str, nats_url: str, tmp_path: Path) -> AbstractAsyncContextManager[Service]:
    """A process of the platform."""
    settings = ServiceSettings(
        db_dsn=database_dsn,  # type: ignore[arg-type]
        nats_urls=[nats_url],
        http_port=0,
        spool_dir=tmp_path,
    )
    return open_service("test", settings, db=True)


async def soon(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


def shows(account_sid: str) -> bool:
    """Is a debug line of the account written now?"""
    try:
        logs.verbosity(None, "debug", {"event": "x", "account_sid": account_sid})
    except structlog.DropEvent:
        return False
    return True


async def wish(db: Database, tenant: Tenant, on: bool) -> None:
    assert tenant.account_sid is not None
    async with db.transaction(PLATFORM) as tx:
        await Accounts(tx).update(tenant.account_sid, {"enable_debug_log": on})


async def test_an_account_is_logged_at_debug_while_it_wishes(
    operator: Database, running: AbstractAsyncContextManager[Service]
) -> None:
    ann, bob = await accounts.account(operator, "ann"), await accounts.account(operator, "bob")
    assert ann.account_sid
    assert bob.account_sid
    async with running:
        assert not shows(ann.account_sid)

        await wish(operator, ann, on=True)
        await soon(lambda: shows(ann.account_sid or ""))
        assert not shows(bob.account_sid)

        await wish(operator, ann, on=False)
        await soon(lambda: not shows(ann.account_sid or ""))


async def test_a_process_begins_with_what_was_wished_before(
    operator: Database, running: AbstractAsyncContextManager[Service]
) -> None:
    ann = await accounts.account(operator, "ann")
    await wish(operator, ann, on=True)
    async with running:
        assert shows(ann.account_sid or "")
    assert not shows(ann.account_sid or "")


async def test_the_platform_is_logged_at_debug_while_its_system_information_says_so(
    operator: Database, running: AbstractAsyncContextManager[Service]
) -> None:
    async with running:
        assert not shows("anybody")
        for level in ("debug", "info"):
            async with operator.transaction(PLATFORM) as tx:
                await put_system_information(tx, {"log_level": level})
            await soon(lambda level=level: shows("anybody") is (level == "debug"))  # type: ignore[misc]
