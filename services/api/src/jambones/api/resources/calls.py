"""Live calls: listing, placing, changing and ending them. The table is the bucket that feature servers write."""

import asyncio
from typing import Any

from pydantic import BaseModel, RootModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.call_changes import check_changes
from jambones.api.call_creation import prepared
from jambones.api.errors import Refused, absent, bad, unprocessable
from jambones.api.operations import Answer, Resource
from jambones.api.pagination import text_filter
from jambones.api.wire import Input
from jambones.common import clock
from jambones.common.bus.bucket import Bucket
from jambones.common.bus.bus import Bus, RemoteError
from jambones.common.bus.calls import LiveCall
from jambones.common.bus.control import CallCreated, CallUpdated, CreateCall, UpdateCall
from jambones.common.db.accounts import Account
from jambones.common.errors import BusUnavailable
from jambones.common.ids import AccountSid, CallSid

resource = Resource("Calls", "Calls in progress, and those that ended within the last hour.")
REMEMBERED = 3600.0
"""Seconds the bucket keeps a row that nobody refreshes."""
CREATE_TIMEOUT = 8.0
UPDATE_TIMEOUT = 35.0  # a SIP request within the dialog may take the whole of timer F (RFC 3261 section 17.1.2.2)
TRIES = 3
LIVE = frozenset({"trying", "ringing", "early-media", "in-progress", "queued"})
NO_ENGINE = "no available feature servers at this time"
HIDDEN = frozenset({"started_at", "expires_at"})


class CallBody(RootModel[dict[str, Any]]):
    """What to do; see the reference of the call API."""


class CallsQuery(Input):
    direction: str | None = None
    callStatus: str | None = None  # noqa: N815 - its name on the wire


class CallIds(BaseModel):
    sid: str
    callId: str  # noqa: N815 - its name on the wire


class CallCount(BaseModel):
    inbound: int
    outbound: int


def calls_bucket(bus: Bus) -> Bucket[LiveCall]:
    """Live calls, keys (account_sid, call_sid)."""
    return bus.bucket("calls", LiveCall, ttl=REMEMBERED)


def shown(call: LiveCall) -> dict[str, Any]:
    """A call as it goes out: what is not known is left out."""
    values = call.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(HIDDEN))
    return {name: value for name, value in values.items() if value != ""}


async def calls_of(bus: Bus, account_sid: str) -> list[LiveCall]:
    """The account's calls, the newest first."""
    now = clock.now_ms()
    rows = [entry.value for entry in await calls_bucket(bus).entries(account_sid)]
    fresh = [row for row in rows if row.expires_at is None or row.expires_at > now]
    return sorted(fresh, key=lambda row: row.started_at, reverse=True)


@resource.get(
    "/Accounts/{account_sid}/Calls", summary="List live calls", id="listCalls", query=CallsQuery,
    returns=list[dict[str, Any]],
)  # fmt: skip
async def list_calls(ask: Ask) -> Any:
    account = await guards.account_item(ask)
    wanted = {
        "direction": ask.query.get("direction") or None,
        "call_status": ask.query.get("callStatus") or None,
        "from": text_filter(ask.query, "from"),
        "to": text_filter(ask.query, "to"),
    }
    rows = [shown(call) for call in await calls_of(ask.bus, account.account_sid)]
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items() if value is not None)]


@resource.get(
    "/Accounts/{account_sid}/Calls/{call_sid}", summary="Show a live call", id="getCall", returns=dict[str, Any]
)
async def show(ask: Ask) -> Any:
    return shown((await _call(ask))[1])


@resource.get("/Accounts/{account_sid}/CallCount", summary="Count live calls", id="countCalls", returns=CallCount)
async def count(ask: Ask) -> Any:
    account = await guards.account_item(ask)
    directions = [row.direction for row in await calls_of(ask.bus, account.account_sid) if row.call_status in LIVE]
    return {"inbound": directions.count("inbound"), "outbound": directions.count("outbound")}


@resource.post(
    "/Accounts/{account_sid}/Calls", summary="Place a call", id="createCall", body=CallBody, returns=CallIds,
    errors=(480,),
)  # fmt: skip
async def create(ask: Ask, body: CallBody) -> Any:
    directory = ask.parts.nodes
    if not directory.ready:
        try:
            async with asyncio.timeout(2):
                await directory.until_ready()
        except TimeoutError:
            raise BusUnavailable("the list of feature servers is not there yet") from None
    if not any(node.state == "open" for node in directory.nodes):
        raise Refused(480, NO_ENGINE)
    account = await guards.account_item(ask)
    if not account.is_active:
        raise bad("account is inactive")
    call = await prepared(ask, account, body.root)
    node, tried = directory.choose(zone=ask.parts.settings.zone).node, set[str]()
    while node is not None and len(tried) < TRIES:
        question = CreateCall(
            node_id=node.id,
            account_sid=AccountSid(account.account_sid),
            call={**call, "api_base_url": ask.parts.settings.api_url or ask.base_url},
        )
        try:
            made: CallCreated = await ask.bus.request(question, timeout=CREATE_TIMEOUT)
        except RemoteError as exc:
            if exc.http_status < 500:
                raise bad(exc.message) from exc
            if exc.http_status != 503:
                raise Refused(500, exc.message) from exc
        except BusUnavailable as exc:
            # Only a node that did not hear the question may be passed over: another one might call a second time.
            if "nobody serves" not in exc.message:
                directory.failed(node.id)  # it may be gone: whoever asks again shall get another one
                raise
        else:
            return {"sid": made.call_sid, "callId": made.sip_call_id}
        directory.failed(node.id)
        tried.add(node.id)
        node = directory.choose(zone=ask.parts.settings.zone, exclude=tried).node
    raise Refused(480, NO_ENGINE)


@resource.put(
    "/Accounts/{account_sid}/Calls/{call_sid}", summary="Change a live call", id="updateCall", body=CallBody,
    status=202, returns=dict[str, Any], errors=(422,),
)  # fmt: skip
async def update(ask: Ask, body: CallBody) -> Any:
    account = await guards.account_item(ask)
    ask.sid("call_sid")
    changes = check_changes(body.root)
    account, call = await _call(ask, account)
    updated = await _change(ask, account, call, changes)
    if updated.body is None:
        return Answer(updated.status, "Accepted", "text/plain")
    return Answer(updated.status, updated.body)


resource.post(
    "/Accounts/{account_sid}/Calls/{call_sid}", summary="Change a live call", id="updateCallByPost", body=CallBody,
    status=202, returns=dict[str, Any], errors=(422,),
)(update)  # fmt: skip


@resource.delete("/Accounts/{account_sid}/Calls/{call_sid}", summary="End a live call", id="deleteCall")
async def delete(ask: Ask) -> None:
    account, call = await _call(ask)
    if call.call_status in LIVE:
        await _hang_up(ask, account, call)
    await calls_bucket(ask.bus).delete(account.account_sid, call.call_sid)


async def _hang_up(ask: Ask, account: Account, call: LiveCall) -> None:
    """End it, answered or not; what we know of that may be a moment old."""
    words = ("completed", "no-answer") if call.call_status == "in-progress" else ("no-answer", "completed")
    for word in words:
        try:
            await _change(ask, account, call, {"call_status": word})
        except Refused as exc:
            if exc.status != 422:
                raise
            # The other word fits, or its feature server has gone or was faster than we: then only the row is left.
        else:
            return


async def _call(ask: Ask, account: Account | None = None) -> tuple[Account, LiveCall]:
    account = account or await guards.account_item(ask)
    call_sid = ask.sid("call_sid")
    found = await calls_bucket(ask.bus).get(account.account_sid, call_sid)
    if found is None or (found.value.expires_at is not None and found.value.expires_at <= clock.now_ms()):
        raise absent()
    return account, found.value


async def _change(ask: Ask, account: Account, call: LiveCall, changes: dict[str, Any]) -> CallUpdated:
    question = UpdateCall(call_sid=CallSid(call.call_sid), account_sid=AccountSid(account.account_sid), changes=changes)
    try:
        return await ask.bus.request(question, timeout=UPDATE_TIMEOUT)
    except RemoteError as exc:
        if 400 <= exc.http_status < 500:
            raise Refused(exc.http_status, exc.message) from exc
        raise
    except BusUnavailable as exc:
        if ask.bus.connected and "nobody serves" in exc.message:
            raise unprocessable(f"call session is gone for call_sid {call.call_sid}") from exc
        raise
