"""Credentials inside calls: which requests carry them and who may ask, in virtual time (RFC 3261 section 22)."""

import asyncio

from jambones.sip.digest import Credentials
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Request
from jambones.sip.refer import Sipfrag, send_progress
from tests.support.sip_calls import OTHER, THEM, US, answer, called, calling, ended
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time

SECRET = Credentials("us", "secret")
FROM_PROXY = ("Proxy-Authenticate", 'Digest realm="proxy", nonce="n1", qop="auth"')
FROM_PEER = ("WWW-Authenticate", 'Digest realm="peer", nonce="n2", qop="auth"')


async def challenged(peer: Peer, request: Request) -> Request:
    """The request once more, with credentials for the proxy and for the peer behind it."""
    peer.answer(request, 407, headers=[FROM_PROXY])
    again = await peer.hears_request_of(request.method, "ACK")
    if again.method == "ACK":
        again = await peer.hears_request(request.method)
    peer.answer(again, 401, headers=[FROM_PEER])
    last = await peer.hears_request_of(request.method, "ACK")
    return last if last.method != "ACK" else await peer.hears_request(request.method)


def shown(request: Request) -> list[str | None]:
    return [request.headers.get(name) for name in ("Proxy-Authorization", "Authorization")]


@in_virtual_time
async def test_an_ack_repeats_the_credentials_of_its_invite() -> None:
    async with calling(credentials=SECRET) as (peer, leg, invite):
        peer.answer(invite, 407, headers=[FROM_PROXY])
        await peer.hears("ACK")
        again = await peer.hears_request("INVITE")
        peer.answer(again, 200, body=SDP)
        ack = await peer.hears_request("ACK")
        assert shown(ack) == shown(again)
        assert shown(ack)[0]

        asked = asyncio.create_task(leg.reinvite(OTHER))
        reinvite = await challenged(peer, await peer.hears_request("INVITE"))
        peer.answer(reinvite, 200, body=OTHER)
        assert shown(await peer.hears_request("ACK")) == shown(reinvite)
        assert (await asked).accepted


@in_virtual_time
async def test_the_ack_of_a_refusal_repeats_them_too() -> None:
    async with calling(credentials=SECRET) as (peer, _leg, invite):
        peer.answer(invite, 407, headers=[FROM_PROXY])
        await peer.hears("ACK")
        again = await peer.hears_request("INVITE")
        peer.answer(again, 486)
        assert shown(await peer.hears_request("ACK")) == shown(again)


@in_virtual_time
async def test_a_proxy_and_the_peer_behind_it_may_both_challenge_a_request_of_a_call() -> None:
    async with calling(credentials=SECRET) as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        for send in (leg.send("INFO"), leg.hangup()):
            sending = asyncio.ensure_future(send)
            last = await challenged(peer, await peer.hears_request_of("INFO", "BYE"))
            assert all(shown(last))
            peer.answer(last, 200)
            await sending


@in_virtual_time
async def test_a_late_2xx_is_hung_up_with_credentials() -> None:
    async with calling(credentials=SECRET) as (peer, leg, invite):
        peer.answer(invite, 180)
        await leg.hangup()
        peer.answer(await peer.hears("CANCEL"), 200)
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        last = await challenged(peer, await peer.hears_request("BYE"))
        assert all(shown(last))
        assert last.cseq.number > invite.cseq.number


@in_virtual_time
async def test_a_prack_is_challenged_like_others() -> None:
    async with calling(credentials=SECRET) as (peer, _leg, invite):
        peer.answer(invite, 183, headers=[("Require", "100rel"), ("RSeq", "1")], body=SDP)
        last = await challenged(peer, await peer.hears_request("PRACK"))
        assert all(shown(last))
        assert last.headers.get("RAck") == "1 1 INVITE"


# -- offers of the peer that nobody answers


async def nobody(leg: IncomingLeg) -> None:
    raise AssertionError("nobody calls")


@in_virtual_time
async def test_a_2xx_whose_offer_nobody_takes_is_acknowledged_before_the_bye() -> None:
    async with Endpoint.open([], nobody) as endpoint:
        peer = Peer(endpoint)
        leg = await endpoint.invite(THEM, from_=US, flow=peer.flow)
        invite = await peer.hears_request("INVITE")
        peer.answer(invite, 200, body=SDP)
        await leg.hangup()
        assert (await peer.hears_request("ACK")).cseq.number == invite.cseq.number
        await peer.hears("BYE")


@in_virtual_time
async def test_a_2xx_is_acknowledged_although_the_peer_hung_up_before_its_offer_was_answered() -> None:
    async with Endpoint.open([], nobody) as endpoint:
        peer = Peer(endpoint)
        leg = await endpoint.invite(THEM, from_=US, flow=peer.flow)
        ok = peer.answer(await peer.hears("INVITE"), 200, body=SDP)
        peer.says(peer.in_dialog("BYE", leg))
        await peer.hears(200)
        await peer.hears("ACK")
        peer.says(ok)
        await peer.hears("ACK")
        assert (await ended(leg)).by == "remote"


# -- subscriptions inside calls


@in_virtual_time
async def test_a_peer_that_forgot_a_subscription_keeps_its_call() -> None:
    async with called(answer) as (peer, leg, _invite):
        peer.acks(await peer.hears_response(200))
        for status in (481, 408):
            telling = asyncio.create_task(send_progress(leg, Sipfrag(200)))
            notify = await peer.hears_request("NOTIFY")
            assert notify.headers.get("Contact")
            peer.answer(notify, status)
            assert (await telling).status == status
        assert leg.ended is None
        assert peer.unread == []


@in_virtual_time
async def test_an_offer_that_comes_when_the_call_is_over_is_acknowledged() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        asking = asyncio.create_task(leg.reinvite(None))
        reinvite = await peer.hears_request("INVITE")
        peer.says(peer.in_dialog("BYE", ok))
        await peer.hears(200)
        peer.answer(reinvite, 200, body=OTHER)
        assert (await peer.hears_request("ACK")).cseq.number == reinvite.cseq.number
        await asking
