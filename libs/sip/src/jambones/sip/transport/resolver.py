"""Where a request goes: RFC 3263. Numeric hosts need no DNS; names are asked for NAPTR, SRV, A and AAAA."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from random import Random
from typing import Protocol, cast

from jambones.sip.transport import Address, Target, TransportName
from jambones.sip.transport.names import DnsServer, NameCache, NameServer, Naptr, Srv
from jambones.sip.uri import Uri

_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
_SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_NAPTR_SERVICES: dict[str, TransportName] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_MOST = 12  # addresses to try; nobody waits for more


class Unresolvable(Exception):
    """No address for this host; for a request it counts as 503."""


class Resolver(Protocol):
    """What an endpoint needs; a test can bring its own."""

    async def resolve(self, uri: Uri) -> list[Address]:
        """Addresses to try, best first. Raises Unresolvable."""


@lru_cache(maxsize=4096)
def is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def transport_of(uri: Uri) -> TransportName:
    if uri.scheme == "sips":
        return "tls"
    transport = uri.transport
    return cast(TransportName, transport) if transport in _PORTS else "udp"


def numeric(uri: Uri) -> Address | None:
    """The address a URI names without DNS: the ``maddr`` or host, when that is an IP address."""
    host = uri.params.get("maddr") or uri.host
    if not is_numeric(host):
        return None
    transport = transport_of(uri)
    return Address(transport, host, uri.port or _PORTS[transport])


class DnsResolver:
    """RFC 3263 section 4. Targets carry the URI's host, which a TLS server must prove (RFC 5922 section 4)."""

    def __init__(self, server: NameServer | None = None, *, naptr: bool = False, random: Random | None = None) -> None:
        self._names = NameCache(server or DnsServer(), asyncio.get_running_loop().time)
        self._naptr = naptr
        self._random = random or Random()

    async def resolve(self, uri: Uri) -> list[Address]:
        """Servers by priority, drawn by weight among equals; of each its IPv4 addresses, then those of IPv6."""
        known = numeric(uri)
        if known is not None:
            return [known]
        host = uri.params.get("maddr") or uri.host
        if not uri.is_sip or not host or host.lower().rstrip(".").endswith(".invalid"):
            raise Unresolvable(host)  # RFC 7118: an .invalid host is a flow's, never a name to look up
        found = await self._find(uri, host)
        if not found:
            raise Unresolvable(host)
        return [Target(address, host) for address in found[:_MOST]]

    async def _find(self, uri: Uri, host: str) -> list[Address]:
        transport = transport_of(uri)
        if uri.port is not None or transport not in _SERVICES:
            return await self._addresses(transport, host, uri.port or _PORTS[transport])
        services = [(transport, f"{_SERVICES[transport]}.{host}")]
        if uri.transport is None:
            services = await self._services(host, secured=uri.scheme == "sips")
        for name, service in services:
            records = [r for r in (await self._names.ask(service, "SRV")).records if isinstance(r, Srv)]
            if records:
                return await self._servers(name, records)
        return await self._addresses(transport, host, _PORTS[transport])

    async def _services(self, host: str, *, secured: bool) -> list[tuple[TransportName, str]]:
        """Transports in the order the domain wishes, else in ours, with the names to ask for SRV (section 4.1)."""
        if self._naptr:
            records = [r for r in (await self._names.ask(host, "NAPTR")).records if isinstance(r, Naptr)]
            wished = [
                (_NAPTR_SERVICES[record.service], record.replacement)
                for record in sorted(records, key=lambda record: (record.order, record.preference))
                if record.flags == "s" and record.service in _NAPTR_SERVICES
                if not secured or record.service == "SIPS+D2T"
            ]
            if wished:
                return wished
        ours: tuple[TransportName, ...] = ("tls",) if secured else ("udp", "tcp")
        return [(transport, f"{_SERVICES[transport]}.{host}") for transport in ours]

    async def _servers(self, transport: TransportName, records: Sequence[Srv]) -> list[Address]:
        wanted = [record for record in _drawn(records, self._random) if record.target][:_MOST]
        found = await asyncio.gather(*[self._addresses(transport, record.target, record.port) for record in wanted])
        return [address for addresses in found for address in addresses]

    async def _addresses(self, transport: TransportName, host: str, port: int) -> list[Address]:
        if is_numeric(host):
            return [Address(transport, host, port)]
        four, six = await asyncio.gather(self._names.ask(host, "A"), self._names.ask(host, "AAAA"))
        return [Address(transport, str(record), port) for record in (*four.records, *six.records)]


def _drawn(records: Iterable[Srv], random: Random) -> list[Srv]:
    """By priority; among equals one after another is drawn, the heavier the likelier (RFC 2782)."""
    ordered: list[Srv] = []
    by_priority: dict[int, list[Srv]] = {}
    for record in records:
        by_priority.setdefault(record.priority, []).append(record)
    for _, equals in sorted(by_priority.items()):
        while equals:
            # Weight 0 has a small chance only beside others.
            weights = [record.weight or 0.01 for record in equals]
            ordered.append(equals.pop(random.choices(range(len(equals)), weights)[0]))
    return ordered
