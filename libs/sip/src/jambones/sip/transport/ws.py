"""SIP over WebSocket, the server's side: RFC 7118. One message a frame, text or binary; CRLF keep-alives answered."""

import logging
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from jambones.sip.parser import MAX_STREAM_MESSAGE

_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
# The library tells of each connection; what matters of that is counted here.
_log = logging.getLogger("jambones.sip.websocket")
_log.setLevel(logging.WARNING)


class WebSocketFraming:
    """The handshake, then frames. ``peer`` is the host the connection comes from.

    ``origins``: what a browser's page must have come from, empty for any; clients that are no browsers name none.
    X-Forwarded-For is believed of a peer that ``trusted`` says is a proxy of ours.
    """

    __slots__ = ("_fragments", "_protocol", "_trusted", "peer", "source")

    def __init__(self, origins: Sequence[str], trusted: Callable[[str], bool], peer: str = "") -> None:
        self.peer = peer
        self.source: str | None = None
        self._trusted = trusted
        self._fragments: list[bytes] = []
        self._protocol = ServerProtocol(
            origins=[*map(Origin, origins), None] if origins else None,
            subprotocols=[Subprotocol("sip")],
            select_subprotocol=_select,
            max_size=MAX_STREAM_MESSAGE,
            logger=_log,
        )

    @property
    def ready(self) -> bool:
        return self._protocol.state is OPEN

    @property
    def ended(self) -> bool:
        return self._protocol.eof_sent

    @property
    def pending(self) -> bool:
        return bool(self._fragments)

    def receive(self, data: bytes) -> list[bytes]:
        protocol = self._protocol
        protocol.receive_data(data)
        messages: list[bytes] = []
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._handshake(event)
            elif isinstance(event, Frame) and event.opcode in _DATA:
                self._frame(event, messages)
        return messages

    @property
    def failure(self) -> str | None:
        """Why the connection was turned away or broken off: a short constant text."""
        if self._protocol.handshake_exc is not None:
            return "ws-handshake"
        return "ws-frame" if self._protocol.parser_exc is not None else None

    def output(self) -> bytes:
        return b"".join(self._protocol.data_to_send())

    def wrap(self, message: bytes) -> bytes:
        protocol = self._protocol
        if protocol.state is not OPEN:
            return b""
        if message.isascii() or _is_utf8(message):
            protocol.send_text(message)
        else:
            protocol.send_binary(message)
        return self.output()

    def ping(self) -> bytes:
        if self._protocol.state is not OPEN:
            return b""
        self._protocol.send_ping(b"")
        return self.output()

    def farewell(self) -> bytes:
        if self._protocol.state is not OPEN:
            return b""
        self._protocol.send_close(CloseCode.GOING_AWAY)
        return self.output()

    def _handshake(self, request: Request) -> None:
        response = self._protocol.accept(request)
        self._protocol.send_response(response)
        if response.status_code == 101 and self._trusted(self.peer):
            self.source = _forwarded(request.headers, self._trusted)

    def _frame(self, frame: Frame, messages: list[bytes]) -> None:
        data = bytes(frame.data)
        if not frame.fin or self._fragments:
            self._fragments.append(data)
            if not frame.fin:
                return
            data = b"".join(self._fragments)
            self._fragments.clear()
        if data.strip(b"\r\n"):
            messages.append(data)
        elif len(data) >= 4 and self._protocol.state is OPEN:
            self._protocol.send_text(b"\r\n")  # some phones keep their connection alive as they would on TCP


def _select(_protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol:
    for name in offered:
        if name.lower() == "sip":
            return name
    raise NegotiationError("subprotocol sip is required")


def _forwarded(headers: Headers, trusted: Callable[[str], bool]) -> str | None:
    """The right-most hop that is no proxy of ours; the proxies' own word counts only as far as they are ours."""
    hops = [hop.strip() for row in headers.get_all("X-Forwarded-For") for hop in row.split(",")]
    for hop in reversed(hops):
        host = hop.removeprefix("[").removesuffix("]")
        try:
            ip_address(host)
        except ValueError:
            return None
        if not trusted(host):
            return host
    return None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
