"""Recordings of calls, in the object store of the account: `YYYY/MM/DD/<call_sid>.<format>`."""

import json
import re
from typing import Any

from jambones.api import guards, object_store
from jambones.api.ask import Ask
from jambones.api.errors import absent
from jambones.api.operations import UUID, Resource, Streamed
from jambones.common.db.accounts import Accounts
from jambones.common.db.recent_calls import RecentCalls
from jambones.common.db.tenant import Tenant

resource = Resource("Recordings", "Recordings of calls, in the account's own object store.")
PATH = "/RecentCalls/{call_sid}/record/{year}/{month}/{day}/{format}"
TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_DAY = re.compile(r"\d{4}/\d{2}/\d{2}")


async def of_account(ask: Ask) -> Tenant:
    return await guards.account_part(ask)


async def of_provider(ask: Ask) -> Tenant:
    """The account that the call was of, when it is the service provider's."""
    tenant = guards.service_provider_part(ask)
    async with ask.reading(tenant) as tx:
        row = await RecentCalls(tx).get(call_sid=ask.params["call_sid"].lower())
    return tenant if row is None else Tenant(tenant.service_provider_sid, row.account_sid)


async def _place(ask: Ask, owner: Tenant) -> tuple[object_store.Store, str, str]:
    """The store of the owner, the key of the recording and its format. Raises Refused (404)."""
    call_sid, kind = ask.params["call_sid"].lower(), ask.params["format"].lower()
    day = "/".join(ask.params[name] for name in ("year", "month", "day"))
    if kind not in TYPES or not UUID.fullmatch(call_sid) or not _DAY.fullmatch(day):
        raise absent("no such recording")
    async with ask.reading() as tx:
        account = await Accounts(tx).get(owner.account_sid or "")
    if account is None or account.bucket_credential is None:
        raise absent("the account keeps no recordings: it has no bucket_credential")
    store = object_store.opened(json.loads(account.bucket_credential.reveal()))
    return store, f"{day}/{call_sid}.{kind}", kind


async def _play(ask: Ask, owner: Tenant) -> Streamed:
    store, key, kind = await _place(ask, owner)
    found = await object_store.read(store, key)
    if found is None:
        raise absent("no such recording")
    size, chunks = found
    name = key.rpartition("/")[2]
    return Streamed(chunks, TYPES[kind], size, {"Content-Disposition": f'attachment; filename="{name}"'})


async def _delete(ask: Ask, owner: Tenant) -> None:
    store, key, _ = await _place(ask, owner)
    if not await object_store.delete(store, key):
        raise absent("no such recording")


@resource.get(
    f"/Accounts/{{account_sid}}{PATH}", summary="Play a recording", id="getRecording", media_type="audio/mpeg",
    errors=(424,),
)  # fmt: skip
async def play(ask: Ask) -> Any:
    return await _play(ask, await of_account(ask))


@resource.get(
    f"/ServiceProviders/{{service_provider_sid}}{PATH}", summary="Play a recording of an account's call",
    id="getServiceProviderRecording", media_type="audio/mpeg", errors=(424,),
)  # fmt: skip
async def play_for_provider(ask: Ask) -> Any:
    return await _play(ask, await of_provider(ask))


@resource.delete(f"/Accounts/{{account_sid}}{PATH}", summary="Delete a recording", id="deleteRecording", errors=(424,))
async def delete(ask: Ask) -> None:
    await _delete(ask, await of_account(ask))


@resource.delete(
    f"/ServiceProviders/{{service_provider_sid}}{PATH}", summary="Delete a recording of an account's call",
    id="deleteServiceProviderRecording", errors=(424,),
)  # fmt: skip
async def delete_for_provider(ask: Ask) -> None:
    await _delete(ask, await of_provider(ask))
