"""A private rtpengine in user space, on loopback and free ports."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from jambones.local.servers import tied
from jambones.media.rtpengine import NgClient, NgError

PROGRAM = "rtpengine"
INTERFACES = ("private/127.0.0.1", "public/127.0.0.1")
PORTS_EACH = 200


@dataclass
class Rtpengine:
    """A running daemon; `address` is where it takes NG commands."""

    address: tuple[str, int]
    log: Path
    process: asyncio.subprocess.Process
    command: Sequence[str]

    async def kill(self) -> None:
        """End it as a crash would."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def start_again(self) -> None:
        """Another process with the same addresses, which knows nothing of the calls before."""
        await self.kill()
        self.process = await _start(self.command, self.log)
        await _answering(self)


@asynccontextmanager
async def running_rtpengine(
    directory: Path,
    *,
    interfaces: Sequence[str] = INTERFACES,
    log_level: int = 5,
    options: Sequence[str] = (),
) -> AsyncIterator[Rtpengine]:
    """Start rtpengine and wait until it answers; its log is written below `directory`."""
    port = _free_port(socket.SOCK_DGRAM)
    first = _free_range()
    command = [
        PROGRAM,
        "--config-file=none",
        "--table=-1",
        *(f"--interface={interface}" for interface in interfaces),
        f"--listen-ng=127.0.0.1:{port}",
        f"--port-min={first}",
        f"--port-max={first + PORTS_EACH - 1}",
        "--num-threads=1",
        "--media-num-threads=1",
        "--delete-delay=0",
        "--foreground",
        "--log-stderr",
        f"--log-level={log_level}",
        *options,
    ]
    log = directory / f"rtpengine-{port}.log"
    daemon = Rtpengine(("127.0.0.1", port), log, await _start(command, log), command)
    try:
        await _answering(daemon)
        yield daemon
    finally:
        await daemon.kill()


async def _start(command: Sequence[str], log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *tied(list(command)), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )


async def _answering(daemon: Rtpengine) -> None:
    async with asyncio.timeout(10), NgClient.open(daemon.address) as client:
        while daemon.process.returncode is None:
            with suppress(NgError):
                await client.ping()
                return
            await asyncio.sleep(0.05)
    raise RuntimeError(f"rtpengine ended: {daemon.log.read_text()}")


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _free_range() -> int:
    """First port of a stretch where nobody sits right now, below the ports that the kernel hands out."""
    start = 20_000 + 2 * (_free_port(socket.SOCK_DGRAM) % 5_000)
    for first in range(start, 32_000, PORTS_EACH):
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", first))
            return first
    return start
