"""rtpengine in user space: the daemon of the system, with a configuration of our own and its own port range."""

import os
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from jambones.local.servers import tied


@dataclass
class RtpengineServer:
    """Takes NG commands on `port` and audio on `first` and the `span` ports after it."""

    directory: Path
    port: int
    first: int
    span: int
    host: str = "127.0.0.1"
    name: str = "rtpengine"
    stop_signal: signal.Signals = signal.SIGTERM

    def prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        program = installed()
        assert program is not None
        return tied(
            [
                program, "--config-file=none", "--table=-1", f"--interface=private/{self.host}",
                f"--interface=public/{self.host}", f"--listen-ng={self.host}:{self.port}", f"--port-min={self.first}",
                f"--port-max={self.first + self.span - 1}", "--num-threads=1", "--media-num-threads=1",
                "--foreground", "--log-stderr", "--log-level=4", "--delete-delay=0",
            ]
        )  # fmt: skip

    def answers(self) -> bool:
        # A cookie used twice is answered from memory.
        cookie = os.urandom(6).hex().encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.3)
            try:
                sock.sendto(cookie + b" d7:command4:pinge", (self.host, self.port))
                return sock.recv(1024).startswith(cookie)
            except OSError:
                return False


def installed() -> str | None:
    """The path of the daemon, if it is on this machine."""
    return shutil.which("rtpengine", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
