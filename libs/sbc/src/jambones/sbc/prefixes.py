"""Longest-prefix search over IP networks, IPv4 and IPv6.

Kept as one table per mask length rather than a tree of bits: a deployment knows a handful of lengths, so a lookup is a
few integer masks and dictionary reads.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Generic, TypeVar

T = TypeVar("T")

Network = IPv4Network | IPv6Network


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address from its text form; None for a name. IPv4 mapped into IPv6 counts as IPv4."""
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class PrefixTable(Generic[T]):
    """Values filed under networks; several values may share one network."""

    def __init__(self, entries: Iterable[tuple[Network | str, T]] = ()) -> None:
        self._tables: dict[int, dict[int, dict[int, list[T]]]] = {4: {}, 6: {}}
        for network, value in entries:
            self.add(network, value)

    def add(self, network: Network | str, value: T) -> None:
        """File a value. Raises ValueError for a text that is no network; host bits are ignored."""
        net = ip_network(network, strict=False) if isinstance(network, str) else network
        by_length = self._tables[net.version]
        if net.prefixlen not in by_length:
            by_length[net.prefixlen] = {}
            self._tables[net.version] = dict(sorted(by_length.items(), reverse=True))
        key = int(net.network_address) >> (net.max_prefixlen - net.prefixlen)
        self._tables[net.version][net.prefixlen].setdefault(key, []).append(value)

    def groups(self, address: str | IPv4Address | IPv6Address) -> Iterator[tuple[int, list[T]]]:
        """(prefix length, values) for each network that holds the address, longest prefix first."""
        ip = parse_address(address) if isinstance(address, str) else address
        if ip is None:
            return
        number, bits = int(ip), ip.max_prefixlen
        for length, table in self._tables[ip.version].items():
            if (values := table.get(number >> (bits - length))) is not None:
                yield length, values

    def search(self, address: str | IPv4Address | IPv6Address) -> list[T]:
        """Every value whose network holds the address, longest prefix first."""
        return [value for _, values in self.groups(address) for value in values]

    def __contains__(self, address: str) -> bool:
        return next(self.groups(address), None) is not None
