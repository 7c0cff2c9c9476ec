"""Calls that would take another's place."""

import pytest

from jambones.sbc_inbound.replacing import refusal
from tests.support.edge import World
from tests.support.sip_messages import request
from tests.support.virtual_time import in_virtual_time

OURS = "call-7;to-tag=us;from-tag=them"


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([], None),
        ([OURS], 603),
        (["call-8;to-tag=us;from-tag=them"], 481),
        (["call-7;to-tag=us"], 400),
        ([OURS, OURS], 400),
    ],
)
def test_what_is_said_to_it(rows: list[str], status: int | None) -> None:
    invite = request("INVITE", headers=[("Replaces", row) for row in rows])
    found = refusal(invite, lambda replaces: replaces.call_id == "call-7")

    assert (found.status if found is not None else None) == status


@in_virtual_time
async def test_it_does_not_begin_as_a_call_of_its_own() -> None:
    world = World(more=[("Replaces", OURS)])
    await world.task

    assert world.caller.did == ["reject 481"]
    assert world.servers == []
