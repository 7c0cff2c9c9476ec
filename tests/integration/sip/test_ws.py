"""SIP over WebSocket with a client of others (aiohttp), and keep-alives of every transport."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Request, Response
from jambones.sip.outside import IncomingRequest
from jambones.sip.parser import parse
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.limits import ConnectionRules
from jambones.sip.transport.tls import TlsSettings
from jambones.sip.uri import Uri
from tests.support.certificates import Authority
from tests.support.sip_peer import SDP

LOCAL = "127.0.0.1"
US = NameAddr(Uri("sip", "us", host="example.com"))


async def refuse(leg: IncomingLeg) -> None:
    await leg.reject(603)


def message(method: str, *rows: str, body: bytes = b"", branch: str = "z9hG4bK1") -> bytes:
    """As a browser's library sends it: an .invalid host, and no Content-Length."""
    lines = [
        f"{method} sip:example.com SIP/2.0",
        f"Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch={branch}",
        "Max-Forwards: 70",
        "From: <sip:alice@example.com>;tag=a",
        "To: <sip:alice@example.com>",
        "Call-ID: 1",
        f"CSeq: 1 {method}",
        "Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>",
        *rows,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def hear(ws: aiohttp.ClientWebSocketResponse) -> Request | Response:
    data = await ws.receive(timeout=20)
    assert data.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}, data
    found = parse(data.data.encode() if isinstance(data.data, str) else data.data)
    assert isinstance(found, Request | Response)
    return found


def reply(request: Request | Response, status: int, body: bytes = b"") -> bytes:
    kept = [f"{name}: {value}" for name, value in request.headers if name in {"Via", "From", "Call-ID", "CSeq"}]
    contact = "Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>"
    to = request.headers.get("To") or ""
    rows = [f"SIP/2.0/ {status} x", *kept, f"To: {to if 'tag=' in to else to + ';tag=ws'}", contact]
    rows[0] = f"SIP/2.0 {status} Fine"
    if body:
        rows.append("Content-Type: application/sdp")
    return "\r\n".join(rows).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("transport", ["ws", "wss"])
async def test_a_browser_registers_is_called_and_hangs_up(tmp_path: Path, transport: str) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue(LOCAL)
    flows: asyncio.Queue[Flow] = asyncio.Queue()
    lost: asyncio.Queue[Flow] = asyncio.Queue()

    async def on_request(incoming: IncomingRequest) -> None:
        incoming.respond(200)
        flows.put_nowait(incoming.flow)

    async with Endpoint.open(
        [Address.parse(f"{transport}:{LOCAL}:0")],
        refuse,
        on_request,
        tls=TlsSettings(cert, key),
        on_flow_lost=lost.put_nowait,
    ) as edge:
        url = f"{transport}://{LOCAL}:{edge.addresses[0].port}/"
        context = ssl.create_default_context(cafile=authority.ca)
        async with (
            asyncio.timeout(60),
            aiohttp.ClientSession() as session,
            session.ws_connect(url, protocols=["sip"], ssl=context) as ws,
        ):
            assert ws.protocol == "sip"
            await ws.send_str(message("REGISTER").decode())
            assert isinstance(registered := await hear(ws), Response)
            assert registered.status == 200
            flow = await flows.get()
            assert (flow.remote.transport, flow.remote.host) == (transport, LOCAL)

            called = Uri("sip", "alice", host="df7jal23ls0d.invalid", params={"transport": "ws"})
            leg = await edge.invite(called, from_=US, sdp=SDP, flow=flow)
            invite = await hear(ws)
            assert (invite.via.transport, invite.headers.get("Contact", "").partition(";")[2]) == (
                transport.upper(),
                "transport=ws>",
            )
            await ws.send_bytes(reply(invite, 200, SDP))
            assert isinstance(await anext(leg.events()), Answered)
            ack = await hear(ws)
            assert isinstance(ack, Request)
            assert ack.method == "ACK"

            sending = asyncio.create_task(leg.send("INFO", body=b"x", content_type="text/plain"))
            await ws.send_bytes(reply(await hear(ws), 200))
            assert (await sending).status == 200

            to = f"To: {leg.invite.headers.get('From')}"
            bye = (
                message("BYE", branch="z9hG4bK2")
                .decode()
                .replace("From: <sip:alice@example.com>;tag=a", "From: <sip:alice@df>;tag=ws")
            )
            bye = bye.replace("To: <sip:alice@example.com>", to).replace("Call-ID: 1", f"Call-ID: {leg.sip_call_id}")
            await ws.send_str(bye)
            assert isinstance(await anext(leg.events()), Ended)
            assert isinstance(said := await hear(ws), Response)
            assert said.status == 200
        async with asyncio.timeout(20):
            assert await lost.get() is flow
        with pytest.raises(NoTransport):
            await edge.request("OPTIONS", called, from_=US, destination=flow.remote)
        assert (await edge.request("OPTIONS", called, from_=US, flow=flow)).status == 503


async def test_frames_that_are_no_sip_are_counted_and_a_bad_request_is_answered() -> None:
    async with Endpoint.open([Address("ws", LOCAL, 0)], refuse) as edge:
        url = f"ws://{LOCAL}:{edge.addresses[0].port}/"
        async with (
            asyncio.timeout(60),
            aiohttp.ClientSession() as session,
            session.ws_connect(url, protocols=["sip"]) as ws,
        ):
            for garbage in (b"\0\1\2", b"hello", b"\r\n", b"{}"):
                await ws.send_bytes(garbage)
            await ws.send_bytes(message("OPTIONS", "Content-Length: 99"))
            assert isinstance(answer := await hear(ws), Response)
            assert answer.status == 400
            await ws.send_bytes(message("OPTIONS", branch="z9hG4bK3"))
            assert isinstance(answer := await hear(ws), Response)
            assert answer.status == 200
            assert edge.stats.parse_errors.total() == 4
            await ws.ping(b"hello")


async def test_a_client_without_the_subprotocol_gets_400() -> None:
    async with (
        Endpoint.open([Address("ws", LOCAL, 0)], refuse) as edge,
        aiohttp.ClientSession() as session,
    ):
        url = f"ws://{LOCAL}:{edge.addresses[0].port}/"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url)
        assert caught.value.status == 400


async def test_behind_a_proxy_of_ours_the_source_is_the_client() -> None:
    seen: list[Address] = []

    async def on_request(incoming: IncomingRequest) -> None:
        seen.append(incoming.source)
        incoming.respond(200)

    rules = ConnectionRules(trusted_proxy=lambda host: host == LOCAL)
    async with (
        Endpoint.open([Address("ws", LOCAL, 0)], refuse, on_request, connections=rules) as edge,
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"ws://{LOCAL}:{edge.addresses[0].port}/", protocols=["sip"], headers={"X-Forwarded-For": "203.0.113.7"}
        ) as ws,
    ):
        await ws.send_bytes(message("REGISTER"))
        await hear(ws)
        assert seen[0].host == "203.0.113.7"


async def test_keep_alives_are_answered() -> None:
    listen = [Address("tcp", LOCAL, 0), Address("udp", LOCAL, 0)]
    async with Endpoint.open(listen, refuse) as server, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(LOCAL, server.addresses[0].port)
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.close()

        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((LOCAL, server.addresses[1].port))
            await loop.sock_sendall(sock, bytes.fromhex("000100002112a442b7e7a701bc34d686fa87dfae"))
            response = await loop.sock_recv(sock, 100)
            port = int.from_bytes(response[26:28], "big") ^ 0x2112
            assert (response[:2], port) == (b"\x01\x01", sock.getsockname()[1])


async def test_quiet_clients_are_pinged_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jambones.sip.transport.hub._QUIET", 0.0)
    monkeypatch.setattr("jambones.sip.transport.hub._PART", 2)
    async with (
        Endpoint.open([Address("ws", LOCAL, 0)], refuse) as edge,
        asyncio.timeout(30),
        aiohttp.ClientSession() as session,
        contextlib.AsyncExitStack() as stack,
    ):
        url = f"ws://{LOCAL}:{edge.addresses[0].port}/"
        sockets = [
            await stack.enter_async_context(session.ws_connect(url, protocols=["sip"], autoping=False))
            for _ in range(5)
        ]
        heard = 0
        for turn in (2, 2, 1):
            edge._hub._sweep()
            waiting = [asyncio.ensure_future(ws.receive()) for ws in sockets]
            while sum(one.done() for one in waiting) < turn:
                await asyncio.sleep(0)
            sockets = [ws for ws, one in zip(sockets, waiting, strict=True) if not one.done()]
            pinged = [one.result().type for one in waiting if one.done()]
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert pinged == [aiohttp.WSMsgType.PING] * turn
            heard += len(pinged)
        assert (heard, sockets) == (5, [])
