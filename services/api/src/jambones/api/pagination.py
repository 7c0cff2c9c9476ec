"""Pages: the envelope that comes when a page is asked for, and the one that always comes."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

from jambones.api.ask import Ask
from jambones.api.errors import bad
from jambones.api.wire import Input
from jambones.common import clock
from jambones.common.db.pages import Page, Period
from jambones.common.db.repository import Repository, Row, Where

R = TypeVar("R", bound=Row)
T = TypeVar("T")
PAGE_SIZE = 50
MAX_COUNT = 500
MAX_OFFSET = 2**31


def number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad(f'missing or invalid "{name}" query arg')
    return int(text)


async def listed(
    ask: Ask,
    repository: Repository[R],
    where: Where,
    show: Callable[[list[R]], Any],
    *,
    paged_order: str,
) -> Any:
    """An array of everything, or with `?page=` an envelope of one page."""
    page, size = number(ask.query, "page"), number(ask.query, "page_size")
    if page is None:
        return await _maybe(show(await repository.find(where)))
    page = max(page, 1)
    total = await repository.count(_copy(where))
    limit = size or PAGE_SIZE
    offset = min((page - 1) * limit, MAX_OFFSET)
    rows = await repository.find(where, order=paged_order, limit=limit, offset=offset)
    return {"total": total, "page": page, "page_size": size, "data": await _maybe(show(rows))}


class PageQuery(Input):
    """The query of a list that always comes in pages."""

    page: str | None = None
    count: str | None = None
    days: str | None = None
    start: str | None = None
    end: str | None = None

    REQUIRED: ClassVar[tuple[str, ...]] = ("page", "count")


def envelope(ask: Ask, found: Page[T], show: Callable[[T], Any]) -> dict[str, Any]:
    """One page of such a list; `page` and `page_size` as they were asked for."""
    return {
        "total": found.total,
        "page_size": ask.query["count"].strip(),
        "page": ask.query["page"].strip(),
        "data": [show(row) for row in found.rows],
    }


def page_and_count(query: Mapping[str, str]) -> tuple[int, int]:
    """`page` and `count` of a list that always comes in pages."""
    page = number(query, "page")
    if page is None or page < 1:
        raise bad('missing or invalid "page" query arg')
    count = number(query, "count")
    if count is None or not 1 <= count <= MAX_COUNT:
        raise bad('missing or invalid "count" query arg')
    return page, count


def period(query: Mapping[str, str]) -> Period:
    """`days` back from now, or else from `start` to `end`."""
    days = number(query, "days")
    if days is not None:
        return Period(start=clock.now() - timedelta(days=min(days, 36500)))
    return Period(_moment(query, "start"), _moment(query, "end"))


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        # A "+" of the zone that was not encoded arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise bad(f'invalid "{name}" query arg') from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def text_filter(query: Mapping[str, str], name: str) -> str | None:
    """A filter as typed: the portal does not encode "+", so a leading space was one."""
    text = query.get(name)
    if text is None or not text.strip():
        return None
    return ("+" + text.strip()) if text.startswith(" ") else text.strip()


def _copy(where: Where) -> Where:
    copy = Where()
    copy.args = list(where.args)
    copy._conditions = list(where._conditions)
    return copy


async def _maybe(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value
