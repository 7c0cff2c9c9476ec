"""Large requests over real sockets: by TCP, by UDP where TCP is refused, and never over a phone's own UDP address."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jambones.local.ports import free_port
from jambones.sip.address import NameAddr
from jambones.sip.congestion import UdpLimit
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended, Offered, Requested
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.outside import IncomingRequest
from jambones.sip.transport import Address
from jambones.sip.uri import Uri
from tests.support.sip_peer import SDP

LOCAL = "127.0.0.1"
US = NameAddr(Uri("sip", "us", host="example.com"))
LARGE = SDP + b"a=x:" + b"y" * 1400 + b"\r\n"
LIMIT = UdpLimit(1300)


async def refuse(leg: IncomingLeg) -> None:
    await leg.reject(603)


class Called:
    """An endpoint that rings and answers, and keeps its legs and how they came."""

    def __init__(self, endpoint: Endpoint, port: int) -> None:
        self.endpoint = endpoint
        self.port = port
        self.legs: list[IncomingLeg] = []

    @property
    def requests(self) -> dict[tuple[str, str], int]:
        counts = self.endpoint.stats.requests
        return {(method, transport): n for (method, way, transport), n in counts.items() if way == "in"}


@asynccontextmanager
async def called(*transports: str, answers: bool = True) -> AsyncIterator[Called]:
    legs: list[IncomingLeg] = []

    async def on_invite(leg: IncomingLeg) -> None:
        legs.append(leg)
        await leg.progress(180)
        if answers:
            await leg.answer(SDP)
        async for event in leg.events():
            if isinstance(event, Offered):
                await leg.accept_offer(event, SDP)

    async def on_request(incoming: IncomingRequest) -> None:
        incoming.respond(200)

    port = free_port(LOCAL)
    listen = [Address(transport, LOCAL, port) for transport in transports]  # type: ignore[arg-type]
    async with Endpoint.open(listen, on_invite, on_request) as endpoint:
        it = Called(endpoint, port)
        it.legs = legs
        yield it


@asynccontextmanager
async def caller(*transports: str, limit: UdpLimit | None = LIMIT) -> AsyncIterator[Endpoint]:
    listen = [Address(transport, LOCAL, 0) for transport in transports]  # type: ignore[arg-type]
    async with asyncio.timeout(60), Endpoint.open(listen, refuse, udp_limit=limit) as endpoint:
        yield endpoint


def uri_of(peer: Called) -> Uri:
    return Uri("sip", "x", host=LOCAL, port=peer.port)


async def until(leg: OutgoingLeg, kind: type) -> None:
    async for event in leg.events():
        if isinstance(event, kind):
            return
    raise AssertionError(kind)


async def test_a_large_invite_goes_by_tcp_and_the_call_lives_both_ways() -> None:
    async with called("udp", "tcp") as peer, caller("udp", "tcp") as us:
        leg = await us.invite(uri_of(peer), from_=US, sdp=LARGE, contact_user="us")
        await until(leg, Answered)

        (theirs,) = peer.legs
        tcp = next(address for address in us.addresses if address.transport == "tcp")
        assert theirs.invite.via.transport == "TCP"
        assert theirs.invite.headers.get("Contact") == f"<sip:us@{LOCAL}:{tcp.port};transport=tcp>"
        assert (peer.requests["INVITE", "tcp"], us.stats.large) == (1, {"tcp": 1})

        # A large offer in the dialog, a small one, and the peer's BYE, which reaches us.
        assert (await leg.reinvite(LARGE)).status == 200
        assert (await leg.reinvite(SDP)).status == 200
        await theirs.hangup()
        await until(leg, Ended)


async def test_small_requests_and_all_without_a_limit_stay_on_udp() -> None:
    async with called("udp", "tcp") as peer, caller("udp", "tcp") as us, caller("udp", "tcp", limit=None) as other:
        for endpoint, sdp in ((us, SDP), (other, LARGE)):
            leg = await endpoint.invite(uri_of(peer), from_=US, sdp=sdp)
            await until(leg, Answered)
            await leg.hangup()

        assert peer.requests["INVITE", "udp"] == 2
        assert ("INVITE", "tcp") not in peer.requests


async def test_a_large_request_outside_a_dialog_goes_by_tcp() -> None:
    async with called("udp", "tcp") as peer, caller("udp", "tcp") as us:
        response = await us.request("MESSAGE", uri_of(peer), from_=US, body=LARGE, content_type="text/plain")

        assert (response.status, peer.requests) == (200, {("MESSAGE", "tcp"): 1})


async def test_where_tcp_is_refused_the_call_goes_by_udp_and_the_next_at_once() -> None:
    async with called("udp") as peer, caller("udp", "tcp") as us:
        for _ in range(2):
            leg = await us.invite(uri_of(peer), from_=US, sdp=LARGE)
            await until(leg, Answered)
            await leg.hangup()

        assert peer.requests["INVITE", "udp"] == 2
        assert [leg.invite.via.transport for leg in peer.legs] == ["UDP", "UDP"]
        assert [(leg.invite.contact or US).uri.transport for leg in peer.legs] == [None, None]
        assert us.stats.large == {"tcp": 1, "refused": 1, "udp": 1}


async def test_where_tcp_is_not_answered_the_call_goes_by_udp_after_a_moment() -> None:
    async with called("udp") as peer, caller("udp", "tcp", limit=UdpLimit(1300, connect=0.3)) as us:
        # A full backlog: the kernel drops what else asks for a connection.
        deaf = socket.socket()
        others = [socket.socket() for _ in range(4)]
        try:
            deaf.bind((LOCAL, peer.port))
            deaf.listen(0)
            for other in others:
                other.setblocking(False)
                other.connect_ex((LOCAL, peer.port))
            await asyncio.sleep(0)
            leg = await us.invite(uri_of(peer), from_=US, sdp=LARGE)
            await until(leg, Answered)

            assert (peer.requests["INVITE", "udp"], us.stats.large["refused"]) == (1, 1)
        finally:
            for sock in (deaf, *others):
                sock.close()


async def test_a_cancel_goes_the_way_of_its_invite() -> None:
    async with called("udp", "tcp", answers=False) as peer, caller("udp", "tcp") as us:
        leg = await us.invite(uri_of(peer), from_=US, sdp=LARGE)
        async for _ in leg.events():
            break  # it rings
        await leg.hangup()
        while ("ACK", "tcp") not in peer.requests:
            await asyncio.sleep(0.01)

        assert peer.requests == {("INVITE", "tcp"): 1, ("CANCEL", "tcp"): 1, ("ACK", "tcp"): 1}


async def test_a_cancel_follows_an_invite_that_came_back_to_udp() -> None:
    async with called("udp", answers=False) as peer, caller("udp", "tcp") as us:
        leg = await us.invite(uri_of(peer), from_=US, sdp=LARGE)
        async for _ in leg.events():
            break
        await leg.hangup()
        while ("ACK", "udp") not in peer.requests:
            await asyncio.sleep(0.01)

        assert peer.requests == {("INVITE", "udp"): 1, ("CANCEL", "udp"): 1, ("ACK", "udp"): 1}


async def test_a_call_that_is_given_up_before_tcp_was_refused_never_rings() -> None:
    async with called("udp") as peer, caller("udp", "tcp") as us:
        leg = await us.invite(uri_of(peer), from_=US, sdp=LARGE)
        await leg.hangup()
        while us.connections or us.stats.transactions:
            await asyncio.sleep(0.01)

        assert (peer.requests, us.stats.large) == ({}, {"tcp": 1, "refused": 1})


async def test_who_does_not_listen_on_tcp_stays_on_udp() -> None:
    async with called("udp", "tcp") as peer, caller("udp") as us:
        leg = await us.invite(uri_of(peer), from_=US, sdp=LARGE)
        await until(leg, Answered)

        assert (peer.requests["INVITE", "udp"], us.stats.large) == (1, {"udp": 1})


async def test_a_large_offer_to_a_caller_goes_back_where_its_packets_come_from() -> None:
    took: asyncio.Queue[IncomingLeg] = asyncio.Queue()

    async def answer(leg: IncomingLeg) -> None:
        await leg.answer(SDP)
        took.put_nowait(leg)
        async for _ in leg.events():
            pass

    listen = [Address("udp", LOCAL, 0), Address("tcp", LOCAL, 0)]
    async with caller("udp", "tcp") as phone, Endpoint.open(listen, answer, udp_limit=LIMIT) as us:
        udp = next(address for address in us.addresses if address.transport == "udp")
        leg = await phone.invite(Uri("sip", "x", host=LOCAL, port=udp.port), from_=US, sdp=SDP)
        offering = asyncio.create_task((await took.get()).reinvite(LARGE))
        async for event in leg.events():
            if isinstance(event, Offered):
                await leg.accept_offer(event, SDP)
                break

        assert (await offering).status == 200
        assert us.stats.large == {}


async def test_a_peer_whose_own_connection_ended_is_reached_where_it_was_called() -> None:
    async with called("udp", "tcp") as peer, caller("udp", "tcp") as us:
        leg = await us.invite(uri_of(peer), from_=US, sdp=SDP)
        await until(leg, Answered)
        (theirs,) = peer.legs
        tcp = next(address for address in us.addresses if address.transport == "tcp")

        _, writer = await asyncio.open_connection(LOCAL, tcp.port)
        info = [
            f"INFO sip:us@{LOCAL}:{tcp.port};transport=tcp SIP/2.0",
            f"Via: SIP/2.0/TCP {LOCAL}:9;branch=z9hG4bKown",
            f"From: <sip:x@{LOCAL}>;tag={theirs.local_tag}",
            f"To: <sip:us@example.com>;tag={leg.local_tag}",
            f"Call-ID: {leg.sip_call_id}",
            "CSeq: 7 INFO",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        writer.write("\r\n".join([*info, "", ""]).encode())
        await until(leg, Requested)
        assert leg.source.transport == "tcp"
        writer.close()
        while us.connections:
            await asyncio.sleep(0.01)
        await leg.hangup()
        while peer.endpoint.legs:
            await asyncio.sleep(0.01)

        assert peer.requests["BYE", "udp"] == 1
