"""Least-cost routing: tables, their routes, and the carriers of each route."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, RootModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad
from jambones.api.operations import UUID, Resource
from jambones.api.wire import Input, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.database import Transaction
from jambones.common.db.errors import Taken
from jambones.common.db.lcrs import (
    DEFAULT_PRIORITY,
    Lcr,
    LcrCarrierSetEntries,
    LcrCarrierSetEntry,
    LcrRoute,
    LcrRoutes,
    Lcrs,
)
from jambones.common.db.repository import Where
from jambones.common.db.tenant import Tenant
from jambones.common.db.voip_carriers import VoipCarriers

resource = Resource("Lcrs", "Which carriers take a call out, by dialled number.")
Number = Annotated[int | None, Field(ge=-(2**31), le=2**31 - 1)]
LcrOut = model_of(Lcr, "Lcr", number_routes=int)
RouteOut = model_of(LcrRoute, "LcrRoute", lcr_carrier_set_entries=list[dict[str, Any]])
EntryOut = model_of(LcrCarrierSetEntry, "LcrCarrierSetEntry")


class LcrIn(Input):
    name: str | None = Field(None, min_length=1, max_length=64)
    is_active: bool | None = None
    account_sid: SidOrNone = None
    service_provider_sid: SidOrNone = None
    default_carrier_set_entry_sid: SidOrNone = None

    REQUIRED: ClassVar[tuple[str, ...]] = ("name",)
    KEY: ClassVar[str] = "lcr_sid"
    DEFAULTS: ClassVar[dict[str, Any]] = {"is_active": True}


class EntryIn(Input):
    lcr_carrier_set_entry_sid: SidOrNone = None
    lcr_route_sid: SidOrNone = None
    voip_carrier_sid: SidOrNone = None
    workload: Number = None
    priority: Number = None

    DEFAULTS: ClassVar[dict[str, Any]] = {"workload": 1, "priority": 0}


class RouteIn(Input):
    lcr_route_sid: SidOrNone = None
    lcr_sid: SidOrNone = None
    regex: str | None = Field(None, max_length=32)
    description: str | None = Field(None, max_length=1024)
    priority: Number = None
    lcr_carrier_set_entries: list[EntryIn] | None = None

    def columns(self) -> dict[str, Any]:
        values = self.given(but=("lcr_route_sid", "lcr_sid", "lcr_carrier_set_entries"))
        for name in ("regex", "priority"):
            if name in values and values[name] is None:
                raise bad(f"missing field {name}")
        return values


class EntryChange(EntryIn):
    """A change of one entry by its sid."""

    KEY: ClassVar[str] = "lcr_carrier_set_entry_sid"


class RouteChange(RouteIn):
    """A change of one route by its sid."""

    KEY: ClassVar[str] = "lcr_route_sid"


class RoutesIn(RootModel[list[RouteIn]]):
    """Routes with their carriers."""


class ByLcr(Input):
    lcr_sid: str | None = None
    REQUIRED: ClassVar[tuple[str, ...]] = ("lcr_sid",)


class ByRoute(Input):
    lcr_route_sid: str | None = None
    REQUIRED: ClassVar[tuple[str, ...]] = ("lcr_route_sid",)


@resource.post("/Lcrs", summary="Make a routing table", id="createLcr", body=LcrIn)
async def create(ask: Ask, body: LcrIn) -> dict[str, Any]:
    if not body.name:
        raise bad("missing field name")
    owner: dict[str, Any] = {"account_sid": None, "service_provider_sid": None}
    if ask.caller.scope == "account":
        owner["account_sid"] = ask.tenant.account_sid
    elif body.account_sid is not None:
        owner["account_sid"] = (await guards.owner_for(ask, body.account_sid)).account_sid
    else:
        sp = ask.tenant.service_provider_sid or body.service_provider_sid
        if sp is not None and await guards.service_provider_of(ask, sp) is None:
            raise bad("unknown service_provider_sid")
        owner["service_provider_sid"] = sp
    async with ask.transaction() as tx:
        lcrs = Lcrs(tx)
        who = "account" if owner["account_sid"] else "service provider"
        second = bad(f"this {who} already has an active call routing table.")
        if any(owner.values()) and await lcrs.select(**owner):
            raise second
        values = body.given(but=("account_sid", "service_provider_sid", "default_carrier_set_entry_sid"))
        try:
            return {"sid": (await lcrs.add(values | owner)).lcr_sid}
        except Taken as exc:  # by somebody who asked at the same moment
            raise second from exc


@resource.get("/Lcrs", summary="List routing tables", id="listLcrs", returns=list[LcrOut])  # type: ignore[valid-type]
async def list_lcrs(ask: Ask) -> Any:
    return await _listed(ask, ask.tenant)


@resource.get(
    "/ServiceProviders/{service_provider_sid}/Lcrs", summary="List a service provider's routing tables",
    id="listServiceProviderLcrs", returns=list[LcrOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_of_provider(ask: Ask) -> Any:
    return await _listed(ask, guards.service_provider_list(ask))


async def _listed(ask: Ask, tenant: Tenant) -> list[dict[str, Any]]:
    async with ask.reading(tenant) as tx:
        counts = await Lcrs(tx).route_counts()
        return [wire(row, number_routes=counts.get(row.lcr_sid, 0)) for row in await Lcrs(tx).find(Where())]


@resource.get("/Lcrs/{lcr_sid}", summary="Show a routing table", id="getLcr", returns=LcrOut)
async def show(ask: Ask) -> Any:
    async with ask.reading() as tx:
        row = await Lcrs(tx).get(ask.sid("lcr_sid"))
        if row is None:
            raise absent()
        return wire(row, number_routes=(await Lcrs(tx).route_counts()).get(row.lcr_sid, 0))


@resource.put("/Lcrs/{lcr_sid}", summary="Change a routing table", id="updateLcr", body=LcrIn)
async def update(ask: Ask, body: LcrIn) -> None:
    values = body.given(but=("account_sid", "service_provider_sid"))
    if "name" in values and not values["name"]:
        raise bad("missing field name")
    async with ask.transaction() as tx:
        row = await Lcrs(tx).mine(ask.sid("lcr_sid"))
        if row is None:
            raise bad("unknown lcr_sid")
        entry = values.get("default_carrier_set_entry_sid")
        if entry is not None:
            found = await LcrCarrierSetEntries(tx).mine(entry)
            route = await LcrRoutes(tx).mine(found.lcr_route_sid) if found is not None else None
            if route is None or route.lcr_sid != row.lcr_sid:
                raise bad("unknown default_carrier_set_entry_sid")
        await Lcrs(tx).update(row.lcr_sid, values)


@resource.delete("/Lcrs/{lcr_sid}", summary="Delete a routing table", id="deleteLcr")
async def delete(ask: Ask) -> None:
    async with ask.transaction() as tx:
        if not await Lcrs(tx).delete(ask.sid("lcr_sid")):
            raise absent()


async def _store_routes(ask: Ask, routes: list[RouteIn]) -> None:
    async with ask.transaction() as tx:
        lcr = await Lcrs(tx).mine(ask.sid("lcr_sid"))
        if lcr is None:
            raise absent("unknown lcr_sid")
        for route in routes:
            if not route.lcr_carrier_set_entries:
                raise bad("Lcr Route batch process require lcr_carrier_set_entries")
            if any(entry.voip_carrier_sid is None for entry in route.lcr_carrier_set_entries):
                raise bad("One of lcr_carrier_set_entries is missing voip_carrier_sid")
            sid = await _store_route(tx, lcr, route)
            for entry in route.lcr_carrier_set_entries:
                made = await _store_entry(tx, sid, entry)
                if route.priority == DEFAULT_PRIORITY:
                    await Lcrs(tx).update(lcr.lcr_sid, {"default_carrier_set_entry_sid": made})


async def _store_route(tx: Transaction, lcr: Lcr, route: RouteIn) -> str:
    values = route.columns()
    if route.lcr_route_sid is None:
        for name in ("regex", "priority"):
            if name not in values:
                raise bad(f"missing field {name}")
        return (await LcrRoutes(tx).add(values | {"lcr_sid": lcr.lcr_sid})).lcr_route_sid
    row = await LcrRoutes(tx).mine(route.lcr_route_sid)
    if row is None or row.lcr_sid != lcr.lcr_sid:
        raise bad("unknown lcr_route_sid")
    await LcrRoutes(tx).update(row.lcr_route_sid, values)
    return row.lcr_route_sid


async def _store_entry(tx: Transaction, route_sid: str, entry: EntryIn) -> str:
    entries = LcrCarrierSetEntries(tx)
    if entry.voip_carrier_sid is None or await VoipCarriers(tx).get(entry.voip_carrier_sid) is None:
        raise bad("unknown voip_carrier_sid")
    values = entry.given(but=("lcr_carrier_set_entry_sid", "lcr_route_sid"))
    if entry.lcr_carrier_set_entry_sid is None:
        return (await entries.add(values | {"lcr_route_sid": route_sid})).lcr_carrier_set_entry_sid
    row = await entries.mine(entry.lcr_carrier_set_entry_sid)
    if row is None or row.lcr_route_sid != route_sid:
        raise bad("unknown lcr_carrier_set_entry_sid")
    await entries.update(row.lcr_carrier_set_entry_sid, values)
    return row.lcr_carrier_set_entry_sid


@resource.post("/Lcrs/{lcr_sid}/Routes", summary="Add routes", id="createLcrRoutes", body=RoutesIn, status=204)
async def add_routes(ask: Ask, body: RoutesIn) -> None:
    await _store_routes(ask, [route.model_copy(update={"lcr_route_sid": None}) for route in body.root])


@resource.put("/Lcrs/{lcr_sid}/Routes", summary="Change or add routes", id="updateLcrRoutes", body=RoutesIn)
async def put_routes(ask: Ask, body: RoutesIn) -> None:
    await _store_routes(ask, body.root)


@resource.post("/LcrRoutes", summary="Add a route", id="createLcrRoute", body=RouteIn)
async def create_route(ask: Ask, body: RouteIn) -> dict[str, Any]:
    if body.lcr_sid is None:
        raise bad("missing parameter lcr_sid")
    async with ask.transaction() as tx:
        lcr = await Lcrs(tx).mine(body.lcr_sid)
        if lcr is None:
            raise bad("unknown lcr_sid")
        return {"sid": await _store_route(tx, lcr, body.model_copy(update={"lcr_route_sid": None}))}


@resource.get(
    "/LcrRoutes", summary="List a table's routes", id="listLcrRoutes", query=ByLcr,
    returns=list[RouteOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_routes(ask: Ask) -> Any:
    sid = _required(ask, "lcr_sid")
    async with ask.reading() as tx:
        return [await _route(tx, row) for row in await LcrRoutes(tx).select(lcr_sid=sid)]


async def _route(tx: Transaction, row: LcrRoute) -> dict[str, Any]:
    entries = await LcrCarrierSetEntries(tx).select(lcr_route_sid=row.lcr_route_sid)
    return wire(row, lcr_carrier_set_entries=[wire(entry) for entry in entries])


def _required(ask: Ask, name: str) -> str:
    sid = ask.query.get(name, "").strip().lower()
    if not sid:
        raise bad(f"missing {name}")
    if not UUID.fullmatch(sid):
        raise bad(f"unknown {name}")
    return sid


@resource.get("/LcrRoutes/{lcr_route_sid}", summary="Show a route", id="getLcrRoute", returns=RouteOut)
async def show_route(ask: Ask) -> Any:
    async with ask.reading() as tx:
        row = await LcrRoutes(tx).get(ask.sid("lcr_route_sid"))
        if row is None:
            raise absent()
        return await _route(tx, row)


@resource.put("/LcrRoutes/{lcr_route_sid}", summary="Change a route", id="updateLcrRoute", body=RouteChange)
async def update_route(ask: Ask, body: RouteChange) -> None:
    async with ask.transaction() as tx:
        if not await LcrRoutes(tx).update(ask.sid("lcr_route_sid"), body.columns()):
            raise absent()


@resource.delete("/LcrRoutes/{lcr_route_sid}", summary="Delete a route", id="deleteLcrRoute")
async def delete_route(ask: Ask) -> None:
    async with ask.transaction() as tx:
        if not await LcrRoutes(tx).delete(ask.sid("lcr_route_sid")):
            raise absent()


@resource.post("/LcrCarrierSetEntries", summary="Add a carrier to a route", id="createLcrEntry", body=EntryIn)
async def create_entry(ask: Ask, body: EntryIn) -> dict[str, Any]:
    for name in ("lcr_route_sid", "voip_carrier_sid"):
        if getattr(body, name) is None:
            raise bad(f"missing {name}")
    async with ask.transaction() as tx:
        route = await LcrRoutes(tx).mine(body.lcr_route_sid or "")
        if route is None:
            raise bad("unknown lcr_route_sid")
        fresh = body.model_copy(update={"lcr_carrier_set_entry_sid": None})
        return {"sid": await _store_entry(tx, route.lcr_route_sid, fresh)}


@resource.get(
    "/LcrCarrierSetEntries", summary="List a route's carriers", id="listLcrEntries", query=ByRoute,
    returns=list[EntryOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_entries(ask: Ask) -> Any:
    sid = _required(ask, "lcr_route_sid")
    async with ask.reading() as tx:
        return [wire(row) for row in await LcrCarrierSetEntries(tx).select(lcr_route_sid=sid)]


@resource.get(
    "/LcrCarrierSetEntries/{entry_sid}", summary="Show a carrier of a route", id="getLcrEntry", returns=EntryOut
)
async def show_entry(ask: Ask) -> Any:
    async with ask.reading() as tx:
        row = await LcrCarrierSetEntries(tx).get(ask.sid("entry_sid"))
    if row is None:
        raise absent()
    return wire(row)


@resource.put(
    "/LcrCarrierSetEntries/{entry_sid}", summary="Change a carrier of a route", id="updateLcrEntry", body=EntryChange
)
async def update_entry(ask: Ask, body: EntryChange) -> None:
    async with ask.transaction() as tx:
        values = body.given(but=("lcr_carrier_set_entry_sid", "lcr_route_sid"))
        if "voip_carrier_sid" in values:
            carrier = values["voip_carrier_sid"]
            if carrier is None or await VoipCarriers(tx).get(carrier) is None:
                raise bad("unknown voip_carrier_sid")
        if not await LcrCarrierSetEntries(tx).update(ask.sid("entry_sid"), values):
            raise absent()


@resource.delete("/LcrCarrierSetEntries/{entry_sid}", summary="Take a carrier off a route", id="deleteLcrEntry")
async def delete_entry(ask: Ask) -> None:
    async with ask.transaction() as tx:
        if not await LcrCarrierSetEntries(tx).delete(ask.sid("entry_sid")):
            raise absent()
