"""Longest-prefix search against the plain definition."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sbc.prefixes import PrefixTable, parse_address

networks4 = st.builds(
    lambda number, width: IPv4Network((number, width), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
networks6 = st.builds(
    lambda number, width: IPv6Network((number, width), strict=False),
    st.integers(0, 2**128 - 1),
    st.integers(0, 128),
)
networks = st.lists(st.one_of(networks4, networks6), max_size=30)


def plainly(table: list[IPv4Network | IPv6Network], address: IPv4Address | IPv6Address) -> list[int]:
    hits = [
        (network.prefixlen, index)
        for index, network in enumerate(table)
        if network.version == address.version and address in network
    ]
    return [index for _, index in sorted(hits, key=lambda hit: (-hit[0], hit[1]))]


@given(networks, st.data())
def test_search_finds_every_network_that_holds_the_address_longest_first(
    table: list[IPv4Network | IPv6Network], data: st.DataObject
) -> None:
    prefixes = PrefixTable((network, index) for index, network in enumerate(table))
    inside = [st.integers(int(n.network_address), int(n.broadcast_address)).map(type(n.network_address)) for n in table]
    anywhere = [st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(2**32, 2**128 - 1).map(IPv6Address)]
    address = data.draw(st.one_of(*inside, *anywhere))
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return

    assert prefixes.search(address) == plainly(table, address)
    assert prefixes.search(str(address)) == plainly(table, address)
    assert (str(address) in prefixes) is bool(plainly(table, address))


@given(networks4, networks4)
def test_groups_put_equal_networks_together(one: IPv4Network, other: IPv4Network) -> None:
    prefixes = PrefixTable([(one, "a"), (other, "b"), (one, "c")])

    groups = dict(prefixes.groups(one.network_address))

    assert {"a", "c"} <= set(groups[one.prefixlen])
    assert list(groups) == sorted(groups, reverse=True)


def test_a_name_is_in_no_network() -> None:
    assert PrefixTable([("0.0.0.0/0", 1)]).search("sip.example.com") == []


def test_a_mapped_address_counts_as_ipv4() -> None:
    assert PrefixTable([("192.0.2.0/24", 1)]).search("::ffff:192.0.2.7") == [1]
    assert parse_address("[2001:db8::1]") == IPv6Address("2001:db8::1")


def test_a_text_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError):
        PrefixTable([("300.1.2.3/8", 1)])
