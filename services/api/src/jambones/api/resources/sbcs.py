"""Edges: the addresses to which tenants send calls."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad
from jambones.api.operations import Resource
from jambones.api.wire import Input, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.sbc_addresses import SbcAddress, SbcAddresses
from jambones.common.db.tenant import PLATFORM

resource = Resource("Sbcs", "Where tenants send calls.")
Port = Annotated[int | None, Field(ge=1, le=65535)]
SbcOut = model_of(SbcAddress, "SbcAddress", drop=("pinned",))


class SbcIn(Input):
    ipv4: str | None = Field(None, min_length=1, max_length=255)
    port: Port = None
    tls_port: Port = None
    wss_port: Port = None
    service_provider_sid: SidOrNone = None
    REQUIRED: ClassVar[tuple[str, ...]] = ("ipv4",)
    DEFAULTS: ClassVar[dict[str, Any]] = {"port": 5060}


class SbcQuery(Input):
    service_provider_sid: str | None = None


@resource.get("/Sbcs", summary="List edges", id="listSbcs", query=SbcQuery, returns=list[SbcOut])  # type: ignore[valid-type]
async def list_sbcs(ask: Ask) -> Any:
    sp = ask.tenant.service_provider_sid or ask.query.get("service_provider_sid") or None
    async with ask.reading(PLATFORM) as tx:
        return [wire(row, drop=("pinned",)) for row in await SbcAddresses(tx).of(sp)]


@resource.post("/Sbcs", summary="Add an edge", id="createSbc", body=SbcIn, errors=(422,))
async def create_sbc(ask: Ask, body: SbcIn) -> dict[str, Any]:
    guards.only_admin(ask)
    if not body.ipv4:
        raise bad("missing field ipv4")
    async with ask.transaction() as tx:
        return {"sid": (await SbcAddresses(tx).add(body.given() | {"pinned": True})).sbc_address_sid}


@resource.delete("/Sbcs/{sbc_address_sid}", summary="Remove an edge", id="deleteSbc")
async def delete_sbc(ask: Ask) -> None:
    guards.only_admin(ask)
    async with ask.transaction() as tx:
        if not await SbcAddresses(tx).delete(ask.sid("sbc_address_sid")):
            raise absent()
