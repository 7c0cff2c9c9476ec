"""What the outside calls this edge: per transport, in Via and Contact, for other processes, and for tenants to see."""

from collections.abc import Callable, Iterable

from jambones.common.db.database import Database
from jambones.common.db.sbc_addresses import SbcAddresses
from jambones.common.db.tenant import PLATFORM
from jambones.sbc.prefixes import PrefixTable, parse_address
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sip.transport import Address
from jambones.sip.transport.limits import ConnectionRules

REPORT_EVERY = 900.0
SILENT = 3600
"""Seconds after which an edge that says nothing is no longer shown."""


def public(settings: EdgeSettings, listening: Iterable[Address]) -> dict[str, tuple[str, int]]:
    """Host and port of each transport as the outside reaches them."""
    named = {address.transport: (address.host, address.port) for address in map(Address.parse, settings.advertise)}
    seen: dict[str, tuple[str, int]] = {}
    for address in listening:
        host = settings.public_ip or address.host
        seen.setdefault(address.transport, (f"[{host}]" if ":" in host else host, address.port))
    return seen | {transport: place for transport, place in named.items() if transport in seen}


def advertised(
    settings: EdgeSettings, private_networks: PrefixTable[str]
) -> Callable[[Address], tuple[str, int] | None] | None:
    """Towards the outside our public address, when it is not the one we listen on."""
    if settings.public_ip is None and not settings.advertise:
        return None
    shown = public(settings, map(Address.parse, settings.sip_listen))
    named = {address.transport for address in map(Address.parse, settings.advertise)}

    def advertise(remote: Address) -> tuple[str, int] | None:
        if remote.host in private_networks or (settings.public_ip is None and remote.transport not in named):
            return None
        return shown.get(remote.transport)

    return advertise


def labels_of(settings: EdgeSettings, listening: Iterable[Address]) -> dict[str, str]:
    """For processes that call devices through this edge: "public_wss": "sip.acme.net:443"."""
    places = public(settings, listening)
    return {f"public_{transport}": f"{host}:{port}" for transport, (host, port) in sorted(places.items())}


def connection_rules(settings: EdgeSettings) -> ConnectionRules:
    proxies: PrefixTable[str] = PrefixTable((network, network) for network in settings.trusted_http_proxies)
    return ConnectionRules(origins=settings.ws_origins, trusted_proxy=lambda host: host in proxies)


async def report(database: Database, settings: EdgeSettings, listening: Iterable[Address]) -> None:
    """Show this edge to tenants, and drop those that have been silent for an hour. Raises DatabaseUnavailable."""
    places = public(settings, listening)
    first = places.get("udp") or places.get("tcp")
    if first is None or parse_address(first[0]) is None:
        return
    tls, wss = places.get("tls"), places.get("wss")
    async with database.transaction(PLATFORM) as tx:
        addresses = SbcAddresses(tx)
        await addresses.report(first[0], first[1], tls_port=tls[1] if tls else None, wss_port=wss[1] if wss else None)
        await addresses.forget_silent(SILENT)
