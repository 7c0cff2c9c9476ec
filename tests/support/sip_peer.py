"""A SIP peer that says exactly what a test tells it to, on a virtual flow: no socket, and any clock."""

import asyncio
from collections.abc import Iterable

from jambones.sip import build
from jambones.sip.endpoint import Endpoint
from jambones.sip.message import Message, Request, Response
from jambones.sip.parser import parse
from jambones.sip.transport import Address, TransportName
from jambones.sip.transport.virtual import VirtualFlow

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

    async def hears_response(self, status: int, *, within: float = 60.0) -> Response:
        message = await self.hears(status, within=within)
        assert isinstance(message, Response)
        return message

    def skip(self) -> None:
        """Pass over what was sent up to now."""
        self._read = len(self.heard)

    @property
    def unread(self) -> list[str]:
        """What was sent and not read yet, as methods and statuses."""
        return [m.method if isinstance(m, Request) else str(m.status) for m in self.heard[self._read :]]  # type: ignore[attr-defined]

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
        self, request: Message, status: int, *, headers: Rows = (), body: bytes = b"", tag: str | None = None
    ) -> Response:
        """Say a response to ``request``."""
        assert isinstance(request, Request)
        rows = [*([("Contact", "<sip:peer@198.51.100.7:5070>")] if 100 < status < 300 else []), *headers]
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
