"""RFC 3263: what is asked for which URI, in what order servers are tried, and how long answers are kept."""

import asyncio
from collections import Counter
from random import Random

import pytest

from jambones.sip.transport import Address, Target
from jambones.sip.transport.names import Answer, Kind, Naptr, Srv
from jambones.sip.transport.resolver import DnsResolver, Unresolvable
from jambones.sip.uri import Uri
from tests.support.virtual_time import in_virtual_time

Zone = dict[tuple[str, Kind], Answer]


class FakeServer:
    """A name server that has a zone in memory, and takes a while to answer."""

    def __init__(self, zone: Zone, takes: float = 0.05) -> None:
        self.zone = zone
        self.takes = takes
        self.asked: list[tuple[str, Kind]] = []
        self.down = False

    async def ask(self, name: str, kind: Kind) -> Answer:
        self.asked.append((name, kind))
        await asyncio.sleep(self.takes)
        if self.down:
            raise TimeoutError
        return self.zone.get((name, kind), Answer())


def a(*hosts: str, ttl: float = 60) -> Answer:
    return Answer(hosts, ttl)


def srv(*records: tuple[int, int, int, str], ttl: float = 60) -> Answer:
    return Answer(tuple(Srv(*record) for record in records), ttl)


CARRIER: Zone = {
    ("example.com", "A"): a("192.0.2.9"),
    ("one.example.com", "A"): a("192.0.2.1"),
    ("one.example.com", "AAAA"): a("2001:db8::1"),
    ("two.example.com", "A"): a("192.0.2.2"),
}


def resolver(zone: Zone, *, naptr: bool = False) -> tuple[DnsResolver, FakeServer]:
    server = FakeServer(zone)
    return DnsResolver(server, naptr=naptr, random=Random(1)), server


async def hosts(resolver: DnsResolver, uri: str) -> list[str]:
    return [str(address) for address in await resolver.resolve(Uri.parse(uri))]


# -- which question


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:192.0.2.7", "udp:192.0.2.7:5060"),
        ("sip:192.0.2.7:5080;transport=tcp", "tcp:192.0.2.7:5080"),
        ("sips:[2001:db8::7]", "tls:[2001:db8::7]:5061"),
        ("sip:example.com;maddr=192.0.2.7", "udp:192.0.2.7:5060"),
    ],
)
@in_virtual_time
async def test_a_number_needs_no_name_server(uri: str, address: str) -> None:
    dns, server = resolver(CARRIER)
    assert await hosts(dns, uri) == [address]
    assert server.asked == []


@in_virtual_time
async def test_with_a_port_only_addresses_are_asked_for() -> None:
    zone = CARRIER | {("_sip._udp.example.com", "SRV"): srv((1, 1, 5070, "one.example.com"))}
    dns, server = resolver(zone, naptr=True)

    assert await hosts(dns, "sip:example.com:5080;transport=tcp") == ["tcp:192.0.2.9:5080"]
    assert {kind for _, kind in server.asked} == {"A", "AAAA"}


@in_virtual_time
async def test_without_a_port_the_services_of_the_transport_are_asked_for() -> None:
    zone = CARRIER | {
        ("_sip._tcp.example.com", "SRV"): srv((1, 1, 5070, "one.example.com")),
        ("_sips._tcp.example.com", "SRV"): srv((1, 1, 5071, "two.example.com")),
    }
    dns, _ = resolver(zone)

    assert await hosts(dns, "sip:example.com;transport=tcp") == ["tcp:192.0.2.1:5070", "tcp:[2001:db8::1]:5070"]
    assert await hosts(dns, "sip:example.com;transport=tls") == ["tls:192.0.2.2:5071"]
    assert await hosts(dns, "sips:example.com") == ["tls:192.0.2.2:5071"]
    # Neither transport nor port: UDP first, and TCP when there is no service by UDP.
    assert await hosts(dns, "sip:example.com") == ["tcp:192.0.2.1:5070", "tcp:[2001:db8::1]:5070"]


@in_virtual_time
async def test_a_domain_without_services_is_asked_for_its_own_address() -> None:
    dns, _ = resolver(CARRIER)
    assert await hosts(dns, "sip:example.com") == ["udp:192.0.2.9:5060"]
    assert await hosts(dns, "sips:example.com") == ["tls:192.0.2.9:5061"]


@in_virtual_time
async def test_naptr_says_which_transport_the_domain_likes_best() -> None:
    zone = CARRIER | {
        ("example.com", "NAPTR"): Answer(
            (
                Naptr(20, 1, "s", "SIP+D2U", "_sip._udp.example.com"),
                Naptr(10, 2, "s", "SIP+D2T", "_sip._tcp.example.com"),
                Naptr(10, 1, "s", "SIPS+D2T", "_sips._tcp.example.com"),
                Naptr(1, 1, "u", "E2U+sip", "!^.*$!sip:x!"),
            )
        ),
        ("_sips._tcp.example.com", "SRV"): srv((1, 1, 5071, "two.example.com")),
        ("_sip._udp.example.com", "SRV"): srv((1, 1, 5060, "one.example.com")),
    }
    assert await hosts(resolver(zone, naptr=True)[0], "sip:example.com") == ["tls:192.0.2.2:5071"]
    assert (await hosts(resolver(zone)[0], "sip:example.com"))[0] == "udp:192.0.2.1:5060"


@pytest.mark.parametrize("uri", ["sip:df7jal23ls0d.invalid;transport=ws", "tel:+4930", "sip:x.INVALID."])
@in_virtual_time
async def test_some_hosts_are_never_looked_up(uri: str) -> None:
    dns, server = resolver(CARRIER)
    with pytest.raises(Unresolvable):
        await dns.resolve(Uri.parse(uri))
    assert server.asked == []


@in_virtual_time
async def test_a_service_that_is_decidedly_not_there_is_unresolvable() -> None:
    dns, _ = resolver(CARRIER | {("_sip._udp.example.com", "SRV"): srv((0, 0, 0, ""))})
    with pytest.raises(Unresolvable):
        await dns.resolve(Uri.parse("sip:example.com"))


@in_virtual_time
async def test_a_target_carries_the_name_that_a_certificate_must_prove() -> None:
    dns, _ = resolver(CARRIER | {("_sips._tcp.example.com", "SRV"): srv((1, 1, 5061, "two.example.com"))})
    (target,) = await dns.resolve(Uri.parse("sips:example.com"))
    assert isinstance(target, Target)
    assert (target.name, target) == ("example.com", Address("tls", "192.0.2.2", 5061))


# -- in which order


@in_virtual_time
async def test_lower_priority_numbers_come_first() -> None:
    zone = CARRIER | {("_sip._udp.example.com", "SRV"): srv((20, 9, 5060, "192.0.2.20"), (10, 1, 5060, "192.0.2.10"))}
    assert await hosts(resolver(zone)[0], "sip:example.com") == ["udp:192.0.2.10:5060", "udp:192.0.2.20:5060"]


@in_virtual_time
async def test_among_equals_weight_decides_how_often_a_server_is_first() -> None:
    zone = {("_sip._udp.x.com", "SRV"): srv((1, 90, 1, "192.0.2.1"), (1, 10, 1, "192.0.2.2"), (1, 0, 1, "192.0.2.3"))}
    dns, _ = resolver(zone)
    first = Counter([(await dns.resolve(Uri.parse("sip:x.com")))[0].host for _ in range(1000)])
    assert 850 < first["192.0.2.1"] < 950
    assert 50 < first["192.0.2.2"] < 150
    assert first["192.0.2.3"] < 10


# -- how long


@in_virtual_time
async def test_answers_live_as_long_as_they_say() -> None:
    dns, server = resolver({("x.com", "A"): a("192.0.2.1", ttl=30)})
    uri = Uri.parse("sip:x.com:5060")
    await dns.resolve(uri)
    await asyncio.sleep(29)
    server.zone[("x.com", "A")] = a("192.0.2.2", ttl=30)
    assert (await dns.resolve(uri))[0].host == "192.0.2.1"
    await asyncio.sleep(1)
    assert (await dns.resolve(uri))[0].host == "192.0.2.2"


@pytest.mark.parametrize("down", [False, True])
@in_virtual_time
async def test_no_is_believed_for_five_seconds(down: bool) -> None:
    dns, server = resolver({})
    server.down = down
    uri = Uri.parse("sip:x.com:5060")
    for _ in range(3):
        with pytest.raises(Unresolvable):
            await dns.resolve(uri)
    assert len(server.asked) == 2  # A and AAAA, once
    server.down = False
    server.zone[("x.com", "A")] = a("192.0.2.1")
    await asyncio.sleep(5)
    assert (await dns.resolve(uri))[0].host == "192.0.2.1"


@in_virtual_time
async def test_those_who_ask_at_once_ask_once_even_when_the_first_gives_up() -> None:
    dns, server = resolver({("x.com", "A"): a("192.0.2.1")})
    uri = Uri.parse("sip:x.com:5060")
    tasks = [asyncio.create_task(dns.resolve(uri)) for _ in range(20)]
    await asyncio.sleep(0.01)
    tasks[0].cancel()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [r[0].host for r in results[1:] if isinstance(r, list)] == ["192.0.2.1"] * 19
    assert len(server.asked) <= 4
