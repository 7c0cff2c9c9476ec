"""The state table of calls."""

import pytest

from jambones.feature_server.calls.state import FOLLOWS, CallState, CallStatus, final_status

S = CallStatus


def test_every_status_is_in_the_table_and_final_ones_lead_nowhere() -> None:
    assert set(FOLLOWS) == set(CallStatus)
    assert {status for status in CallStatus if status.final} == {S.COMPLETED, S.FAILED, S.BUSY, S.NO_ANSWER}


@pytest.mark.parametrize(
    "path",
    [
        [S.IN_PROGRESS, S.COMPLETED],
        [S.RINGING, S.EARLY_MEDIA, S.IN_PROGRESS, S.COMPLETED],
        [S.EARLY_MEDIA, S.RINGING, S.BUSY],
        [S.NO_ANSWER],
        [S.RINGING, S.FAILED],
    ],
)
def test_a_call_may_go_this_way(path: list[CallStatus]) -> None:
    state = CallState("outbound")

    assert all(state.move(status, 200, "x") for status in path)
    assert state.over


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ([], S.COMPLETED),
        ([S.IN_PROGRESS], S.RINGING),
        ([S.IN_PROGRESS], S.FAILED),
        ([S.IN_PROGRESS], S.IN_PROGRESS),
        ([S.IN_PROGRESS, S.COMPLETED], S.COMPLETED),
        ([S.BUSY], S.FAILED),
        ([S.BUSY], S.IN_PROGRESS),
    ],
)
def test_a_call_may_not_go_this_way_and_nothing_changes(path: list[CallStatus], refused: CallStatus) -> None:
    state = CallState("inbound")
    for status in path:
        state.move(status, 200, "OK")
    before = (state.status, state.sip_status, state.sip_reason, state.answered)

    assert not state.move(refused, 500, "never")
    assert (state.status, state.sip_status, state.sip_reason, state.answered) == before


@pytest.mark.parametrize(
    ("direction", "status", "answered", "word"),
    [
        ("inbound", 200, True, S.COMPLETED),
        ("inbound", 487, True, S.COMPLETED),
        ("inbound", 487, False, S.NO_ANSWER),
        ("inbound", 486, False, S.FAILED),
        ("inbound", 603, False, S.FAILED),
        ("inbound", 480, False, S.FAILED),
        ("outbound", 486, False, S.BUSY),
        ("outbound", 600, False, S.BUSY),
        ("outbound", 603, False, S.BUSY),
        ("outbound", 487, False, S.NO_ANSWER),
        ("outbound", 408, False, S.NO_ANSWER),
        ("outbound", 480, False, S.FAILED),
        ("outbound", 503, False, S.FAILED),
    ],
)
def test_how_an_end_is_named(direction: str, status: int, answered: bool, word: CallStatus) -> None:
    assert final_status(direction, status, answered=answered) is word  # type: ignore[arg-type]


def test_the_end_keeps_its_sip_status_and_comes_once() -> None:
    state = CallState("outbound")

    assert state.end(486, "Busy Here")
    assert (state.status, state.sip_status, state.sip_reason, state.answered) == (S.BUSY, 486, "Busy Here", False)
    assert not state.end(487, "Request Terminated")
