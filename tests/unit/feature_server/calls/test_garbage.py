"""Legs with audio are freed when they are over: no cycles."""

import asyncio
from types import SimpleNamespace
from typing import Any

from jambones.common.verbs.target import PhoneTarget
from jambones.feature_server.calls.leg import Answered, CallEvent
from jambones.feature_server.calls.outbound import Wanted
from jambones.feature_server.calls.sip_leg import SipLeg
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from tests.support.egress import Egress, NoMedia
from tests.support.garbage import leaves_no_cycles
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time

LONGER_THAN_ANY_TRANSACTION = 70.0


def nothing_more(event: CallEvent) -> None:
    """Listens, and does nothing."""


async def call_out(egress: Egress) -> None:
    (peer,) = egress.nodes
    async with egress.placing(Wanted(target=PhoneTarget(number="1"), caller_id="2")) as placed:
        peer.answer(await peer.hears_request("INVITE"), 200, body=SDP)
        await peer.hears("ACK")
        await placed.until(Answered)
        await placed.leg.hangup()
        peer.answer(await peer.hears_request("BYE"), 200)


@in_virtual_time
async def test_a_call_out() -> None:
    async with Egress.playing() as egress:
        with leaves_no_cycles():
            await call_out(egress)
            await asyncio.sleep(LONGER_THAN_ANY_TRANSACTION)


async def take(leg: IncomingLeg) -> None:
    async def accept(offer: bytes, leg_id: str) -> Any:
        return NoMedia()

    engine: Any = SimpleNamespace(accept=accept)
    dialog = SipLeg(leg, engine, [])
    async with dialog.attended():
        dialog.listen(nothing_more)
        await dialog.answer()
        await asyncio.sleep(1)
        await dialog.hangup()


@in_virtual_time
async def test_a_call_in() -> None:
    async with Endpoint.open([], take) as endpoint:
        peer = Peer(endpoint)
        with leaves_no_cycles():
            await peer.calls()
            peer.answer(await peer.hears_request("BYE"), 200)
            await asyncio.sleep(LONGER_THAN_ANY_TRANSACTION)
