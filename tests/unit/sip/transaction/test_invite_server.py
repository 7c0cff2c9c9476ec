"""RFC 3261 figure 7 as RFC 6026 corrects it: the INVITE server transaction, timer by timer."""

import pytest

from jambones.sip.message import Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import (
    Fired,
    PassUp,
    Received,
    Respond,
    Send,
    Start,
    Stop,
    Terminate,
    Timer,
    Unreachable,
)
from jambones.sip.transaction.invite_server import InviteServerTransaction, State
from tests.support.sip_messages import request

INVITE, ACK = request("INVITE"), request("ACK", to_tag="callee")
TIMERS = SipTimers()
T1, T2, T4 = TIMERS.t1, TIMERS.t2, TIMERS.t4


def proceeding(*, reliable: bool = False) -> InviteServerTransaction:
    return InviteServerTransaction(reliable, TIMERS)


def answered(status: int, *, reliable: bool = False) -> InviteServerTransaction:
    tx = proceeding(reliable=reliable)
    tx.handle(Respond(Response(status)))
    return tx


def test_a_repeated_invite_gets_the_last_provisional_again() -> None:
    tx, ringing = proceeding(), Response(180)
    assert tx.handle(Received(INVITE)) == []  # nothing was said yet

    assert [Send(ringing)] == tx.handle(Respond(ringing))
    assert [Send(ringing, again=True)] == tx.handle(Received(INVITE))
    progress = Response(183)
    tx.handle(Respond(progress))
    assert [Send(progress, again=True)] == tx.handle(Received(INVITE))


def test_final_response_is_resent_until_the_ack_comes() -> None:
    tx, busy = proceeding(), Response(486)

    assert [Send(busy), Start(Timer.G, T1), Start(Timer.H, 64 * T1)] == tx.handle(Respond(busy))
    for interval in (1.0, 2.0, 4.0, 4.0):
        assert [Send(busy, again=True), Start(Timer.G, interval)] == tx.handle(Fired(Timer.G))
    assert [Stop(Timer.G), Stop(Timer.H), Start(Timer.I, T4)] == tx.handle(Received(ACK))
    assert State.CONFIRMED is tx.state
    assert [Terminate()] == tx.handle(Fired(Timer.I))


def test_a_repeated_invite_gets_the_final_failure_again() -> None:
    tx, busy = proceeding(), Response(486)
    tx.handle(Respond(busy))

    assert [Send(busy, again=True)] == tx.handle(Received(INVITE))


def test_a_reliable_transport_does_not_repeat_a_failure_but_waits_for_the_ack() -> None:
    tx, busy = proceeding(reliable=True), Response(486)

    assert [Send(busy), Start(Timer.H, 64 * T1)] == tx.handle(Respond(busy))
    assert [Terminate()] == tx.handle(Received(ACK))


def test_timer_h_ends_it_when_no_ack_comes() -> None:
    tx = answered(486)

    assert [Terminate("no ACK")] == tx.handle(Fired(Timer.H))
    assert State.TERMINATED is tx.state


@pytest.mark.parametrize("event", [Received(ACK), Received(INVITE), Fired(Timer.G), Fired(Timer.H)])
def test_a_confirmed_one_absorbs_everything_until_timer_i(event: Received | Fired) -> None:
    tx = answered(486)
    tx.handle(Received(ACK))

    assert tx.handle(event) == []
    assert State.CONFIRMED is tx.state


def test_a_2xx_starts_timer_l_and_repeated_invites_are_absorbed() -> None:
    tx, ok = proceeding(), Response(200)

    assert [Send(ok), Start(Timer.L, 64 * T1)] == tx.handle(Respond(ok))
    assert State.ACCEPTED is tx.state
    assert tx.handle(Received(INVITE)) == []


def test_the_user_repeats_its_2xx_through_it_and_hears_the_ack() -> None:
    tx, ok = answered(200), Response(200)

    assert [Send(ok, again=True)] == tx.handle(Respond(ok))
    assert [PassUp(ACK)] == tx.handle(Received(ACK))
    assert State.ACCEPTED is tx.state
    assert [Terminate()] == tx.handle(Fired(Timer.L))


@pytest.mark.parametrize(("final", "late"), [(200, 180), (200, 500), (486, 180), (486, 200), (486, 500)])
def test_only_the_first_final_response_counts(final: int, late: int) -> None:
    tx = answered(final)
    state = tx.state

    assert tx.handle(Respond(Response(late))) == []
    assert tx.state is state


def test_an_unreachable_peer_is_the_users_affair() -> None:
    assert proceeding().handle(Unreachable()) == []


def test_an_ack_before_any_final_response_is_absorbed() -> None:
    tx = proceeding()

    assert tx.handle(Received(ACK)) == []
    assert State.PROCEEDING is tx.state
