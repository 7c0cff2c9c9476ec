"""The data library: what people configure, and the records of calls, in PostgreSQL.

`async with Database.open(dsn, keys=ring) as db`, then `async with db.transaction(tenant) as tx` and the repositories
on it: `await Applications(tx).get(sid)`.
"""

from jambones.common.db.cache import AccountConfig, ApplicationConfig, ConfigCache
from jambones.common.db.database import Database, Transaction
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.db.migrate import migrate
from jambones.common.db.routing import RoutingTables
from jambones.common.db.seed import Seeded, seed
from jambones.common.db.tenant import PLATFORM, Tenant

__all__ = [
    "PLATFORM",
    "AccountConfig",
    "ApplicationConfig",
    "ConfigCache",
    "Database",
    "DatabaseUnavailable",
    "RoutingTables",
    "Seeded",
    "Tenant",
    "Transaction",
    "migrate",
    "seed",
]
