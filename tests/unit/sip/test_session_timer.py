"""Session timers in virtual time: who refreshes, how, and what becomes of a session that nobody refreshes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Acked, Answered, Ended
from jambones.sip.grammar import GrammarError
from jambones.sip.leg import IncomingLeg, Leg
from jambones.sip.message import Request, Response
from jambones.sip.session_timer import SessionExpires, accept, agreed
from jambones.sip.timers import SipTimers
from jambones.sip.uri import Uri
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time

US = NameAddr(Uri("sip", "us", host="example.com"))
TIMER = ("Supported", "timer")


def now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def answering(settings: SipTimers | None = None) -> AsyncIterator[tuple[Endpoint, Peer, list[Leg]]]:
    """An endpoint that answers calls, a peer, and the legs of calls that came."""
    legs: list[Leg] = []

    async def on_invite(leg: IncomingLeg) -> None:
        legs.append(leg)
        await leg.answer(SDP)
        await asyncio.Event().wait()

    async with Endpoint.open([], on_invite, settings=settings) as endpoint:
        yield endpoint, Peer(endpoint), legs


# -- the header


@pytest.mark.parametrize("text", ["1800", "1800;refresher=uac", "90;refresher=uas"])
def test_the_header_is_written_as_it_was_read(text: str) -> None:
    assert str(SessionExpires.parse(text)) == text


@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "99999999999", "0x10"])
def test_nonsense_is_an_error(text: str) -> None:
    with pytest.raises(GrammarError):
        SessionExpires.parse(text)


# -- as the called side


@pytest.mark.parametrize(
    ("headers", "answer", "require"),
    [
        ([("Session-Expires", "1800;refresher=uac"), TIMER], "1800;refresher=uac", "timer"),
        ([("Session-Expires", "1800;refresher=uas"), TIMER], "1800;refresher=uas", None),
        ([("Session-Expires", "600"), TIMER], "600;refresher=uac", "timer"),
        ([("x", "600"), ("Require", "timer")], "600;refresher=uac", "timer"),
        # A proxy asked, the caller knows no timers: we refresh, and no less often than we like.
        ([("Session-Expires", "600")], "600;refresher=uas", None),
        ([("Session-Expires", "20")], "90;refresher=uas", None),
        ([("Session-Expires", "600"), ("Min-SE", "900"), TIMER], "900;refresher=uac", "timer"),
        ([TIMER], None, None),
        ([("Session-Expires", "nonsense"), TIMER], None, None),
    ],
)
@in_virtual_time
async def test_a_caller_gets_what_it_asks_for(
    headers: list[tuple[str, str]], answer: str | None, require: str | None
) -> None:
    async with answering() as (_, peer, _legs):
        response = await peer.calls(headers=headers)

        assert response.headers.get("Session-Expires") == answer
        assert response.headers.get("Require") == require


@in_virtual_time
async def test_too_short_an_interval_gets_422_with_ours() -> None:
    async with answering() as (_, peer, legs):
        peer.says(peer.request("INVITE", headers=[("Session-Expires", "30"), TIMER], body=SDP))
        response = await peer.hears_response(422)

        assert response.headers.get("Min-SE") == "90"
        assert legs == []


@in_virtual_time
async def test_a_caller_that_does_not_refresh_is_hung_up_before_the_end() -> None:
    async with answering() as (_, peer, legs):
        await peer.calls(headers=[("Session-Expires", "90;refresher=uac"), TIMER])
        start = now()

        bye = await peer.hears_request("BYE", within=100)

        assert now() - start == pytest.approx(60, abs=1)  # 90 − min(32, 90/3)
        assert bye.headers.get("Reason") == 'SIP;cause=408;text="session expired"'
        ended = [event async for event in legs[0].events()][-1]
        assert isinstance(ended, Ended)
        assert (ended.by, ended.status, ended.reason) == ("failure", 200, "session expired")


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
@in_virtual_time
async def test_a_refresh_starts_the_time_anew_and_bothers_nobody(method: str) -> None:
    async with answering() as (_, peer, legs):
        response = await peer.calls(headers=[("Session-Expires", "90;refresher=uac"), TIMER])
        body = SDP if method == "INVITE" else b""
        for _ in range(5):
            await asyncio.sleep(45)
            rows = [("Session-Expires", "90;refresher=uac"), TIMER]
            peer.says(peer.in_dialog(method, response, headers=rows, body=body))
            refreshed = await peer.hears_response(200)
            assert refreshed.headers.get("Session-Expires") == "90;refresher=uac"
            assert refreshed.sdp == (SDP if method == "INVITE" else None)
            if method == "INVITE":
                peer.acks(refreshed)

        assert legs[0].ended is None
        events = legs[0].events()
        assert isinstance(await anext(events), Acked)
        peer.says(peer.in_dialog("BYE", response))
        assert isinstance(await anext(events), Ended)


@in_virtual_time
async def test_a_refresh_without_the_header_ends_the_timer() -> None:
    async with answering() as (_, peer, legs):
        response = await peer.calls(headers=[("Session-Expires", "90;refresher=uac"), TIMER])
        peer.says(peer.in_dialog("UPDATE", response))
        await peer.hears(200)
        await asyncio.sleep(3600)
        assert legs[0].ended is None


@in_virtual_time
async def test_a_refresh_that_is_too_short_gets_422() -> None:
    async with answering() as (_, peer, _legs):
        response = await peer.calls(headers=[("Session-Expires", "90;refresher=uac"), TIMER])
        peer.says(peer.in_dialog("UPDATE", response, headers=[("Session-Expires", "10"), TIMER]))
        assert (await peer.hears_response(422)).headers.get("Min-SE") == "90"


# -- as the calling side


@in_virtual_time
async def test_we_ask_and_refresh_at_half_the_time_with_update() -> None:
    async with answering() as (_, peer, _legs):
        agreed_rows = [("Session-Expires", "600;refresher=uac"), ("Require", "timer"), ("Allow", "INVITE, UPDATE")]
        leg = await peer.called(answer=agreed_rows)
        assert leg.invite.headers.get("Session-Expires") == "1800;refresher=uac"
        start = now()

        for turn in range(1, 4):
            update = await peer.hears_request("UPDATE", within=400)
            assert 295 * turn - 5 <= now() - start <= 300 * turn + 1
            assert (update.headers.get("Session-Expires"), update.body) == ("600;refresher=uac", b"")
            assert "timer" in update.supported
            peer.answer(update, 200, headers=[("Session-Expires", "600;refresher=uac")])

        assert leg.ended is None


@in_virtual_time
async def test_a_peer_without_update_is_refreshed_by_a_reinvite_with_the_same_sdp() -> None:
    async with answering() as (_, peer, _legs):
        await peer.called(answer=[("Session-Expires", "600;refresher=uac"), ("Allow", "INVITE, BYE")])

        reinvite = await peer.hears_request("INVITE", within=400)

        assert (reinvite.sdp, reinvite.headers.get("Session-Expires")) == (SDP, "600;refresher=uac")
        peer.answer(reinvite, 200, headers=[("Session-Expires", "600;refresher=uac")], body=SDP)
        await peer.hears("ACK")


@pytest.mark.parametrize("status", [481, 408])
@in_virtual_time
async def test_a_peer_that_forgot_the_dialog_ends_it(status: int) -> None:
    async with answering() as (_, peer, _legs):
        leg = await peer.called(answer=[("Session-Expires", "600;refresher=uac"), ("Allow", "UPDATE")])
        peer.answer(await peer.hears("UPDATE", within=400), status)
        await peer.hears("BYE")
        assert leg.ended is not None
        assert (leg.ended.by, leg.ended.status) == ("failure", status)


@in_virtual_time
async def test_a_refused_refresh_is_tried_again_and_the_call_goes_on_until_the_end() -> None:
    async with answering() as (_, peer, _legs):
        leg = await peer.called(answer=[("Session-Expires", "600;refresher=uac"), ("Allow", "UPDATE")])
        start = now()
        tries = 0
        while (message := await peer.hears_request_of("UPDATE", "BYE", within=700)).method == "UPDATE":
            peer.answer(message, 500)
            tries += 1

        assert tries > 2
        assert now() - start == pytest.approx(600 - 32, abs=1)
        assert leg.ended is not None
        assert leg.ended.reason == "session expired"


@in_virtual_time
async def test_the_peer_that_promised_to_refresh_is_held_to_it() -> None:
    async with answering() as (_, peer, _legs):
        leg = await peer.called(answer=[("Session-Expires", "300;refresher=uas")])
        await peer.hears("BYE", within=400)
        assert leg.ended is not None
        assert leg.ended.reason == "session expired"


@in_virtual_time
async def test_a_longer_interval_is_asked_for_when_422_says_so_but_once() -> None:
    async with answering(SipTimers(session_expires=120)) as (endpoint, peer, _legs):
        await endpoint.invite(Uri("sip", "x", host="x.com"), from_=US, sdp=SDP, flow=peer.flow)
        first = await peer.hears_request("INVITE")
        peer.answer(first, 422, headers=[("Min-SE", "600")])
        await peer.hears("ACK")
        second = await peer.hears_request("INVITE")

        assert (second.headers.get("Session-Expires"), second.headers.get("Min-SE")) == ("600;refresher=uac", "600")
        assert (second.call_id, second.cseq.number) == (first.call_id, first.cseq.number + 1)
        peer.answer(second, 422, headers=[("Min-SE", "600")])
        await peer.hears("ACK")
        assert endpoint.legs == 0


@in_virtual_time
async def test_nothing_is_asked_for_when_the_setting_is_0() -> None:
    async with answering(SipTimers(session_expires=0)) as (_, peer, _legs):
        leg = await peer.called()
        assert leg.invite.headers.get("Session-Expires") is None
        await asyncio.sleep(86_400)
        assert leg.ended is None


@in_virtual_time
async def test_a_reinvite_of_ours_goes_on_with_the_agreement() -> None:
    async with answering() as (_, peer, _legs):
        leg = await peer.called(answer=[("Session-Expires", "600;refresher=uas")])
        assert isinstance(await anext(leg.events()), Answered)
        asked = asyncio.create_task(leg.reinvite(SDP))
        reinvite = await peer.hears_request("INVITE")

        assert reinvite.headers.get("Session-Expires") == "600;refresher=uas"
        peer.answer(reinvite, 422, headers=[("Min-SE", "900")])
        await peer.hears("ACK")
        longer = await peer.hears_request("INVITE")
        assert longer.headers.get("Session-Expires") == "900;refresher=uas"
        peer.answer(longer, 200, headers=[("Session-Expires", "900;refresher=uas")], body=SDP)
        assert (await asked).accepted


def test_a_zero_interval_is_no_timer_and_no_days_are_agreed_on() -> None:
    request = Request("INVITE", "sip:x", [("Session-Expires", "999999999"), TIMER])
    agreement, rows = accept(request, 90)
    assert agreement is not None
    assert (agreement.interval, rows[0][1]) == (86_400, "86400;refresher=uac")
    assert agreed(Response(200, headers=[("Session-Expires", "0")])) is None
