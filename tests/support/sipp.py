"""SIPp with a scenario of ours: one run, its exit code, and what it complains about."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jambones.local.ports import free_port, is_free
from jambones.local.servers import tied

SCENARIOS = Path(__file__).parents[1] / "e2e" / "scenarios"
PCAPS = Path("/usr/share/sip-tester")


@dataclass(frozen=True)
class Outcome:
    """`code` 0: every call went as the scenario says."""

    code: int
    log: str

    @property
    def good(self) -> bool:
        return self.code == 0


def installed() -> bool:
    return shutil.which("sipp") is not None


def may_replay() -> bool:
    """Replaying a capture takes a raw socket."""
    return installed() and os.geteuid() == 0 and PCAPS.is_dir()


async def run(
    scenario: str,
    target: str,
    number: str,
    *,
    transport: str = "udp",
    calls: int = 1,
    rate: int = 10,
    keys: Mapping[str, str | int] | None = None,
    host: str = "127.0.0.1",
    media_port: int | None = None,
    port: int | None = None,
    limit: float = 60,
) -> Outcome:
    """Place `calls` calls to `number` at `target` ("127.0.0.1:5060") as `scenario`.xml says.

    `keys` fills [name] in the scenario. What is not over after `limit` seconds is ended and counts as failed.
    """
    with tempfile.TemporaryDirectory(prefix="jb-sipp-") as directory:
        command = [
            "sipp", target, "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", number, "-i", host, "-mi", host,
            "-m", str(calls), "-r", str(rate), "-rp", "1000", "-l", str(max(100, calls)),
            "-t", "t1" if transport == "tcp" else "u1", "-trace_err", "-trace_msg", "-nostdin",
            "-timeout", f"{int(limit)}", "-timeout_error", "-recv_timeout", "40000",
        ]  # fmt: skip
        if media_port is not None:
            command += ["-mp", str(media_port)]
        if port is not None:
            command += ["-p", str(port)]
        for name, value in (keys or {}).items():
            command += ["-key", name, str(value)]
        process = await asyncio.create_subprocess_exec(
            *tied(command), cwd=directory, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(limit + 10):
                code = await process.wait()
        except TimeoutError:
            code = -1
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Outcome(code, _logs(Path(directory)))


@dataclass
class Carrier:
    """SIPp that waits for one call."""

    port: int
    directory: Path
    process: asyncio.subprocess.Process
    limit: float

    @property
    def untouched(self) -> bool:
        """Whether nobody called."""
        return self.process.returncode is None and "INVITE " not in _logs(self.directory)

    async def outcome(self) -> Outcome:
        """When the call is over."""
        try:
            async with asyncio.timeout(self.limit):
                code = await self.process.wait()
        except TimeoutError:
            code = -1
        return Outcome(code, _logs(self.directory))


@asynccontextmanager
async def answering(
    scenario: str,
    *,
    transport: str = "udp",
    keys: Mapping[str, str | int] | None = None,
    host: str = "127.0.0.1",
    calls: int = 1,
    echo: bool = False,
    limit: float = 60,
) -> AsyncIterator[Carrier]:
    """SIPp as the called side, on a free port; it waits when the block begins. `keys` fills [name] in the scenario."""
    port = free_port(host, span=4)
    with tempfile.TemporaryDirectory(prefix="jb-sipp-") as name:
        directory = Path(name)
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        for key, value in (keys or {}).items():
            text = text.replace(f"[{key}]", str(value))  # SIPp's own -key does not reach a status line
        (directory / "scenario.xml").write_text(text)
        command = [
            "sipp", "-sf", "scenario.xml", "-i", host, "-mi", host, "-p", str(port),
            "-mp", str(free_port(host, span=4)), "-m", str(calls), "-t", "t1" if transport == "tcp" else "u1",
            "-trace_err", "-trace_msg", "-nostdin", "-recv_timeout", "40000",
        ]  # fmt: skip
        if echo:
            command.append("-rtp_echo")
        process = await asyncio.create_subprocess_exec(
            *tied(command), cwd=directory, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(10):
                while is_free(port, host, udp=True) and process.returncode is None:
                    await asyncio.sleep(0.02)
            yield Carrier(port, directory, process, limit)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def call_ids(log: str) -> set[str]:
    """The Call-IDs in a log of messages."""
    return set(re.findall(r"^Call-ID: *(\S+)", log, re.MULTILINE))


def _logs(directory: Path) -> str:
    texts = [path.read_text(errors="replace") for path in sorted(directory.glob("*_errors.log"))]
    texts += [path.read_text(errors="replace")[-20_000:] for path in sorted(directory.glob("*_messages.log"))]
    return "\n".join(texts)
