"""The INVITE towards a feature server: the far end's, with what the edge found out in signed headers."""

from typing import TYPE_CHECKING

from jambones.common.bus.nodes import Node
from jambones.common.clock import now_ms
from jambones.sbc import headers
from jambones.sbc.prefixes import parse_address
from jambones.sbc_inbound.destinations import DeviceRoute
from jambones.sbc_inbound.routing import Route
from jambones.sip.address import NameAddr
from jambones.sip.build import new_call_id
from jambones.sip.grammar import escape_user
from jambones.sip.leg import OutgoingLeg
from jambones.sip.transport import Address
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sbc_inbound.call import Call


async def ask_feature_server(call: "Call", node: Node, route: Route | DeviceRoute, offer: bytes | None) -> OutgoingLeg:
    """Send it; the leg's events say what becomes of it."""
    invite, env = call.far_end.invite, call.env
    address = Address.parse(node.sip)
    sip_call_id = new_call_id()
    source = call.far_end.source
    facts = headers.PrivateFacts(
        account_sid=route.account.account_sid,
        application_sid=route.application.application_sid if route.application is not None else "",
        origin=call.origin,
        source=f"{call.log.remote_host}:{source.port};{source.transport}",
        sip_call_id=invite.call_id,
        edge=env.node_id,
        leg=call.leg_id,
        edge_uri=env.edge_uri,
        trunk_sid=route.carrier.voip_carrier_sid if isinstance(route, Route) else None,
        trunk_name=route.carrier.name if isinstance(route, Route) else None,
        user=route.user if isinstance(route, DeviceRoute) else None,
        script=route.script if isinstance(route, DeviceRoute) else None,
    )
    rows = [*facts.headers(), headers.media_row(call.media.stays)]
    if env.internal_key is not None:
        rows.append(("X-Jambones-Sig", headers.sign(env.internal_key, sip_call_id, now_ms() // 1000)))
    rows.append(("Max-Forwards", str(max((invite.max_forwards or 70) - 1, 0))))
    rows += headers.to_feature_server(invite.headers, trusted=call.origin == "trunk")
    host = invite.uri.host
    elsewhere = not host or parse_address(host) is not None  # a tel URI has no host
    # Both users were unescaped for routing and the record: what a caller escaped must not end a line or a URI here.
    return await env.invite(
        Uri(
            "sip",
            escape_user(route.did) or None,
            None,
            address.host if elsewhere else host,
            address.port if elsewhere else None,
        ),
        from_=NameAddr(Uri("sip", escape_user(call.log.from_user), host=env.private_ip), invite.from_.display),
        to=invite.to.with_tag(None),
        sdp=offer,
        headers=rows,
        destination=address,
        call_id=sip_call_id,
    )
