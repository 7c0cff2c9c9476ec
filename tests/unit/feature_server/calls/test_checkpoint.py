"""What is kept of a call for another server, and that it can be read back."""

import asyncio

from jambones.common.ids import NodeId
from jambones.common.verbs.parse import parse_script
from jambones.feature_server.calls.checkpoint import SavedCall, saved
from tests.support.virtual_time import in_virtual_time
from tests.unit.feature_server.calls.test_session import World, say


@in_virtual_time
async def test_the_running_verb_and_the_rest_are_kept_and_read_back_as_the_same() -> None:
    world = World()
    task = world.start(
        {"verb": "tag", "data": {"Order": 7}},
        {"verb": "config", "synthesizer": {"vendor": "local", "language": "en-GB"}, "notifyEvents": True},
        {"verb": "say", "text": "one two three", "id": "x"},
        {"verb": "gather", "numDigits": 1, "say": {"text": "again"}},
    )
    await asyncio.sleep(0.5)

    kept = SavedCall.model_validate_json(saved(world.session, NodeId("fs-1")).model_dump_json())

    script = parse_script(list(kept.script)).verbs
    assert [verb.verb for verb in script] == ["say", "gather"]
    assert list(script) == [world.session.verb, *world.session.pending]
    assert (kept.answered, kept.call_status, kept.customer_data) == (True, "in-progress", {"Order": 7})
    assert (kept.synthesizer or {})["language"] == "en-GB"
    assert kept.notify_events
    task.cancel()
    await asyncio.wait((task,))


@in_virtual_time
async def test_a_call_before_its_first_verb_can_be_kept_too() -> None:
    world = World()
    world.session.append(parse_script([say("one")]).verbs)

    kept = saved(world.session, NodeId("fs-1"))

    assert (len(kept.script), kept.answered, kept.call_status) == (1, False, "trying")
