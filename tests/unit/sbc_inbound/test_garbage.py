"""A call through the edge is freed when it is over: no cycles."""

from tests.support.edge import World
from tests.support.garbage import leaves_no_cycles
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_an_answered_call() -> None:
    world = World()
    await world.up()
    world.caller.hangs_up()
    with leaves_no_cycles():
        await world.over()
        del world.call, world.task
