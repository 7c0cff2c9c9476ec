"""How long the database takes, by what is done to which table: `select accounts`, `commit`.

The names come from the SQL of our repositories, which holds no values, so there are few of them.
"""

import re
import time
from functools import lru_cache

from prometheus_client import Histogram

from jambones.common.metrics import Metrics

_VERB = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([a-z_][a-z0-9_]*)', re.IGNORECASE)


@lru_cache(maxsize=1024)
def named(sql: str) -> str:
    """What a statement does first and to which table; `other` for what is neither reading nor writing rows."""
    verb = _VERB.search(sql)
    if verb is None:
        return "other"
    table = _TABLE.search(sql)
    return verb[1].lower() + (f" {table[1].lower()}" if table else "")


class QueryTimes:
    """`with times.of("commit"):` around what is measured, whatever comes of it; nothing without `metrics`."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._seconds = metrics.histogram("jambones_db_seconds") if metrics is not None else None
        self._children: dict[str, Histogram] = {}

    def of(self, name: str) -> "_Timed":
        child = self._children.get(name)
        if child is None and self._seconds is not None:
            child = self._children[name] = self._seconds.labels(name)
        return _Timed(child)

    def of_sql(self, sql: str) -> "_Timed":
        return self.of(named(sql)) if self._seconds is not None else _Timed(None)


class _Timed:
    """A class, since several are entered for each request of the API."""

    __slots__ = ("_began", "_child")

    def __init__(self, child: Histogram | None) -> None:
        self._child = child

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *exc: object) -> None:
        if self._child is not None:
            self._child.observe(time.perf_counter() - self._began)
