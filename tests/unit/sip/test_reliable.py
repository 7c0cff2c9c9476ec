"""Reliable provisional responses, both sides, in virtual time (RFC 3262)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Response
from tests.support.sip_calls import called, calling, ended, kinds, now
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time


@asynccontextmanager
async def ringing_reliably() -> AsyncIterator[tuple[Peer, IncomingLeg, Response]]:
    async def handler(leg: IncomingLeg) -> None:
        await leg.progress(183, sdp=SDP, reliable=True)

    async with called(handler, (("Supported", "100rel"),)) as (peer, leg, _invite):
        response = await peer.hears_response(183)
        assert "100rel" in response.require
        yield peer, leg, response


@in_virtual_time
async def test_a_200_is_held_back_for_half_a_second_while_a_prack_is_outstanding() -> None:
    async with ringing_reliably() as (peer, leg, _early):
        start = now()
        await leg.answer(SDP)
        assert now() - start == pytest.approx(0.5, abs=0.02)
        peer.skip()
        assert peer.heard[-1].status == 200  # type: ignore[attr-defined]


@in_virtual_time
async def test_a_200_goes_out_as_soon_as_the_prack_comes() -> None:
    async with ringing_reliably() as (peer, leg, early):
        start = now()
        answering = asyncio.create_task(leg.answer(SDP))
        await asyncio.sleep(0.1)
        peer.says(peer.in_dialog("PRACK", early, headers=[("RAck", f"{early.headers.get('RSeq')} {early.cseq}")]))
        assert (await peer.hears_response(200)).cseq.method == "PRACK"
        assert (await peer.hears_response(200)).cseq.method == "INVITE"
        await answering
        assert now() - start < 0.2


@in_virtual_time
async def test_a_prack_that_matches_nothing_gets_481() -> None:
    async with ringing_reliably() as (peer, _leg, early):
        peer.says(peer.in_dialog("PRACK", early, headers=[("RAck", f"1 {early.cseq}")]))
        await peer.hears(481)
        peer.says(peer.in_dialog("PRACK", early))
        assert (await peer.hears_response_of(481, 400)).cseq.method == "PRACK"


@in_virtual_time
async def test_a_reliable_response_nobody_pracks_is_sent_again_and_given_up_after_64_t1() -> None:
    async with ringing_reliably() as (peer, leg, _early):
        start, times = now(), []
        while (message := await peer.hears_any()) and isinstance(message, Response) and message.status == 183:
            times.append(round(now() - start, 1))
        assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert isinstance(message, Response)
        assert message.status == 504
        assert (await ended(leg)).status == 504


@in_virtual_time
async def test_reliable_responses_of_the_peer_are_pracked_in_order_and_gaps_dropped() -> None:
    async with calling() as (peer, leg, invite):
        rows = [("Require", "100rel")]
        peer.answer(invite, 183, headers=[*rows, ("RSeq", "7")], body=SDP)
        prack = await peer.hears_request("PRACK")
        assert prack.headers.get("RAck") == "7 1 INVITE"
        peer.answer(prack, 200)
        peer.answer(invite, 180, headers=[*rows, ("RSeq", "9")])
        peer.answer(invite, 183, headers=[*rows, ("RSeq", "7")], body=SDP)
        await asyncio.sleep(0.1)
        assert peer.unread == []
        peer.answer(invite, 180, headers=[*rows, ("RSeq", "8")])
        assert (await peer.hears_request("PRACK")).headers.get("RAck") == "8 1 INVITE"
        assert kinds(leg) == ["Progress", "Progress"]


@in_virtual_time
@pytest.mark.parametrize(("header", "heard"), [("Require", [100, 200]), ("Supported", [100, 180, 183, 200])])
async def test_a_caller_without_an_offer_gets_ours_in_the_200_and_never_in_a_reliable_response(
    header: str, heard: list[int]
) -> None:
    async def on_invite(leg: IncomingLeg) -> None:
        await leg.progress(180, reliable=True)
        await leg.progress(183, sdp=SDP, reliable=True)
        await leg.answer(SDP)
        taken.set()
        await asyncio.Event().wait()

    taken = asyncio.Event()
    async with Endpoint.open([], on_invite) as endpoint:
        peer = Peer(endpoint)
        peer.says(peer.request("INVITE", headers=[(header, "100rel")]))
        await taken.wait()

        said = [message for message in peer.heard if isinstance(message, Response)]
        assert [response.status for response in said] == heard
        assert said[-1].sdp == SDP
        assert not any("100rel" in response.require for response in said)


@in_virtual_time
async def test_a_prack_that_comes_after_the_200_is_answered_once_more() -> None:
    async with ringing_reliably() as (peer, leg, early):
        await leg.answer(SDP)
        peer.skip()
        rack = [("RAck", f"{early.headers.get('RSeq')} {early.cseq}")]
        peer.says(peer.in_dialog("PRACK", early, headers=rack))
        assert (await peer.hears_response(200)).cseq.method == "PRACK"
        peer.says(peer.in_dialog("PRACK", early, headers=rack))
        await peer.hears(481)
        assert leg.ended is None


@in_virtual_time
async def test_the_bye_of_a_late_2xx_counts_on_from_the_prack() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 183, headers=[("Require", "100rel"), ("RSeq", "1")], body=SDP)
        prack = await peer.hears_request("PRACK")
        peer.answer(prack, 200)
        await leg.hangup()
        peer.answer(await peer.hears("CANCEL"), 200)
        ok = peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        bye = await peer.hears_request("BYE")
        assert bye.cseq.number == prack.cseq.number + 1
        peer.says(ok)
        await peer.hears("ACK")
