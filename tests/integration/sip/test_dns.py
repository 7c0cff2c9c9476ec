"""Names over a real (if small) name server, and what happens when a server of a domain does not serve."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended
from jambones.sip.leg import IncomingLeg
from jambones.sip.timers import SipTimers
from jambones.sip.transport import Address
from jambones.sip.transport.names import DnsServer
from jambones.sip.transport.resolver import DnsResolver, Unresolvable
from jambones.sip.uri import Uri
from tests.support.sip_peer import SDP

LOCAL = "127.0.0.1"
US = NameAddr(Uri("sip", "us", host="example.com"))
CARRIER = Uri("sip", "1", host="carrier.example.com")


class _Zone(asyncio.DatagramProtocol):
    def __init__(self, records: Callable[[], list[tuple[str, str, str]]]) -> None:
        self._records = records

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        reply = dns.message.make_response(query)
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        found = [value for owner, of, value in self._records() if (owner, of) == (name, kind)]
        if found:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif not any(owner == name for owner, _, _ in self._records()):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(reply.to_wire(), addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def name_server(records: Callable[[], list[tuple[str, str, str]]]) -> AsyncIterator[DnsServer]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Zone(records), (LOCAL, 0))
    try:
        yield DnsServer((LOCAL,), transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


async def answer(leg: IncomingLeg) -> None:
    await leg.answer(SDP)
    async for _ in leg.events():
        pass


async def unavailable(leg: IncomingLeg) -> None:
    await leg.reject(503)


async def busy(leg: IncomingLeg) -> None:
    await leg.reject(486)


UDP = [Address("udp", LOCAL, 0)]


async def test_a_call_goes_to_the_next_server_on_503_and_where_nobody_listens() -> None:
    async with Endpoint.open(UDP, busy) as closed:
        nobody = closed.addresses[0].port
    async with (
        Endpoint.open(UDP, unavailable) as first,
        Endpoint.open(UDP, answer) as last,
        name_server(
            lambda: [
                ("_sip._udp.carrier.example.com", "SRV", f"1 1 {nobody} one.example.com."),
                ("_sip._udp.carrier.example.com", "SRV", f"2 1 {first.addresses[0].port} one.example.com."),
                ("_sip._udp.carrier.example.com", "SRV", f"3 1 {last.addresses[0].port} one.example.com."),
                ("one.example.com", "A", LOCAL),
            ]
        ) as server,
        Endpoint.open(UDP, busy, resolver=DnsResolver(server)) as us,
        asyncio.timeout(30),
    ):
        leg = await us.invite(CARRIER, from_=US, sdp=SDP)
        assert isinstance(await anext(leg.events()), Answered)
        assert leg.invite.cseq.number == 3
        await leg.hangup()
        # A request outside a dialog does the same.
        assert (await us.request("OPTIONS", CARRIER, from_=US)).status == 200


async def test_a_no_of_a_person_is_final() -> None:
    async with (
        Endpoint.open(UDP, busy) as first,
        Endpoint.open(UDP, answer) as last,
        name_server(
            lambda: [
                ("_sip._udp.carrier.example.com", "SRV", f"1 1 {first.addresses[0].port} one.example.com."),
                ("_sip._udp.carrier.example.com", "SRV", f"2 1 {last.addresses[0].port} one.example.com."),
                ("one.example.com", "A", LOCAL),
            ]
        ) as server,
        Endpoint.open(UDP, busy, resolver=DnsResolver(server)) as us,
        asyncio.timeout(30),
    ):
        leg = await us.invite(CARRIER, from_=US, sdp=SDP)
        ended = await anext(leg.events())
        assert isinstance(ended, Ended)
        assert (ended.status, last.stats.requests) == (486, {})


async def test_a_server_that_never_answers_is_given_up_for_the_next() -> None:
    timers = SipTimers(t1=0.02, t2=0.1)
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, (LOCAL, 0))
    port = silent.get_extra_info("sockname")[1]
    async with (
        Endpoint.open(UDP, answer) as last,
        name_server(
            lambda: [
                ("carrier.example.com", "NAPTR", '1 1 "s" "SIP+D2U" "" _sip._udp.carrier.example.com.'),
                ("_sip._udp.carrier.example.com", "SRV", f"1 1 {port} one.example.com."),
                ("_sip._udp.carrier.example.com", "SRV", f"2 1 {last.addresses[0].port} one.example.com."),
                ("one.example.com", "A", LOCAL),
            ]
        ) as server,
        Endpoint.open(UDP, busy, resolver=DnsResolver(server, naptr=True), settings=timers) as us,
        asyncio.timeout(30),
    ):
        leg = await us.invite(CARRIER, from_=US, sdp=SDP)
        assert isinstance(await anext(leg.events()), Answered)
        assert leg.invite.cseq.number == 2
        await leg.hangup()
    silent.close()


async def test_names_nobody_knows_are_unresolvable() -> None:
    async with (
        name_server(list) as server,
        Endpoint.open(UDP, busy, resolver=DnsResolver(server)) as us,
        asyncio.timeout(30),
    ):
        with pytest.raises(Unresolvable):
            await us.invite(CARRIER, from_=US, sdp=SDP)
