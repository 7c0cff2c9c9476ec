"""RFC 3261 figure 6: the non-INVITE client transaction, timer by timer."""

import pytest

from jambones.sip.message import Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import (
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
from jambones.sip.transaction.non_invite_client import NonInviteClientTransaction, State
from tests.support.sip_messages import request

BYE = request("BYE", to_tag="callee")
TIMERS = SipTimers()
T1, T2, T4 = TIMERS.t1, TIMERS.t2, TIMERS.t4


def trying(*, reliable: bool = False) -> NonInviteClientTransaction:
    tx = NonInviteClientTransaction(BYE, reliable, TIMERS)
    tx.start()
    return tx


def test_the_request_goes_out_with_timers_e_and_f() -> None:
    tx = NonInviteClientTransaction(BYE, reliable=False, timers=TIMERS)

    assert [Send(BYE), Start(Timer.E, T1), Start(Timer.F, 64 * T1)] == tx.start()
    assert State.TRYING is tx.state


def test_a_reliable_transport_needs_no_timer_e() -> None:
    tx = NonInviteClientTransaction(BYE, reliable=True, timers=TIMERS)

    assert [Send(BYE), Start(Timer.F, 64 * T1)] == tx.start()


def test_timer_e_doubles_up_to_t2() -> None:
    tx = trying()

    for interval in (1.0, 2.0, 4.0, 4.0, 4.0):
        assert [Send(BYE, again=True), Start(Timer.E, interval)] == tx.handle(Fired(Timer.E))


def test_a_provisional_is_passed_up_and_slows_the_repetition_to_t2() -> None:
    tx, progress = trying(), Response(100)

    assert [PassUp(progress)] == tx.handle(Received(progress))
    assert State.PROCEEDING is tx.state
    assert [Send(BYE, again=True), Start(Timer.E, T2)] == tx.handle(Fired(Timer.E))


@pytest.mark.parametrize("provisional", [False, True])
def test_timer_f_ends_it_as_if_408_had_come_even_after_a_provisional(provisional: bool) -> None:
    tx = trying()
    if provisional:
        tx.handle(Received(Response(100)))

    assert [Fail(408, "timeout"), Terminate("timeout")] == tx.handle(Fired(Timer.F))
    assert State.TERMINATED is tx.state


@pytest.mark.parametrize("status", [200, 401, 481, 503, 603])
@pytest.mark.parametrize("provisional", [False, True])
def test_any_final_response_is_passed_up_and_its_repetitions_absorbed_for_t4(status: int, provisional: bool) -> None:
    tx, final = trying(), Response(status)
    if provisional:
        tx.handle(Received(Response(100)))

    assert [Stop(Timer.E), Stop(Timer.F), PassUp(final), Start(Timer.K, T4)] == tx.handle(Received(final))
    assert State.COMPLETED is tx.state
    assert tx.handle(Received(final)) == []
    assert [Terminate()] == tx.handle(Fired(Timer.K))


def test_a_final_response_on_a_reliable_transport_ends_it_at_once() -> None:
    tx, final = trying(reliable=True), Response(200)

    assert [Stop(Timer.E), Stop(Timer.F), PassUp(final), Terminate()] == tx.handle(Received(final))


@pytest.mark.parametrize("provisional", [False, True])
def test_an_unreachable_peer_ends_it_as_if_503_had_come(provisional: bool) -> None:
    tx = trying()
    if provisional:
        tx.handle(Received(Response(100)))

    assert [Fail(503, "unreachable"), Terminate("unreachable")] == tx.handle(Unreachable())


@pytest.mark.parametrize("event", [Fired(Timer.E), Fired(Timer.F), Unreachable(), Received(Response(100))])
def test_nothing_moves_a_completed_one_but_timer_k(event: Fired | Unreachable | Received) -> None:
    tx = trying()
    tx.handle(Received(Response(200)))

    assert tx.handle(event) == []
    assert State.COMPLETED is tx.state
