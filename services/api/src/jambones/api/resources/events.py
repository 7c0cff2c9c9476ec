"""Live events of calls, as server-sent events: a call starts, rings, is answered, ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from pydantic import Field

from jambones.api import auth, guards
from jambones.api.ask import Ask
from jambones.api.errors import Refused
from jambones.api.event_stream import Outbox, comment, event
from jambones.api.operations import Resource, Streamed
from jambones.api.wire import Input
from jambones.common.bus.bus import Subscription
from jambones.common.bus.calls import CallAnswered, CallEnded, CallEvent, CallRinging, CallStarted
from jambones.common.private import Private
from jambones.common.tasks import Tasks

resource = Resource("Events", "Live events of calls.")
KEEP_ALIVE = 15.0
ASK_AGAIN = 30.0
"""Seconds after which a reader's token is looked up again."""
MOST_STREAMS = 20
LONGEST = 86400


class EventsQuery(Input):
    seconds: int | None = Field(None, ge=1, le=LONGEST)
    """End after so long; left out: go on."""


_streams: Counter[str] = Counter()


@resource.get(
    "/Accounts/{account_sid}/Events", summary="Follow the events of an account's calls (server-sent events)",
    id="followEvents", query=EventsQuery, returns=str, media_type="text/event-stream", errors=(429,),
)  # fmt: skip
async def follow(ask: Ask) -> Streamed:
    """`event: started|ringing|answered|ended|dropped|end`. Numbers are shown to the account alone, tokens to others."""
    account = await guards.account_item(ask)
    if _streams[ask.caller.name] >= MOST_STREAMS:
        raise Refused(429, "too many streams of this key")
    seconds = float(ask.query["seconds"]) if ask.query.get("seconds") else None
    return Streamed(_chunks(ask, account.account_sid, seconds), "text/event-stream")


async def _chunks(ask: Ask, account_sid: str, seconds: float | None) -> AsyncIterator[bytes]:
    loop, outbox = asyncio.get_running_loop(), Outbox()
    until = loop.time() + seconds if seconds is not None else float("inf")
    known = loop.time()
    kinds = (CallStarted, CallRinging, CallAnswered, CallEnded)
    owner = ask.caller.scope == "account"
    _streams[ask.caller.name] += 1
    try:
        async with ask.bus.subscribe(*kinds, account_sid=account_sid) as events, Tasks() as tasks:
            tasks.start(_fill(outbox, events, owner=owner), name="events for a reader")
            yield comment("connected")
            while (now := loop.time()) < until:
                try:
                    async with asyncio.timeout(min(KEEP_ALIVE, until - now)):
                        waiting = await outbox.take()
                except TimeoutError:
                    waiting = comment("still here")
                if loop.time() - known >= ASK_AGAIN:
                    known = loop.time()
                    if await auth.caller_of(ask.parts, ask.authorization) is None:
                        yield event("end", {"reason": "the token does not hold any more"})
                        return
                yield waiting
            yield event("end", {"reason": "as asked"})
    finally:
        _streams[ask.caller.name] -= 1
        if not _streams[ask.caller.name]:
            del _streams[ask.caller.name]


async def _fill(outbox: Outbox, events: "Subscription[Any]", *, owner: bool) -> None:
    async for one in events:
        outbox.put(event(one.event, shown(one, owner=owner), one.event_id))


def shown(one: CallEvent, *, owner: bool) -> dict[str, Any]:
    """An event as it goes out; to others than the account its numbers are tokens, the same for the same number."""
    values = one.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"v", "event_id"})
    if not owner:
        for name, info in type(one).model_fields.items():
            value = getattr(one, name)
            if isinstance(value, Private):
                values[info.alias or name] = str(value)
    return values
