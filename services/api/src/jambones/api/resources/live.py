"""Queues in which calls wait, and conferences in which they meet."""

import re
from typing import Any

from pydantic import BaseModel, Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.operations import Resource
from jambones.api.wire import Input
from jambones.common.bus.rooms import conferences_bucket, queues_bucket

resource = Resource("Live", "Queues and conferences.")


class QueueOut(BaseModel):
    """A queue with calls in it."""

    name: str = Field(examples=["support"])
    length: int = Field(description="Calls that wait.", examples=[1])


class SearchQuery(Input):
    search: str | None = Field(None, description='A name; "*" stands for anything.')


async def _account_sid(ask: Ask) -> str:
    """The account of the path; for the platform also one that does not exist, whose lists are empty."""
    if ask.caller.scope == "admin":
        return ask.sid("account_sid")
    return (await guards.account_item(ask)).account_sid


@resource.get(
    "/Accounts/{account_sid}/Queues", summary="List queues in which calls wait", id="listQueues", query=SearchQuery,
    returns=list[QueueOut],
)  # fmt: skip
async def queues(ask: Ask) -> Any:
    account_sid = await _account_sid(ask)
    found = [entry.value for entry in await queues_bucket(ask.bus).entries(account_sid)]
    if search := ask.query.get("search", "").strip():
        pattern = re.compile(".*".join(map(re.escape, search.split("*"))), re.IGNORECASE | re.DOTALL)
        found = [queue for queue in found if pattern.fullmatch(queue.name)]
    return [{"name": queue.name, "length": queue.length} for queue in sorted(found, key=lambda queue: queue.name)]


@resource.get(
    "/Accounts/{account_sid}/Conferences", summary="List conferences", id="listConferences", returns=list[str]
)
async def conferences(ask: Ask) -> Any:
    account_sid = await _account_sid(ask)
    return sorted(entry.value.name for entry in await conferences_bucket(ask.bus).entries(account_sid))
