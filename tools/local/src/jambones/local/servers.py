"""A server of somebody else as a child process: its command, how to see that it is up, how to end it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class ServerError(RuntimeError):
    """A server cannot be started; the text says why, with the end of its log."""


class Server(Protocol):
    """What the supervisor and the tests need to know of a server."""

    name: str
    stop_signal: signal.Signals

    def prepare(self) -> None:
        """Make what it needs on disk. Blocking. Raises ServerError."""

    def command(self) -> list[str]: ...

    def answers(self) -> bool:
        """Whether it is up. Blocking, short."""


ALIVE = '[ "$PPID" = "$0" ] && exec "$@"'
"""Who started us may have died before setpriv was at work, and the kernel is silent then; but our parent is another."""


def tied(command: list[str], number: signal.Signals = signal.SIGTERM) -> list[str]:
    """`command` so that it gets this signal when the process that started it dies, however that happens.

    For this process to start. The kernel means the *thread* that started it: let that be the one of the event loop, in
    which asyncio starts processes, or the main one. A program in front of it must not change the user: that unties it.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return command
    # On Debian and Ubuntu it is always there: util-linux is essential.
    signal_name = number.name.removeprefix("SIG")
    return [setpriv, "--pdeathsig", signal_name, "--", "/bin/sh", "-c", ALIVE, str(os.getpid()), *command]


def accepts(host: str, port: int) -> bool:
    """Whether somebody listens on this TCP port."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


@dataclass
class RunningServer:
    """A server started by `running`; a test may kill it and start it again."""

    server: Server
    log: Path
    limit: float
    process: subprocess.Popen[bytes] | None = None
    env: Mapping[str, str] | None = None
    _opened: int = field(default=0, init=False)

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.server.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=self.env
            )
        deadline = time.monotonic() + self.limit
        while not self.server.answers():
            if self.process.poll() is not None:
                raise ServerError(f"{self.server.name} ended with {self.process.returncode}\n{self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ServerError(f"{self.server.name} does not answer after {self.limit:.0f} s\n{self.tail()}")
            time.sleep(0.02)

    def stop(self, with_signal: signal.Signals | None = None) -> None:
        """End it; after five seconds it is killed."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(with_signal or self.server.stop_signal)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)

    def tail(self) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        except OSError:
            return ""


@contextmanager
def running(server: Server, log: Path, *, limit: float = 30.0) -> Iterator[RunningServer]:
    """Run `server` inside the block; it is ended after it, whatever happens."""
    server.prepare()
    child = RunningServer(server, log, limit)
    try:
        child.start()
        yield child
    finally:
        child.stop()
