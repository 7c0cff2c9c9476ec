"""Which port belongs to what on this machine, fixed for `run` and free ones for tests and the demo."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Self

from jambones.local.ports import RANGE, free_port, is_free
from jambones.local.servers import ServerError

PREFIX = "JAMBONES_LOCAL_"
OTHERS = (f"{PREFIX}DIR", f"{PREFIX}PORTS", RANGE)
"""Settings of `run` that are no ports."""


@dataclass(frozen=True)
class Ports:
    """JAMBONES_LOCAL_SIP_PORT sets `sip`, and so on. `media` and `rtp` are the first port of a stretch for audio."""

    sip: int = 5060
    ws: int = 5066
    """SIP over WebSocket, for browsers on this machine."""
    tls: int = 5061
    wss: int = 8443
    """These two only with a certificate."""
    api: int = 3000
    http: int = 3001
    """Probes and metrics of the first other process; each further process takes one from here on."""
    application: int = 9000
    postgres: int = 5442
    nats: int = 4232
    ng: int = 22222
    private: int = 5080
    """SIP between the processes; each further process takes one from here on."""
    media: int = 25000
    media_span: int = 5000
    rtp: int = 40000
    rtp_span: int = 5000

    @classmethod
    def auto(cls) -> Self:
        """Free ports, from one stretch. Of those for rtpengine, four a call, it takes what is free by itself."""
        media_span = 200
        first = free_port(span=60 + media_span)
        return cls(
            sip=first, ws=first + 24, tls=first + 25, wss=first + 26,
            api=first + 2, http=first + 4, application=first + 20, postgres=first + 21, nats=first + 22,
            ng=first + 23, private=first + 30, media=first + 60, media_span=media_span,
            rtp=2 * random.randrange(13000, 14500), rtp_span=3000,
        )  # fmt: skip

    def with_environment(self, environ: Mapping[str, str]) -> Self:
        """These, with what JAMBONES_LOCAL_* names say; raises ServerError for what is no port, and for other names."""
        names = {setting(one.name): one.name for one in fields(self)}
        changes = {}
        for name, text in environ.items():
            if not name.startswith(PREFIX) or name in OTHERS or not text:
                continue
            if name not in names:
                raise ServerError(f"{name} is no setting; there are {', '.join([*OTHERS, *names])}")
            if not text.isdecimal() or not 0 < int(text) < 65536:
                raise ServerError(f"{name} is no port: {text}")
            changes[names[name]] = int(text)
        return replace(self, **changes)


def setting(field: str) -> str:
    """The environment variable of a field of `Ports`."""
    return f"{PREFIX}{field.upper()}" + ("" if field.endswith("_span") else "_PORT")


@dataclass
class Taker:
    """Hands out consecutive ports."""

    next: int

    def take(self, step: int = 1) -> int:
        given, self.next = self.next, self.next + step
        return given


@dataclass(frozen=True)
class Claim:
    """A port that a part of the platform wants."""

    port: int
    part: str
    option: str
    udp: bool = False


def check(claims: list[Claim], host: str) -> None:
    """Raises ServerError with a line for each claimed port that somebody holds."""
    taken = [claim for claim in claims if not is_free(claim.port, host, udp=claim.udp)]
    if taken:
        raise ServerError("\n".join(_complaint(claim) for claim in taken))


def _complaint(claim: Claim) -> str:
    by = f" by {who}" if (who := holder(claim.port)) else ""
    return f"port {claim.port} ({claim.part}) is taken{by}: end that, set {setting(claim.option)}, or use --ports auto"


def holder(port: int) -> str | None:
    """Who holds a TCP or UDP port here, "name (pid 7)", as far as /proc lets us see."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    if not wanted:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) in wanted for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # ended, or of another user
    return None


def _inodes(port: int) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            listening = columns[3] == "0A" or table.startswith("udp")
            if listening and int(columns[1].rpartition(":")[2], 16) == port:
                found.add(columns[9])
    return found


@dataclass
class Numbering:
    """The ports of processes of which there may be several."""

    ports: Ports
    http: Taker = field(init=False)
    private: Taker = field(init=False)

    def __post_init__(self) -> None:
        self.http, self.private = Taker(self.ports.http), Taker(self.ports.private)
