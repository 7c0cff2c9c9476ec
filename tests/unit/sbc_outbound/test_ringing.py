"""A user's devices ring together: the first answer wins, and the best refusal is told."""

import asyncio
from typing import Any

from jambones.common.bus.registrations import Binding
from jambones.common.ids import AccountSid, NodeId
from jambones.sbc.decision import Decision
from jambones.sbc.registrations import Stored
from jambones.sbc_outbound.devices import Device
from jambones.sip.events import Answered, Ended
from jambones.sip.headers import Headers
from jambones.sip.transport import Address
from jambones.sip.uri import Uri
from tests.support.egress_world import World, rings
from tests.support.legs import ANSWER
from tests.support.virtual_time import in_virtual_time


def device(number: int, transport: str = "udp") -> Device:
    binding = Binding(
        account_sid=AccountSid("acc"), user="alice", realm="acc.example.com", contact=f"sip:alice@10.0.0.{number}",
        transport=transport, source=f"203.0.113.{number}:5060", edge=NodeId("e1"), flow=f"f{number}", registered_at=1,
        expires_at=9_000_000_000_000, granted_until=2, sip_call_id="r", cseq=1,
    )  # fmt: skip
    stored = Stored(("acc.example.com", "alice", str(number)), binding, 1)
    remote = Address("udp", f"203.0.113.{number}", 5060)
    return Device(stored, Uri("sip", "alice", host=f"10.0.0.{number}"), ("192.0.2.9", 5060), remote)


def ringing_devices(count: int, **more: Any) -> World:
    found = Decision(tuple(device(number + 1) for number in range(count)))
    return World("sip:alice@acc.example.com", route="user", devices=found, **more)


@in_virtual_time
async def test_all_devices_ring_and_the_first_answer_wins() -> None:
    world = ringing_devices(3)
    first, second, third = await world.leg(1), await world.leg(2), await world.leg(3)
    first.tell(rings())
    await world.up(2)
    world.asker.hangs_up()
    record = await world.over()

    for loser in (first, third):
        assert loser.did == ["hangup"]
        assert loser.said["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
    assert second.did == ["hangup"]
    assert record.sip_callid == second.sip_call_id
    assert record.trunk == "user"
    assert sorted(attempt.status for attempt in record.attempts) == [200, 487, 487]


@in_virtual_time
async def test_two_that_answer_at_the_same_time_are_one_call() -> None:
    world = ringing_devices(2)
    first, second = await world.leg(1), await world.leg(2)
    first.tell(Answered(200, ANSWER, Headers()))
    second.tell(Answered(200, ANSWER, Headers()))
    await world.asker.until("answer")
    await asyncio.sleep(1)

    assert second.did == ["hangup"]
    assert first.did == []
    world.asker.hangs_up()
    await world.over()


@in_virtual_time
async def test_busy_on_one_device_lets_the_others_ring() -> None:
    world = ringing_devices(2)
    (await world.leg(1)).refuses(486)
    await world.up(2)
    world.asker.hangs_up()
    await world.over()


@in_virtual_time
async def test_a_no_to_all_stops_the_others() -> None:
    world = ringing_devices(2)
    first, second = await world.leg(1), await world.leg(2)
    first.refuses(603)
    await world.over()

    assert second.did == ["hangup"]
    assert world.asker.did == ["reject 603"]


@in_virtual_time
async def test_the_best_refusal_of_several_is_told() -> None:
    world = ringing_devices(3)
    (await world.leg(1)).refuses(404)
    (await world.leg(2)).tell(Ended("failure", 408, "timeout"))
    (await world.leg(3)).refuses(486)
    await world.over()

    assert world.asker.did == ["reject 486"]


@in_virtual_time
async def test_early_media_of_one_among_several_is_kept_back() -> None:
    world = ringing_devices(2)
    (await world.leg(1)).tell(rings(ANSWER, 183))
    await world.asker.until("progress 183")

    assert world.asker.bodies == [None]
    world.asker.cancels()
    await world.over()


@in_virtual_time
async def test_a_lone_device_may_send_early_media() -> None:
    world = ringing_devices(1)
    (await world.leg(1)).tell(rings(ANSWER, 183))
    await world.asker.until("progress 183")

    assert world.asker.bodies == [b"relayed " + ANSWER]
    world.asker.cancels()
    await world.over()


@in_virtual_time
async def test_a_flow_that_is_gone_is_480() -> None:
    world = ringing_devices(1)
    (await world.leg(1)).tell(Ended("failure", 503, "flow lost"))
    await world.over()

    assert world.asker.did == ["reject 480"]
