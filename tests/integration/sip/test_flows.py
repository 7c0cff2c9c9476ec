"""Flows over real sockets: their ids, and what becomes of them."""

import asyncio

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.outside import IncomingRequest
from jambones.sip.transport import Address, Flow
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
