"""Gateways: the addresses of carriers."""

import ipaddress
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden
from jambones.api.operations import UUID, Resource
from jambones.api.wire import Input, Lower, SidOrNone, no_empty, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.sip_gateways import SipGateway, SipGateways
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarrier, VoipCarriers

resource = Resource("SipGateways", "The addresses of carriers.")


class SipGatewayIn(Input):
    voip_carrier_sid: SidOrNone = None
    ipv4: str | None = Field(None, max_length=128)
    netmask: int | None = Field(None, ge=1, le=32)
    port: Annotated[Annotated[int, Field(ge=0, le=65535)] | None, BeforeValidator(no_empty)] = None
    inbound: bool | None = None
    outbound: bool | None = None
    is_active: bool | None = None
    send_options_ping: bool | None = None
    use_sips_scheme: bool | None = None
    pad_crypto: bool | None = None
    protocol: Annotated[Literal["udp", "tcp", "tls", "tls/srtp"] | None, Lower] = None
    remove_ice: bool | None = None
    dtls_off: bool | None = None

    KEY: ClassVar[str] = "sip_gateway_sid"
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "netmask": 32, "inbound": False, "outbound": False, "is_active": True, "send_options_ping": False,
        "use_sips_scheme": False, "pad_crypto": False, "remove_ice": False, "dtls_off": False,
    }  # fmt: skip

    def check(self, least: int) -> None:
        """The rules among the fields that were given; `least`: the smallest netmask. Raises Refused."""
        if self.netmask is not None and self.netmask < least:
            raise bad(f"netmask required to have value equal or greater than {least}")
        if "ipv4" not in self.model_fields_set:
            return
        if not self.ipv4:
            raise bad("missing field ipv4")
        if any(char.isspace() for char in self.ipv4):
            raise bad("Gateway must not contain whitespace")
        if self.inbound and not _is_ipv4(self.ipv4):
            raise bad("Inbound gateway must be IPv4 address")
        if self.outbound and not self.inbound and self.netmask not in (None, 32):
            raise bad("For outbound only gateway netmask can only be 32")


class GatewaysQuery(Input):
    voip_carrier_sid: str | None = None
    REQUIRED: ClassVar[tuple[str, ...]] = ("voip_carrier_sid",)


SipGatewayOut = model_of(SipGateway, "SipGateway")


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


async def writable_carrier(ask: Ask, sid: str) -> VoipCarrier:
    """The carrier when the caller may change its gateways. Raises Refused."""
    async with ask.reading() as tx:
        row = await VoipCarriers(tx).mine(sid)
        if row is not None:
            return row
        if await VoipCarriers(tx).get(sid) is not None:
            raise forbidden("insufficient privileges")  # one that is only shared with the account
    async with ask.reading(PLATFORM) as tx:
        if await VoipCarriers(tx).get(sid) is not None:
            raise forbidden("insufficient privileges")
    raise bad("invalid voip_carrier_sid")


@resource.post("/SipGateways", summary="Add a gateway to a carrier", id="createSipGateway", body=SipGatewayIn)
async def create(ask: Ask, body: SipGatewayIn) -> dict[str, Any]:
    if body.voip_carrier_sid is None:
        raise bad("missing voip_carrier_sid")
    if body.ipv4 is None:
        raise bad("missing field ipv4")
    body.check(ask.parts.settings.min_gateway_netmask)
    await writable_carrier(ask, body.voip_carrier_sid)
    async with ask.transaction() as tx:
        return {"sid": (await SipGateways(tx).add(body.given())).sip_gateway_sid}


@resource.get(
    "/SipGateways", summary="List a carrier's gateways", id="listSipGateways", query=GatewaysQuery,
    returns=list[SipGatewayOut],  # type: ignore[valid-type]
)  # fmt: skip
async def list_gateways(ask: Ask) -> Any:
    sid = ask.query.get("voip_carrier_sid", "").strip().lower()
    if not sid:
        raise bad("missing voip_carrier_sid")
    async with ask.reading() as tx:
        if ask.caller.scope != "admin" and await VoipCarriers(tx).get(sid) is None:
            raise bad("invalid voip_carrier_sid")
        return [wire(row) for row in await SipGateways(tx).select(voip_carrier_sid=sid)]


@resource.get("/SipGateways/{sip_gateway_sid}", summary="Show a gateway", id="getSipGateway", returns=SipGatewayOut)
async def show(ask: Ask) -> Any:
    async with ask.reading() as tx:
        row = await SipGateways(tx).get(ask.sid("sip_gateway_sid"))
    if row is None:
        raise absent()
    return wire(row)


@resource.put("/SipGateways/{sip_gateway_sid}", summary="Change a gateway", id="updateSipGateway", body=SipGatewayIn)
async def update(ask: Ask, body: SipGatewayIn) -> None:
    row = await _writable(ask)
    body.check(ask.parts.settings.min_gateway_netmask)
    values = body.given()
    if "voip_carrier_sid" in values:
        sid = values["voip_carrier_sid"]
        if sid is None:
            raise bad("invalid voip_carrier_sid")
        if sid != row.voip_carrier_sid:
            await writable_carrier(ask, sid)
    async with ask.transaction() as tx:
        await SipGateways(tx).update(row.sip_gateway_sid, values)


@resource.delete("/SipGateways/{sip_gateway_sid}", summary="Delete a gateway", id="deleteSipGateway")
async def delete(ask: Ask) -> None:
    row = await _writable(ask)
    async with ask.transaction() as tx:
        await SipGateways(tx).delete(row.sip_gateway_sid)


async def _writable(ask: Ask) -> SipGateway:
    sid = ask.params["sip_gateway_sid"].lower()
    if not UUID.fullmatch(sid):
        raise bad("invalid sip_gateway_sid")
    async with ask.reading(PLATFORM) as tx:
        row = await SipGateways(tx).get(sid)
    if row is None:
        raise bad("invalid sip_gateway_sid")
    await writable_carrier(ask, row.voip_carrier_sid)
    return row
