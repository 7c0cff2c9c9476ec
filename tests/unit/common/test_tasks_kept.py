"""Tasks that must never end."""

import asyncio

from jambones.common.tasks import Tasks
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_kept_task_is_started_again_after_a_failure() -> None:
    runs = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            done.set()
            await asyncio.Event().wait()
        raise RuntimeError

    async with Tasks() as tasks:
        tasks.keep(work, name="work")
        await done.wait()

        assert (runs, tasks.failures) == (3, 2)
