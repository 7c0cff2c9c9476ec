"""Key rotation on a real database: an old key still reads, a command seals everything again."""

import asyncio
import importlib
import os
import pkgutil
import sys
from contextlib import suppress

import pytest

from jambones.common import db as package
from jambones.common.db.api_keys import ApiKeys
from jambones.common.db.clients import Clients
from jambones.common.db.database import Database, Transaction
from jambones.common.db.idempotent_answers import IdempotentAnswers
from jambones.common.db.reencrypt import PLACES, REPOSITORIES, reencrypt, stale
from jambones.common.db.repository import Repository
from jambones.common.db.seed import seed
from jambones.common.db.tenant import PLATFORM
from jambones.common.secrets import KeyRing, SecretUnreadable

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
CLIENTS = 26  # 25 of ours, and the one of the seed


async def fill(dsn: str) -> None:
    """Secrets in several tables under the old key."""
    async with Database.open(dsn, keys=KeyRing([OLD])) as db:
        seeded = await seed(db)
        async with db.transaction(PLATFORM) as tx:
            for number in range(25):
                values = {"account_sid": seeded.account_sid, "username": f"u{number}", "password": f"secret {number}"}
                await Clients(tx).add(values)
            await IdempotentAnswers(tx).begin("me", "key", b"digest")
            await IdempotentAnswers(tx).finish("me", "key", 201, '{"token": "x"}')


async def passwords(tx: Transaction) -> dict[str, str]:
    """Of all clients, by user name."""
    return {row.username: row.password.reveal() for row in await Clients(tx).select() if row.password is not None}


async def run(db: Database, batch: int = 4) -> dict[str, int]:
    return {table: tally.resealed async for table, tally in reencrypt(db, batch=batch)}


async def test_after_a_rotation_the_old_key_is_not_needed_and_nothing_was_audited(database_dsn: str) -> None:
    await fill(database_dsn)
    async with Database.open(database_dsn, keys=KeyRing([NEW, OLD])) as db:
        async with db.transaction(PLATFORM) as tx:
            assert (await passwords(tx))["u7"] == "secret 7"  # an old key still reads
            entries = await tx.fetchval("SELECT count(*) FROM audit_log")
        before = await stale(db)
        done = await run(db)
        assert done["clients"] >= 25
        assert {table: count for table, count in done.items() if count} == {t: c for t, c in before.items() if c}
        assert set((await stale(db)).values()) == {0}
        assert set((await run(db)).values()) == {0}
        async with db.transaction(PLATFORM) as tx:
            assert await tx.fetchval("SELECT count(*) FROM audit_log") == entries
    async with Database.open(database_dsn, keys=KeyRing([NEW])) as db, db.transaction(PLATFORM) as tx:
        for place in PLACES:
            for row in await tx.fetch(f"SELECT * FROM {place.table}"):
                for column in place.columns:
                    if row[column] is not None:
                        tx.unseal(row[column], f"{place.table}.{column}")
        assert len(await ApiKeys(tx).select()) > 0


async def test_an_interrupted_rotation_goes_on_where_it_was(database_dsn: str) -> None:
    await fill(database_dsn)
    async with Database.open(database_dsn, keys=KeyRing([NEW, OLD])) as db:
        task = asyncio.create_task(run(db, batch=1))
        async with asyncio.timeout(30):
            while (await stale(db))["clients"] in (0, CLIENTS):
                await asyncio.sleep(0.001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await run(db)
        assert set((await stale(db)).values()) == {0}
        async with db.transaction(PLATFORM) as tx:
            read = await passwords(tx)
            assert [read[f"u{number}"] for number in range(25)] == [f"secret {number}" for number in range(25)]


async def test_two_rotations_at_once_do_no_harm(database_dsn: str) -> None:
    await fill(database_dsn)
    async with Database.open(database_dsn, keys=KeyRing([NEW, OLD])) as db:
        await asyncio.gather(run(db), run(db))
        assert set((await stale(db)).values()) == {0}
    async with Database.open(database_dsn, keys=KeyRing([NEW])) as db, db.transaction(PLATFORM) as tx:
        assert len(await Clients(tx).select()) == CLIENTS


async def test_what_no_key_opens_is_counted_and_stays(database_dsn: str) -> None:
    await fill(database_dsn)
    async with Database.open(database_dsn, keys=KeyRing([NEW])) as db:
        tallies = {table: tally async for table, tally in reencrypt(db, batch=4)}
        assert (tallies["clients"].resealed, tallies["clients"].unreadable) == (0, CLIENTS)
    async with Database.open(database_dsn, keys=KeyRing([OLD])) as db, db.transaction(PLATFORM) as tx:
        assert len(await Clients(tx).select()) == CLIENTS


async def test_the_command_rotates_and_says_what_is_left(database_dsn: str) -> None:
    await fill(database_dsn)

    async def command(name: str, *keys: bytes) -> tuple[int, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("JAMBONES_")}
        env |= {"JAMBONES_DB_DSN": database_dsn, "JAMBONES_ENCRYPTION_KEYS": ",".join(key.hex() for key in keys)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "jambones.common.db", name, env=env, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    assert (await command("stale", NEW, OLD))[0] == 1
    code, output = await command("reencrypt", NEW, OLD)
    assert code == 0
    assert f"clients: {CLIENTS} sealed again, 0 unreadable" in output
    assert (await command("stale", NEW))[0] == 0
    assert (await command("reencrypt", OLD))[0] == 1  # nothing of it can be read


def test_no_repository_with_secrets_is_left_out() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "__main__":
            importlib.import_module(f"jambones.common.db.{module.name}")

    def below(kind: type) -> set[type]:
        return {kind} | {found for child in kind.__subclasses__() for found in below(child)}

    assert {kind for kind in below(Repository) if getattr(kind, "SEALED", None)} == set(REPOSITORIES)


def test_a_value_that_was_moved_does_not_open() -> None:
    ring = KeyRing([NEW, OLD])
    with pytest.raises(SecretUnreadable):
        ring.open(KeyRing([OLD]).seal("x", "clients.password"), "webhooks.password")
