"""Ways out: where one INVITE goes and what it looks like, made from a gateway, a URI or a registered device."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jambones.media.rtpengine import PLAIN, SDES, WEBRTC, Profile
from jambones.sbc_outbound import gateways
from jambones.sbc_outbound.devices import Device
from jambones.sbc_outbound.gateways import Candidate
from jambones.sbc_outbound.order import Order
from jambones.sip.address import NameAddr
from jambones.sip.digest import Credentials
from jambones.sip.grammar import escape_user
from jambones.sip.transport import Address
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uri import Uri

Rows = tuple[tuple[str, str], ...]
OwnHost = Callable[[], str]

PADDED = replace(
    SDES,
    name="sdes-padded",
    offer={**SDES.offer, "SDES": (*SDES.offer["SDES"], "pad")},  # type: ignore[misc]  # a tuple of words
    answer={**SDES.answer, "SDES": (*SDES.answer["SDES"], "pad")},  # type: ignore[misc]
)
"""SRTP keys with their base64 padded, for peers that insist on it."""


@dataclass(frozen=True, slots=True)
class Way:
    """One INVITE to the outside."""

    label: str
    """For the log and the record: a gateway's address, or what kind of device."""
    uri: Uri
    from_: NameAddr
    to: NameAddr
    address: Address
    """Where it goes; of a device: where that is."""
    flow: VirtualFlow | None = None
    """The way to a device at an edge."""
    rows: Rows = ()
    contact_user: str | None = None
    credentials: Credentials | None = None
    profile: Profile = PLAIN
    strict: bool = False
    """Whether the far end's media may not move to another address."""
    trunk_name: str | None = None
    gateway_sid: str | None = None


def to_gateway(candidate: Candidate, order: Order, address: Address, own_host: OwnHost) -> Way:
    """The call at a trunk's gateway; `address` is one that its next hop led to."""
    trunk, gateway = candidate.trunk, candidate.gateway
    uri = gateways.request_uri(candidate, order.number)
    _, route = gateways.next_hop(candidate)
    from_ = gateways.from_address(trunk, order, own_host)
    login = None
    if trunk.register_username and trunk.register_password is not None:
        login = Credentials(trunk.register_username, trunk.register_password.reveal())
    rows = [("Route", f"<{route}>")] if route is not None else []
    profile = PLAIN
    if gateway.srtp:
        profile = PADDED if gateway.pad_crypto else SDES
    return Way(
        label=f"{gateway.host}:{gateway.port}" if gateway.port is not None else gateway.host,
        uri=uri,
        from_=from_,
        to=NameAddr(uri.without("transport")),
        address=address,
        rows=(*rows, *gateways.identity_headers(trunk, own_host)),
        contact_user=gateways.contact_user(trunk, from_),
        credentials=login,
        profile=profile,
        strict=True,
        trunk_name=trunk.name,
        gateway_sid=gateway.sip_gateway_sid,
    )


def to_uri(order: Order, address: Address, own_host: OwnHost) -> Way:
    """The call at a SIP URI."""
    uri = replace(order.target, headers={})
    from_ = gateways.from_address(None, order, own_host)
    route = order.proxy.with_params(lr=None) if order.proxy is not None else None
    login = Credentials(order.login.username, order.login.password.reveal()) if order.login is not None else None
    return Way(
        label=uri.host,
        uri=uri,
        from_=from_,
        to=NameAddr(uri.without("transport")),
        address=address,
        rows=(("Route", f"<{route}>"),) if route is not None else (),
        contact_user=from_.uri.user,
        credentials=login,
        profile=SDES if order.srtp or uri.scheme == "sips" else PLAIN,
        trunk_name="sipUri",
    )


def to_device(device: Device, order: Order, flow: VirtualFlow) -> Way:
    """The call at a registered device, through the edge it is connected to."""
    binding = device.stored.binding
    from_ = gateways.from_address(None, order, lambda: binding.realm)
    profile = WEBRTC if device.is_browser else SDES if order.srtp else PLAIN
    return Way(
        label=str(device),
        uri=device.uri,
        from_=from_,
        to=NameAddr(Uri("sip", escape_user(binding.user), host=binding.realm)),
        address=device.remote,
        flow=flow,
        rows=tuple(("Route", path) for path in binding.path),
        contact_user=from_.uri.user,
        profile=profile,
        trunk_name="user",
    )
