"""Whom an INVITE is from and where it goes: the trunk's way at once, a user's when he has authenticated."""

from typing import TYPE_CHECKING

from jambones.sbc import headers
from jambones.sbc.decision import Decision, Refusal
from jambones.sbc_inbound.classify import classify
from jambones.sbc_inbound.destinations import DeviceRoute
from jambones.sbc_inbound.identify import Caller, UserCaller
from jambones.sbc_inbound.routing import Route
from jambones.sbc_inbound.sources import source_of

if TYPE_CHECKING:
    from jambones.sbc_inbound.call import Call


async def where_to(call: "Call") -> Decision[Route | DeviceRoute | Refusal]:
    """Where the call goes; a user is asked for credentials first."""
    invite, tables = call.far_end.invite, call.env.directory.tables
    seen, caller = headers.applications_seen(invite.headers), caller_of(call)
    decision = classify(tables, caller, seen)
    if not isinstance(user := decision.result, UserCaller):
        return Decision(user, decision.reasons)
    flow = call.far_end.flow.id if call.far_end.flow is not None else ""
    let_in = await call.env.users.admit(tables, user.account, caller, invite, seen, flow)
    return Decision(let_in.result, decision.reasons + let_in.reasons)


def caller_of(call: "Call") -> Caller:
    """The source of the INVITE; a trusted proxy may name another one."""
    uri, source = call.far_end.invite.uri, call.far_end.source
    address = call.log.remote_host = source_of(call.far_end.invite.headers, source.host, call.env.trusted_proxies)
    registered = call.env.users.registered_from(uri.host, address, source.port)
    sources = call.env.trunk_sources.of(address)
    return Caller(address, source.port, source.transport, uri.number, uri.host, registered, sources)
