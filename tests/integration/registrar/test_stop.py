"""A registrar ends when it is told to, at whatever moment of its start."""

import asyncio
import random

from jambones.common.ids import NodeId
from jambones.registrar.main import serve
from tests.integration.registrar.conftest import Running

ROUNDS = 20


async def test_stopped_at_any_moment_it_ends(running: Running) -> None:
    async def start_and_stop(name: str) -> None:
        task = asyncio.create_task(serve(running.settings.model_copy(update={"node_id": NodeId(name)})))
        await asyncio.sleep(random.uniform(0, 0.5))
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=20)
        assert done
        assert task.cancelled()

    for n in range(ROUNDS):
        # Three at once hold each other up: each is stopped somewhere else.
        await asyncio.gather(*(start_and_stop(f"r{n}-{beside}") for beside in range(3)))
