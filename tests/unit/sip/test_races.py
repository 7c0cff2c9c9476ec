"""The crossing and race conditions of calls, each by its name, in virtual time (RFC 3261, 5407, 6026)."""

import asyncio

import pytest

from jambones.sip.digest import Credentials
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Progress, Requested
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Request, Response
from tests.support.sip_calls import OTHER, after, answer, called, calling, ended, kinds, now, ring
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time


def cancel_of(invite: Request) -> Request:
    kept = [(name, value) for name, value in invite.headers if name in {"Via", "From", "To", "Call-ID", "Max-Forwards"}]
    return Request("CANCEL", invite.uri, [*kept, ("CSeq", f"{invite.cseq.number} CANCEL"), ("Reason", "SIP;cause=200")])


# -- cancelling


@in_virtual_time
async def test_cancel_before_any_provisional_response_waits_for_one() -> None:
    async with calling() as (peer, leg, invite):
        await leg.hangup()
        peer.skip()
        await asyncio.sleep(0.3)
        assert peer.unread == []

        peer.answer(invite, 100)
        cancel = await peer.hears_request("CANCEL")

        assert (cancel.via.branch, cancel.cseq.number) == (invite.via.branch, invite.cseq.number)
        peer.answer(cancel, 200)
        peer.answer(invite, 487)
        await peer.hears("ACK")
        assert (await ended(leg)).status == 487


@in_virtual_time
async def test_2xx_instead_of_the_provisional_response_a_cancel_waits_for_is_acknowledged_and_hung_up() -> None:
    async with calling() as (peer, leg, invite):
        await leg.hangup()
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        await peer.hears("BYE")
        assert kinds(leg) == ["Ended"]


@in_virtual_time
async def test_2xx_after_our_cancel_is_acknowledged_and_hung_up_and_never_reported() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 180)
        await leg.hangup()
        cancel = await peer.hears_request("CANCEL")
        peer.answer(cancel, 200)
        ok = peer.answer(invite, 200, body=SDP)
        ack = await peer.hears_request("ACK")
        bye = await peer.hears_request("BYE")
        peer.says(ok)  # the 200 was sent again before our ACK came
        again = await peer.hears_request("ACK")

        assert ack.cseq.number == again.cseq.number == invite.cseq.number
        assert bye.to.tag == peer.tag
        assert peer.unread == []
        assert kinds(leg) == ["Progress", "Ended"]


@in_virtual_time
async def test_487_that_never_comes_is_given_up_after_64_t1() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 180)
        await leg.hangup()
        cancel = await peer.hears_request("CANCEL")
        peer.answer(cancel, 200)
        assert leg.ended is not None
        assert leg.ended.status == 487
        assert peer.endpoint.stats.transactions == 2
        await asyncio.sleep(33)
        assert peer.endpoint.stats.transactions == 0


@in_virtual_time
async def test_cancel_of_a_ringing_call_gets_200_and_the_invite_487() -> None:
    async with called(ring) as (peer, leg, invite):
        await peer.hears(180)
        peer.says(cancel_of(invite))
        await peer.hears(200)
        await peer.hears(487)
        end = await ended(leg)
        assert (end.by, end.status, end.headers.get("Reason")) == ("remote", 487, "SIP;cause=200")


@pytest.mark.parametrize("acknowledged", [True, False])
@in_virtual_time
async def test_cancel_that_crosses_our_200_ends_the_call_with_bye(acknowledged: bool) -> None:
    async with called(answer) as (peer, leg, invite):
        ok = await peer.hears_response(200)
        start = now()
        peer.says(cancel_of(invite))
        said = await peer.hears_response(200)
        assert said.cseq.method == "CANCEL"
        if acknowledged:
            peer.acks(ok)
        while (message := peer.heard[-1]) and not (isinstance(message, Request) and message.method == "BYE"):
            assert now() - start < 40
            await asyncio.sleep(0.5)

        assert message.headers.get("Reason") == 'SIP;cause=200;text="CANCEL after 200 OK"'
        assert (now() - start < 1) is acknowledged
        end = await ended(leg)
        assert (end.by, end.status) == ("remote", 487)


@in_virtual_time
async def test_cancel_after_the_ack_is_for_nothing_that_we_know_as_ringing() -> None:
    async with called(answer) as (peer, leg, invite):
        peer.acks(await peer.hears_response(200))
        peer.says(cancel_of(invite))
        await peer.hears(200)
        bye = await peer.hears_request("BYE")
        assert "CANCEL after 200 OK" in (bye.headers.get("Reason") or "")
        assert (await ended(leg)).by == "remote"


@in_virtual_time
async def test_cancel_of_nothing_gets_481() -> None:
    async with called(ring) as (peer, _, _invite):
        await peer.hears(180)
        stray = cancel_of(peer.request("INVITE", call_id="other", branch="z9hG4bKother"))
        peer.says(stray)
        await peer.hears(481)


# -- answering


@in_virtual_time
async def test_200_without_ack_is_sent_again_and_the_call_ended_after_64_t1() -> None:
    async with called(answer) as (peer, leg, _invite):
        await peer.hears(200)
        start, times = now(), []
        while (message := await peer.hears_any()) and isinstance(message, Response):
            times.append(round(now() - start, 1))

        assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert isinstance(message, Request)
        assert (message.method, message.headers.get("Reason")) == ("BYE", 'SIP;cause=200;text="ACK timeout"')
        assert now() - start == pytest.approx(32, abs=0.1)
        assert (await ended(leg)).reason == "ACK timeout"


@in_virtual_time
async def test_a_retransmitted_200_gets_the_very_same_ack() -> None:
    async with calling() as (peer, leg, invite):
        ok = peer.answer(invite, 200, body=SDP)
        first = await peer.hears_request("ACK")
        for _ in range(3):
            await asyncio.sleep(1)
            peer.says(ok)
            assert await peer.hears_request("ACK") == first
        assert kinds(leg) == ["Answered"]


@in_virtual_time
async def test_two_different_2xx_the_first_wins_the_second_is_hung_up() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP, tag="one")
        await peer.hears("ACK")
        peer.answer(invite, 200, body=SDP, tag="two")
        ack, bye = await peer.hears_request("ACK"), await peer.hears_request("BYE")

        assert (ack.to.tag, bye.to.tag) == ("two", "two")
        assert kinds(leg) == ["Answered"]
        assert leg.remote_tag == "one"


@in_virtual_time
async def test_early_dialogs_of_forks_and_a_2xx_of_another() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 180, tag="one")
        peer.answer(invite, 183, body=SDP, tag="two")
        peer.answer(invite, 200, body=SDP, tag="three")
        assert (await peer.hears_request("ACK")).to.tag == "three"
        assert kinds(leg) == ["Progress", "Progress", "Answered"]


@in_virtual_time
async def test_a_2xx_without_contact_is_answered_to_where_it_came_from() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP, contact=False)
        ack = await peer.hears_request("ACK")
        bye = await peer.hears_request("BYE")
        assert (ack.uri.host, bye.uri.host) == ("198.51.100.7", "198.51.100.7")
        end = await ended(leg)
        assert (end.by, end.status) == ("failure", 502)


# -- hanging up


@in_virtual_time
async def test_bye_crosses_bye() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        await leg.hangup()
        bye = await peer.hears_request("BYE")
        peer.says(peer.in_dialog("BYE", ok))
        assert (await peer.hears_response_of(200, 481)).cseq.method == "BYE"
        peer.answer(bye, 481)
        assert kinds(leg).count("Ended") == 1
        await asyncio.sleep(40)
        assert peer.endpoint.stats.transactions == 0


@in_virtual_time
async def test_bye_on_an_early_dialog_gets_200_and_the_invite_487() -> None:
    async with called(ring) as (peer, leg, _invite):
        early = await peer.hears_response(180)
        peer.says(peer.in_dialog("BYE", early))
        assert (await peer.hears_response(200)).cseq.method == "BYE"
        assert (await peer.hears_response(487)).cseq.method == "INVITE"
        end = await ended(leg)
        assert (end.by, end.status) == ("remote", 487)


@in_virtual_time
async def test_bye_while_a_reinvite_is_pending() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        peer.says(peer.in_dialog("INVITE", ok, body=OTHER))
        peer.says(peer.in_dialog("BYE", ok))
        assert (await peer.hears_response(200)).cseq.method == "BYE"
        assert (await peer.hears_response(487)).cseq.method == "INVITE"
        assert kinds(leg) == ["Acked", "Offered", "Ended"]


@in_virtual_time
async def test_our_reinvite_is_pending_when_the_bye_comes() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        asked = asyncio.create_task(leg.reinvite(OTHER))
        reinvite = await peer.hears_request("INVITE")
        peer.says(peer.in_dialog("BYE", leg))
        await peer.hears(200)
        peer.answer(reinvite, 487)
        await peer.hears("ACK")
        assert (await asked).status == 487
        assert (await ended(leg)).by == "remote"


@in_virtual_time
async def test_no_answer_to_our_bye_ends_the_leg_at_once_and_the_transaction_after_64_t1() -> None:
    async with called(answer) as (peer, leg, _invite):
        peer.acks(await peer.hears_response(200))
        await leg.hangup()
        assert peer.endpoint.legs == 0
        assert (await ended(leg)).by == "local"
        await asyncio.sleep(1)
        assert peer.endpoint.stats.transactions > 0
        await asyncio.sleep(35)
        assert peer.endpoint.stats.transactions == 0


@in_virtual_time
async def test_a_hang_up_before_the_ack_waits_for_it() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        await leg.hangup()
        await asyncio.sleep(0.2)
        assert peer.unread == []
        peer.acks(ok)
        await peer.hears("BYE")


@in_virtual_time
async def test_a_challenged_bye_is_said_again() -> None:
    async with calling(credentials=Credentials("us", "secret")) as (peer, leg, invite):
        peer.answer(invite, 200, body=SDP)
        await peer.hears("ACK")
        await leg.hangup()
        bye = await peer.hears_request("BYE")
        peer.answer(bye, 407, headers=[("Proxy-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')])
        again = await peer.hears_request("BYE")
        assert again.headers.get("Proxy-Authorization") is not None
        assert again.cseq.number == bye.cseq.number + 1


# -- requests that come late or too early


@pytest.mark.parametrize("method", ["INVITE", "BYE", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY"])
@in_virtual_time
async def test_a_request_in_an_unknown_dialog_gets_481(method: str) -> None:
    async with called(ring) as (peer, _, _invite):
        await peer.hears(180)
        peer.says(peer.request(method, call_id="unknown", to_tag="gone"))
        await peer.hears(481)


@in_virtual_time
async def test_a_cseq_lower_than_the_last_gets_500() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        peer.says(peer.in_dialog("INFO", ok, cseq=100))
        event = await after(leg, Requested)
        await leg.respond(event, 200)
        await peer.hears(200)
        for method in ("INFO", "INVITE", "BYE"):
            peer.says(peer.in_dialog(method, ok, cseq=99))
            await peer.hears(500)
        assert leg.ended is None


@in_virtual_time
async def test_a_retransmitted_invite_of_a_failed_call_is_absorbed_and_later_a_new_call() -> None:
    calls: list[IncomingLeg] = []

    async def on_invite(leg: IncomingLeg) -> None:
        calls.append(leg)
        await leg.reject(486)

    async with Endpoint.open([], on_invite) as endpoint:
        peer = Peer(endpoint)
        invite = peer.request("INVITE", body=SDP)
        peer.says(invite)
        busy = await peer.hears_response(486)
        peer.says(invite)
        await peer.hears(486)
        ack = peer.request("ACK", cseq=1, to_tag=busy.to.tag, branch=invite.via.branch)
        peer.says(ack)
        peer.says(invite)
        await asyncio.sleep(1)
        assert (len(calls), peer.unread) == (1, [])
        await asyncio.sleep(40)
        peer.says(invite)
        await peer.hears(486)
        assert len(calls) == 2
        peer.says(peer.request("INVITE", to_tag=busy.to.tag, body=SDP))
        await peer.hears(481)


@in_virtual_time
async def test_a_retransmitted_invite_of_an_answered_call_gets_the_200_again() -> None:
    async with called(answer) as (peer, leg, invite):
        ok = await peer.hears_response(200)
        peer.says(invite)
        await asyncio.sleep(0.1)
        peer.skip()
        peer.acks(ok)
        await asyncio.sleep(2)
        assert peer.unread == []
        assert kinds(leg) == ["Acked"]


# -- how long things may take


@in_virtual_time
async def test_an_invite_nobody_answers_ends_after_64_t1() -> None:
    async with calling() as (_peer, leg, _invite):
        start = now()
        end = await ended(leg)
        assert (end.by, end.status, round(now() - start)) == ("failure", 408, 32)


@in_virtual_time
async def test_a_call_that_rings_for_ever_is_cancelled_after_timer_c() -> None:
    async with calling() as (peer, leg, invite):
        peer.answer(invite, 180)
        start = now()
        cancel = await peer.hears_request("CANCEL", within=300)
        assert round(now() - start) == 180
        assert "408" in (cancel.headers.get("Reason") or "")
        assert (leg.ended and leg.ended.status) == 408


@in_virtual_time
async def test_news_of_the_ringing_begin_timer_c_anew() -> None:
    async with calling() as (peer, leg, invite):
        for _ in range(3):
            peer.answer(invite, 180)
            await asyncio.sleep(170)
        assert leg.ended is None
        peer.answer(invite, 200, body=SDP)
        events = [await anext(leg.events()) for _ in range(4)]
        assert [type(event) for event in events] == [Progress, Progress, Progress, Answered]
