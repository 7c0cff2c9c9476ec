"""Flows whose bytes another process carries, and messages that belong to another process."""

import asyncio

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended, Offered
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Request, Response
from jambones.sip.outside import IncomingRequest
from jambones.sip.receiver import Verdict
from jambones.sip.transport import Address, Flow
from jambones.sip.uri import Uri
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time

US = NameAddr(Uri("sip", "us", host="example.com"))
DEVICE = Uri("sip", "peer", host="df7jal23ls0d.invalid", params={"transport": "ws"})


async def unused(leg: IncomingLeg) -> None:
    raise AssertionError("nobody calls")


@in_virtual_time
async def test_a_call_on_a_virtual_flow_shows_its_carrier_and_our_mark() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint, "wss")
        await endpoint.invite(DEVICE, from_=US, sdp=SDP, flow=peer.flow)

        invite = await peer.hears_request("INVITE")

        assert (invite.via.transport, invite.via.sent_by) == ("WSS", "192.0.2.1:5060")
        assert invite.via.params["jbn"] == "n1"
        assert invite.headers.get("Contact") == "<sip:192.0.2.1:5060;transport=ws;jbn=n1>"
        assert invite.uri == DEVICE


@in_virtual_time
async def test_all_requests_of_a_leg_follow_its_flow() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint, "wss")
        leg = await endpoint.invite(DEVICE, from_=US, sdp=SDP, flow=peer.flow)
        peer.answer(await peer.hears("INVITE"), 200, body=SDP, headers=[("Record-Route", "<sip:203.0.113.9;lr>")])

        assert isinstance(await anext(leg.events()), Answered)
        await peer.hears("ACK")
        await leg.hangup()
        bye = await peer.hears_request("BYE")

        assert bye.via.params["jbn"] == "n1"


@in_virtual_time
async def test_requests_of_the_device_reach_the_leg_on_another_flow_of_its_own() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer, again = Peer(endpoint, "wss"), Peer(endpoint, "wss", port=5071)
        leg = await endpoint.invite(DEVICE, from_=US, sdp=SDP, flow=peer.flow)
        invite = await peer.hears_request("INVITE")
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        events = leg.events()
        await anext(events)

        again.says(
            again.request(
                "INVITE",
                call_id=leg.sip_call_id,
                to_tag=leg.local_tag,
                from_tag=peer.tag,
                body=SDP.replace(b"4000", b"4002"),
            )
        )
        offered = await anext(events)

        assert isinstance(offered, Offered)
        assert leg.flow is again.flow
        await leg.accept_offer(offered, SDP)
        await again.hears(200)


@in_virtual_time
async def test_a_flow_that_goes_ends_what_waits_on_it_at_once() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint, "wss")
        leg = await endpoint.invite(DEVICE, from_=US, sdp=SDP, flow=peer.flow)
        await peer.hears("INVITE")

        endpoint.unreachable(peer.flow)
        ended = await anext(leg.events())

        assert isinstance(ended, Ended)
        assert (ended.by, ended.status) == ("failure", 503)
        assert not peer.flow.alive


@in_virtual_time
async def test_a_call_on_a_flow_that_is_gone_fails_at_once() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint, "wss")
        endpoint.unreachable(peer.flow)

        leg = await endpoint.invite(DEVICE, from_=US, sdp=SDP, flow=peer.flow)
        ended = await anext(leg.events())
        response = await endpoint.request("OPTIONS", DEVICE, flow=peer.flow)

        assert isinstance(ended, Ended)
        assert (ended.status, response.status, peer.heard) == (503, 503, [])


@in_virtual_time
async def test_a_request_on_a_flow_gets_its_response() -> None:
    async with Endpoint.open([], unused) as endpoint, asyncio.TaskGroup() as group:
        peer = Peer(endpoint, "tcp")

        asked = group.create_task(endpoint.request("OPTIONS", DEVICE, flow=peer.flow, from_=US))
        peer.answer(await peer.hears("OPTIONS"), 486)

        assert (await asked).status == 486


@in_virtual_time
async def test_a_register_reaches_the_handler_with_its_flow_even_with_a_to_tag() -> None:
    seen: list[IncomingRequest] = []

    async def on_request(incoming: IncomingRequest) -> None:
        seen.append(incoming)
        incoming.respond(200, headers=[("Contact", "<sip:peer@198.51.100.7:5070>;expires=60")])

    asked: list[str] = []

    def filter(request: Request, source: Address) -> Verdict:
        asked.append(request.method)
        return "accept"

    async with Endpoint.open([], unused, on_request, filter) as endpoint:
        peer = Peer(endpoint, "wss")

        peer.says(peer.request("REGISTER", "sip:example.com"))
        await peer.hears(200)
        peer.says(peer.request("REGISTER", "sip:example.com", to_tag="kept-by-the-client"))
        await peer.hears(200)

        assert [incoming.flow for incoming in seen] == [peer.flow, peer.flow]
        assert seen[0].source == peer.flow.remote
        assert asked == ["REGISTER", "REGISTER"]


# -- messages with a mark


class Relaying:
    """A relay that takes the messages of one node."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.taken: list[tuple[Request | Response, bytes, Flow, str]] = []

    def __call__(self, message: Request | Response, data: bytes, flow: Flow, mark: str) -> bool:
        if mark == self.node:
            self.taken.append((message, data, flow, mark))
        return mark == self.node


@in_virtual_time
async def test_a_response_and_a_request_with_the_mark_of_another_are_handed_over_as_they_came() -> None:
    relay = Relaying("n2")
    async with Endpoint.open([], unused, relay=relay) as endpoint:
        peer = Peer(endpoint, "wss")
        bye = bytes(peer.request("BYE", "sip:192.0.2.1:5060;transport=ws;jbn=n2", to_tag="t"))
        ours = peer.request("INVITE")
        ours.headers.set("Via", "SIP/2.0/WSS 192.0.2.1:5060;branch=z9hG4bKx;jbn=n2")

        peer.says(bye)
        peer.answer(ours, 180)

        assert relay.taken[0][1:] == (bye, peer.flow, "n2")
        assert isinstance(relay.taken[1][0], Response)
        assert (endpoint.stats.relayed, peer.heard) == (2, [])


@in_virtual_time
async def test_a_mark_the_relay_does_not_take_is_ours() -> None:
    async with Endpoint.open([], unused, relay=Relaying("n2")) as endpoint:
        peer = Peer(endpoint, "wss")

        peer.says(peer.request("BYE", "sip:192.0.2.1:5060;jbn=n1", to_tag="t"))

        await peer.hears(481)


@in_virtual_time
async def test_the_filter_comes_before_the_relay() -> None:
    relay = Relaying("n2")
    async with Endpoint.open([], unused, filter=lambda _request, _source: "drop", relay=relay) as endpoint:
        peer = Peer(endpoint, "wss")

        peer.says(peer.request("BYE", "sip:192.0.2.1:5060;jbn=n2", to_tag="t"))

        assert relay.taken == []


# -- a client that loses its connection in a call


@in_virtual_time
async def test_a_client_that_comes_back_in_time_keeps_its_call() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer, back = Peer(endpoint, "wss"), Peer(endpoint, "wss", port=5071)
        leg = await peer.called()
        endpoint.unreachable(peer.flow)
        await asyncio.sleep(30)

        endpoint.move(peer.flow, back.flow)
        await asyncio.sleep(60)

        assert leg.ended is None
        await leg.hangup()
        await back.hears("BYE")


@in_virtual_time
async def test_a_client_that_does_not_come_back_loses_its_call() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint, "wss")
        leg = await peer.called()
        endpoint.unreachable(peer.flow)
        await asyncio.sleep(31)
        assert leg.ended is None
        await asyncio.sleep(2)
        assert leg.ended is not None
        assert (leg.ended.by, leg.ended.status, leg.ended.reason) == ("failure", 480, "connection lost")


@in_virtual_time
async def test_what_is_sent_to_a_client_that_is_away_fails_at_once() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint, "wss")
        leg = await peer.called()
        endpoint.unreachable(peer.flow)
        async with asyncio.timeout(1):
            assert (await leg.send("INFO")).status == 503
        assert leg.ended is None
