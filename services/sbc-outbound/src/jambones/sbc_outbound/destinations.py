"""Calls to SIP URIs: where they may go. Our own domains are no outside, and private networks are nobody's business.

A tenant chooses the URI, so without this an account could make the platform talk to its own inside (SSRF).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import ip_address

from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.prefixes import PrefixTable, parse_address
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Tables
from jambones.sip.uri import Uri

BLOCKED = PrefixTable(
    (network, network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3", "::/127", "64:ff9b::/96", "fc00::/7",
        "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
"""Addresses that are not on the Internet; IPv4 mapped into IPv6 counts as IPv4."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is ours: names and addresses of this platform, and the networks that calls may go to all the same."""

    names: Collection[str] = ()
    """Host names in lower case."""
    addresses: Collection[tuple[str, int]] = ()
    """Host and port where the platform itself takes SIP."""
    allowed: PrefixTable[str] = field(default_factory=PrefixTable)

    def is_ours(self, uri: Uri) -> bool:
        port = uri.port or (5061 if uri.scheme == "sips" or uri.transport == "tls" else 5060)
        return uri.host.lower() in self.names or (uri.host, port) in self.addresses


def may_reach(address: str, around: Surroundings) -> bool:
    """Whether an address that a tenant chose may be called."""
    if parse_address(address) is None:
        return False
    host = ip_address(address.strip("[]"))
    return address in around.allowed or not (address in BLOCKED or host.is_unspecified)


def destination(tables: Tables, order: Order, around: Surroundings) -> Decision[str | Refusal]:
    """What becomes of a call to a SIP URI: "user", when the host is the account's own realm, or "outside"."""
    reasons, target = Reasons(), order.target
    sid = order.account.account_sid
    account = tables.account_by_realm(target.host)
    if account is not None and account.account_sid == sid and target.user:
        return reasons.matched("own realm", "a user of the account", "user", about=[sid])
    if account is not None or around.is_ours(target) or (order.proxy is not None and around.is_ours(order.proxy)):
        loop = Refusal(482, "loop", "Loop Detected", x_reason="Loop Detected", account_sid=sid)
        return reasons.refused("own domain", loop)
    reasons.passed("own domain", "no")
    for hop in (order.proxy or target,):
        if parse_address(hop.host) is not None and not may_reach(hop.host, around):
            refusal = Refusal(403, "private destination", x_reason="destination not allowed", account_sid=sid)
            return reasons.refused("destination", refusal)
    return reasons.matched("destination", "outside", "outside", about=[sid])
