"""A cancellation reaches the task that waits, whatever comes in the same moment."""

import asyncio

import pytest

from jambones.common.waiting import mend_wait_for, wait_for
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_cancellation_in_the_moment_of_the_result_is_not_lost() -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ask() -> None:
        await wait_for(answer, 5)
        await asyncio.Event().wait()

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    answer.set_result("now")
    task.cancel()

    done, _ = await asyncio.wait([task], timeout=1)
    assert done
    assert task.cancelled()


@in_virtual_time
async def test_an_answer_in_time_is_returned_and_one_too_late_is_cancelled() -> None:
    ended: list[str] = []

    async def answer(seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "here"

    assert await wait_for(answer(1), 2) == "here"
    assert await wait_for(answer(1), None) == "here"
    with pytest.raises(TimeoutError):
        await wait_for(answer(3), 2)
    assert ended == ["cancelled"]


@pytest.mark.parametrize("timeout", [0, -1])
@in_virtual_time
async def test_without_time_only_what_is_there_already_is_returned(timeout: float) -> None:
    there: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    there.set_result(3)
    assert await wait_for(there, timeout) == 3

    later: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    with pytest.raises(TimeoutError):
        await wait_for(later, timeout)
    assert later.cancelled()


@in_virtual_time
async def test_once_mended_libraries_wait_with_it() -> None:
    mend_wait_for()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(asyncio.wait_for(answer, 5))
    await asyncio.sleep(0)
    answer.set_result("now")
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
