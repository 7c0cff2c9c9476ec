"""Which calls are followed: those of accounts that are logged at debug, and what their tasks begin."""

import asyncio
import io
import json
from typing import Any

from jambones.common import logs
from jambones.sbc import trace
from jambones.sbc_inbound.tables import Tables
from jambones.sip.message import Response
from jambones.sip.transport import Address
from tests.support import egress_world
from tests.support.edge import TABLES, World
from tests.support.legs import PlayedLeg
from tests.support.logged import logged
from tests.support.sip_messages import request
from tests.support.virtual_time import in_virtual_time

PEER = Address("tls", "192.0.2.9", 5061)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_message_is_one_line_with_what_it_is_found_by() -> None:
    with logged(level="info") as out:
        logs.verbosity.set_debug(False, ["acc"])
        followed = trace.Trace("acc", "leg-1", "call-9")
        followed("in", request("BYE"), PEER, False)
        followed("out", Response(200, None, request("BYE").headers), PEER, True)

    first, second = lines(out)
    assert first["text"].startswith("BYE sip:~")
    assert {key: first[key] for key in ("account_sid", "leg", "call_sid", "direction", "transport", "remote")} == {
        "account_sid": "acc",
        "leg": "leg-1",
        "call_sid": "call-9",
        "direction": "in",
        "transport": "tls",
        "remote": "192.0.2.9:5061",
    }
    assert (first["method"], "status" in first, first["sip_call_id"]) == ("BYE", False, "call-1")
    assert (second["method"], second["status"], second["again"]) == ("BYE", 200, True)


def test_nothing_more_is_written_once_the_account_no_longer_wishes_it() -> None:
    with logged(level="info") as out:
        trace.Trace("acc", "leg-1")("in", request("BYE"), PEER, False)

    assert out.getvalue() == ""


@in_virtual_time
async def test_only_a_call_of_an_account_at_debug_is_followed() -> None:
    with logged(level="info"):
        for wished, followed in (("acc", True), ("somebody", False)):
            logs.verbosity.set_debug(False, [wished])
            world = World()
            await world.up()
            world.caller.hangs_up()
            await world.over()
            assert (world.caller.observer is not None) is followed


@in_virtual_time
async def test_a_call_that_is_refused_is_followed_too() -> None:
    with logged(level="info"):
        logs.verbosity.set_debug(False, ["acc"])
        tables = Tables.of(
            accounts=TABLES.accounts.values(), carriers=TABLES.carriers.values(), gateways=TABLES.gateways
        )
        world = World(tables=tables)
        record = await world.over()

    assert record.sip_status == 480

    assert world.caller.observer is not None


@in_virtual_time
async def test_a_call_out_is_followed_under_its_own_sid() -> None:
    with logged(level="info"):
        logs.verbosity.set_debug(False, ["acc"])
        world = egress_world.World()
        await asyncio.sleep(1)
        world.asker.cancels()
        await world.over()

    assert world.asker.observer == trace.Trace("acc", world.call.leg_id, "cs")


async def test_a_task_that_descends_from_a_followed_calls_is_not_followed() -> None:
    leg: Any = PlayedLeg("caller")
    with logged(level="info"):
        logs.verbosity.set_debug(False, ["acc"])
        trace.begin(leg, "acc", "leg-1")
        assert trace.current() is not None

        async def another_call() -> trace.Trace | None:
            trace.forget()
            return trace.current()

        assert await asyncio.create_task(another_call()) is None
