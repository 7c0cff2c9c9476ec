"""What benches of the running platform share: the application, and CPU time by process."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

from jambones.local.platform import LocalPlatform
from jambones.local.ports import free_port
from jambones.local.servers import tied

# The load comes from one address, as no real carrier's does; the limits are not what is measured here.
ENVIRONMENT = {
    "JAMBONES_SOURCE_RATE": "0",
    "JAMBONES_MAX_CPS": "0",
    "JAMBONES_MAX_CALLS": "5000",
    "JAMBONES_LOG_LEVEL": "warning",
}
APART = {"rtpengine"}


@dataclass(frozen=True)
class Cost:
    """CPU seconds by process name."""

    seconds: dict[str, float]

    def minus(self, before: "Cost") -> "Cost":
        return Cost({name: value - before.seconds.get(name, 0.0) for name, value in self.seconds.items()})

    @property
    def ours(self) -> float:
        return sum(value for name, value in self.seconds.items() if name not in APART)

    def per_call(self, calls: int) -> str:
        return ", ".join(f"{name} {1000 * value / calls:.2f}" for name, value in sorted(self.seconds.items()))


def cost_of(platform: LocalPlatform) -> Cost:
    return Cost({name: sum(_spent(p) for p in tree(pid)) for name, pid in pids(platform).items()})


def pids(platform: LocalPlatform) -> dict[str, int]:
    return {name: child.pid for name, child in platform.children.items() if child.pid is not None}


def tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def application() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(tied([sys.executable, "-m", "bench.application", str(port)]), env={**os.environ})
    try:
        while not _listens(port):  # until then others would find the port free
            if process.poll() is not None:
                raise RuntimeError(f"the application ended while starting (exit code {process.returncode})")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(5)
