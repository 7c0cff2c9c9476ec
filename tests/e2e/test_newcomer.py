"""What the README promises a newcomer: its first application works as pasted, and the platform comes up twice."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jambones.local.platform import LocalPlatform
from jambones.local.ports import free_port
from jambones.local.servers import tied
from tests.support import sipp

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _program(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *tied(list(command)), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


@pytest.mark.skipif(not sipp.may_replay(), reason="replaying captured audio takes root")
async def test_the_first_application_of_the_readme_works_as_pasted(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    port = free_port()
    (tmp_path / "hello.py").write_text(code.replace("port=9000", f"port={port}"))

    async with _program(sys.executable, str(tmp_path / "hello.py")):
        await _until_listening(port)
        platform = LocalPlatform(tmp_path / "run", ports="auto", fast=True, hook_url=f"http://127.0.0.1:{port}/call")
        async with platform:
            call = await sipp.run("presses_keys", platform.sip, platform.seeded.number or "")

    assert call.good, call.log  # it hangs up only after a key and its goodbye


async def _run(directory: Path) -> str:
    """Start the platform as `make run` does, stop it with Ctrl-C once it said where it is; what it said."""
    said = ""
    command = [sys.executable, "-m", "jambones.local", "run", "--dir", str(directory), "--ports", "auto"]
    async with _program(*command) as process:
        assert process.stdout is not None
        async with asyncio.timeout(90):
            while "documentation" not in said:
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
            process.send_signal(signal.SIGINT)
            said += (await process.stdout.read()).decode()
            assert await process.wait() == 0, said
    return said


async def test_the_platform_comes_up_stops_cleanly_and_finds_its_data_again(tmp_path: Path) -> None:
    first, second = await _run(tmp_path / "run"), await _run(tmp_path / "run")

    key = re.search(r"account key\s+(\S+)", first)
    assert key is not None
    assert key[1] in second
    for said in (first, second):
        assert re.search(r"sip:\d+@127\.0\.0\.1:\d+", said)
        assert "Traceback" not in said
        assert said.rstrip().endswith("stopped")


async def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    command = [sys.executable, "-m", "jambones.local", "run", "--dir", str(tmp_path), "--ports", "auto"]
    async with _program(*command, "--api-port", str(port)) as process:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            said = (await process.stdout.read()).decode()
            assert await process.wait() == 1
    taken.close()
    assert f"port {port} (REST API) is taken" in said
    assert "Traceback" not in said
