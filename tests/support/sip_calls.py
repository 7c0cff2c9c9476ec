"""Calls between an endpoint and a scripted peer, for tests of what may happen in them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Ended, LegEvent
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.message import Request
from jambones.sip.uri import Uri
from tests.support.sip_peer import SDP, Peer

US = NameAddr(Uri("sip", "us", host="example.com"))
THEM = Uri("sip", "peer", host="198.51.100.7", port=5070)
OTHER = SDP.replace(b"4000", b"4002")


def now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def calling(**more: object) -> AsyncIterator[tuple[Peer, OutgoingLeg, Request]]:
    """A call of ours whose INVITE the peer has heard."""

    async def unused(leg: IncomingLeg) -> None:
        raise AssertionError("nobody calls")

    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint)
        leg = await endpoint.invite(THEM, from_=US, sdp=SDP, flow=peer.flow, **more)  # type: ignore[arg-type]
        yield peer, leg, await peer.hears_request("INVITE")


Handler = Callable[[IncomingLeg], Awaitable[None]]


@asynccontextmanager
async def called(
    handler: Handler, headers: tuple[tuple[str, str], ...] = ()
) -> AsyncIterator[tuple[Peer, IncomingLeg, Request]]:
    """A call to us, which ``handler`` has."""
    legs: asyncio.Queue[IncomingLeg] = asyncio.Queue()

    async def on_invite(leg: IncomingLeg) -> None:
        legs.put_nowait(leg)
        await handler(leg)
        await asyncio.Event().wait()

    async with Endpoint.open([], on_invite) as endpoint:
        peer = Peer(endpoint)
        invite = peer.request("INVITE", body=SDP, headers=headers)
        peer.says(invite)
        yield peer, await legs.get(), invite


async def answer(leg: IncomingLeg) -> None:
    await leg.answer(SDP)


async def ring(leg: IncomingLeg) -> None:
    await leg.progress(180)


async def ended(leg: OutgoingLeg | IncomingLeg) -> Ended:
    """The end, which must be an event too."""
    last: LegEvent | None = None
    async with asyncio.timeout(100):
        async for event in leg.events():
            last = event
    assert isinstance(last, Ended)
    assert leg.ended is last
    return last


def kinds(leg: OutgoingLeg | IncomingLeg) -> list[str]:
    """The events that wait to be read."""
    return [type(event).__name__ for event in leg._events._events]


async def after(leg: OutgoingLeg | IncomingLeg, kind: type) -> object:  # the next event of this kind
    async with asyncio.timeout(100):
        async for event in leg.events():
            if isinstance(event, kind):
                return event
    raise AssertionError(kind)
