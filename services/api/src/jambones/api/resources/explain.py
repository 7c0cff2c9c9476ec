"""Dry runs of routing: where a call would go and why, answered by the processes that route calls."""

from ipaddress import ip_address
from typing import Any, Literal

from pydantic import BaseModel, Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import bad
from jambones.api.operations import Resource
from jambones.api.pagination import text_filter
from jambones.api.wire import Input
from jambones.common.bus.explain import ExplainInbound, ExplainOutbound, Explanation
from jambones.common.db.phone_numbers import PhoneNumbers
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.ids import AccountSid, ServiceProviderSid
from jambones.common.private import Private

resource = Resource("Explain", "Where a call would go, and each rule that was looked at.")
TIMEOUT = 5.0


class ExplainQuery(Input):
    number: str | None = Field(None, max_length=255)
    """A call to this number comes in."""
    source: str | None = Field(None, max_length=64)
    """From this address, "192.0.2.1" or "192.0.2.1:5060"; left out: from a gateway that may send the number."""
    transport: Literal["udp", "tcp", "tls", "ws", "wss"] | None = None
    host: str | None = Field(None, max_length=255)
    """The host of the Request-URI; left out: an address of the edge."""
    target: str | None = Field(None, max_length=1024)
    """A call goes out to this number, user@realm or SIP URI."""
    caller: str | None = Field(None, max_length=255)
    trunk: str | None = Field(None, max_length=255)
    """The carrier that the application names."""
    account_sid: str | None = Field(None, max_length=36)
    """Whose call goes out, where the path does not say it."""


class Asked(BaseModel):
    """The question, with what was filled in."""

    direction: Literal["inbound", "outbound"]
    number: str | None = None
    source: str | None = None
    transport: str | None = None
    host: str | None = None
    target: str | None = None
    caller: str | None = None
    trunk: str | None = None
    assumed: str | None = None
    """Why this source, when none was given."""


class Explained(Explanation):
    """The answer of an edge or an egress."""

    asked: Asked


@resource.get(
    "/Accounts/{account_sid}/explain", summary="Say where a call of an account would go", id="explainAccountRouting",
    query=ExplainQuery, returns=Explained, errors=(503,),
)  # fmt: skip
async def of_account(ask: Ask) -> Any:
    tenant = (await guards.account_item(ask)).tenant
    return await _explain(ask, tenant, tenant.account_sid)


@resource.get(
    "/ServiceProviders/{service_provider_sid}/explain", summary="Say where a call of a service provider would go",
    id="explainServiceProviderRouting", query=ExplainQuery, returns=Explained, errors=(503,),
)  # fmt: skip
async def of_provider(ask: Ask) -> Any:
    tenant = guards.service_provider_part(ask)
    return await _explain(ask, tenant, None)


@resource.get(
    "/explain", summary="Say where a call would go", id="explainRouting", query=ExplainQuery, returns=Explained,
    errors=(503,),
)  # fmt: skip
async def of_caller(ask: Ask) -> Any:
    """With the eyes of whoever asks: the platform sees everything."""
    return await _explain(ask, ask.tenant, ask.tenant.account_sid)


async def _explain(ask: Ask, viewer: Tenant, account_sid: str | None) -> dict[str, Any]:
    number, target = text_filter(ask.query, "number"), text_filter(ask.query, "target")
    if target is not None:
        if number is not None or ask.query.get("source"):
            raise bad("a call comes in (number, source) or goes out (target), not both")
        return await _outbound(ask, viewer, account_sid, target)
    if number is None and not ask.query.get("source"):
        raise bad("missing number, source or target query arg")
    return await _inbound(ask, viewer, number)


async def _inbound(ask: Ask, viewer: Tenant, number: str | None) -> dict[str, Any]:
    transport: Any = ask.query.get("transport") or "udp"
    source, assumed = ask.query.get("source", "").strip(), None
    if source:
        address, port = _address(source)
    else:
        address, port, assumed = await _likely_source(ask, viewer, number or "")
    question = ExplainInbound(
        number=Private(number) if number is not None else None,
        address=address,
        port=port,
        transport=transport,
        host=ask.query.get("host") or None,
        viewer_service_provider_sid=_provider(viewer),
        viewer_account_sid=_account(viewer),
    )
    answer = await ask.bus.request(question, timeout=TIMEOUT)
    asked = Asked(
        direction="inbound", number=number, source=f"{address}:{port}" if ":" not in address else f"[{address}]:{port}",
        transport=transport, host=question.host, assumed=assumed,
    )  # fmt: skip
    return _shown(answer, asked)


async def _outbound(ask: Ask, viewer: Tenant, account_sid: str | None, target: str) -> dict[str, Any]:
    if account_sid is None:
        account_sid = (ask.query.get("account_sid") or "").lower()
        if not account_sid:
            raise bad("missing account_sid query arg")
        account = await guards.account_of(ask, account_sid)
        if account is None or (viewer != PLATFORM and account.service_provider_sid != viewer.service_provider_sid):
            raise bad("unknown account_sid")
    caller, trunk = text_filter(ask.query, "caller"), text_filter(ask.query, "trunk")
    question = ExplainOutbound(
        account_sid=AccountSid(account_sid),
        target=Private(target),
        caller=Private(caller) if caller is not None else None,
        trunk=trunk,
        viewer_service_provider_sid=_provider(viewer),
        viewer_account_sid=_account(viewer),
    )
    answer = await ask.bus.request(question, timeout=TIMEOUT)
    return _shown(answer, Asked(direction="outbound", target=target, caller=caller, trunk=trunk))


def _shown(answer: Explanation, asked: Asked) -> dict[str, Any]:
    return {"asked": asked.model_dump(exclude_none=True), **answer.model_dump(mode="json")}


async def _likely_source(ask: Ask, viewer: Tenant, number: str) -> tuple[str, int, str]:
    """An address that the number may come from: a gateway of its trunk, else of any trunk of the viewer."""
    digits = number.removeprefix("+")
    async with ask.reading(viewer) as tx:
        rows = await PhoneNumbers(tx).select(number=digits)
        sids = [row.voip_carrier_sid for row in rows if row.voip_carrier_sid]
        carriers = {row.voip_carrier_sid: row for row in await VoipCarriers(tx).select() if row.is_active}
        for sid in dict.fromkeys([*sids, *carriers]):
            if sid not in carriers:
                continue
            for gateway in await SipGateways(tx).select(voip_carrier_sid=sid):
                if not (gateway.inbound and gateway.is_active and _is_address(gateway.ipv4)):
                    continue
                why = "the number's trunk" if sid in sids else "the first trunk with a gateway"
                return gateway.ipv4, gateway.port or 5060, f"gateway of {carriers[sid].name}, {why}"
    raise bad("missing source query arg: no inbound gateway is known that could send this call")


def _address(text: str) -> tuple[str, int]:
    host, port = text, "5060"
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not _is_address(host) or not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65535:
        raise bad('invalid "source" query arg: an IP address, with or without a port')
    return host, int(port)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _provider(viewer: Tenant) -> ServiceProviderSid | None:
    return ServiceProviderSid(viewer.service_provider_sid) if viewer.service_provider_sid else None


def _account(viewer: Tenant) -> AccountSid | None:
    return AccountSid(viewer.account_sid) if viewer.account_sid else None
