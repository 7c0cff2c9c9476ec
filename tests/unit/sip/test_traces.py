"""Whoever follows a call sees each of its messages as they go over the wire, and those of no other."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Message, Request
from jambones.sip.transport import Address
from tests.support.sip_calls import THEM, US, answer, called
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time


@dataclass
class Seen:
    """An observer that remembers."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, direction: Literal["in", "out"], message: Message, remote: Address, again: bool) -> None:
        what = message.method if isinstance(message, Request) else getattr(message, "status", None)
        self.lines.append(f"{direction} {what} {remote.port}{' again' if again else ''}")


async def refuse(leg: IncomingLeg) -> None:
    await leg.reject(404)


@in_virtual_time
async def test_a_call_that_begins_here_is_followed_from_its_invite_to_the_answer_to_its_bye() -> None:
    seen = Seen()
    wishes: list[Any] = [None, seen]
    async with Endpoint.open([], refuse, trace=wishes.pop) as endpoint:
        peer, other = Peer(endpoint), Peer(endpoint, port=5071)
        leg = await endpoint.invite(THEM, from_=US, sdp=SDP, flow=peer.flow)
        invite = await peer.hears_request("INVITE")
        await endpoint.invite(THEM, from_=US, sdp=SDP, flow=other.flow)
        other.answer(await other.hears_request("INVITE"), 486)

        await asyncio.sleep(0.6)
        peer.answer(invite, 180)
        peer.answer(invite, 200, body=SDP)
        assert isinstance(await peer.hears("INVITE"), Request)
        await peer.hears("ACK")
        await leg.hangup()
        peer.answer(await peer.hears_request("BYE"), 200)
        await asyncio.sleep(1)

        assert seen.lines == [
            "out INVITE 5070",
            "out INVITE 5070 again",
            "in 180 5070",
            "in 200 5070",
            "out ACK 5070",
            "out BYE 5070",
            "in 200 5070",
        ]
        await asyncio.sleep(60)
        assert endpoint._traces.observers == {}


@in_virtual_time
async def test_a_call_that_came_is_followed_from_when_somebody_asks_with_its_invite() -> None:
    seen = Seen()

    async def handler(leg: IncomingLeg) -> None:
        leg.follow(seen)
        await answer(leg)

    async with called(handler) as (peer, leg, _):
        peer.acks(await peer.hears_response(200))
        await leg.hangup()
        peer.answer(await peer.hears_request("BYE"), 200)

    assert seen.lines == ["in INVITE 5070", "out 200 5070", "in ACK 5070", "out BYE 5070", "in 200 5070"]


@in_virtual_time
async def test_an_observer_that_fails_does_not_harm_the_call() -> None:
    def fails(*args: object) -> None:
        raise RuntimeError

    async def handler(leg: IncomingLeg) -> None:
        leg.follow(fails)
        await answer(leg)

    async with called(handler) as (peer, _, _):
        await peer.hears_response(200)
