"""The gateways of trunks in the order in which they are tried, and how an INVITE to each of them looks. Pure."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace

from jambones.sbc.decision import Decision, Reasons
from jambones.sbc.prefixes import PrefixTable, parse_address
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Gateway, Tables, Trunk
from jambones.sip.address import NameAddr
from jambones.sip.grammar import GrammarError, escape_user
from jambones.sip.uri import Uri

ANONYMOUS = "anonymous"
SHORTEST_E164 = 7
"""Digits of the shortest numbers with a country code; what is shorter is a short code."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A gateway and the trunk it is tried for."""

    trunk: Trunk
    gateway: Gateway


def candidates(
    tables: Tables, trunks: Iterable[Trunk], *, down: Container[str], private: PrefixTable[str]
) -> Decision[tuple[Candidate, ...]]:
    """Gateways of each trunk: as configured, those in our own networks last, those that are down not at all.

    When all gateways of a trunk are down they are tried all the same: a ping may be wrong, a refused call is certain.
    """
    reasons = Reasons()
    found: list[Candidate] = []
    for trunk in trunks:
        rows = tables.gateways_of.get(trunk.voip_carrier_sid, ())
        rows = tuple(sorted(rows, key=lambda gateway: gateway.host in private))
        up = [gateway for gateway in rows if gateway.sip_gateway_sid not in down]
        about = [trunk.voip_carrier_sid]
        for gateway in rows:
            if gateway.sip_gateway_sid in down:
                reasons.missed("gateway", f"{gateway.host} of {trunk.name} is down", about=about)
        if not up:
            reasons.passed("gateways", f"all of {trunk.name} are down: tried all the same", about=about)
        found += [Candidate(trunk, gateway) for gateway in up or rows]
    names = ", ".join(f"{c.gateway.host} of {c.trunk.name}" for c in found)
    return reasons.matched("gateways", names, tuple(found), about=[c.trunk.voip_carrier_sid for c in found])


def dialled(trunk: Trunk, number: str) -> str:
    """The user part for this trunk: tech prefix, plus, digits; what is not digits goes unchanged.

    The plus is for numbers that begin with a country code: short codes (112) and national numbers stay bare.
    """
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return number
    plus = "+" if trunk.e164_leading_plus and digits[0] != "0" and len(digits) >= SHORTEST_E164 else ""
    return f"{trunk.tech_prefix or ''}{plus}{digits}"


def request_uri(candidate: Candidate, number: str) -> Uri:
    """Where the call goes: at the registrar's realm for a trunk we register with, else at the gateway."""
    trunk, gateway = candidate.trunk, candidate.gateway
    user = escape_user(dialled(trunk, number))
    scheme = "sips" if gateway.use_sips_scheme and gateway.transport == "tls" else "sip"
    params = {} if scheme == "sips" else {"transport": gateway.transport}
    if trunk.register_realm:
        host, _, port = trunk.register_realm.partition(":")
        return Uri(scheme, user, host=host, port=int(port) if port.isdigit() else None, params=params)
    return Uri(scheme, user, host=gateway.host.strip("[]"), port=_port(gateway), params=params)


def next_hop(candidate: Candidate) -> tuple[Uri, Uri | None]:
    """Where the INVITE is sent, and the Route that says so when that is a proxy of the trunk's."""
    trunk, gateway = candidate.trunk, candidate.gateway
    if trunk.outbound_sip_proxy and (proxy := _proxy(trunk.outbound_sip_proxy, gateway)) is not None:
        return proxy, proxy.with_params(lr=None)
    scheme = "sips" if gateway.use_sips_scheme and gateway.transport == "tls" else "sip"
    params = {} if scheme == "sips" else {"transport": gateway.transport}
    return Uri(scheme, host=gateway.host.strip("[]"), port=gateway.port, params=params), None


def _port(gateway: Gateway) -> int | None:
    return gateway.port if gateway.port != 5060 or gateway.transport == "tls" else None


def _proxy(text: str, gateway: Gateway) -> Uri | None:
    """A full SIP URI, or a bare name that takes the gateway's transport; None when it is neither."""
    full = text.startswith(("sip:", "sips:"))
    try:
        uri = Uri.parse(text if full else f"sip:{text}")
    except GrammarError:
        return None
    uri = replace(uri, headers={})
    return uri if full or uri.transport else uri.with_params(transport=gateway.transport)


def from_address(trunk: Trunk | None, order: Order, own_host: Callable[[], str]) -> NameAddr:
    """Who calls, as the far end is told; `own_host` is our address as it sees it."""
    user = order.from_user or ANONYMOUS
    host = order.from_host
    if trunk is not None:
        if trunk.requires_register and trunk.register_from_user:
            user = trunk.register_from_user
        host = host or trunk.register_from_domain
    host = host or own_host()
    if ":" in host and parse_address(host) is None:
        host, _, port = host.partition(":")
        return NameAddr(
            Uri("sip", escape_user(user), host=host, port=int(port) if port.isdigit() else None), order.display
        )
    return NameAddr(Uri("sip", escape_user(user), host=host.strip("[]")), order.display)


def contact_user(trunk: Trunk | None, from_: NameAddr) -> str | None:
    """The user part of our Contact, escaped: the one a carrier knows from our registration, else the caller's."""
    if trunk is not None and trunk.requires_register and trunk.register_username:
        return escape_user(trunk.register_username)
    return from_.uri.user


def identity_headers(trunk: Trunk, own_host: Callable[[], str]) -> list[tuple[str, str]]:
    """What the trunk adds of its own (RFC 5806); identities of the caller cross with the call's other headers."""
    if not trunk.diversion:
        return []
    value = trunk.diversion
    if not value.startswith(("<", "sip:", "tel:")):
        value = f"<sip:{escape_user(value)}@{own_host()}>"
    elif not value.startswith("<"):
        value = f"<{value}>"
    return [("Diversion", f"{value};reason=unknown;counter=1;privacy=off")]
