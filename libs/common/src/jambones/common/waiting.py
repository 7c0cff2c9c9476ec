"""`asyncio.wait_for` as it is since Python 3.12, for the libraries that wait with it under Python 3.11.

Up to 3.11 it keeps a cancellation to itself when the result comes in the same moment (python/cpython gh-86296): the
task that was stopped goes on for ever, and whoever waits for its end with it. nats-py waits for every answer that way.
"""

import asyncio
import sys
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def wait_for(fut: Awaitable[T], timeout: float | None) -> T:
    """The result of `fut` within `timeout` seconds.

    Raises TimeoutError when they have passed (`fut` is cancelled first), CancelledError whenever the caller is
    cancelled.
    """
    if timeout is not None and timeout <= 0:
        future = asyncio.ensure_future(fut)
        if future.done():
            return future.result()
        fut = future  # the deadline below has passed, and cancels it at its first step
    async with asyncio.timeout(timeout):
        return await fut


def mend_wait_for() -> None:
    """Have every module of this process wait with it; nothing to do from Python 3.12 on."""
    if sys.version_info < (3, 12):
        asyncio.wait_for = wait_for  # type: ignore[assignment]
