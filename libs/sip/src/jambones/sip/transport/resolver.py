"""Where a request goes: RFC 3263 without NAPTR. Numeric hosts need no DNS; names are asked for A and AAAA."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Protocol, cast

from jambones.sip.transport import Address, TransportName
from jambones.sip.uri import Uri

_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
_NEGATIVE = 5.0  # seconds for which a failed look-up is believed


class Unresolvable(Exception):
    """No address for this host; for a request it counts as 503."""


class Resolver(Protocol):
    """What an endpoint needs; a test or a deployment with SRV can bring its own."""

    async def resolve(self, uri: Uri) -> list[Address]:
        """Addresses to try, best first. Raises Unresolvable."""


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


class SystemResolver:
    """A and AAAA through the system's resolver, in the loop's executor."""

    def __init__(self) -> None:
        self._failed: dict[str, float] = {}

    async def resolve(self, uri: Uri) -> list[Address]:
        known = numeric(uri)
        if known is not None:
            return [known]
        host = uri.params.get("maddr") or uri.host
        loop = asyncio.get_running_loop()
        if not uri.is_sip or not host or host.endswith(".invalid"):
            raise Unresolvable(host)  # RFC 7118: an .invalid host is a flow's, never a name to look up
        if self._failed.get(host, 0.0) > loop.time():
            raise Unresolvable(host)
        transport = transport_of(uri)
        port = uri.port or _PORTS[transport]
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            if len(self._failed) > 1024:
                self._failed.clear()
            self._failed[host] = loop.time() + _NEGATIVE
            raise Unresolvable(host) from error
        hosts = dict.fromkeys(str(address[0]) for *_, address in found)
        return [Address(transport, host, port) for host in hosts]
