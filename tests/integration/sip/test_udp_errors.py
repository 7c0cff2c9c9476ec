"""Peers that are gone: their ICMP errors must not deafen the socket for everybody else."""

import asyncio
import socket

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.transport import Address
from jambones.sip.uri import Uri

LOCAL = "127.0.0.1"
QUESTION = (
    "OPTIONS sip:x@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch};rport\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


async def refuse(leg: IncomingLeg) -> None:
    await leg.reject(603)


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOCAL, 0))
        return int(sock.getsockname()[1])


async def test_peers_that_do_not_listen_leave_the_others_served() -> None:
    async with (
        Endpoint.open([Address("udp", LOCAL, 0)], refuse) as server,
        Endpoint.open([Address("udp", LOCAL, 0)], refuse) as client,
    ):
        address = server.addresses[0]
        for number in range(200):
            # It asks and is gone before the answer comes, as a scanner or a phone that crashed.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                gone.bind((LOCAL, 0))
                text = QUESTION.format(host=LOCAL, port=gone.getsockname()[1], branch=f"gone{number}")
                gone.sendto(text.encode(), (LOCAL, address.port))
            if number % 10 == 0:
                await asyncio.sleep(0)
        for _ in range(3):
            answer = await client.request("OPTIONS", Uri("sip", "x", host=LOCAL, port=address.port), timeout=10)
            assert answer.status == 200


async def test_a_call_to_a_closed_port_fails_at_once_and_the_socket_hears_on() -> None:
    async with (
        Endpoint.open([Address("udp", LOCAL, 0)], refuse) as server,
        Endpoint.open([Address("udp", LOCAL, 0)], refuse) as client,
    ):
        nobody = Uri("sip", "x", host=LOCAL, port=closed_port())
        for _ in range(5):
            answer = await client.request("OPTIONS", nobody, from_=NameAddr(nobody), timeout=10)
            assert answer.status == 503
        answer = await client.request("OPTIONS", Uri("sip", "x", host=LOCAL, port=server.addresses[0].port), timeout=10)
        assert answer.status == 200
