"""Calls out: a feature server asks, the egress calls, SIPp is the carrier. A scenario a nasty case, named after it."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from hashlib import md5

import pytest
import pytest_asyncio

from jambones.common.bus.control import LegCommand, LegCommanded
from jambones.common.bus.explain import ExplainOutbound
from jambones.common.db.seed import ACCOUNT_SID
from jambones.common.ids import AccountSid, new_sid
from jambones.common.private import Private
from jambones.local.ports import free_port
from jambones.sip.events import Progress
from tests.support import sipp
from tests.support.rtp import RtpPeer, audio_address
from tests.support.running_egress import SDP, Egress, egress

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed"),
]
PATIENCE = 2.0
"""The egress's INVITE_TIMEOUT here."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def out(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Egress]:
    async with egress(tmp_path_factory.mktemp("egress"), env={"JAMBONES_INVITE_TIMEOUT": str(PATIENCE)}) as it:
        yield it


async def test_a_number_is_called_at_the_trunks_gateway_and_both_hear_each_other(out: Egress) -> None:
    async with sipp.answering("outbound/answers", echo=True) as carrier, RtpPeer.open() as ear:
        trunk = await out.trunk(carrier.port, e164_leading_plus=True, tech_prefix="0999", diversion="15557777")
        call = await out.call(trunk=trunk, sdp=ear.sdp, more={"X-Custom": "seen", "P-Asserted-Identity": "<sip:1@a>"})
        event = await call.answered()

        where = audio_address(event.sdp)
        words = [bytes([value]) * 160 for value in range(1, 41)]
        for word in words:
            ear.send_to(where, word)
            await asyncio.sleep(0.02)
        heard = await ear.received(20, within=5)

        assert set(heard) <= set(words)
        assert len(set(heard)) >= 15
        await call.leg.hangup(headers=[("Reason", 'Q.850;cause=16;text="enough"'), ("X-Why", "done")])
        outcome = await carrier.outcome()

    assert outcome.good, outcome.log
    assert "INVITE sip:0999+15551234@127.0.0.1" in outcome.log
    assert "Diversion: <sip:15557777@127.0.0.1>;reason=unknown;counter=1;privacy=off" in outcome.log
    assert "From: Ann <sip:15550000@127.0.0.1>" in outcome.log
    assert "X-Custom: seen" in outcome.log
    assert "P-Asserted-Identity: <sip:1@a>" in outcome.log
    assert "X-Jambones" not in outcome.log
    assert 'cause=16;text="enough"' in outcome.log
    assert event.headers.get("X-Jambones-Edge") == "sbc-outbound"
    assert event.headers.get("X-Jambones-Leg")
    assert event.headers.get("X-Jambones-Gateway")
    record = await out.record_of(call)
    assert (record.direction, record.answered, record.sip_status) == ("outbound", True, 200)
    assert (record.termination_reason, record.hangup_side) == ("caller hungup", "caller")
    assert record.sip_callid == event.headers.get("X-Jambones-Call")
    assert record.trunk == event.headers.get("X-Jambones-Trunk-Name")
    assert [attempt.status for attempt in record.attempts] == [200]
    if out.platform.anchors_media:
        assert record.media is not None
        assert record.media.packets_in >= 20


async def test_the_first_gateway_says_503_and_the_second_takes_the_call(out: Egress) -> None:
    async with (
        sipp.answering("outbound/refuses", keys={"status": 503}) as first,
        sipp.answering("outbound/answers") as second,
    ):
        call = await out.call(trunk=await out.trunk(first.port, second.port))
        event = await call.answered()
        await call.leg.hangup()
        refused, taken = await first.outcome(), await second.outcome()

    assert refused.good, refused.log
    assert taken.good, taken.log
    record = await out.record_of(call)
    assert [attempt.status for attempt in record.attempts] == [503, 200]
    assert sipp.call_ids(refused.log).isdisjoint(sipp.call_ids(taken.log)), "each try is a dialog of its own"
    assert event.headers.get("X-Jambones-Call") in sipp.call_ids(taken.log)


@pytest.mark.parametrize("status", [486, 600, 603, 604])
async def test_a_humans_no_goes_to_no_other_gateway(out: Egress, status: int) -> None:
    async with (
        sipp.answering("outbound/refuses", keys={"status": status}) as first,
        sipp.answering("outbound/answers") as second,
    ):
        call = await out.call(trunk=await out.trunk(first.port, second.port))
        ended = await call.ended()
        outcome = await first.outcome()
        assert second.untouched

    assert outcome.good, outcome.log
    assert ended.status == status
    assert ended.headers.get("X-Carrier") == "refused"
    record = await out.record_of(call)
    assert (record.sip_status, record.answered, record.hangup_side) == (status, False, "callee")
    assert [attempt.status for attempt in record.attempts] == [status]


async def test_a_redirection_is_a_refusal(out: Egress) -> None:
    async with sipp.answering("outbound/refuses", keys={"status": 302}) as carrier:
        call = await out.call(trunk=await out.trunk(carrier.port))

        assert (await call.ended()).status == 302
        assert (await carrier.outcome()).good


async def test_a_silent_gateway_is_left_for_the_next_one(out: Egress) -> None:
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    async with sipp.answering("outbound/answers") as second:
        call = await out.call(trunk=await out.trunk(silent.get_extra_info("sockname")[1], second.port))
        begun = loop.time()
        await call.answered()
        assert PATIENCE * 0.8 < loop.time() - begun < 20
        await call.leg.hangup()
        assert (await second.outcome()).good
    silent.close()

    record = await out.record_of(call)
    assert [attempt.status for attempt in record.attempts] == [408, 200]


async def test_a_closed_port_is_left_at_once(out: Egress) -> None:
    async with sipp.answering("outbound/answers") as second:
        call = await out.call(trunk=await out.trunk(free_port(), second.port))
        await call.answered()
        await call.leg.hangup()
        assert (await second.outcome()).good

    assert [attempt.status for attempt in (await out.record_of(call)).attempts] == [503, 200]


async def test_after_early_media_a_503_is_final(out: Egress) -> None:
    async with sipp.answering("outbound/early_media_then_503") as first, sipp.answering("outbound/answers") as second:
        call = await out.call(trunk=await out.trunk(first.port, second.port))
        ended = await call.ended()
        assert (await first.outcome()).good
        assert second.untouched

    assert ended.status == 503
    assert [status for status, sdp in call.progress if sdp] == [183]


def is_right(row: str, method: str, password: str) -> bool:
    """Whether a Proxy-Authorization is, by RFC 2617, what this password makes."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', row))
    ha1 = md5(f"{given['username']}:{given['realm']}:{password}".encode()).hexdigest()
    ha2 = md5(f"{method}:{given['uri']}".encode()).hexdigest()
    said = f"{ha1}:{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}:{ha2}"
    return md5(said.encode()).hexdigest() == given["response"]


@pytest.mark.parametrize("status", [401, 407])
async def test_digest_is_answered_for_the_invite_and_for_a_later_one(out: Egress, status: int) -> None:
    async with sipp.answering(f"outbound/challenges_{status}") as carrier:
        trunk = await out.trunk(carrier.port, register_username="acct", register_password="s3cret")
        call = await out.call(trunk=trunk)
        await call.answered()
        changed = await call.leg.reinvite(SDP.replace(b"fs 1 1", b"fs 1 2").replace(b"4000", b"4010"))
        await call.leg.hangup()
        outcome = await carrier.outcome()

    assert changed.accepted
    assert outcome.good, outcome.log
    rows = re.findall(r"^Proxy-Authorization: (.*?)\r?$", outcome.log, re.MULTILINE)
    assert len(rows) == (4 if status == 407 else 0)  # of two INVITEs and, the same once more, of their ACKs
    assert len(set(rows)) == len(rows) // 2
    assert all(is_right(row, "INVITE", "s3cret") for row in rows)
    assert (await out.record_of(call)).termination_reason == "caller hungup"


async def test_a_carrier_that_is_never_content_is_403(out: Egress) -> None:
    async with sipp.answering("outbound/challenges_twice") as first, sipp.answering("outbound/answers") as second:
        trunk = await out.trunk(first.port, second.port, register_username="acct", register_password="wrong")
        call = await out.call(trunk=trunk)

        assert (await call.ended()).status == 403
        assert second.untouched
        outcome = await first.outcome()
    assert outcome.good, outcome.log


async def test_a_challenge_without_credentials_is_403(out: Egress) -> None:
    async with sipp.answering("outbound/refuses", keys={"status": 407}) as carrier:
        call = await out.call(trunk=await out.trunk(carrier.port))

        assert (await call.ended()).status == 403
        assert (await carrier.outcome()).good


async def test_a_cancel_while_it_rings_reaches_the_carrier_with_its_reason(out: Egress) -> None:
    async with sipp.answering("outbound/is_cancelled_while_ringing") as carrier:
        call = await out.call(trunk=await out.trunk(carrier.port))
        ringing = await call.until(Progress)
        await call.leg.hangup(headers=[("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
        outcome = await carrier.outcome()

    assert outcome.good, outcome.log
    assert ringing.headers.get("X-Jambones-Call") in sipp.call_ids(outcome.log)
    assert 'Reason: SIP;cause=200;text="Call completed elsewhere"' in outcome.log
    record = await out.record_of(call)
    assert (record.sip_status, record.termination_reason) == (487, "caller abandoned")


async def test_a_200_that_crosses_the_cancel_is_acknowledged_and_ended(out: Egress) -> None:
    async with sipp.answering("outbound/answers_as_the_cancel_comes") as carrier:
        call = await out.call(trunk=await out.trunk(carrier.port))
        await call.until(Progress)
        await call.leg.hangup()
        outcome = await carrier.outcome()

    assert outcome.good, outcome.log
    record = await out.record_of(call)
    assert (record.answered, record.sip_status) == (False, 487)


async def test_the_carrier_hangs_up_and_says_why(out: Egress) -> None:
    async with sipp.answering("outbound/hangs_up_first") as carrier:
        call = await out.call(trunk=await out.trunk(carrier.port))
        ended = await call.ended()
        outcome = await carrier.outcome()

    assert outcome.good, outcome.log
    assert (ended.by, ended.headers.get("X-Farewell")) == ("remote", "so long")
    assert "cause=16" in (ended.headers.get("Reason") or "")
    record = await out.record_of(call)
    assert (record.termination_reason, record.hangup_side) == ("called party hungup", "callee")


async def test_one_description_said_three_times_is_one_answer(out: Egress) -> None:
    async with sipp.answering("outbound/rings_twice_with_one_description") as carrier:
        call = await out.call(trunk=await out.trunk(carrier.port))
        event = await call.answered()
        await call.leg.hangup()
        outcome = await carrier.outcome()

    assert outcome.good, outcome.log
    assert [status for status, _ in call.progress] == [183, 183]
    assert {sdp for _, sdp in call.progress} == {event.sdp}


async def test_a_gateway_on_tcp(out: Egress) -> None:
    async with sipp.answering("outbound/answers", transport="tcp") as carrier:
        call = await out.call(trunk=await out.trunk(carrier.port, protocol="tcp"))
        await call.answered()
        await call.leg.hangup()
        outcome = await carrier.outcome()

    assert outcome.good, outcome.log
    assert ";transport=tcp" in outcome.log


async def test_a_sip_uri_is_called_with_the_credentials_of_the_application(out: Egress) -> None:
    async with sipp.answering("outbound/challenges_401") as carrier:
        call = await out.call(f"sip:someone@127.0.0.1:{carrier.port}", route="sip", login=("acct", "s3cret"))
        await call.answered()
        await call.leg.reinvite(SDP.replace(b"fs 1 1", b"fs 1 2"))
        await call.leg.hangup()
        outcome = await carrier.outcome()

    assert outcome.good, outcome.log
    assert "INVITE sip:someone@127.0.0.1" in outcome.log
    assert "s3cret" not in outcome.log
    assert (await out.record_of(call)).trunk == "sipUri"


@pytest.mark.parametrize(
    ("target", "route", "options", "status"),
    [
        ("15551234", "phone", {"signed": False}, 403),
        ("15551234", "phone", {"account": None}, 403),
        ("15551234", "teams", {}, 403),
        ("15551234", "phone", {"trunk": "nobody"}, 404),
        ("sip:alice@demo.jambones.local", "user", {}, 404),
        ("sip:alice@elsewhere.example", "user", {}, 404),
        ("sip:1@10.1.2.3", "sip", {}, 403),
    ],
)
async def test_what_cannot_be_called_is_refused(
    out: Egress, target: str, route: str, options: dict[str, object], status: int
) -> None:
    target = target if target.startswith("sip:") or route == "phone" else f"sip:{target}@127.0.0.1"
    call = await out.call(target, route=route, **options)  # type: ignore[arg-type]

    assert (await call.ended()).status == status


async def test_the_egress_itself_is_a_loop(out: Egress) -> None:
    call = await out.call(f"sip:1@{out.address.host}:{out.address.port}", route="sip")

    assert (await call.ended()).status == 482


async def test_the_carrier_is_muted_heard_again_and_sent_a_digit(out: Egress) -> None:
    if not out.platform.anchors_media:
        pytest.skip("rtpengine is not installed")
    async with sipp.answering("outbound/answers", echo=True) as carrier, RtpPeer.open() as ear:
        call = await out.call(trunk=await out.trunk(carrier.port), sdp=ear.sdp)
        event = await call.answered()
        where = audio_address(event.sdp)
        leg = event.headers.get("X-Jambones-Leg") or ""

        async def command(op: str, **more: str) -> LegCommanded:
            return await out.bus.request(
                LegCommand(edge_id="sbc-outbound", leg_id=leg, op=op, request_id=new_sid(), **more)  # type: ignore[arg-type]
            )

        async def speak(value: int) -> None:
            for _ in range(25):
                ear.send_to(where, bytes([value]) * 160)
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)

        await speak(1)
        await command("mute")
        await speak(2)
        await command("unmute")
        await speak(3)
        await command("dtmf", digit="7")
        await speak(4)
        stats = await command("media.stats")
        await call.leg.hangup()
        assert (await carrier.outcome()).good

    heard = {packet.payload[0] for packet in ear.packets if packet.payload_type == 0}
    assert {1, 3, 4} <= heard
    assert 2 not in heard
    digits = {packet.payload[0] for packet in ear.packets if packet.payload_type == 101}
    assert digits == {7}  # the carrier echoes what it hears, telephone-events too
    assert stats.result is not None
    assert stats.result["packets_in"] > 40


async def test_a_dry_run_says_where_a_call_would_go(out: Egress) -> None:
    trunk = await out.trunk(free_port(), tech_prefix="99")
    answer = await out.bus.request(
        ExplainOutbound(account_sid=AccountSid(ACCOUNT_SID), target=Private("+15551234"), trunk=trunk)
    )

    assert (answer.verdict, answer.voip_carrier_sid, answer.node) == ("accepted", trunk, "sbc-outbound")
    assert "sip:9915551234@127.0.0.1" in answer.gateways[0].detail


async def test_a_draining_egress_sends_new_calls_elsewhere_and_keeps_the_old_one(out: Egress) -> None:
    pid = out.platform.children["sbc-outbound"].pid
    assert pid is not None
    async with sipp.answering("outbound/answers") as carrier:
        trunk = await out.trunk(carrier.port)
        call = await out.call(trunk=trunk)
        await call.answered()
        os.kill(pid, signal.SIGUSR1)
        try:
            async with asyncio.timeout(10):
                while (refused := await (await out.call(trunk="nobody")).ended()).status == 404:
                    await asyncio.sleep(0.05)
            assert refused.status == 503
            assert refused.headers.get("X-Jambones-Retry-Elsewhere")
            assert call.leg.ended is None
        finally:
            os.kill(pid, signal.SIGUSR2)
        async with asyncio.timeout(10):
            while (await (await out.call(trunk="nobody")).ended()).status == 503:
                await asyncio.sleep(0.05)
        await call.leg.hangup()
        assert (await carrier.outcome()).good
