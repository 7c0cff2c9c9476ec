"""Early media that cannot be had, and calls whose offer comes late."""

from jambones.sip.events import Answered, Progress
from jambones.sip.headers import Headers
from tests.support.edge import World
from tests.support.legs import ANSWER
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_early_media_that_the_relay_refuses_costs_the_call_nothing_else() -> None:
    world = World()
    server = await world.server()
    world.relay.fail = "answer fs"
    server.tell(Progress(183, "Session Progress", ANSWER, Headers()))
    await world.caller.until("progress 183")
    assert world.caller.bodies == [None]
    world.relay.fail = None
    server.tell(Answered(200, ANSWER, Headers()))
    await world.caller.until("answer")
    world.caller.hangs_up()

    assert (await world.over()).answered


@in_virtual_time
async def test_a_caller_without_an_offer_sees_no_description_before_the_200() -> None:
    world = World(delayed=True)
    server = await world.server()
    server.tell(Progress(183, "Session Progress", ANSWER, Headers()))
    server.tell(Answered(200, ANSWER, Headers()))
    await world.caller.until("answer")
    world.caller.cancels()
    await world.over()

    assert world.caller.bodies == [None, b"relayed " + ANSWER]
