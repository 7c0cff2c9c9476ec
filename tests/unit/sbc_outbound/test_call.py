"""A call out with scripted legs: who is tried, who answers, who hangs up, and the one record of it."""

import asyncio

import pytest

from jambones.common.bus.calls import CallRecord
from jambones.sip.events import Answered, Ended
from jambones.sip.headers import Headers
from tests.support.egress_world import World, rings
from tests.support.legs import ANSWER, OFFER
from tests.support.virtual_time import in_virtual_time


def ended(record: CallRecord) -> tuple[bool, int, str, str | None]:
    return record.answered, record.sip_status, record.termination_reason, record.hangup_side


def tried(record: CallRecord) -> list[tuple[str, int]]:
    return [(attempt.gateway, attempt.status) for attempt in record.attempts]


@in_virtual_time
async def test_an_answered_call_that_the_feature_server_ends() -> None:
    world = World(Trunk="t1")
    leg = await world.up()
    world.asker.hangs_up(("Reason", "Q.850;cause=16"), ("X-Mood", "fine"), ("X-Jambones-Evil", "1"))
    record = await world.over()

    assert (world.asker.did, world.asker.bodies) == (["answer"], [b"relayed " + ANSWER])
    assert leg.did == ["hangup"]
    assert leg.said == {"Reason": "Q.850;cause=16", "X-Mood": "fine"}
    assert ended(record) == (True, 200, "caller hungup", "caller")
    assert (record.direction, record.trunk, record.gateway_sid, record.call_sid) == ("outbound", "acme", "g1", "cs")


@in_virtual_time
async def test_an_answered_call_that_the_far_end_ends() -> None:
    world = World(Trunk="t1")
    leg = await world.up()
    leg.hangs_up(("Reason", "Q.850;cause=31"))
    record = await world.over()

    assert world.asker.did == ["answer", "hangup"]
    assert world.asker.said == {"Reason": "Q.850;cause=31"}
    assert ended(record) == (True, 200, "called party hungup", "callee")


@in_virtual_time
async def test_a_far_end_that_vanishes_is_a_failure() -> None:
    world = World(Trunk="t1")
    leg = await world.up()
    leg.tell(Ended("failure", 408, "session expired"))
    record = await world.over()

    assert (record.termination_reason, record.hangup_side) == ("session expired", "platform")


@in_virtual_time
async def test_the_feature_server_learns_with_each_response_where_the_call_is() -> None:
    world = World(Trunk="t1")
    leg = await world.leg()
    leg.tell(rings())
    await world.asker.until("progress 180")

    assert world.asker.said == {
        "X-Jambones-Call": leg.sip_call_id, "X-Jambones-Edge": "out-1", "X-Jambones-Leg": world.call.leg_id,
        "X-Jambones-Trunk-Name": "acme", "X-Jambones-Gateway": "g1", "X-Jambones-Media": "full;no rtpengine",
    }  # fmt: skip
    world.asker.cancels()
    await world.over()


@in_virtual_time
async def test_private_headers_stay_inside_and_the_applications_go_out() -> None:
    world = World(Trunk="t1")
    await world.up()
    names = {name.lower() for name, _ in world.rows[0]}

    assert "x-custom" in names
    assert not [name for name in names if name.startswith("x-jambones")]
    assert not names & {"supported", "via", "call-id"}
    assert ("Max-Forwards", "69") in world.rows[0]
    world.asker.hangs_up()
    await world.over()


@in_virtual_time
async def test_every_try_is_a_media_session_of_its_own() -> None:
    world = World(Trunk="t1")
    (await world.leg(1)).refuses(503)
    await world.up(2)
    world.asker.hangs_up()
    record = await world.over()

    assert world.sessions == [f"{world.call.leg_id}-1", f"{world.call.leg_id}-2"]
    assert tried(record) == [("192.0.2.1", 503), ("192.0.2.2", 200)]
    assert record.sip_callid == world.legs[1].sip_call_id


@in_virtual_time
async def test_an_answered_call_may_last() -> None:
    world = World(Trunk="t1")
    await world.up()
    await asyncio.sleep(7200)
    world.asker.hangs_up()

    assert ended(await world.over()) == (True, 200, "caller hungup", "caller")


@pytest.mark.parametrize("status", [486, 600, 603, 604])
def test_a_humans_no_is_passed_on_at_once(status: int) -> None:
    @in_virtual_time
    async def story() -> None:
        world = World(Trunk="t1")
        (await world.leg()).refuses(status, "No", ("Reason", "Q.850;cause=17"))
        record = await world.over()

        assert world.asker.did == [f"reject {status}"]
        assert world.asker.said["Reason"] == "Q.850;cause=17"
        assert len(world.legs) == 1
        assert ended(record) == (False, status, "failed", "callee")

    story()


@in_virtual_time
async def test_the_last_real_response_is_told_when_nobody_takes_the_call() -> None:
    world = World(Trunk="t1")
    (await world.leg(1)).refuses(500)
    (await world.leg(2)).tell(Ended("failure", 503, "transport"))
    record = await world.over()

    assert world.asker.did == ["reject 500"]
    assert [status for _, status in tried(record)] == [500, 503]


@in_virtual_time
async def test_a_gateway_without_any_response_is_left_after_five_seconds() -> None:
    world = World(Trunk="t1")
    silent = await world.leg(1)
    silent.trying = False
    begun = asyncio.get_running_loop().time()
    await world.leg(2)

    assert asyncio.get_running_loop().time() - begun == pytest.approx(5.0)
    assert silent.did == ["hangup"]
    world.asker.cancels()
    await world.over()


@in_virtual_time
async def test_a_gateway_that_said_trying_may_take_its_time() -> None:
    world = World(Trunk="t1")
    await world.leg(1)
    await asyncio.sleep(60)

    assert len(world.legs) == 1
    world.asker.cancels()
    await world.over()


@in_virtual_time
async def test_after_early_media_nothing_else_is_tried() -> None:
    world = World(Trunk="t1")
    leg = await world.leg()
    leg.tell(rings(ANSWER, 183))
    await world.asker.until("progress 183")
    leg.refuses(503)
    await world.over()

    assert world.asker.did == ["progress 183", "reject 503"]
    assert len(world.legs) == 1


@in_virtual_time
async def test_ringing_without_media_may_still_fail_over() -> None:
    world = World(Trunk="t1")
    leg = await world.leg()
    leg.tell(rings())
    await world.asker.until("progress 180")
    leg.refuses(503)
    await world.up(2)
    world.asker.hangs_up()
    await world.over()


@in_virtual_time
async def test_a_cancel_ends_the_ringing_leg_with_its_reason() -> None:
    world = World(Trunk="t1")
    leg = await world.leg()
    world.asker.cancels(("Reason", 'SIP;cause=200;text="Call completed elsewhere"'))
    record = await world.over()

    assert leg.did == ["hangup"]
    assert leg.said["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
    assert ended(record) == (False, 487, "caller abandoned", "caller")
    assert len(world.legs) == 1


@in_virtual_time
async def test_gateways_that_are_down_are_passed_over() -> None:
    world = World(Trunk="t1")
    world.down.add("g1")
    await world.up()
    world.asker.hangs_up()

    assert (await world.over()).gateway_sid == "g2"


@in_virtual_time
async def test_media_that_rtpengine_refuses_is_no_reason_to_try_elsewhere() -> None:
    world = World(Trunk="t1")
    world.fail_media = "offer fs"
    record = await world.over()

    assert world.legs == []
    assert len(world.relays) == 1
    assert record.sip_status == 488
    assert world.asker.did == ["reject 488"]


@in_virtual_time
async def test_an_answer_that_cannot_be_used_is_hung_up_on() -> None:
    world = World(Trunk="t1")
    world.fail_media = "answer fe"
    leg = await world.leg()
    leg.tell(Answered(200, ANSWER, Headers()))
    record = await world.over()

    assert leg.did == ["hangup"]
    assert world.asker.did == ["reject 488"]
    assert (record.answered, record.sip_status) == (False, 488)


@in_virtual_time
async def test_a_delayed_offer_is_made_by_the_far_end_and_answered_in_the_ack() -> None:
    world = World(Trunk="t1", delayed=True)
    leg = await world.leg()
    leg.tell(Answered(200, OFFER, Headers()))
    await world.asker.until("answer")
    world.asker.acks(ANSWER)
    await leg.until("ack")

    assert world.asker.bodies == [b"relayed " + OFFER]
    assert leg.bodies == [b"relayed " + ANSWER]
    world.asker.hangs_up()
    await world.over()


@in_virtual_time
async def test_offers_and_requests_cross_once_the_call_is_up() -> None:
    world = World(Trunk="t1")
    leg = await world.up()
    leg.offers(b"hold")
    await world.asker.until("reinvite")
    await leg.until("accept")
    world.asker.requests("INFO", b"x", "text/plain")
    await leg.until("send INFO")

    world.asker.hangs_up()
    await world.over()


@in_virtual_time
async def test_a_name_is_tried_address_by_address() -> None:
    world = World("sip:bob@phones.example", route="sip", names={"phones.example": ["203.0.113.1", "203.0.113.2"]})
    (await world.leg(1)).tell(Ended("failure", 503, "refused"))
    await world.up(2)
    world.asker.hangs_up()
    record = await world.over()

    assert [way.address.host for way in world.ways] == ["203.0.113.1", "203.0.113.2"]
    assert record.trunk == "sipUri"


@in_virtual_time
async def test_a_name_that_leads_inside_is_not_called() -> None:
    world = World("sip:bob@phones.example", route="sip", names={"phones.example": ["10.0.0.5", "127.0.0.1"]})
    await world.over()

    assert world.legs == []
    assert world.asker.did == ["reject 403"]


@in_virtual_time
async def test_a_name_without_an_address_is_503() -> None:
    world = World("sip:bob@nowhere.example", route="sip")
    await world.over()

    assert world.asker.did == ["reject 503"]


@in_virtual_time
async def test_a_call_of_a_feature_server_that_died_is_ended() -> None:
    world = World(Trunk="t1")
    leg = await world.up()
    assert world.call.node_id == "fs-1"
    await world.call.end("media lost")
    record = await world.over()

    assert leg.said["X-Reason"] == "media lost"
    assert (record.termination_reason, record.hangup_side) == ("media lost", "platform")


@in_virtual_time
async def test_a_call_counts_for_its_tenants_while_it_lasts() -> None:
    world = World(Trunk="t1")
    await world.up()

    assert world.call.tenants == ("acc", "sp")
    assert world.env.leases.total("acc") == 1
    world.asker.hangs_up()
    await world.over()
    assert world.env.leases.total("acc") == 0
