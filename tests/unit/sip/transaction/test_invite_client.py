"""RFC 3261 figure 5 as RFC 6026 figure 5 corrects it: the INVITE client transaction, timer by timer."""

import pytest

from jambones.sip.message import Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import (
    Acknowledge,
    Fail,
    Fired,
    PassUp,
    Received,
    Send,
    Start,
    Stop,
    Terminate,
    Timer,
    Unreachable,
)
from jambones.sip.transaction.invite_client import InviteClientTransaction, State
from tests.support.sip_messages import request

INVITE = request("INVITE")
T1 = SipTimers().t1


def calling(*, reliable: bool = False) -> InviteClientTransaction:
    tx = InviteClientTransaction(INVITE, reliable, SipTimers())
    tx.start()
    return tx


def test_the_invite_goes_out_with_timers_a_and_b() -> None:
    tx = InviteClientTransaction(INVITE, reliable=False, timers=SipTimers())

    assert [Send(INVITE), Start(Timer.A, T1), Start(Timer.B, 64 * T1)] == tx.start()
    assert State.CALLING is tx.state


def test_a_reliable_transport_needs_no_timer_a() -> None:
    tx = InviteClientTransaction(INVITE, reliable=True, timers=SipTimers())

    assert [Send(INVITE), Start(Timer.B, 64 * T1)] == tx.start()


def test_timer_a_repeats_the_invite_and_doubles_without_a_bound() -> None:
    tx = calling()

    for factor in (2, 4, 8, 16, 32):
        assert [Send(INVITE, again=True), Start(Timer.A, factor * T1)] == tx.handle(Fired(Timer.A))
    assert State.CALLING is tx.state


def test_timer_b_ends_it_as_if_408_had_come() -> None:
    tx = calling()

    assert [Fail(408, "timeout"), Terminate("timeout")] == tx.handle(Fired(Timer.B))
    assert State.TERMINATED is tx.state


def test_a_provisional_stops_both_timers_and_is_passed_up() -> None:
    tx, ringing = calling(), Response(180)

    assert [Stop(Timer.A), Stop(Timer.B), PassUp(ringing)] == tx.handle(Received(ringing))
    assert State.PROCEEDING is tx.state
    assert [PassUp(ringing)] == [e for e in tx.handle(Received(ringing)) if isinstance(e, PassUp)]


@pytest.mark.parametrize("timer", [Timer.A, Timer.B])
def test_a_late_timer_does_nothing_once_it_rings(timer: Timer) -> None:
    tx = calling()
    tx.handle(Received(Response(100)))

    assert tx.handle(Fired(timer)) == []
    assert State.PROCEEDING is tx.state


@pytest.mark.parametrize("provisional", [True, False])
def test_a_2xx_is_passed_up_without_an_ack_and_timer_m_starts(provisional: bool) -> None:
    tx, answer = calling(), Response(200)
    if provisional:
        tx.handle(Received(Response(183)))

    effects = tx.handle(Received(answer))

    assert [Stop(Timer.A), Stop(Timer.B), PassUp(answer), Start(Timer.M, 64 * T1)] == effects
    assert State.ACCEPTED is tx.state


def test_repeated_and_forked_2xx_are_passed_up_until_timer_m() -> None:
    tx = calling()
    tx.handle(Received(Response(200)))
    fork = Response(200, "Fork")

    assert [PassUp(fork)] == tx.handle(Received(fork))
    assert [Terminate()] == tx.handle(Fired(Timer.M))
    assert State.TERMINATED is tx.state


@pytest.mark.parametrize("late", [180, 486])
def test_other_responses_after_a_2xx_are_absorbed(late: int) -> None:
    tx = calling()
    tx.handle(Received(Response(200)))

    assert tx.handle(Received(Response(late))) == []
    assert State.ACCEPTED is tx.state


@pytest.mark.parametrize("status", [302, 404, 503, 603])
def test_a_failure_is_acknowledged_and_passed_up_once(status: int) -> None:
    tx, final = calling(), Response(status)

    effects = tx.handle(Received(final))

    assert [Stop(Timer.A), Stop(Timer.B), Acknowledge(final), PassUp(final), Start(Timer.D, 32.0)] == effects
    assert State.COMPLETED is tx.state
    assert [Acknowledge(final)] == tx.handle(Received(final))


def test_a_failure_on_a_reliable_transport_ends_it_at_once() -> None:
    tx, final = calling(reliable=True), Response(486)

    effects = tx.handle(Received(final))

    assert [Stop(Timer.A), Stop(Timer.B), Acknowledge(final), PassUp(final), Terminate()] == effects
    assert State.TERMINATED is tx.state


def test_timer_d_ends_a_failed_one() -> None:
    tx = calling()
    tx.handle(Received(Response(486)))

    assert [Terminate()] == tx.handle(Fired(Timer.D))


@pytest.mark.parametrize("late", [100, 200])
def test_what_is_no_failure_is_absorbed_after_a_failure(late: int) -> None:
    tx = calling()
    tx.handle(Received(Response(486)))

    assert tx.handle(Received(Response(late))) == []
    assert State.COMPLETED is tx.state


@pytest.mark.parametrize("rings", [False, True])
def test_an_unreachable_peer_ends_it_as_if_503_had_come(rings: bool) -> None:
    tx = calling()
    if rings:
        tx.handle(Received(Response(180)))

    assert [Fail(503, "unreachable"), Terminate("unreachable")] == tx.handle(Unreachable())
    assert State.TERMINATED is tx.state


@pytest.mark.parametrize("status", [200, 486])
def test_an_unreachable_peer_changes_nothing_after_the_final_response(status: int) -> None:
    tx = calling()
    tx.handle(Received(Response(status)))

    assert tx.handle(Unreachable()) == []


def test_an_ended_one_answers_nothing() -> None:
    tx = calling()
    tx.handle(Fired(Timer.B))

    for event in (Received(Response(200)), Fired(Timer.A), Fired(Timer.D), Fired(Timer.M), Unreachable()):
        assert tx.handle(event) == []


def test_timers_follow_the_settings() -> None:
    tx = InviteClientTransaction(INVITE, reliable=False, timers=SipTimers(t1=0.1, timer_d=5.0))

    assert [Send(INVITE), Start(Timer.A, 0.1), Start(Timer.B, 6.4)] == tx.start()
    assert Start(Timer.D, 5.0) in tx.handle(Received(Response(404)))
