"""Child processes: started, watched, restarted with growing pauses, and ended in reverse."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jambones.local.servers import ServerError

Output = Callable[[str, str], None]
"""Gets (name of the child, a line it wrote)."""
LOG_LIMIT = 20 * 1024 * 1024
LINE_LIMIT = 256 * 1024


@dataclass
class Child:
    """A process of the platform. `ready` says whether it answers; the command is asked anew at each start."""

    name: str
    command: Callable[[], Sequence[str]]
    ready: Callable[[], Awaitable[bool]]
    log: Path
    env: Mapping[str, str]
    output: Output = lambda name, line: None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_limit: float = 10.0
    restart: bool = True
    http_port: int = 0
    keep_open: Sequence[int] = ()
    """File descriptors that it gets a copy of."""
    process: asyncio.subprocess.Process | None = field(default=None, init=False)
    starts: int = field(default=0, init=False)
    _watch: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    async def start(self, limit: float = 60.0) -> None:
        """Start it and wait until it is ready; raises ServerError with the end of its log."""
        await self.launch()
        await self.until_ready(limit)

    async def launch(self) -> None:
        """Start it without waiting for it to be ready."""
        reading = await self._spawn()
        self._watch = asyncio.create_task(self._keep(reading), name=f"watch {self.name}")

    async def until_ready(self, limit: float = 60.0) -> None:
        """Raises ServerError when it ends or is not ready in time."""
        loop = asyncio.get_running_loop()
        deadline, first = loop.time() + limit, self.starts
        while not await self.ready():
            if self.starts > first or (self.process is not None and self.process.returncode is not None):
                code = self.process.returncode if self.process is not None else None
                raise ServerError(f"{self.name} ended while starting (exit code {code})\n{self.tail()}")
            if loop.time() > deadline:
                raise ServerError(f"{self.name} is not ready after {limit:.0f} s\n{self.tail()}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Ask it to end, wait, then kill; it is not restarted."""
        self._signal(self.stop_signal)
        watch, self._watch = self._watch, None
        self.restart, wanted = False, self.restart
        try:
            if self.process is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.stop_limit):
                        await self.process.wait()
        finally:
            self.kill()
            if self.process is not None:
                await self.process.wait()
            if watch is not None:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
            self.restart = wanted

    def kill(self) -> None:
        """kill -9; it is restarted unless `restart` is off."""
        self._signal(signal.SIGKILL)

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def _spawn(self) -> "asyncio.Task[None]":
        self.starts += 1
        # A session of its own: Ctrl-C in the terminal reaches us only, and we end the children in order.
        self.process = await asyncio.create_subprocess_exec(
            *self.command(), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, env=dict(self.env), start_new_session=True, pass_fds=self.keep_open,
        )  # fmt: skip
        assert self.process.stdout is not None
        return asyncio.create_task(self._read(self.process.stdout), name=f"log {self.name}")

    async def _keep(self, reading: "asyncio.Task[None]") -> None:
        pause = 0.5
        loop = asyncio.get_running_loop()
        try:
            while True:
                assert self.process is not None
                since = loop.time()
                code = await self.process.wait()
                await reading
                if not self.restart:
                    return
                pause = 0.5 if loop.time() - since > 30 else min(pause * 2, 15.0)
                self.output(self.name, f"ended with exit code {code}; starting it again in {pause:.0f} s")
                await asyncio.sleep(pause)
                reading = await self._spawn()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, stream: asyncio.StreamReader) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            os.replace(self.log, self.log.with_suffix(".1.log"))
        rest = b""
        with self.log.open("ab", buffering=0) as log:
            while data := await stream.read(65536):
                log.write(data)
                *lines, rest = (rest + data).split(b"\n")
                rest = rest[-LINE_LIMIT:]
                for line in lines:
                    self.output(self.name, line.decode(errors="replace"))
        if rest:
            self.output(self.name, rest.decode(errors="replace"))


async def http_ok(host: str, port: int, path: str) -> bool:
    """Whether an HTTP GET there is answered with 200, within a second."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
