"""A SIP peer that says exactly what a test tells it to, on a virtual flow: no socket, and any clock."""

import asyncio
from collections.abc import Iterable
from typing import Any

from jambones.sip import build
from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.message import Message, Request, Response
from jambones.sip.parser import parse
from jambones.sip.transport import Address, TransportName
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uac import OutgoingLeg
from jambones.sip.uri import Uri

SDP = b"v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
Rows = Iterable[tuple[str, str]]


class Peer:
    """``heard`` holds every message the endpoint sent here, retransmissions too, in order."""

    def __init__(self, endpoint: Endpoint, transport: TransportName = "udp", port: int = 5070) -> None:
        self.endpoint = endpoint
        self.flow = VirtualFlow(
            f"{transport}-{port}",
            Address(transport, "192.0.2.1", 5060),
            Address(transport, "198.51.100.7", port),
            self._take,
            ("192.0.2.1", 5060),
            "n1",
        )
        self.tag = build.new_tag()
        self.heard: list[Message] = []
        self._read = 0
        self._more = asyncio.Event()
        self._cseq = 0

    def says(self, message: Message | bytes) -> None:
        self.endpoint.received(bytes(message), self.flow)

    async def hears(self, what: str | int, *, within: float = 60.0) -> Message:
        """The next message, which must be this request or response; 100 Trying is passed over."""
        async with asyncio.timeout(within):
            while True:
                while self._read == len(self.heard):
                    self._more.clear()
                    await self._more.wait()
                message = self.heard[self._read]
                self._read += 1
                if isinstance(message, Response) and message.status == 100 and what != 100:
                    continue
                found = message.method if isinstance(message, Request) else message.status  # type: ignore[attr-defined]
                assert found == what, f"expected {what}, heard {found}"
                return message

    async def hears_request(self, method: str, *, within: float = 60.0) -> Request:
        message = await self.hears(method, within=within)
        assert isinstance(message, Request)
        return message

    async def hears_request_of(self, *methods: str, within: float = 60.0) -> Request:
        """The next message, which must be one of these requests."""
        async with asyncio.timeout(within):
            while self._read == len(self.heard):
                self._more.clear()
                await self._more.wait()
        message = self.heard[self._read]
        assert isinstance(message, Request)
        return await self.hears_request(message.method if message.method in methods else methods[0])

    async def hears_response(self, status: int, *, within: float = 60.0) -> Response:
        message = await self.hears(status, within=within)
        assert isinstance(message, Response)
        return message

    async def hears_response_of(self, *statuses: int, within: float = 60.0) -> Response:
        """The next message, which must be one of these responses."""
        message = await self.hears_any(within=within)
        assert isinstance(message, Response)
        assert message.status in statuses
        return message

    async def hears_any(self, *, within: float = 60.0) -> Message:
        """The next message, whatever it is."""
        async with asyncio.timeout(within):
            while self._read == len(self.heard):
                self._more.clear()
                await self._more.wait()
        self._read += 1
        return self.heard[self._read - 1]

    def skip(self) -> None:
        """Pass over what was sent up to now."""
        self._read = len(self.heard)

    @property
    def unread(self) -> list[str]:
        """What was sent and not read yet, as methods and statuses."""
        return [m.method if isinstance(m, Request) else str(m.status) for m in self.heard[self._read :]]  # type: ignore[attr-defined]

    # Whole exchanges.

    async def called(self, *, headers: Rows = (), answer: Rows = ()) -> OutgoingLeg:
        """The endpoint calls, the peer answers; the leg, with Answered still to be read."""
        us = NameAddr(Uri("sip", "us", host="example.com"))
        uri = Uri("sip", "peer", host="198.51.100.7", port=5070)
        leg = await self.endpoint.invite(uri, from_=us, sdp=SDP, headers=headers, flow=self.flow)
        self.answer(await self.hears("INVITE"), 200, headers=answer, body=SDP)
        await self.hears("ACK")
        return leg

    async def calls(self, *, headers: Rows = (), call_id: str = "call-1") -> Response:
        """The peer calls and acknowledges; the 200."""
        invite = self.request("INVITE", headers=headers, body=SDP, call_id=call_id)
        self.says(invite)
        response = await self.hears_response(200)
        self.acks(response)
        return response

    def acks(self, response: Response) -> None:
        """The ACK of a 2xx."""
        self.says(self.request("ACK", call_id=response.call_id, to_tag=response.to.tag, cseq=response.cseq.number))

    def in_dialog(self, method: str, of: Response | OutgoingLeg, **more: Any) -> Request:
        """A request of the peer's in the dialog of a 200 it got, or of a leg that called it."""
        if isinstance(of, Response):
            return self.request(method, call_id=of.call_id, to_tag=of.to.tag, **more)
        return self.request(method, call_id=of.sip_call_id, to_tag=of.local_tag, **more)

    # Making messages.

    def request(
        self,
        method: str,
        uri: str = "sip:1000@192.0.2.1:5060;jbn=n1",
        *,
        call_id: str = "call-1",
        to_tag: str | None = None,
        from_tag: str | None = None,
        cseq: int | None = None,
        headers: Rows = (),
        body: bytes = b"",
        branch: str | None = None,
    ) -> Request:
        """A request of the peer's; a dialog's when ``to_tag`` is given."""
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        to = "<sip:1000@192.0.2.1>" + (f";tag={to_tag}" if to_tag else "")
        name = self.flow.remote.transport.upper()
        rows = [
            ("Via", f"SIP/2.0/{name} 198.51.100.7:5070;branch={branch or build.new_branch()};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:peer@198.51.100.7>;tag={from_tag or self.tag}"),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            *([("Contact", "<sip:peer@198.51.100.7:5070>")] if method in {"INVITE", "UPDATE", "REGISTER"} else []),
            *headers,
            *([("Content-Type", "application/sdp")] if body else []),
        ]
        return Request(method, uri, rows, body)

    def answer(
        self,
        request: Message,
        status: int,
        *,
        headers: Rows = (),
        body: bytes = b"",
        tag: str | None = None,
        contact: bool = True,
    ) -> Response:
        """Say a response to ``request``."""
        assert isinstance(request, Request)
        rows = [*([("Contact", "<sip:peer@198.51.100.7:5070>")] if contact and 100 < status < 300 else []), *headers]
        response = build.response(
            request,
            status,
            to_tag=None if status == 100 else tag or self.tag,
            headers=rows,
            body=body,
            content_type="application/sdp",
        )
        self.says(response)
        return response

    def _take(self, data: bytes) -> None:
        self.heard.append(parse(data))
        self._more.set()
