"""A call that is over is freed at once, and its transactions when they end: no cycles."""

import asyncio

from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from tests.support.garbage import leaves_no_cycles
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time

LONGER_THAN_ANY_TRANSACTION = 70.0


async def until_over(leg: IncomingLeg) -> None:
    await leg.answer(SDP)
    async for _ in leg.events():
        pass


async def unused(leg: IncomingLeg) -> None:
    raise AssertionError("nobody calls")


async def call_of_ours(peer: Peer) -> None:
    leg = await peer.called()
    await leg.hangup()
    peer.answer(await peer.hears_request("BYE"), 200)


async def call_to_us(peer: Peer) -> None:
    ok = await peer.calls()
    peer.says(peer.in_dialog("BYE", ok))
    await peer.hears(200)


@in_virtual_time
async def test_a_call_of_ours() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint)
        with leaves_no_cycles():
            await call_of_ours(peer)
            await asyncio.sleep(LONGER_THAN_ANY_TRANSACTION)
            assert endpoint.stats.transactions == 0


@in_virtual_time
async def test_a_call_to_us() -> None:
    async with Endpoint.open([], until_over) as endpoint:
        peer = Peer(endpoint)
        with leaves_no_cycles():
            await call_to_us(peer)
            await asyncio.sleep(LONGER_THAN_ANY_TRANSACTION)
            assert endpoint.stats.transactions == 0
