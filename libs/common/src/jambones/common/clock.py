"""Wall-clock stamps for records. Nothing waits by this clock: waiting goes through the event loop.

Call it as `clock.now()`, so that a test that replaces the source is heard everywhere.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The time now, aware, in UTC."""
    return _source()


def now_ms() -> int:
    """Milliseconds since 1970."""
    return round(_source().timestamp() * 1000)


@contextmanager
def replaced(source: Callable[[], datetime]) -> Iterator[None]:
    """Take the time from `source` inside the block (tests)."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
