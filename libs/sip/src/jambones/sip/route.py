"""Where requests in a dialog are sent: its route set (RFC 3261 section 12.2.1.1), and the ways around NAT."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

from jambones.sip.dialog import Dialog
from jambones.sip.transport import Address
from jambones.sip.transport.resolver import is_numeric
from jambones.sip.uri import Uri

# ip_address.is_private knows the rest; carrier-grade NAT (RFC 6598) is neither private nor global to it.
_CGNAT = ip_network("100.64.0.0/10")


@lru_cache(maxsize=2048)
def is_private(host: str) -> bool:
    """Whether a host cannot be reached from elsewhere: RFC 1918, RFC 6598, link-local, or an ``.invalid`` name."""
    if not is_numeric(host):
        return host.lower().rstrip(".").endswith(".invalid")
    address = ip_address(host)
    return address.is_private or (address.version == 4 and address in _CGNAT)


def next_hop(dialog: Dialog, seen: Address, *, nat_fix: bool, as_server: bool) -> Uri | None:
    """The URI to follow for requests in ``dialog``, or None: to where the peer's messages come from (``seen``).

    With ``nat_fix``, and unless a proxy recorded a route, a Contact is believed only when it names the very host that
    we hear; a server leg answers to the source address always, as many a phone behind NAT needs.
    """
    if dialog.route_set:
        hop = dialog.next_hop
        # The recorded proxy is the one at the other end of this connection: keep to it.
        return None if hop is not None and seen.reliable and hop.host == seen.host else hop
    target = dialog.target
    if target is None or seen.transport in {"ws", "wss"}:
        return None
    if nat_fix and (as_server or target.host != seen.host or is_private(target.host) != is_private(seen.host)):
        return None
    if seen.reliable and target.host == seen.host:
        return None
    return target
