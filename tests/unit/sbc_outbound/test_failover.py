"""The table of failover: every row."""

from typing import Literal

import pytest

from jambones.sbc_outbound.failover import Context, Result, final_status, next_step

SAME, OTHER = Context(next_gateway="same trunk"), Context(next_gateway="other trunk")


@pytest.mark.parametrize("status", [486, 487, 600, 603, 604])
@pytest.mark.parametrize("context", [SAME, OTHER])
def test_a_humans_no_is_final(status: int, context: Context) -> None:
    assert not next_step(Result(status), context).go_on


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 580])
@pytest.mark.parametrize("context", [SAME, OTHER])
def test_the_servers_trouble_leads_on(status: int, context: Context) -> None:
    assert next_step(Result(status), context).go_on


@pytest.mark.parametrize("status", [408, 503])
def test_no_answer_and_no_way_to_send_lead_on(status: int) -> None:
    assert next_step(Result(status, answered=False), SAME).go_on


@pytest.mark.parametrize("status", [403, 404, 480, 484])
@pytest.mark.parametrize(("nearby", "expected"), [("same trunk", False), ("other trunk", True)])
def test_a_carriers_no_leads_on_to_another_trunk_only(
    status: int, nearby: Literal["same trunk", "other trunk"], expected: bool
) -> None:
    assert next_step(Result(status), Context(next_gateway=nearby)).go_on is expected


@pytest.mark.parametrize("status", [300, 302, 400, 402, 410, 415, 422, 488, 606, 607])
def test_every_other_answer_is_final(status: int) -> None:
    assert not next_step(Result(status), OTHER).go_on


@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_that_we_cannot_answer_is_final(status: int) -> None:
    assert not next_step(Result(status, challenged_again=True), OTHER).go_on


@pytest.mark.parametrize(
    "context",
    [
        Context(next_gateway="other trunk", early_media=True),
        Context(next_gateway="other trunk", connected=True),
        Context(next_gateway="other trunk", cancelled=True),
        Context(next_gateway="none"),
    ],
)
def test_nothing_is_tried_after_early_media_a_2xx_a_cancel_or_the_last_gateway(context: Context) -> None:
    assert not next_step(Result(503), context).go_on


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([Result(503), Result(486)], 486),
        ([Result(404), Result(408, answered=False)], 404),
        ([Result(503, answered=False), Result(408, answered=False)], 408),
        ([Result(503, answered=False)], 503),
        ([Result(407, challenged_again=True)], 403),
        ([Result(401)], 403),
        ([Result(302)], 302),
    ],
)
def test_the_last_real_response_is_told(results: list[Result], expected: int) -> None:
    assert final_status(results) == expected
