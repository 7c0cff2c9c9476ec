"""Who runs in a directory: a lock that a supervisor holds together with all that it starts.

So it is free only when the last of them has ended, also after the supervisor was killed and waited for nobody.
"""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import IO

from jambones.local.servers import ServerError

LIMIT = 20.0
"""Seconds that the processes of a killed supervisor may take to end; PostgreSQL writes its data out first."""


async def lock(directory: Path, limit: float = LIMIT) -> IO[str]:
    """The lock of `directory`, let go when this file and its copies in other processes are closed.

    Raises ServerError when another supervisor runs there, or when what a killed one started does not end in `limit`.
    """
    file = (directory / "lock").open("a+")
    try:
        async with asyncio.timeout(limit):
            while not _taken(file):
                file.seek(0)
                holder = file.read().strip()
                if not holder or _lives(holder):
                    raise ServerError(f"the platform already runs in {directory} (pid {holder or '?'})")
                await asyncio.sleep(0.05)
    except TimeoutError:
        file.close()
        raise ServerError(f"the platform in {directory} was killed, and some of its processes still run") from None
    except BaseException:
        file.close()
        raise
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: str) -> bool:
    """Whether there is such a process that has not ended; one that its parent has not waited for has."""
    try:
        state = Path("/proc", pid, "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
