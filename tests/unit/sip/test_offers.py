"""Offers and answers inside calls, also those that cross, in virtual time (RFC 3261 section 14, RFC 3311)."""

import asyncio

import pytest

from jambones.sip.digest import Credentials
from jambones.sip.events import Acked, Offered
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.message import Response
from tests.support.sip_calls import OTHER, after, answer, called, calling, ended, kinds, now, ring
from tests.support.sip_peer import SDP
from tests.support.virtual_time import in_virtual_time

# -- offers that cross


@pytest.mark.parametrize("ours", [True, False])
@in_virtual_time
async def test_reinvite_glare_gets_491_and_is_tried_again_when_the_owner_of_the_call_id_should(ours: bool) -> None:
    async with calling() if ours else called(answer) as (peer, leg, invite):
        if isinstance(leg, OutgoingLeg):
            peer.answer(invite, 200, body=SDP)
            await peer.hears("ACK")
            of: OutgoingLeg | Response = leg
        else:
            of = await peer.hears_response(200)
            peer.acks(of)
        asked = asyncio.create_task(leg.reinvite(OTHER))
        mine = await peer.hears_request("INVITE")
        theirs = peer.in_dialog("INVITE", of, body=OTHER)
        peer.says(theirs)
        await peer.hears(491)
        peer.says(peer.in_dialog("ACK", of, cseq=theirs.cseq.number, branch=theirs.via.branch))
        peer.answer(mine, 491)
        await peer.hears("ACK")
        start = now()
        again = await peer.hears_request("INVITE")

        low, high = (2.1, 4.0) if ours else (0.0, 2.0)
        assert low <= now() - start <= high + 0.1
        peer.answer(again, 200, body=OTHER)
        await peer.hears("ACK")
        assert (await asked).accepted


@in_virtual_time
async def test_glare_is_not_tried_for_ever() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        asked = asyncio.create_task(leg.reinvite(OTHER))
        for _ in range(4):
            peer.answer(await peer.hears("INVITE"), 491)
            await peer.hears("ACK")
        assert (await asked).status == 491
        assert leg.ended is None


@in_virtual_time
async def test_an_offer_that_may_wait_is_not_tried_again_after_491() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        asked = asyncio.create_task(leg.reinvite(OTHER, insist=False))
        peer.answer(await peer.hears("INVITE"), 491)
        await peer.hears("ACK")
        assert (await asked).status == 491
        assert leg.ended is None


@in_virtual_time
async def test_a_second_offer_while_one_is_pending_gets_500_with_retry_after() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        peer.says(peer.in_dialog("UPDATE", ok, body=OTHER))
        peer.says(peer.in_dialog("UPDATE", ok, body=OTHER))
        refused = await peer.hears_response(500)
        assert 0 <= int(refused.headers.get("Retry-After") or "") < 10
        offered = await after(leg, Offered)
        assert isinstance(offered, Offered)
        await leg.accept_offer(offered, OTHER)
        assert (await peer.hears_response(200)).sdp == OTHER


@in_virtual_time
async def test_update_without_sdp_is_answered_by_itself() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        peer.says(peer.in_dialog("UPDATE", ok, headers=[("Contact", "<sip:moved@198.51.100.8>")]))
        await peer.hears(200)
        assert kinds(leg) == ["Acked"]


@in_virtual_time
async def test_update_in_an_early_dialog_whose_offer_was_answered_reliably() -> None:
    async def early_media(leg: IncomingLeg) -> None:
        await leg.progress(183, sdp=SDP, reliable=True)

    async with called(early_media, (("Supported", "100rel"),)) as (peer, leg, _invite):
        early = await peer.hears_response(183)
        rack = f"{early.headers.get('RSeq')} {early.cseq}"
        peer.says(peer.in_dialog("PRACK", early, headers=[("RAck", rack)]))
        await peer.hears(200)
        peer.says(peer.in_dialog("UPDATE", early, body=OTHER))
        offered = await after(leg, Offered)
        assert isinstance(offered, Offered)
        await leg.accept_offer(offered, OTHER)
        assert (await peer.hears_response(200)).sdp == OTHER


@in_virtual_time
async def test_a_reinvite_without_sdp_asks_for_our_offer_and_the_ack_answers_it() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        peer.says(peer.in_dialog("INVITE", ok))
        offered = await after(leg, Offered)
        assert isinstance(offered, Offered)
        assert offered.sdp is None
        await leg.accept_offer(offered, SDP)
        again = await peer.hears_response(200)
        assert again.sdp == SDP
        ack = peer.in_dialog("ACK", ok, cseq=again.cseq.number, body=OTHER)
        peer.says(ack)
        acked = await after(leg, Acked)
        assert isinstance(acked, Acked)
        assert acked.sdp == OTHER


@in_virtual_time
async def test_a_reinvite_moves_the_target() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        reinvite = peer.in_dialog("INVITE", ok, body=SDP)
        reinvite.headers.set("Contact", "<sip:moved@198.51.100.8:5099>")
        peer.says(reinvite)
        peer.acks(await peer.hears_response(200))
        await leg.hangup()
        assert str((await peer.hears_request("BYE")).uri) == "sip:moved@198.51.100.8:5099"


@in_virtual_time
async def test_a_challenged_reinvite_is_answered_with_the_credentials_of_the_call() -> None:
    async with calling(credentials=Credentials("us", "secret")) as (peer, leg, invite):
        challenge = [("WWW-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')]
        peer.answer(invite, 401, headers=challenge)
        await peer.hears("ACK")
        again = await peer.hears_request("INVITE")
        assert (again.call_id, again.from_.tag, again.cseq.number) == (invite.call_id, invite.from_.tag, 2)
        assert again.via.branch != invite.via.branch
        assert again.to.tag is None
        peer.answer(again, 200, body=SDP)
        await peer.hears("ACK")
        asked = asyncio.create_task(leg.reinvite(OTHER))
        reinvite = await peer.hears_request("INVITE")
        peer.answer(reinvite, 401, headers=challenge)
        await peer.hears("ACK")
        retried = await peer.hears_request("INVITE")
        assert retried.headers.get("Authorization") is not None
        assert (retried.cseq.number, retried.to.tag) == (reinvite.cseq.number + 1, peer.tag)
        peer.answer(retried, 200, body=OTHER)
        await peer.hears("ACK")
        assert (await asked).accepted


@pytest.mark.parametrize("status", [408, 481])
@in_virtual_time
async def test_a_peer_that_does_not_know_the_dialog_any_more_ends_it(status: int) -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        asked = asyncio.create_task(leg.reinvite(OTHER))
        peer.answer(await peer.hears("INVITE"), status)
        await peer.hears("ACK")
        await peer.hears("BYE")
        assert (await asked).status == status
        assert (await ended(leg)).by == "failure"


@in_virtual_time
async def test_no_offer_of_ours_goes_out_before_the_peers_reinvite_is_acknowledged() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        events = leg.events()
        assert isinstance(await anext(events), Acked)
        peer.says(peer.in_dialog("INVITE", ok, body=OTHER))
        event = await anext(events)
        assert isinstance(event, Offered)
        await leg.accept_offer(event, SDP)
        accepted = await peer.hears_response(200)
        asked = asyncio.create_task(leg.reinvite(OTHER))
        await asyncio.sleep(0.3)
        assert peer.unread == []

        peer.acks(accepted)
        peer.answer(await peer.hears("INVITE"), 200, body=SDP)
        await peer.hears("ACK")
        assert (await asked).accepted


@in_virtual_time
async def test_an_offer_that_crosses_ours_in_a_2xx_gets_491() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        events = leg.events()
        await anext(events)
        peer.says(peer.in_dialog("INVITE", ok))
        event = await anext(events)
        assert isinstance(event, Offered)
        await leg.accept_offer(event, SDP)
        await peer.hears(200)
        peer.says(peer.in_dialog("UPDATE", ok, body=OTHER))
        await peer.hears(491)


@in_virtual_time
async def test_a_refresh_of_the_session_is_in_no_offers_way() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        events = leg.events()
        await anext(events)
        refreshing = asyncio.create_task(leg.update(None))
        update = await peer.hears_request("UPDATE")
        peer.says(peer.in_dialog("INVITE", ok, body=OTHER))
        event = await anext(events)
        assert isinstance(event, Offered)
        await leg.accept_offer(event, SDP)
        await peer.hears(200)
        peer.answer(update, 200)
        assert (await refreshing).accepted


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@in_virtual_time
async def test_another_offer_before_the_first_is_answered_gets_500_with_retry_after(method: str) -> None:
    async with called(ring) as (peer, leg, _invite):
        ringing = await peer.hears_response(180)
        peer.says(peer.in_dialog(method, ringing, body=OTHER))
        refused = await peer.hears_response(500)
        assert refused.headers.get("Retry-After")
        assert leg.ended is None


@in_virtual_time
async def test_the_same_reinvite_on_two_branches_is_acknowledged_once() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        for _ in range(2):
            peer.says(peer.in_dialog("INVITE", ok, body=SDP, cseq=7))
            accepted = await peer.hears_response_of(200, 100)
            while accepted.status == 100:
                accepted = await peer.hears_response_of(200, 100)
        peer.acks(accepted)
        await asyncio.sleep(40)
        assert leg.ended is None


@in_virtual_time
async def test_the_same_request_on_two_branches_is_answered_on_both_and_leaves_nothing() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        for _ in range(2):
            peer.says(peer.in_dialog("INFO", ok, cseq=7))
        await peer.hears(482)
        peer.says(peer.in_dialog("BYE", ok, cseq=8))
        await ended(leg)
        await asyncio.sleep(40)
        assert peer.endpoint.stats.transactions == 0
