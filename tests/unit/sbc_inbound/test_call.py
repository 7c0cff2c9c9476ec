"""A call through the edge with scripted legs: who answers, who hangs up, and the one record of it."""

import asyncio
from typing import Any

import pytest

from jambones.common.bus.calls import CallRecord
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.call import ELSEWHERE
from jambones.sbc_inbound.tables import Application, Carrier, Gateway, PhoneNumber, Tables
from jambones.sip.events import Answered, Ended, Progress
from jambones.sip.headers import Headers
from tests.support.edge import DIALLED, SOURCE, World
from tests.support.legs import ANSWER, OFFER
from tests.support.virtual_time import in_virtual_time


def ended(record: CallRecord) -> tuple[bool, int, str, str | None]:
    return record.answered, record.sip_status, record.termination_reason, record.hangup_side


@in_virtual_time
async def test_an_answered_call_that_the_caller_ends() -> None:
    world = World()
    server = await world.up()
    await asyncio.sleep(10)
    world.caller.hangs_up(("Reason", "Q.850;cause=16"), ("X-Mood", "fine"), ("X-Jambones-Evil", "1"))
    record = await world.over()

    assert (world.caller.did, world.caller.bodies) == (["answer"], [b"relayed " + ANSWER])
    assert server.did == ["hangup"]
    assert server.said == {"Reason": "Q.850;cause=16", "X-Mood": "fine"}
    assert ended(record) == (True, 200, "caller hungup", "caller")
    assert (record.trunk, record.account_sid, record.application_sid) == ("acme", "acc", "app")


@in_virtual_time
async def test_an_answered_call_that_the_feature_server_ends() -> None:
    world = World()
    server = await world.up()
    server.hangs_up(("X-Reason", "enough"))
    record = await world.over()

    assert world.caller.did == ["answer", "hangup"]
    assert ended(record) == (True, 200, "called party hungup", "callee")


@in_virtual_time
async def test_the_feature_server_learns_who_calls_in_signed_headers() -> None:
    world = World()
    await world.up()
    world.caller.hangs_up()
    await world.over()

    (invite,) = world.invites
    headers = dict(invite["headers"])
    assert invite["sdp"] == b"relayed " + OFFER
    assert (headers["X-Jambones-Account"], headers["X-Jambones-App"]) == ("acc", "app")
    assert headers["X-Jambones-Sig"].startswith("t=")
    assert headers["Max-Forwards"] == "69"
    assert invite["call_id"] != world.caller.sip_call_id


@in_virtual_time
async def test_early_media_and_an_answer_with_the_same_description_asks_the_relay_once() -> None:
    world = World()
    server = await world.server()
    server.tell(Progress(180, "Ringing", None, Headers()))
    server.tell(Progress(183, "Session Progress", ANSWER, Headers()))
    server.tell(Answered(200, ANSWER, Headers()))
    await world.caller.until("answer")
    world.caller.hangs_up()
    await world.over()

    assert world.caller.did == ["progress 180", "progress 183", "answer"]
    assert world.caller.bodies == [None, b"relayed " + ANSWER, b"relayed " + ANSWER]
    assert world.relay.did == ["offer fe", "answer fs"]


@in_virtual_time
async def test_an_answer_without_a_description_repeats_that_of_the_early_media() -> None:
    world = World()
    server = await world.server()
    server.tell(Progress(183, "Session Progress", ANSWER, Headers()))
    server.tell(Answered(200, None, Headers()))
    await world.caller.until("answer")
    world.caller.hangs_up()
    await world.over()

    assert world.caller.bodies[-1] == b"relayed " + ANSWER


@in_virtual_time
async def test_an_answer_without_any_description_is_refused() -> None:
    world = World()
    server = await world.server()
    server.tell(Answered(200, None, Headers()))
    record = await world.over()

    assert world.caller.did[0].startswith("reject")
    assert server.did == ["hangup"]
    assert not record.answered


@in_virtual_time
async def test_a_delayed_offer_is_made_by_the_feature_server_and_answered_in_the_ack() -> None:
    world = World(delayed=True)
    server = await world.server()
    assert world.invites[0]["sdp"] is None
    server.tell(Answered(200, b"offer", Headers()))
    await world.caller.until("answer")
    world.caller.acks(b"answer")
    await server.until("ack")
    world.caller.hangs_up()
    record = await world.over()

    assert world.caller.bodies == [b"relayed offer"]
    assert server.bodies[0] == b"relayed answer"
    assert record.answered


@in_virtual_time
async def test_a_delayed_offer_that_is_never_answered_ends_the_call() -> None:
    world = World(delayed=True)
    server = await world.server()
    server.tell(Answered(200, b"offer", Headers()))
    await world.caller.until("answer")
    world.caller.acks(None)
    record = await world.over()

    assert world.caller.did == ["answer", "hangup"]
    assert server.did == ["hangup"]
    assert record.hangup_side == "platform"


@pytest.mark.parametrize("rings", [False, True])
@in_virtual_time
async def test_a_caller_who_cancels(rings: bool) -> None:
    world = World()
    server = await world.server()
    if rings:
        server.tell(Progress(180, "Ringing", None, Headers()))
        await world.caller.until("progress 180")
    world.caller.cancels(("Reason", 'SIP;cause=200;text="Call completed elsewhere"'))
    record = await world.over()

    assert server.did == ["hangup"]
    assert "completed elsewhere" in server.said["Reason"]
    assert ended(record) == (False, 487, "caller abandoned", "caller")


@in_virtual_time
async def test_a_caller_who_cancels_before_anybody_was_asked() -> None:
    world = World()
    world.caller.cancels()
    await world.task

    assert world.servers == []
    assert world.records == []  # nobody's call yet


@in_virtual_time
async def test_a_silent_feature_server_is_given_up_for_the_next() -> None:
    world = World("fs1", "fs2")
    first = await world.server()
    first.trying = False
    second = await world.server(2)
    second.tell(Answered(200, ANSWER, Headers()))
    await world.caller.until("answer")
    world.caller.hangs_up()
    record = await world.over()

    assert (first.did, world.nodes.given_up) == (["hangup"], ["fs1"])
    assert record.answered
    assert any("no answer in 2 s" in reason for reason in record.reasons)


@in_virtual_time
async def test_a_feature_server_that_is_asking_its_application_may_take_its_time() -> None:
    world = World("fs1", "fs2")
    server = await world.server()
    await asyncio.sleep(30)
    server.tell(Answered(200, ANSWER, Headers()))
    await world.caller.until("answer")
    world.caller.hangs_up()
    await world.over()

    assert len(world.servers) == 1


@pytest.mark.parametrize(
    "end",
    [
        Ended("remote", 503, "Service Unavailable"),
        Ended("remote", 503, "x", Headers([(ELSEWHERE, "draining")])),
        Ended("remote", 486, "x", Headers([(ELSEWHERE, "full")])),
        Ended("failure", 503, "unreachable"),
    ],
)
@in_virtual_time
async def test_a_feature_server_that_cannot_is_passed_over(end: Ended) -> None:
    world = World("fs1", "fs2")
    (await world.server()).tell(end)
    second = await world.server(2)
    second.tell(Answered(200, ANSWER, Headers()))
    await world.caller.until("answer")
    world.caller.hangs_up()
    record = await world.over()

    assert record.answered
    assert world.nodes.given_up == ["fs1"]


@in_virtual_time
async def test_when_none_takes_the_call_it_is_503() -> None:
    world = World("fs1", "fs2", "fs3", "fs4")
    for number in (1, 2, 3):
        (await world.server(number)).refuses(503)
    record = await world.over()

    assert len(world.servers) == 3
    assert world.caller.did == ["reject 503"]
    assert world.caller.said["Retry-After"] == "5"
    assert ended(record) == (False, 503, "failed", "platform")


@in_virtual_time
async def test_with_no_feature_server_at_all_it_is_503() -> None:
    world = World()
    world.nodes.names = []
    record = await world.over()

    assert world.caller.did == ["reject 503"]
    assert record.sip_status == 503


@pytest.mark.parametrize(
    ("status", "outside"),
    [
        (486, 486),
        (603, 603),
        (480, 480),
        (404, 480),
        (403, 480),
        (401, 480),
        (407, 480),
        (408, 480),
        (482, 480),
        (500, 500),
    ],
)
@in_virtual_time
async def test_a_refusal_is_the_callers_answer_and_says_nothing_of_our_inside(status: int, outside: int) -> None:
    world = World("fs1", "fs2")
    (await world.server()).refuses(status, "Because", ("X-Reason", "why"), ("X-Jambones-Trace", "t"))
    record = await world.over()

    assert world.caller.did == [f"reject {outside}"]
    assert world.caller.said == {"X-Reason": "why"}
    assert len(world.servers) == 1
    assert ended(record) == (False, outside, "failed", "platform")


@pytest.mark.parametrize("where", ["offer fe", "answer fs"])
@in_virtual_time
async def test_media_that_fails_refuses_the_call(where: str) -> None:
    world = World()
    world.relay.fail = where
    if where == "answer fs":
        (await world.server()).tell(Answered(200, ANSWER, Headers()))
    record = await world.over()

    assert len(world.caller.did) == 1
    assert world.caller.did[0].startswith("reject")
    assert all(server.did == ["hangup"] for server in world.servers)
    assert (record.answered, record.termination_reason) == (False, "failed")


@in_virtual_time
async def test_an_unknown_number_is_refused_without_asking_anybody() -> None:
    world = World(
        tables=Tables.of(
            accounts=[Account("acc", "sp", "a.example"), Account("acc2", "sp", "b.example")],
            carriers=[Carrier("trunk", "acme", None, "sp")],
            applications=[],
            gateways=[Gateway("gw", "trunk", SOURCE, 32)],
            numbers=[],
        )
    )
    await world.task

    assert world.caller.did == ["reject 404"]
    assert world.servers == []


@in_virtual_time
async def test_an_account_over_its_limit_is_refused_and_its_count_given_back() -> None:
    tables = Tables.of(
        accounts=[Account("acc", "sp", "acc.example.com", call_limit=1)],
        carriers=[Carrier("trunk", "acme", "acc", "sp")],
        applications=[Application("app", "acc")],
        gateways=[Gateway("gw", "trunk", SOURCE, 32)],
        numbers=[PhoneNumber("n", DIALLED, "trunk", "acc", "app")],
    )
    world = World(tables=tables)
    world.env.max_calls = 0
    record = await world.over()

    assert world.caller.did == ["reject 503"]
    assert record.sip_status == 503
    assert world.env.leases.own() == {}


@in_virtual_time
async def test_a_lost_feature_server_hangs_up_with_its_reason() -> None:
    world = World()
    server = await world.up()
    server.tell(Ended("failure", 408, "Request Timeout"))
    record = await world.over()

    assert world.caller.did == ["answer", "hangup"]
    assert "media lost" in world.caller.said["Reason"]
    assert (record.termination_reason, record.hangup_side) == ("media lost", "platform")


@pytest.mark.parametrize(("what", "recorded"), [("ACK timeout", "failed"), ("session expired", "session expired")])
@in_virtual_time
async def test_a_caller_who_is_lost_is_a_failure_of_an_answered_call(what: str, recorded: str) -> None:
    world = World()
    server = await world.up()
    world.caller.tell(Ended("failure", 408, what))
    record = await world.over()

    assert server.did == ["hangup"]
    assert (record.answered, record.termination_reason, record.hangup_side) == (True, recorded, "platform")


@pytest.mark.parametrize("answered", [False, True])
@in_virtual_time
async def test_the_platform_can_end_it_for_a_reason(answered: bool) -> None:
    world = World()
    server = await (world.up() if answered else world.server())
    await world.call.end("server shutdown")
    record = await world.over()

    assert world.caller.did[-1] == "hangup"
    assert server.did == ["hangup"]
    assert server.said["X-Reason"] == "server shutdown"
    assert (record.answered, record.hangup_side) == (answered, "platform")
    assert record.termination_reason == ("server shutdown" if answered else "failed")


@in_virtual_time
async def test_both_sides_hanging_up_at_once_is_one_record() -> None:
    world = World()
    server = await world.up()
    world.caller.hangs_up()
    server.hangs_up()
    record = await world.over()

    assert record.hangup_side in {"caller", "callee"}


@in_virtual_time
async def test_an_unexpected_error_refuses_the_call_and_is_recorded() -> None:
    world = World()

    async def fail(*args: Any, **options: Any) -> Any:
        raise ZeroDivisionError

    world.env.invite = fail
    with pytest.raises(BaseExceptionGroup):
        await world.task

    assert world.caller.did == ["hangup"]
    assert [record.sip_status for record in world.records] == [500]
    assert world.env.calls == {}
