"""Calls through the egress: what the INVITE says, which node gets it, and what becomes of it."""

import asyncio
import base64

import pytest

from jambones.common.clock import now_ms
from jambones.common.verbs.hook import Auth
from jambones.common.verbs.target import FromParty, PhoneTarget, SipTarget, UserTarget
from jambones.feature_server.calls.leg import Answered, Ended, Held, Referred, Requested, Ringing, Transferred
from jambones.feature_server.calls.outbound import NotPlaced, Wanted
from jambones.feature_server.calls.reasons import EndedBy
from jambones.feature_server.signature import signed
from jambones.sip.message import Request
from tests.support.calls import call_info
from tests.support.egress import Egress
from tests.support.sip_peer import SDP
from tests.support.virtual_time import in_virtual_time

PHONE = Wanted(target=PhoneTarget(number="+15550001"), caller_id="+4420", caller_name="Ann")


async def invited(egress: Egress, wanted: Wanted) -> Request:
    info = call_info("outbound", trace_id="f" * 32)
    async with egress.placing(wanted, info):
        invite = await egress.nodes[0].hears_request("INVITE")
        egress.nodes[0].answer(invite, 486)
        await egress.nodes[0].hears("ACK")
    return invite


# -- what the INVITE says


@in_virtual_time
async def test_a_number_goes_to_the_egress_as_written() -> None:
    async with Egress.playing() as egress:
        invite = await invited(egress, PHONE)
    header = invite.headers.get
    assert str(invite.uri) == "sip:+15550001@198.51.100.7:6000"
    assert header("X-Jambones-Route") == "phone"
    assert header("X-Jambones-Account") == "account-1"
    assert header("X-Jambones-App") == "application-1"
    assert header("X-Jambones-Call-Sid") == "call-1"
    assert header("X-Jambones-Trace") == "f" * 32
    assert header("X-Jambones-Fs") == "fs-1"
    assert header("X-Jambones-Trunk") is None
    assert (invite.from_.uri.user_text, invite.from_.uri.host, invite.from_.display) == ("+4420", "10.0.0.1", "Ann")
    assert invite.call_id == "sip-1"
    assert invite.sdp == SDP
    assert signed(invite, b"secret", now_ms() // 1000)


@in_virtual_time
async def test_what_a_target_says_goes_with_it() -> None:
    target = PhoneTarget(number="1", trunk="acme", proxy="sip:p.test", from_=FromParty(user="anna", host="a.test"))
    wanted = Wanted(target=target, caller_id="1", headers={"X-A": "b"}, parent_call_id="outer", in_trunk="trunk-sid")
    async with Egress.playing() as egress:
        header = (await invited(egress, wanted)).headers.get
    assert header("X-Jambones-Trunk") == "acme"
    assert header("X-Jambones-Proxy") == "sip:p.test"
    assert (header("X-Jambones-From-User"), header("X-Jambones-From-Host")) == ("anna", "a.test")
    assert (header("X-Jambones-Parent"), header("X-Jambones-In-Trunk")) == ("outer", "trunk-sid")
    assert header("X-A") == "b"


@in_virtual_time
@pytest.mark.parametrize(
    ("name", "uri"),
    [("bob", "sip:bob@realm.test"), ("bob@else.test", "sip:bob@else.test"), ("a b", "sip:a%20b@realm.test")],
)
async def test_a_user_without_a_realm_is_one_of_the_accounts(name: str, uri: str) -> None:
    async with Egress.playing() as egress:
        invite = await invited(egress, Wanted(target=UserTarget(name=name), caller_id="1"))
    assert (str(invite.uri), invite.headers.get("X-Jambones-Route")) == (uri, "user")


@in_virtual_time
async def test_a_sip_uri_keeps_its_parameters_and_its_credentials_travel_apart() -> None:
    target = SipTarget(sip_uri="sip:x@far.test:5070;transport=tcp", auth=Auth(username="u", password="p:w"))
    async with Egress.playing() as egress:
        invite = await invited(egress, Wanted(target=target, caller_id="1"))
    assert (str(invite.uri), invite.headers.get("X-Jambones-Route")) == ("sip:x@far.test:5070;transport=tcp", "sip")
    assert base64.b64decode(invite.headers.get("X-Jambones-Auth") or "") == b"u:p:w"


@in_virtual_time
@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", 'a" <sip:evil@x>'])
async def test_no_name_or_number_breaks_out_of_its_header(name: str) -> None:
    async with Egress.playing() as egress:
        invite = await invited(egress, Wanted(target=PhoneTarget(number=name), caller_id=name, caller_name=name))
    assert invite.headers.get("X-Evil") is None
    assert invite.from_.uri.host == "10.0.0.1"
    assert invite.uri.host == "198.51.100.7"


@in_virtual_time
async def test_what_is_no_address_is_not_placed() -> None:
    async with Egress.playing() as egress:
        with pytest.raises(NotPlaced) as caught:
            await egress.dialer.place(
                call_info("outbound"), Wanted(target=SipTarget(sip_uri="nonsense"), caller_id="1")
            )
        assert caught.value.sip_status == 484
        assert egress.media.closed


# -- which node gets it


@in_virtual_time
async def test_without_a_node_the_call_is_not_placed() -> None:
    async with Egress.playing(0) as egress:
        with pytest.raises(NotPlaced) as caught:
            await egress.dialer.place(call_info("outbound"), PHONE)
        assert (caught.value.sip_status, caught.value.http_status) == (480, 503)
        assert egress.media.closed


@in_virtual_time
async def test_a_node_that_is_full_hands_on_to_the_next() -> None:
    async with Egress.playing(2) as egress, egress.placing(PHONE) as call:
        first = await egress.nodes[0].hears_request("INVITE")
        egress.nodes[0].answer(first, 503, headers=[("X-Jambones-Retry-Elsewhere", "full")])
        second = await egress.nodes[1].hears_request("INVITE")
        assert second.call_id == first.call_id
        assert second.from_.tag != first.from_.tag
        egress.nodes[1].answer(second, 180)
        await call.until(Ringing)
        egress.nodes[1].answer(second, 486)
        assert (await call.until(Ended)).status == 486
    assert [type(event) for event in call.events] == [Ringing, Ended]


@in_virtual_time
async def test_a_node_that_says_nothing_is_passed_over_after_three_seconds() -> None:
    async with Egress.playing(2) as egress, egress.placing(PHONE) as call:
        started = asyncio.get_running_loop().time()
        await egress.nodes[0].hears_request("INVITE")
        second = await egress.nodes[1].hears_request("INVITE")
        assert asyncio.get_running_loop().time() - started == pytest.approx(3.0, abs=0.1)
        egress.nodes[1].answer(second, 200, body=SDP)
        await call.until(Answered)


@in_virtual_time
async def test_a_carriers_503_is_the_result() -> None:
    async with Egress.playing(2) as egress, egress.placing(PHONE) as call:
        egress.nodes[0].answer(await egress.nodes[0].hears_request("INVITE"), 503)
        ended = await call.until(Ended)
    assert (ended.status, ended.by) == (503, EndedBy.CALLEE)
    assert not egress.nodes[1].heard


@in_virtual_time
async def test_who_cancels_while_a_node_is_full_is_not_called_again() -> None:
    async with Egress.playing(2) as egress, egress.placing(PHONE) as call:
        first = await egress.nodes[0].hears_request("INVITE")
        egress.nodes[0].answer(first, 100)
        await asyncio.sleep(0.1)
        await call.leg.reject(487, None, [("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
        cancel = await egress.nodes[0].hears_request("CANCEL")
        assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        egress.nodes[0].answer(cancel, 200)
        egress.nodes[0].answer(first, 503, headers=[("X-Jambones-Retry-Elsewhere", "full")])
        await asyncio.sleep(10)
        assert not egress.nodes[1].heard


# -- what becomes of it


@in_virtual_time
async def test_it_rings_has_early_media_and_is_answered() -> None:
    told = [("X-Jambones-Call", "outside-1"), ("X-Jambones-Trunk-Name", "acme")]
    async with Egress.playing() as egress, egress.placing(PHONE) as call:
        (peer,) = egress.nodes
        invite = await peer.hears_request("INVITE")
        peer.answer(invite, 180)
        peer.answer(invite, 183, headers=told, body=SDP)
        peer.answer(invite, 200, headers=told, body=SDP)
        await peer.hears("ACK")
        await call.until(Answered)
    first, second, third = call.events
    assert isinstance(first, Ringing)
    assert (first.status, first.early) == (180, False)
    assert isinstance(second, Ringing)
    assert (second.status, second.early) == (183, True)
    assert isinstance(third, Answered)
    assert third.endpoint is second.endpoint
    assert call.info.payload()["sbc_callid"] == "outside-1"
    assert call.info.trunk_name == "acme"
    assert len(egress.media.answers) == 2
    assert egress.media.closed


@in_virtual_time
async def test_an_answer_that_crosses_our_cancel_is_hung_up() -> None:
    async with Egress.playing() as egress, egress.placing(PHONE) as call:
        (peer,) = egress.nodes
        invite = await peer.hears_request("INVITE")
        peer.answer(invite, 180)
        await call.until(Ringing)
        await call.leg.reject(487)
        cancel = await peer.hears_request("CANCEL")
        peer.answer(invite, 200, body=SDP)
        peer.answer(cancel, 200)
        await peer.hears("ACK")
        await peer.hears("BYE")
    assert [type(event) for event in call.events] == [Ringing]


async def answered(egress: Egress) -> Request:
    (peer,) = egress.nodes
    invite = await peer.hears_request("INVITE")
    peer.answer(invite, 200, body=SDP)
    await peer.hears("ACK")
    return invite


@in_virtual_time
async def test_what_the_far_end_asks_for_is_told() -> None:
    async with Egress.playing() as egress, egress.placing(PHONE) as call:
        (peer,) = egress.nodes
        await answered(egress)
        await call.until(Answered)
        sip = call.leg._leg
        peer.says(peer.in_dialog("INVITE", sip, body=SDP + b"a=sendonly\r\n", headers=[("X-A", "b")]))
        await peer.hears_response(200)
        held = await call.until(Held)
        assert (held.on, held.request.headers["X-A"]) == (True, "b")
        peer.says(peer.in_dialog("INFO", sip, body=b"hi", headers=[("Content-Type", "text/x")]))
        await peer.hears_response(200)
        assert (await call.until(Requested)).request.body == "hi"


@in_virtual_time
async def test_a_refer_waits_for_its_answer_and_is_notified() -> None:
    async with Egress.playing() as egress, egress.placing(PHONE) as call:
        (peer,) = egress.nodes
        await answered(egress)
        await call.until(Answered)
        rows = [("Refer-To", "<sip:1002@x.test>"), ("Referred-By", "<sip:me@x.test>"), ("X-Why", "lunch")]
        peer.says(peer.in_dialog("REFER", call.leg._leg, headers=rows))
        referral = (await call.until(Referred)).referral
        assert referral.details["refer_to_user"] == "1002"
        assert referral.details["referred_by_user"] == "me"
        assert referral.details["x_why"] == "lunch"
        accepting = asyncio.create_task(referral.accept())
        await peer.hears_response(202)
        notify = await peer.hears_request("NOTIFY")
        assert notify.body.startswith(b"SIP/2.0 200 OK")
        assert "terminated" in (notify.headers.get("Subscription-State") or "")
        peer.answer(notify, 200)
        await accepting


@in_virtual_time
@pytest.mark.parametrize("headers", [[("Refer-To", "<sip:1002@x.test>")], []])
async def test_a_refer_without_referred_by_or_without_a_target_harms_nobody(headers: list[tuple[str, str]]) -> None:
    async with Egress.playing() as egress, egress.placing(PHONE) as call:
        (peer,) = egress.nodes
        await answered(egress)
        await call.until(Answered)
        peer.says(peer.in_dialog("REFER", call.leg._leg, headers=headers))
        if headers:
            referral = (await call.until(Referred)).referral
            assert "sip_referred_by" not in referral.details
            await referral.refuse(501)
            await peer.hears_response(501)
        else:
            await peer.hears_response(400)


@in_virtual_time
@pytest.mark.parametrize(
    ("to", "uri"),
    [("sip:x@y.test", "<sip:x@y.test>"), ("1002", "<sip:1002@198.51.100.7>"), ("tel:+1", "<tel:+1>")],
)
async def test_our_refer_names_its_target_and_is_followed(to: str, uri: str) -> None:
    async with Egress.playing() as egress, egress.placing(PHONE) as call:
        (peer,) = egress.nodes
        await answered(egress)
        await call.until(Answered)
        referring = asyncio.create_task(call.leg.refer(to, by="+4420", by_name="Ann"))
        refer = await peer.hears_request("REFER")
        assert refer.headers.get("Refer-To") == uri
        assert "4420" in (refer.headers.get("Referred-By") or "")
        peer.answer(refer, 202)
        assert (await referring).status == 202
        rows = [("Event", "refer"), ("Subscription-State", "active"), ("Content-Type", "message/sipfrag")]
        peer.says(peer.in_dialog("NOTIFY", call.leg._leg, headers=rows, body=b"SIP/2.0 180 Ringing\r\n"))
        await peer.hears_response(200)
        assert await call.until(Transferred) == Transferred(180, over=False)


@in_virtual_time
async def test_a_number_that_a_caller_is_referred_to_is_one_of_where_it_came_from() -> None:
    async with Egress.playing() as egress, egress.placing(PHONE) as call:
        (peer,) = egress.nodes
        await answered(egress)
        await call.until(Answered)
        call.leg._outside = "203.0.113.9:5080"  # as a call that came in has it
        referring = asyncio.create_task(call.leg.refer("1002", by=None, by_name=None))
        refer = await peer.hears_request("REFER")
        assert refer.headers.get("Refer-To") == "<sip:1002@203.0.113.9:5080>"
        assert refer.headers.get("Referred-By")
        peer.answer(refer, 405)
        assert (await referring).status == 405
