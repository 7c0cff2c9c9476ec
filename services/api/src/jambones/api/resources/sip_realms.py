"""SIP realms: under which domain an account's devices register."""

from typing import Any, ClassVar

from pydantic import BaseModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import bad, guarded
from jambones.api.operations import Resource
from jambones.api.wire import Input
from jambones.common.db.accounts import Accounts
from jambones.common.db.errors import Taken
from jambones.common.db.repository import Where
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.users import Users

resource = Resource("SipRealms", "Under which domain an account's devices register.")


@resource.post(
    "/Accounts/{account_sid}/SipRealms/{sip_realm}", summary="Set the SIP realm", id="setSipRealm", status=204,
    errors=(422,),
)  # fmt: skip
async def set_realm(ask: Ask) -> None:
    owner = await guards.account_part(ask)
    realm = ask.params["sip_realm"].lower()
    labels = realm.split(".")
    if len(labels) < 3 or len(realm) > 132 or not all(label.replace("-", "").isalnum() for label in labels):
        raise bad(f"invalid sip_realm: {realm[:132]}")
    if not realm.isascii():
        raise bad("invalid sip_realm")
    async with ask.transaction() as tx:
        try:
            if not await Accounts(tx).update(owner.account_sid or "", {"sip_realm": realm}):
                raise guarded(404, "account not found")
        except Taken as exc:
            raise Taken("this sip_realm is in use") from exc


class AvailabilityQuery(Input):
    type: str | None = None
    value: str | None = None
    REQUIRED: ClassVar[tuple[str, ...]] = ("type", "value")


class Availability(BaseModel):
    available: bool


@resource.get(
    "/Availability", summary="Say whether a SIP realm, an e-mail address or a telephone of a user is free",
    id="getAvailability", query=AvailabilityQuery,
    returns=Availability,
)  # fmt: skip
async def availability(ask: Ask) -> Any:
    kind, value = ask.query.get("type"), ask.query.get("value", "").strip()
    if kind not in ("subdomain", "email", "phone"):
        raise bad("invalid type")
    if not value:
        raise bad("missing value")
    async with ask.reading(PLATFORM) as tx:
        if kind == "subdomain":
            return {"available": await Accounts(tx).by_realm(value) is None}
        where = Where()
        where.add(f"lower({kind}) = lower({{}})", value)
        return {"available": await Users(tx).count(where) == 0}
