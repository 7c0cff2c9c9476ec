"""RFC 3261 figure 8: the non-INVITE server transaction."""

import pytest

from jambones.sip.message import Response
from jambones.sip.timers import SipTimers
from jambones.sip.transaction.effects import Fired, Received, Respond, Send, Start, Terminate, Timer
from jambones.sip.transaction.non_invite_server import NonInviteServerTransaction, State
from tests.support.sip_messages import request

BYE = request("BYE", to_tag="callee")
TIMERS = SipTimers()


def trying(*, reliable: bool = False) -> NonInviteServerTransaction:
    return NonInviteServerTransaction(reliable, TIMERS)


def test_a_repeated_request_is_absorbed_while_nothing_was_said() -> None:
    tx = trying()

    assert tx.handle(Received(BYE)) == []
    assert State.TRYING is tx.state


def test_a_repeated_request_gets_the_provisional_again() -> None:
    tx, progress = trying(), Response(100)

    assert [Send(progress)] == tx.handle(Respond(progress))
    assert State.PROCEEDING is tx.state
    assert [Send(progress, again=True)] == tx.handle(Received(BYE))


@pytest.mark.parametrize("status", [200, 404, 481, 600])
@pytest.mark.parametrize("provisional", [False, True])
def test_the_final_response_is_repeated_on_demand_until_timer_j(status: int, provisional: bool) -> None:
    tx, final = trying(), Response(status)
    if provisional:
        tx.handle(Respond(Response(100)))

    assert [Send(final), Start(Timer.J, TIMERS.give_up)] == tx.handle(Respond(final))
    assert State.COMPLETED is tx.state
    assert [Send(final, again=True)] == tx.handle(Received(BYE))
    assert [Terminate()] == tx.handle(Fired(Timer.J))
    assert tx.handle(Received(BYE)) == []


def test_a_final_response_on_a_reliable_transport_ends_it_at_once() -> None:
    tx, final = trying(reliable=True), Response(200)

    assert [Send(final), Terminate()] == tx.handle(Respond(final))


@pytest.mark.parametrize("late", [100, 200, 500])
def test_only_the_first_final_response_counts(late: int) -> None:
    tx, final = trying(), Response(200, "First")
    tx.handle(Respond(final))

    assert tx.handle(Respond(Response(late))) == []
    assert tx.handle(Received(BYE)) == [Send(final, again=True)]
