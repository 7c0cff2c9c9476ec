"""The lock of a platform's directory: held until the last process of the platform has ended."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from jambones.local.lock import lock
from jambones.local.servers import ServerError


@pytest.fixture
def one_that_died(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A process that a supervisor started which has been killed since; it ends with its standard input."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return _left(tmp_path, ended.pid)


def _left(directory: Path, holder: int) -> subprocess.Popen[bytes]:
    program = ["flock", str(directory / "lock"), "sh", "-c", f"echo {holder} > {directory / 'lock'}; echo; read line"]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def test_while_a_supervisor_lives_a_second_one_is_told_so_at_once(tmp_path: Path) -> None:
    with await lock(tmp_path), pytest.raises(ServerError, match="already runs in"):
        await lock(tmp_path, limit=600)
    (await lock(tmp_path)).close()


async def test_what_a_killed_supervisor_left_is_waited_for(
    tmp_path: Path, one_that_died: subprocess.Popen[bytes]
) -> None:
    with one_that_died:
        waiting = asyncio.create_task(lock(tmp_path, limit=600))
        await asyncio.sleep(0)
        assert not waiting.done()
        one_that_died.communicate(b"\n")
        (await waiting).close()


async def test_what_does_not_end_is_told(tmp_path: Path, one_that_died: subprocess.Popen[bytes]) -> None:
    with one_that_died:
        with pytest.raises(ServerError, match="was killed, and some of its processes still run"):
            await lock(tmp_path, limit=0.2)
        one_that_died.communicate(b"\n")


async def test_one_whom_nobody_waited_for_has_ended_too(tmp_path: Path) -> None:
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and only we could take it off the list
    with zombie, _left(tmp_path, zombie.pid) as left:
        waiting = asyncio.create_task(lock(tmp_path, limit=600))
        await asyncio.sleep(0)
        left.communicate(b"\n")
        (await waiting).close()
