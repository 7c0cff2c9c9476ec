"""Where an admitted call goes: to a trunk's gateways one after the other, to a user's devices, or to a SIP URI."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from jambones.sbc.decision import Decision, Refusal
from jambones.sbc_outbound import gateways
from jambones.sbc_outbound.destinations import destination, may_reach
from jambones.sbc_outbound.failover import Context, Result, final_status, next_step
from jambones.sbc_outbound.gateways import Candidate, candidates
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.ringing import Refused, Ringing
from jambones.sbc_outbound.routing import trunks_for
from jambones.sbc_outbound.ways import Way, to_device, to_gateway, to_uri
from jambones.sip.events import Ended
from jambones.sip.transport import Address
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.resolver import Unresolvable
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sbc_outbound.call import Call

T = TypeVar("T")
FLOW_DEAD = 480
MakeWay = Callable[[Address], Way]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Nobody took the call: the status for the feature server, and what it comes from."""

    status: int
    refused: Refused


@dataclass(frozen=True, slots=True)
class Stop:
    """A place to try: the URI that leads there, how the INVITE looks, and whose it is."""

    hop: Uri
    way: MakeWay
    label: str
    trunk_sid: str = ""
    guarded: bool = False
    """A tenant chose it: no private addresses."""


async def place(call: "Call", order: Order) -> Outcome | None:
    """Find where the call goes and see it through; None when it was answered and is over, or was refused here."""
    match order.kind:
        case "phone":
            return await _to_number(call, order)
        case "user":
            return await _to_user(call, order)
        case "sip":
            decision = destination(call.env.directory.tables, order, call.env.surroundings())
            result = _explained(call, decision)
            if isinstance(result, Refusal):
                await call.refuse(result)
                return None
            return await (_to_user(call, order) if result == "user" else _to_uri(call, order))


async def _to_number(call: "Call", order: Order) -> Outcome | None:
    tables = call.env.directory.tables
    trunks = _explained(call, trunks_for(tables, order))
    if isinstance(trunks, Refusal):
        await call.refuse(trunks)
        return None
    found = _explained(call, candidates(tables, trunks, down=call.env.down, private=call.env.private_networks))
    return await _hunt(call, [_at_gateway(call, candidate, order) for candidate in found])


async def _to_uri(call: "Call", order: Order) -> Outcome | None:
    def way(address: Address) -> Way:
        return to_uri(order, address, lambda: call.env.outside.host_towards(address))

    target = order.proxy or order.target
    return await _hunt(call, [Stop(target, way, target.host, guarded=True)])


async def _to_user(call: "Call", order: Order) -> Outcome | None:
    devices = _explained(call, call.env.devices(order))
    if isinstance(devices, Refusal):
        await call.refuse(devices)
        return None
    refused = await Ringing(call).run([to_device(device, order, call.env.flow(device)) for device in devices])
    if refused is None:
        return None
    result = _result(refused)
    call.log.reasons.append(f"devices: {result.status} {refused.ended.reason}")
    if not result.answered and result.status == 503 and not refused.ours:
        return Outcome(FLOW_DEAD, refused)
    return Outcome(final_status([result]), refused)


def _at_gateway(call: "Call", candidate: Candidate, order: Order) -> Stop:
    def way(address: Address) -> Way:
        return to_gateway(candidate, order, address, lambda: call.env.outside.host_towards(address))

    trunk, gateway = candidate.trunk, candidate.gateway
    hop, _ = gateways.next_hop(candidate)
    return Stop(hop, way, f"{gateway.host} of {trunk.name}", trunk.voip_carrier_sid)


async def _hunt(call: "Call", stops: list[Stop]) -> Outcome | None:
    """One place after the other, as the table of `failover` says."""
    results: list[Result] = []
    last: Refused | None = None
    best: Refused | None = None
    for index, stop in enumerate(stops):
        addresses = await _addresses(call, stop)
        if addresses is None:
            return Outcome(403, Refused(Ended("failure", 403, "destination not allowed"), None, ours=True))
        if not addresses:
            last = Refused(Ended("failure", 503, f"no address for {stop.hop.host}"), None)
            results.append(Result(503, answered=False))
            call.log.reasons.append(f"{stop.label}: no address")
            continue
        for more, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            try:
                way = stop.way(address)
            except NoTransport as exc:
                refused: Refused | None = Refused(Ended("failure", 503, f"no listener for {exc}"), None)
            else:
                silence = call.env.invite_timeout if address.transport == "udp" else None
                refused = await Ringing(call).run([way], silence=silence)
            if refused is None:
                return None
            last, result = refused, _result(refused)
            results.append(result)
            best = refused if result.answered else best
            context = Context(
                next_gateway=_next(stops, index, more),
                early_media=refused.early_media,
                cancelled=call.feature_server.ended is not None,
            )
            step = next_step(result, context)
            if refused.ours:
                call.log.reasons.append(f"{stop.label}: {result.status} {refused.ended.reason}")
                return Outcome(result.status, refused)
            call.log.reasons.append(f"{stop.label}: {result.status} {refused.ended.reason}; {step.why}")
            if not step.go_on:
                return Outcome(final_status(results), best or refused)
            if more and result.answered and result.status != 503:
                break  # RFC 3263: another address of the same name is for those that do not answer
    assert last is not None, "there was at least one place"
    return Outcome(final_status(results), best or last)


def _next(stops: list[Stop], index: int, more: int) -> Literal["none", "same trunk", "other trunk"]:
    if index + 1 < len(stops):
        return "same trunk" if stops[index + 1].trunk_sid == stops[index].trunk_sid else "other trunk"
    return "same trunk" if more else "none"


async def _addresses(call: "Call", stop: Stop) -> list[Address] | None:
    """Best first; None when there are only such as a tenant may not call."""
    try:
        found = await call.env.outside.resolve(stop.hop)
    except Unresolvable:
        return []
    if not stop.guarded:
        return found
    around = call.env.surroundings()
    allowed = [address for address in found if may_reach(address.host, around)]
    if len(allowed) < len(found):
        call.log.reasons.append(f"{stop.label}: leads to a private address")
    return allowed or (None if found else [])


def _result(refused: Refused) -> Result:
    ended = refused.ended
    answered = ended.by == "remote"
    return Result(ended.status, answered, challenged_again=answered and ended.status in {401, 407})


def _explained(call: "Call", decision: Decision[T]) -> T:
    call.log.reasons += map(str, decision.reasons)
    return decision.result
