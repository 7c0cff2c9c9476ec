"""The supervisor is killed: what it started ends with it, and the platform can be started again at once."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import psutil

from jambones.local import rtpengine
from jambones.local.layout import Ports, setting
from jambones.local.platform import SERVICES
from jambones.local.servers import tied

START_LIMIT = 90.0
END_LIMIT = 30.0


@asynccontextmanager
async def supervisor(directory: Path, env: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`make run` in `directory`, once the platform is up."""
    command = tied([sys.executable, "-m", "jambones.local", "run", "--dir", str(directory)])
    with (directory / "said").open("wb") as said:
        process = await asyncio.create_subprocess_exec(*command, stdout=said, stderr=said, env={**os.environ, **env})
    try:
        async with asyncio.timeout(START_LIMIT):
            while _running(directory) != process.pid:
                assert process.returncode is None, (directory / "said").read_text(errors="replace")
                await asyncio.sleep(0.1)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _running(directory: Path) -> int | None:
    """The process that says that the platform is up."""
    try:
        return int(json.loads((directory / "running.json").read_text())["pid"])
    except (OSError, ValueError):
        return None


def _environment() -> dict[str, str]:
    """Free ports, but the same at each start."""
    return {setting(name): str(port) for name, port in asdict(Ports.auto()).items()}


def _parts(processes: list[psutil.Process]) -> Iterator[str]:
    for process in processes:
        words = process.cmdline()
        if "-m" in words:
            yield words[words.index("-m") + 1]
        elif words:
            yield Path(words[0].split(":")[0]).name


async def _survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are left when all have ended, or after END_LIMIT."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_LIMIT):
            while _live(processes):
                await asyncio.sleep(0.1)
    return _live(processes)


def _live(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


async def test_all_ends_with_a_killed_supervisor_and_the_next_one_starts_at_once(tmp_path: Path) -> None:
    env = _environment()
    async with supervisor(tmp_path, env) as first:
        started = psutil.Process(first.pid).children(recursive=True)
        servers = {"postgres", "nats-server"} | ({"rtpengine"} if rtpengine.installed() else set())
        services = {f"jambones.{name.replace('-', '_')}" for name in SERVICES}
        assert services | servers | {"jambones.media"} <= set(_parts(started))
        first.kill()
        try:
            async with supervisor(tmp_path, env) as second:
                assert await _survivors(started) == []
                second.send_signal(signal.SIGINT)
                assert await second.wait() == 0
        finally:
            for one in _live(started):
                one.kill()
