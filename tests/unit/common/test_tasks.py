"""Tasks with an owner."""

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from jambones.common.tasks import SLOW, Tasks, backoff, cancel, heed_cancellation
from tests.support.virtual_time import in_virtual_time


class Trouble(Exception):
    pass


async def fail() -> None:
    raise Trouble


@in_virtual_time
async def test_closing_cancels_and_waits_for_all() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(1)  # cleaning up takes its time
            ended.append(name)

    async with Tasks() as tasks:
        tasks.start(work("a"), name="a")
        tasks.start(work("b"), name="b")
        await asyncio.sleep(0)
        assert len(tasks) == 2
    assert sorted(ended) == ["a", "b"]
    assert len(tasks) == 0


@in_virtual_time
async def test_a_task_that_fails_is_counted_and_harms_no_other() -> None:
    failures: list[tuple[str, BaseException]] = []
    async with Tasks(lambda name, exc: failures.append((name, exc))) as tasks:
        other = tasks.start(asyncio.sleep(10, "fine"), name="other")
        tasks.start(fail(), name="bad")
        assert await other == "fine"
    assert tasks.failures == 1
    assert [(name, type(exc)) for name, exc in failures] == [("bad", Trouble)]


@in_virtual_time
async def test_what_is_done_every_so_often_goes_on_after_a_failure() -> None:
    rounds: list[float] = []
    loop = asyncio.get_running_loop()

    async def work() -> None:
        rounds.append(loop.time())
        if len(rounds) == 2:
            raise Trouble

    async with Tasks() as tasks:
        tasks.every(5, work, name="work")
        await asyncio.sleep(21)
    assert [round(at - rounds[0]) for at in rounds] == [0, 5, 10, 15, 20]
    assert tasks.failures == 1


@in_virtual_time
async def test_nothing_starts_in_an_owner_that_is_closing() -> None:
    tasks = Tasks()
    await tasks.close()
    with pytest.raises(RuntimeError):
        tasks.start(asyncio.sleep(1), name="late")


@in_virtual_time
async def test_a_cancellation_while_waiting_is_passed_on_after_the_end() -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(5)
            ended.append("slow")

    inner = asyncio.create_task(slow())
    await asyncio.sleep(0)
    outer = asyncio.create_task(cancel(inner))
    await asyncio.sleep(1)
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert ended == ["slow"]


@in_virtual_time
async def test_a_task_that_cancels_its_own_group_does_not_wait_for_itself() -> None:
    async def work() -> None:
        me = asyncio.current_task()
        assert me is not None
        await cancel(me)

    await asyncio.wait_for(work(), 1)


class Owner:
    """Holds a task that holds it."""

    def __init__(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.work())

    async def work(self) -> None:
        await asyncio.Event().wait()


@in_virtual_time
async def test_the_owner_of_a_cancelled_task_is_freed_at_once() -> None:
    owner = Owner()
    await asyncio.sleep(0)
    gone = weakref.ref(owner)
    gc.disable()
    try:
        await cancel(owner.task)
        del owner
        await asyncio.sleep(0)

        assert gone() is None
    finally:
        gc.enable()


@in_virtual_time
async def test_a_cancellation_that_was_kept_back_is_heeded() -> None:
    async def work() -> None:
        with suppress(asyncio.CancelledError):  # as a library may do
            await asyncio.Event().wait()
        heed_cancellation()
        await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(work())
    await asyncio.sleep(0)
    heed_cancellation()  # nobody has cancelled this one

    async with asyncio.timeout(1):
        await cancel(task)

    assert task.cancelled()


def test_waits_grow_up_to_a_limit() -> None:
    waits = backoff(1.0, 8.0)
    found = [next(waits) for _ in range(8)]

    for wait, most in zip(found, (1, 2, 4, 8, 8, 8, 8, 8), strict=True):
        assert 0.75 * most <= wait <= most


@in_virtual_time
async def test_work_that_failed_instead_of_being_cancelled_is_not_started_again() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as exc:
            raise OSError("the connection is closed") from exc

    async with asyncio.timeout(1):
        async with Tasks() as tasks:
            tasks.keep(work, name="kept")
            tasks.every(1, work, name="repeated")
            await asyncio.sleep(0)

    assert tasks.failures == 2


@in_virtual_time
async def test_a_task_that_does_not_end_is_named() -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await release.wait()

    task = asyncio.create_task(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(SLOW + 1, release.set)
    with capture_logs() as logs:
        await cancel(task)

    [line] = logs
    assert (line["event"], line["task"]) == ("task does not end", "stubborn")
    assert "stubborn:" in line["at"]
