"""Clients: SIP credentials of an account's devices."""

from typing import Any, ClassVar

from pydantic import Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden
from jambones.api.obscure import obscured_password
from jambones.api.operations import Resource
from jambones.api.wire import Input, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.clients import Client, Clients
from jambones.common.db.errors import Taken
from jambones.common.db.repository import Where

resource = Resource("Clients", "SIP credentials of an account's devices.")
ClientOut = model_of(Client, "Client")


class ClientIn(Input):
    account_sid: SidOrNone = None
    username: str | None = Field(None, min_length=1, max_length=64)
    password: str | None = Field(None, max_length=255)
    is_active: bool | None = None
    allow_direct_app_calling: bool | None = None
    allow_direct_queue_calling: bool | None = None
    allow_direct_user_calling: bool | None = None

    KEY: ClassVar[str] = "client_sid"
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "is_active": True, "allow_direct_app_calling": True, "allow_direct_queue_calling": True,
        "allow_direct_user_calling": True,
    }  # fmt: skip


def _shown(row: Client) -> dict[str, Any]:
    return wire(row) | {"password": obscured_password(row.password.reveal()) if row.password is not None else None}


def _taken() -> Exception:
    return bad("the client's username already exists")


@resource.post("/Clients", summary="Make a client", id="createClient", body=ClientIn)
async def create(ask: Ask, body: ClientIn) -> dict[str, Any]:
    account_sid = ask.tenant.account_sid or body.account_sid
    if account_sid is None:
        raise bad("missing field account_sid")
    if not body.username:
        raise bad("missing field username")
    owner = await guards.owner_for(ask, account_sid, "insufficient permissions")
    async with ask.transaction() as tx:
        try:
            row = await Clients(tx).add(body.given() | {"account_sid": owner.account_sid})
        except Taken as exc:
            raise _taken() from exc
    return {"sid": row.client_sid}


@resource.get("/Clients", summary="List clients", id="listClients", returns=list[ClientOut])  # type: ignore[valid-type]
async def list_clients(ask: Ask) -> Any:
    async with ask.reading() as tx:
        return [_shown(row) for row in await Clients(tx).find(Where())]


@resource.get("/Clients/{client_sid}", summary="Show a client", id="getClient", returns=ClientOut)
async def show(ask: Ask) -> Any:
    async with ask.reading() as tx:
        row = await Clients(tx).get(ask.sid("client_sid"))
    if row is None:
        raise absent()
    return _shown(row)


@resource.put("/Clients/{client_sid}", summary="Change a client", id="updateClient", body=ClientIn)
async def update(ask: Ask, body: ClientIn) -> None:
    sid = ask.sid("client_sid")
    values = body.given(but=("account_sid",))
    if "username" in values and not values["username"]:
        raise bad("missing field username")
    async with ask.transaction() as tx:
        row = await Clients(tx).mine(sid)
        if row is None:
            raise absent()
        if body.account_sid is not None and body.account_sid != row.account_sid:
            if ask.caller.scope == "account":
                raise forbidden()
            values["account_sid"] = (await guards.owner_for(ask, body.account_sid)).account_sid
        stored = row.password.reveal() if row.password is not None else ""
        if values.get("password") is not None and values["password"] == obscured_password(stored):
            del values["password"]  # what we showed came back
        try:
            await Clients(tx).update(sid, values)
        except Taken as exc:
            raise _taken() from exc


@resource.delete("/Clients/{client_sid}", summary="Delete a client", id="deleteClient")
async def delete(ask: Ask) -> None:
    async with ask.transaction() as tx:
        if not await Clients(tx).delete(ask.sid("client_sid")):
            raise absent()
