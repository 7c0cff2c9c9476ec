"""The SIP stack against clients of others, without the platform: a phone by TLS, a browser by secure WebSocket."""

import asyncio
from pathlib import Path

import pytest

from jambones.local import baresip
from jambones.local.baresip import Baresip
from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended
from jambones.sip.leg import IncomingLeg
from jambones.sip.outside import IncomingRequest
from jambones.sip.transport import Address
from jambones.sip.transport.tls import TlsSettings
from jambones.sip.uri import Uri
from tests.support import chromium
from tests.support.certificates import Authority

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)
US = NameAddr(Uri("sip", "us", host="example.com"))
BROWSER = """
window.heard = [];
window.ws = new WebSocket("wss://127.0.0.1:%d/", "sip");
ws.onmessage = message => heard.push(message.data);
ws.onopen = () => ws.send([
  "REGISTER sip:example.com SIP/2.0", "Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK1", "Max-Forwards: 70",
  "From: <sip:a@example.com>;tag=a", "To: <sip:a@example.com>", "Call-ID: 1", "CSeq: 1 REGISTER",
  "Contact: <sip:a@df7jal23ls0d.invalid;transport=ws>", "", ""].join("\\r\\n"));
"""


class Registrar:
    """Takes every REGISTER and no call."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[IncomingRequest] = asyncio.Queue()

    async def on_request(self, incoming: IncomingRequest) -> None:
        contact = (incoming.request.headers.get("Contact") or "").partition(";expires")[0]
        incoming.respond(200, headers=[("Contact", f"{contact};expires=600")])
        if incoming.request.method == "REGISTER":
            self.came.put_nowait(incoming)

    async def on_invite(self, leg: IncomingLeg) -> None:
        await leg.reject(603)

    async def first(self) -> IncomingRequest:
        async with asyncio.timeout(30):
            return await self.came.get()


@pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")
async def test_a_phone_registers_by_tls_and_is_called_on_its_connection(tmp_path: Path) -> None:
    registrar, authority = Registrar(), Authority(tmp_path)
    tls = TlsSettings(*authority.issue("127.0.0.1"))
    listen = [Address("tls", "127.0.0.1", 0)]
    async with Endpoint.open(listen, registrar.on_invite, registrar.on_request, tls=tls) as edge:
        port = edge.addresses[0].port
        account = f"<sip:alice@127.0.0.1:{port};transport=tls>;auth_pass=x;regint=600;answermode=auto"
        async with Baresip.open(tmp_path / "phone", account=account), asyncio.timeout(60):
            came = await registrar.first()
            contact = came.request.contact
            assert contact is not None
            assert came.flow.remote.transport == "tls"

            leg = await edge.invite(contact.uri, from_=US, sdp=SDP, flow=came.flow)
            async for event in leg.events():
                if isinstance(event, Answered):
                    held = await leg.reinvite(SDP.replace(b"sendrecv", b"sendonly").replace(b"- 1 1", b"- 1 2"))
                    assert held.accepted
                    assert b"recvonly" in (held.sdp or b"")
                    await leg.hangup()
            assert leg.ended is not None
            assert (leg.ended.by, leg.ended.status) == ("local", 200)
            assert edge.connections == 1


@pytest.mark.skipif(not chromium.installed(), reason="chromium is not installed")
async def test_a_browser_registers_by_secure_websocket_and_is_called_on_its_connection(tmp_path: Path) -> None:
    registrar, authority = Registrar(), Authority(tmp_path)
    tls = TlsSettings(*authority.issue("127.0.0.1"))
    listen = [Address("wss", "127.0.0.1", 0)]
    async with (
        Endpoint.open(listen, registrar.on_invite, registrar.on_request, tls=tls) as edge,
        chromium.browser() as page,
        asyncio.timeout(60),
    ):
        await page.evaluate(BROWSER % edge.addresses[0].port + "0")
        came = await registrar.first()
        await page.until("heard.length == 1 && heard[0].startsWith('SIP/2.0 200')")

        called = Uri.parse("sip:a@df7jal23ls0d.invalid;transport=ws")
        leg = await edge.invite(called, from_=US, sdp=SDP, flow=came.flow)
        invite = await page.until("heard[1]")
        assert invite.startswith("INVITE sip:a@df7jal23ls0d.invalid;transport=ws SIP/2.0\r\n")
        assert invite.endswith(SDP.decode())

        await page.evaluate("ws.close()")
        ended = await anext(leg.events())
        assert isinstance(ended, Ended)
        assert (ended.by, ended.status) == ("failure", 503)
        assert edge.flow(came.flow.id) is None
