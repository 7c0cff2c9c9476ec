"""From bytes to the transaction layer: parsing, the filter, the first checks. Nothing raises past it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from logging import getLogger
from typing import Literal

from jambones.sip import build
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request, Response
from jambones.sip.parser import ParseError, parse
from jambones.sip.stats import Stats
from jambones.sip.transaction.layer import TransactionLayer
from jambones.sip.transport import Address, Flow, stun
from jambones.sip.transport.virtual import MARK
from jambones.sip.via import Via

log = getLogger(__name__)

Verdict = Literal["accept", "drop"] | tuple[int, str | None, Iterable[tuple[str, str]]]
Filter = Callable[[Request, Address], Verdict]
Relay = Callable[[Request | Response, bytes, Flow, str], bool]
"""Whether a message with somebody's mark, its bytes as they came, its flow, and the mark, was taken."""
_KEEPALIVE = 4
_STUN = 4
"""A first byte below this is STUN's (RFC 5764 section 5.1.2); SIP begins with a letter."""


class Intake:
    """The receiver of an endpoint's transports."""

    def __init__(
        self,
        layer: TransactionLayer,
        stats: Stats,
        filter: Filter | None,
        server: str,
        relay: Relay | None,
        on_lost: Callable[[list[Flow]], None],
    ) -> None:
        self._layer = layer
        self._stats = stats
        self._filter = filter
        self._server = server
        self._relay = relay
        self._on_lost = on_lost
        self._gone: list[Flow] = []

    def datagram(self, data: bytes, flow: Flow) -> None:
        if len(data) <= _KEEPALIVE and not data.strip(b"\r\n\0 "):
            return  # a NAT keep-alive (RFC 5626 section 3.5.1)
        if data[0] < _STUN:
            self._stun(data, flow)
            return
        self._take(data, flow, framed=False)

    def stream_message(self, data: bytes, flow: Flow) -> None:
        self._take(data, flow, framed=True)

    def unreachable(self, remote: Address) -> None:
        self._stats.unreachable += 1
        self._layer.unreachable(remote)

    def lost(self, flow: Flow) -> None:
        # When a proxy goes, ten thousand connections end at once: all transactions and legs are gone through once then.
        if not self._gone:
            asyncio.get_running_loop().call_soon(self._tell_lost)
        self._gone.append(flow)

    def _tell_lost(self) -> None:
        gone, self._gone = self._gone, []
        self._layer.lost(gone)
        self._on_lost(gone)

    def malformed(self, reason: str, flow: Flow) -> None:
        self._stats.parse_errors[reason] += 1

    def _stun(self, data: bytes, flow: Flow) -> None:
        remote = flow.remote
        response = stun.answer(data, remote.host, remote.port) if remote.transport == "udp" else None
        if response is None:
            self._stats.parse_errors["stun"] += 1
        else:
            flow.send(response)

    def _take(self, data: bytes, flow: Flow, *, framed: bool) -> None:
        try:
            message = parse(data, framed=framed)
        except ParseError as error:
            self._stats.parse_errors[error.reason] += 1
            if error.request is not None:
                self._refuse_unreadable(error.request, error.status, flow)
            return
        try:
            if isinstance(message, Request):
                self._request(message, data, flow)
            elif isinstance(message, Response) and not self._relayed(message, data, flow, message.via.params):
                self._layer.received_response(message, flow)
        except GrammarError as error:
            # A header that is only looked at late, such as the RAck of a PRACK.
            self._stats.parse_errors[error.reason] += 1
            if isinstance(message, Request) and message.method != "ACK":
                self._stateless(message, 400, None, (), flow)

    def _request(self, request: Request, data: bytes, flow: Flow) -> None:
        remote = flow.remote
        request.headers.set_first("Via", _seen_from(request.headers.get("Via") or "", remote.host, remote.port))
        if self._filter is not None:
            verdict = self._filter(request, remote)
            if verdict == "drop":
                self._stats.dropped["filter"] += 1
                return
            if verdict != "accept":
                self._stats.dropped["refused"] += 1
                if request.method != "ACK":
                    self._stateless(request, verdict[0], verdict[1], verdict[2], flow)
                return
        if not self._relayed(request, data, flow, request.uri.params):
            self._layer.received_request(request, flow)

    def _relayed(self, message: Request | Response, data: bytes, flow: Flow, params: Mapping[str, str | None]) -> bool:
        if self._relay is None or not (mark := params.get(MARK)) or not self._relay(message, data, flow, mark):
            return False
        self._stats.relayed += 1
        return True

    def _refuse_unreadable(self, request: Request, status: int, flow: Flow) -> None:
        if request.method == "ACK":
            return
        if self._filter is not None and self._filter(request, flow.remote) == "drop":
            self._stats.dropped["filter"] += 1
            return
        remote = flow.remote
        try:
            request.headers.set_first("Via", _seen_from(request.headers.get("Via") or "", remote.host, remote.port))
            self._stateless(request, status, None, (), flow)
        except GrammarError:
            self._stats.dropped["unanswerable"] += 1

    def _stateless(
        self, request: Request, status: int, reason: str | None, headers: Iterable[tuple[str, str]], flow: Flow
    ) -> None:
        """A response without a transaction: it costs the flooder more than us."""
        response = build.response(request, status, reason, to_tag=build.new_tag(), headers=headers)
        if self._server:
            response.headers.add("Server", self._server)
        self._layer.send(bytes(response), response, flow, False)


def _seen_from(via: str, host: str, port: int) -> str:
    """The topmost Via with ``received`` and ``rport``."""
    return Via.parse(via).seen_from(host, port).noted()
