"""The requests of an account that is logged at debug, and of nobody else."""

import json

from jambones.common import logs
from tests.integration.api.conftest import World
from tests.support.logged import logged


async def test_requests_of_an_account_are_logged_while_it_wishes(world: World) -> None:
    provider, _ = await world.provider()
    sid, tenant = await world.account(provider)
    _, other = await world.account(provider)
    with logged(level="info") as out:
        await tenant.get("/Applications")
        logs.verbosity.set_debug(False, [sid])
        await tenant.get("/Applications")
        await other.get("/Applications")

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (line,) = [line for line in lines if line["msg"] == "request"]
    assert (line["account_sid"], line["method"], line["status"]) == (sid, "GET", 200)
