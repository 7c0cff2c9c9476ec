"""`python -m jambones.common.db migrate|status|reencrypt|stale|new-key`: the schema, and the secrets at rest.

migrate brings the schema up to date, status says how far it is. reencrypt seals every secret again that the first key
of JAMBONES_ENCRYPTION_KEYS has not sealed; it may be interrupted and started again. stale counts those. new-key prints
a fresh key. Reads JAMBONES_DB_DSN (or JAMBONES_DB_DSN_FILE).
"""

import argparse
import asyncio
import sys

from jambones.common.db.database import Database
from jambones.common.db.migrate import migrate, status
from jambones.common.db.reencrypt import reencrypt, stale
from jambones.common.secrets import KeyRing
from jambones.common.settings import ServiceSettings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m jambones.common.db", description=__doc__)
    parser.add_argument("command", choices=["migrate", "status", "reencrypt", "stale", "new-key"])
    command = parser.parse_args().command
    if command == "new-key":
        sys.stdout.write(f"{KeyRing.generate()}\n")
        return 0
    settings = ServiceSettings.load()
    if settings.db_dsn is None:
        parser.error("JAMBONES_DB_DSN is not set")
    dsn = settings.db_dsn.get_secret_value()
    match command:
        case "migrate":
            for name in asyncio.run(migrate(dsn)):
                sys.stdout.write(f"applied {name}\n")
            return 0
        case "status":
            entries = asyncio.run(status(dsn))
            for entry in entries:
                sys.stdout.write(f"{entry.state:8} {entry.name}\n")
            return 0 if all(entry.state == "applied" for entry in entries) else 1
    if settings.encryption_keys is None:
        parser.error("JAMBONES_ENCRYPTION_KEYS is not set")
    ring = KeyRing.parse(settings.encryption_keys.get_secret_value())
    return asyncio.run(_reencrypt(dsn, ring) if command == "reencrypt" else _stale(dsn, ring))


async def _reencrypt(dsn: str, ring: KeyRing) -> int:
    unreadable = 0
    async with Database.open(dsn, keys=ring, size=1) as db:
        async for table, tally in reencrypt(db):
            unreadable += tally.unreadable
            sys.stdout.write(f"{table}: {tally.resealed} sealed again, {tally.unreadable} unreadable\n")
            sys.stdout.flush()
    return 1 if unreadable else 0


async def _stale(dsn: str, ring: KeyRing) -> int:
    async with Database.open(dsn, keys=ring, size=1) as db:
        counts = await stale(db)
    for table, count in counts.items():
        sys.stdout.write(f"{table}: {count}\n")
    return 1 if any(counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
