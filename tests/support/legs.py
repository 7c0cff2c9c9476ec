"""SIP legs that a test plays: `tell` makes events, `did` holds what was asked of the leg, in order."""

import asyncio
from collections.abc import Iterable
from typing import Any

from jambones.sip.events import Acked, Answer, Ended, LegEnded, LegEvent, Offered, Requested
from jambones.sip.headers import Headers
from jambones.sip.message import Request, Response
from jambones.sip.queue import EventQueue
from jambones.sip.traces import Observer
from jambones.sip.transport import Address
from tests.support.sip_messages import request

OFFER, ANSWER = b"offer of the far end", b"answer of the feature server"
Rows = Iterable[tuple[str, str]]


class PlayedLeg:
    """Both an IncomingLeg and an OutgoingLeg, as far as a back-to-back user agent sees them."""

    def __init__(self, name: str, invite: Request | None = None) -> None:
        self.name = name
        self.invite = invite or request("INVITE", body=OFFER, headers=[("Content-Type", "application/sdp")])
        self.source = Address("udp", "198.51.100.7", 5060)
        self.sip_call_id = self.invite.call_id
        self.trying = True
        self.did: list[str] = []
        self.bodies: list[bytes | None] = []
        self.said: dict[str, str] = {}
        """Headers of the last thing that was asked of it."""
        self.reinvite_answer = Answer(200, "OK", b"new answer", Headers())
        self.sent_answer = Response(200)
        self.hold: asyncio.Event | None = None
        """Set: `reinvite` and `send` wait for it."""
        self.ended: Ended | None = None
        self.confirmed = False
        self.observer: Observer | None = None
        """Who follows it."""
        self._events = EventQueue()
        self._changed = asyncio.Event()

    def follow(self, observer: Observer) -> None:
        self.observer = observer

    # What the peer does.

    def tell(self, event: LegEvent) -> None:
        if isinstance(event, Ended):
            self.ended = self.ended or event
        self._events.put(event)

    def hangs_up(self, *said: tuple[str, str]) -> None:
        self.tell(Ended("remote", 200, "OK", Headers(said)))

    def cancels(self, *said: tuple[str, str]) -> None:
        self.tell(Ended("remote", 487, "Request Terminated", Headers(said)))

    def refuses(self, status: int, reason: str = "", *said: tuple[str, str]) -> None:
        self.tell(Ended("remote", status, reason, Headers(said)))

    def acks(self, sdp: bytes | None = None) -> None:
        self.tell(Acked(sdp))

    def offers(self, sdp: bytes | None, *said: tuple[str, str]) -> Offered:
        event = Offered(sdp, request("INVITE", to_tag="us"), Headers(said))
        self.tell(event)
        return event

    def requests(self, method: str, body: bytes = b"", content_type: str = "") -> Requested:
        rows = [("Content-Type", content_type)] if content_type else []
        event = Requested(request(method, to_tag="us", headers=rows, body=body))
        self.tell(event)
        return event

    # What is asked of the leg.

    def events(self) -> EventQueue:
        return self._events

    async def progress(
        self, status: int, reason: str | None = None, *, sdp: bytes | None = None, headers: Rows = (), **_: Any
    ) -> None:
        self._do(f"progress {status}", sdp, headers)

    async def answer(self, sdp: bytes, headers: Rows = ()) -> None:
        self._do("answer", sdp, headers)
        self.confirmed = True

    async def ack(self, sdp: bytes) -> None:
        self._do("ack", sdp)

    async def reject(self, status: int, reason: str | None = None, headers: Rows = ()) -> None:
        if self.ended is None:
            self._do(f"reject {status}", None, headers)
            self.tell(Ended("local", status, reason or ""))

    async def hangup(self, *, status: int | None = None, reason: str | None = None, headers: Rows = ()) -> None:
        if self.ended is None:
            self._do("hangup", None, headers)
            self.tell(Ended("local", status or 200, reason or ""))

    async def reinvite(self, sdp: bytes | None, headers: Rows = ()) -> Answer:
        self._do("reinvite", sdp, headers)
        if self.hold is not None:
            await self.hold.wait()
        return self.reinvite_answer

    async def accept_offer(self, event: Offered, sdp: bytes | None, headers: Rows = ()) -> None:
        self._do("accept", sdp, headers)

    async def refuse_offer(self, event: Offered, status: int, headers: Rows = ()) -> None:
        self._do(f"refuse {status}", None, headers)

    async def respond(
        self, event: Requested, status: int, reason: str | None = None, *, headers: Rows = (), body: bytes = b""
    ) -> None:
        self._do(f"respond {status}", body, headers)

    async def send(
        self, method: str, *, headers: Rows = (), body: bytes = b"", content_type: str | None = None
    ) -> Response:
        self._do(f"send {method}", body, headers)
        if self.hold is not None:
            await self.hold.wait()
        return self.sent_answer

    async def until(self, what: str) -> None:
        """Wait until this was asked of the leg."""
        async with asyncio.timeout(600):
            while what not in self.did:
                self._changed.clear()
                await self._changed.wait()

    def _do(self, what: str, sdp: bytes | None = None, headers: Rows = ()) -> None:
        if self.ended is not None:
            raise LegEnded(self.ended)
        self.did.append(what)
        self.bodies.append(sdp)
        self.said = dict(headers)
        self._changed.set()
