"""Flows over real sockets: their ids, and what becomes of them."""

import asyncio

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Acked, Answered
from jambones.sip.leg import IncomingLeg
from jambones.sip.outside import IncomingRequest
from jambones.sip.timers import SipTimers
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.tcp import Connection
from jambones.sip.uri import Uri

LOCAL = "127.0.0.1"


async def refuse(leg: IncomingLeg) -> None:
    await leg.reject(603)


def uri_of(address: Address) -> Uri:
    return Uri("sip", "x", host=address.host, port=address.port, params={"transport": address.transport})


async def test_a_connection_is_found_by_its_id_until_it_ends() -> None:
    came: asyncio.Queue[IncomingRequest] = asyncio.Queue()
    lost: asyncio.Queue[Flow] = asyncio.Queue()

    async def on_request(incoming: IncomingRequest) -> None:
        incoming.respond(200)
        came.put_nowait(incoming)

    async with Endpoint.open([Address("tcp", LOCAL, 0)], refuse, on_request, on_flow_lost=lost.put_nowait) as server:
        async with Endpoint.open([Address("tcp", LOCAL, 0)], refuse) as client:
            await client.request("REGISTER", uri_of(server.addresses[0]), timeout=10)
            first = (await came.get()).flow
            await client.request("REGISTER", uri_of(server.addresses[0]), timeout=10)
            assert (await came.get()).flow is first
            assert server.flow(first.id) is first
            # The other way round, on the very connection that the client opened.
            answer = await server.request("OPTIONS", Uri("sip", "x", host="x.invalid"), flow=first, timeout=10)
            assert answer.status == 200
        async with asyncio.timeout(10):
            assert await lost.get() is first
        assert (server.flow(first.id), first.alive) == (None, False)

        async with Endpoint.open([Address("tcp", LOCAL, 0)], refuse) as client:
            await client.request("REGISTER", uri_of(server.addresses[0]), timeout=10)
            assert (await came.get()).flow.id != first.id


async def test_a_udp_flow_can_be_had_again_from_its_id() -> None:
    async def on_request(incoming: IncomingRequest) -> None:
        incoming.respond(200)
        ids.append(incoming.flow.id)

    ids: list[str] = []
    async with (
        Endpoint.open([Address("udp", LOCAL, 0)], refuse, on_request) as server,
        Endpoint.open([Address("udp", LOCAL, 0)], refuse) as client,
    ):
        await client.request("REGISTER", uri_of(server.addresses[0]), timeout=10)
        flow = server.flow(ids[0])

        assert flow is not None
        assert flow.remote == client.addresses[0]
        called = Uri("sip", "x", host="x.invalid")
        answer = await server.request("OPTIONS", called, from_=NameAddr(called), flow=flow, timeout=10)
        assert answer.status == 200
        for wrong in ("udp:127.0.0.1:1/127.0.0.1:2", f"{server.addresses[0]}/nonsense", "", "tcp-0"):
            assert server.flow(wrong) is None


async def test_a_peer_that_is_not_there_leaves_the_socket_hearing() -> None:
    async with Endpoint.open([Address("udp", LOCAL, 0)], refuse) as gone:
        nobody = gone.addresses[0]
    async with (
        Endpoint.open([Address("udp", LOCAL, 0)], refuse) as server,
        Endpoint.open([Address("udp", LOCAL, 0)], refuse) as client,
    ):
        for _ in range(3):
            assert (await client.request("OPTIONS", uri_of(nobody), timeout=20)).status == 503
            assert (await client.request("OPTIONS", uri_of(server.addresses[0]), timeout=20)).status == 200


async def test_an_idle_connection_is_closed_unless_somebody_needs_it() -> None:
    flows: list[Flow] = []

    async def on_request(incoming: IncomingRequest) -> None:
        incoming.respond(200)
        flows.append(incoming.flow)

    async def answer(leg: IncomingLeg) -> None:
        await leg.answer(b"v=0\r\n")
        async for _ in leg.events():
            pass

    never_idle = SipTimers(idle_close=0)
    tcp = [Address("tcp", LOCAL, 0)]
    async with Endpoint.open(tcp, answer, on_request, settings=never_idle) as server, asyncio.timeout(30):
        where = uri_of(server.addresses[0])
        async with (
            Endpoint.open(tcp, refuse) as registered,
            Endpoint.open(tcp, refuse) as talking,
            Endpoint.open(tcp, refuse) as idle,
        ):
            for client in (registered, idle):
                await client.request("REGISTER", where)
            leg = await talking.invite(where, from_=NameAddr(where), sdp=b"v=0\r\n")
            assert isinstance(await anext(leg.events()), Answered)
            await asyncio.sleep(0)
            server.pin(flows[0])

            server._hub._sweep()
            while idle.connections:
                await asyncio.sleep(0)
            assert (registered.connections, talking.connections, server.connections) == (1, 1, 2)
            assert server.stats.turned_away["idle"] == 1

            server.unpin(flows[0])
            server._hub._sweep()
            while registered.connections:
                await asyncio.sleep(0)


async def test_a_connection_that_leaves_three_requests_unanswered_is_given_up() -> None:
    held: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await reader.read()

    server = await asyncio.start_server(silent, LOCAL, 0)
    address = Address("tcp", *server.sockets[0].getsockname())
    timers = SipTimers(t1=0.005)
    async with Endpoint.open([Address("tcp", LOCAL, 0)], refuse, settings=timers) as client, asyncio.timeout(30):
        flow = client.flow_to(address)
        for _ in range(3):
            assert flow.alive
            assert (await client.request("OPTIONS", uri_of(address), flow=flow)).status == 408
        assert not flow.alive
        assert client.flow_to(address) is not flow
    for writer in held:
        writer.close()
    server.close()


async def test_a_response_whose_connection_ended_goes_to_where_its_via_says() -> None:
    gone = asyncio.Event()

    async def on_request(incoming: IncomingRequest) -> None:
        async with asyncio.timeout(20):
            while incoming.flow.alive:
                await asyncio.sleep(0.01)
        incoming.respond(202)
        gone.set()

    received = asyncio.Event()

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()).startswith(b"SIP/2.0 202")
        received.set()
        writer.close()

    peer = await asyncio.start_server(listening, LOCAL, 0)
    port = peer.sockets[0].getsockname()[1]
    async with (
        Endpoint.open([Address("tcp", LOCAL, 0)], refuse, on_request) as server,
        asyncio.timeout(30),
    ):
        _, writer = await asyncio.open_connection(LOCAL, server.addresses[0].port)
        writer.write(
            f"MESSAGE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.77:{port};branch=z9hG4bK1\r\n"
            "From: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()
        await gone.wait()
        await received.wait()
    peer.close()


async def test_a_peer_whose_connection_ended_in_a_call_is_reached_where_it_listens() -> None:
    legs: asyncio.Queue[IncomingLeg] = asyncio.Queue()

    async def answer(leg: IncomingLeg) -> None:
        await leg.answer(b"v=0\r\n")
        async for event in leg.events():
            if isinstance(event, Acked):
                legs.put_nowait(leg)

    tcp = [Address("tcp", LOCAL, 0)]
    async with (
        Endpoint.open(tcp, answer) as server,
        Endpoint.open(tcp, refuse) as client,
        asyncio.timeout(30),
    ):
        where = uri_of(server.addresses[0])
        leg = await client.invite(where, from_=NameAddr(where), sdp=b"v=0\r\n")
        ours, theirs = await legs.get(), leg.flow
        assert isinstance(theirs, Connection)
        theirs.abort()
        while ours.flow.alive:
            await asyncio.sleep(0)

        await ours.hangup()
        while leg.ended is None:
            await asyncio.sleep(0)
        assert leg.ended.by == "remote"
