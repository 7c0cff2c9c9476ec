"""Commands to one rtpengine over its NG protocol in UDP: `<cookie> <bencode>`.

The daemon keeps its replies by cookie for a while, so a command that is sent again is not executed again.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from jambones.media.rtpengine.bencode import BencodeError, Encodable, Value, decode, encode
from jambones.media.rtpengine.errors import NgError, NgUnreachable, from_reply
from jambones.media.rtpengine.profiles import Profile
from jambones.media.rtpengine.vocabulary import check

log = logging.getLogger(__name__)

Reply = dict[str, Value]

RESEND_AT = (0.5, 1.5)  # seconds after the first sending
FAIL_AT = 3.0
MOST_PENDING = 2_000  # commands without answer; more means that the daemon is gone
DIGITS = frozenset("0123456789*#ABCD")


@dataclass(frozen=True)
class Timing:
    """How a command went; for metrics. `result` is ok, error, load limit or no answer."""

    node: str
    command: str
    seconds: float
    result: str


@dataclass
class _Protocol(asyncio.DatagramProtocol):
    """Gives each reply to the command whose cookie it carries."""

    node: str
    waiting: dict[bytes, asyncio.Future[Reply]] = field(default_factory=dict)

    def datagram_received(self, data: bytes, addr: object) -> None:
        cookie, _, payload = data.partition(b" ")
        future = self.waiting.get(cookie)
        if future is None or future.done():
            return  # the answer to a repetition
        try:
            reply = decode(payload)
        except BencodeError as exc:
            log.warning("rtpengine sent an unreadable reply", extra={"node": self.node, "error": str(exc)})
            return
        if isinstance(reply, dict):
            future.set_result(reply)

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody listens there. Waiting for the time-out would only cost the callers three seconds."""
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(ConnectionRefusedError(str(exc)))


@dataclass
class NgClient:
    """One rtpengine. All commands raise `NgError` or one of its kinds."""

    node: str  # host:port
    _protocol: _Protocol
    _transport: asyncio.DatagramTransport
    observers: list[Callable[[Timing], None]] = field(default_factory=list)
    _serial: "count[int]" = field(default_factory=count)
    _prefix: str = field(default_factory=lambda: secrets.token_hex(6))

    @classmethod
    @asynccontextmanager
    async def open(
        cls, address: tuple[str, int], *, on_command: Callable[[Timing], None] | None = None
    ) -> AsyncIterator["NgClient"]:
        node = f"{address[0]}:{address[1]}"
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(lambda: _Protocol(node), remote_addr=address)
        try:
            yield cls(node, protocol, transport, [on_command] if on_command is not None else [])
        finally:
            protocol.error_received(ConnectionError("closed"))
            transport.close()

    # -- sessions

    async def offer(
        self,
        call_id: str,
        sdp: bytes,
        *,
        from_tag: str,
        to_tag: str | None = None,
        towards: Profile | None = None,
        **options: Encodable,
    ) -> bytes:
        """The description to send on to the other side. `towards` says what kind of peer that is."""
        return await self._describe("offer", call_id, sdp, from_tag, to_tag, towards, options)

    async def answer(
        self,
        call_id: str,
        sdp: bytes,
        *,
        from_tag: str,
        to_tag: str,
        towards: Profile | None = None,
        **options: Encodable,
    ) -> bytes:
        """The answer to send back to the offerer (`from_tag`); `to_tag` is the side that gave this answer."""
        return await self._describe("answer", call_id, sdp, from_tag, to_tag, towards, options)

    async def _describe(
        self,
        command: str,
        call_id: str,
        sdp: bytes,
        from_tag: str,
        to_tag: str | None,
        towards: Profile | None,
        options: Mapping[str, Encodable],
    ) -> bytes:
        all_options = check(towards.options(command, options) if towards is not None else options)
        fields: dict[str, Encodable] = {"call-id": call_id, "from-tag": from_tag, "sdp": sdp, **all_options}
        if to_tag is not None:
            fields["to-tag"] = to_tag
        if command == "offer":
            fields.setdefault("supports", ["load limit"])
        reply = await self.command(command, fields)
        described = reply.get("sdp")
        if not isinstance(described, str):
            raise NgError(command, "reply without a description")
        return described.encode("utf-8", "surrogateescape")

    async def delete(self, call_id: str, *, from_tag: str | None = None, to_tag: str | None = None) -> Reply:
        """End a session at once; with a tag, the reply has its last counters as `query` has. Unknown is no error."""
        return await self.command("delete", {**_select(call_id, from_tag, to_tag), "delete delay": 0})

    async def query(self, call_id: str) -> Reply:
        """State and counters of a session: tags, medias, streams, SSRC, totals."""
        return await self.command("query", _select(call_id))

    def forget(self, call_id: str) -> None:
        """Send a delete without waiting: for sessions of a node that did not answer, should it live after all."""
        self._send(self._cookie(), "delete", {"call-id": call_id, "delete delay": 0})

    # -- media of a session

    async def block_media(self, call_id: str, from_tag: str | None = None) -> None:
        """Drop what this side (or everybody) sends. Its telephone-events pass: see `block_dtmf`."""
        await self.command("block media", _select(call_id, from_tag))

    async def unblock_media(self, call_id: str, from_tag: str | None = None) -> None:
        await self.command("unblock media", _select(call_id, from_tag))

    async def block_dtmf(self, call_id: str, from_tag: str | None = None) -> None:
        await self.command("block DTMF", _select(call_id, from_tag))

    async def unblock_dtmf(self, call_id: str, from_tag: str | None = None) -> None:
        await self.command("unblock DTMF", _select(call_id, from_tag))

    async def play_dtmf(
        self, call_id: str, from_tag: str, digit: str, *, duration: int = 250, volume: int = 8, pause: int = 100
    ) -> None:
        """Send a digit as if `from_tag` had pressed it; milliseconds, volume in -dBm0.

        The session needs flag `inject-DTMF` in its last offer and answer, otherwise rtpengine says ok and does nothing.
        """
        if digit not in DIGITS:
            raise ValueError(f"{digit!r} is no DTMF digit")
        fields: dict[str, Encodable] = {
            **_select(call_id, from_tag),
            "code": digit,
            "duration": min(max(duration, 100), 5000),
            "volume": min(max(volume, 0), 63),
            "pause": min(max(pause, 100), 5000),
        }
        await self.command("play DTMF", fields)

    # -- the daemon

    async def ping(self) -> None:
        await self.command("ping", {})

    # -- the protocol

    async def command(self, command: str, fields: Mapping[str, Encodable]) -> Reply:
        """Send any command under one cookie until it is answered; raises `NgError`."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if len(self._protocol.waiting) >= MOST_PENDING:
            raise NgUnreachable(command, "too many commands without answer")
        cookie = self._cookie()
        future: asyncio.Future[Reply] = loop.create_future()
        self._protocol.waiting[cookie] = future
        datagram = self._send(cookie, command, fields)
        timers = [loop.call_at(started + after, self._transport.sendto, datagram) for after in RESEND_AT]
        try:
            async with asyncio.timeout_at(started + FAIL_AT):
                reply = await future
        except (TimeoutError, ConnectionError) as exc:
            self._report(command, loop.time() - started, "no answer")
            raise NgUnreachable(command, "nobody listens" if isinstance(exc, ConnectionError) else "no answer") from exc
        finally:
            for timer in timers:
                timer.cancel()
            del self._protocol.waiting[cookie]
        result = reply.get("result")
        if result in {"ok", "pong"}:
            self._report(command, loop.time() - started, "ok")
            return reply
        self._report(command, loop.time() - started, "load limit" if result == "load limit" else "error")
        raise from_reply(command, result, str(reply.get("error-reason", "")))

    def _cookie(self) -> bytes:
        return f"{self._prefix}_{next(self._serial)}".encode()

    def _send(self, cookie: bytes, command: str, fields: Mapping[str, Encodable]) -> bytes:
        datagram = cookie + b" " + encode({"command": command, **fields})
        self._transport.sendto(datagram)
        return datagram

    def _report(self, command: str, seconds: float, result: str) -> None:
        timing = Timing(self.node, command, seconds, result)
        for observer in self.observers:
            observer(timing)


def _select(call_id: str, from_tag: str | None = None, to_tag: str | None = None) -> dict[str, Encodable]:
    fields: dict[str, Encodable] = {"call-id": call_id}
    if from_tag is not None:
        fields["from-tag"] = from_tag
    if to_tag is not None:
        fields["to-tag"] = to_tag
    return fields
