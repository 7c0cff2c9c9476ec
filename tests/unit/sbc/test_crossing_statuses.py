"""Statuses of one side that mean something else, or nothing, to the other."""

import pytest

from jambones.sip.message import Response
from tests.support.virtual_time import in_virtual_time
from tests.unit.sbc.test_crossing import FAR_END, worlds


@in_virtual_time
async def test_a_challenge_that_we_cannot_answer_is_no_business_of_the_other_side() -> None:
    world = await worlds()
    world.inside.sent_answer = Response(401)
    world.crossing.requested(FAR_END, world.far_end.requests("MESSAGE"))
    await world.settle()

    assert world.far_end.did == ["respond 403"]


@pytest.mark.parametrize("status", [408, 481])
@in_virtual_time
async def test_a_subscription_that_one_side_forgot_ends_no_call(status: int) -> None:
    world = await worlds()
    world.inside.sent_answer = Response(status)
    world.crossing.requested(FAR_END, world.far_end.requests("NOTIFY"))
    await world.settle()

    assert world.far_end.did == [f"respond {status}"]
