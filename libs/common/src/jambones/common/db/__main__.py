"""`python -m jambones.common.db migrate|status`: bring the schema up to date, or say how far it is.

Reads JAMBONES_DB_DSN (or JAMBONES_DB_DSN_FILE).
"""

import argparse
import asyncio
import sys

from jambones.common.db.migrate import migrate, status
from jambones.common.settings import ServiceSettings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m jambones.common.db", description=__doc__)
    parser.add_argument("command", choices=["migrate", "status"])
    command = parser.parse_args().command
    settings = ServiceSettings.load()
    if settings.db_dsn is None:
        parser.error("JAMBONES_DB_DSN is not set")
    dsn = settings.db_dsn.get_secret_value()
    if command == "migrate":
        for name in asyncio.run(migrate(dsn)):
            sys.stdout.write(f"applied {name}\n")
        return 0
    entries = asyncio.run(status(dsn))
    for entry in entries:
        sys.stdout.write(f"{entry.state:8} {entry.name}\n")
    return 0 if all(entry.state == "applied" for entry in entries) else 1


if __name__ == "__main__":
    sys.exit(main())
