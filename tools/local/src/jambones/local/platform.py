"""The platform on this machine, as `make run`, the tests and the benches start it.

    async with LocalPlatform(directory, ports="auto", services=["sbc-inbound", "feature-server"]) as platform:
        platform.sip, platform.seeded.number, platform.children["feature-server"].kill()

PostgreSQL and NATS come first, then rtpengine where it is installed, the schema and the first rows, then the services
side by side. Everything is ended in reverse, also after an error. When this process is killed, the kernel ends them.
"""

import asyncio
import importlib.util
import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, Self

import asyncpg

from jambones.common.db.database import Database
from jambones.common.db.migrate import migrate
from jambones.common.db.seed import Seeded, seed
from jambones.common.secrets import KeyRing
from jambones.local import layout, rtpengine
from jambones.local.layout import Claim, Numbering, Ports
from jambones.local.lock import lock
from jambones.local.nats import NatsServer
from jambones.local.postgres import FAST, PostgresServer
from jambones.local.servers import Server, ServerError, tied
from jambones.local.supervisor import Child, Output, http_ok

SERVICES = ("feature-server", "api", "registrar", "sbc-outbound", "sbc-inbound")
"""In the order in which they start; they end in reverse."""
DATABASE = "jambones"
PHONE = Path(".cache/browser-phone")
"""Where scripts/browser-phone puts the phone that the API serves."""


def runnable(service: str) -> bool:
    """Whether this distribution is here and has a program."""
    try:
        return importlib.util.find_spec(f"jambones.{service.replace('-', '_')}.__main__") is not None
    except ModuleNotFoundError:
        return False


@dataclass
class LocalPlatform:
    """Open it with `async with`; raises ServerError when something cannot be started.

    `services`: names, each as often as it shall run (a second one is called "feature-server-2"); None means all that
    have a program. `rtpengine`: None means where it is installed, `rtpengines` how many. `env` goes to all services,
    `service_env` to one by its name. `certificate`: files of a certificate and its key, with which the edge listens on
    TLS and WSS too. `fast` gives up the safety of the data, for tests. `output` gets each line that a child writes.
    """

    directory: Path
    ports: Ports | Literal["auto"] | None = None
    services: Sequence[str] | None = None
    rtpengine: bool | None = None
    rtpengines: int = 1
    certificate: tuple[Path, Path] | None = None
    hook_url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    service_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fast: bool = False
    restart: bool = True
    host: str = "127.0.0.1"
    output: Output = lambda name, line: None
    ready_limit: float = 60.0

    children: dict[str, Child] = field(default_factory=dict, init=False)
    seeded: Seeded = field(init=False)
    secrets: dict[str, str] = field(default_factory=dict, init=False)
    layout: Ports = field(init=False)

    @property
    def sip(self) -> str:
        """Where to call: "127.0.0.1:5060"."""
        return f"{self.host}:{self.layout.sip}"

    @property
    def api_url(self) -> str:
        return f"http://{self.host}:{self.layout.api}/v1"

    @property
    def nats_url(self) -> str:
        return f"nats://{self.host}:{self.layout.nats}"

    @property
    def dsn(self) -> str:
        return self._postgres.dsn(DATABASE)

    @property
    def anchors_media(self) -> bool:
        """Whether rtpengine stands between the outside and the media engine."""
        return self.rtpengine if self.rtpengine is not None else rtpengine.installed() is not None

    @property
    def names(self) -> list[str]:
        """The services, in the order of their start."""
        if self.services is None:
            return [name for name in SERVICES if runnable(name)]
        for name in self.services:
            if not runnable(name):
                raise ServerError(f"{name} has no program here")
        return sorted(self.services, key=lambda name: SERVICES.index(name) if name in SERVICES else len(SERVICES))

    async def __aenter__(self) -> Self:
        self.directory = self.directory.absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            held = await lock(self.directory)
            stack.callback(held.close)
            self._held = (held.fileno(),)
            (self.directory / "running.json").unlink(missing_ok=True)  # of one that was killed
            # Only under the lock, so that two that start together do not find the same ports free.
            self.layout = Ports.auto() if self.ports == "auto" else self.ports or Ports()
            names = self.names
            layout.check(self._claims(names), self.host)
            self.secrets = _secrets(self.directory / "secrets.json")
            (self.directory / "log").mkdir(exist_ok=True)
            for server in self._servers():
                await self._start(stack, await self._child(server))
            await self._database()
            services = self._service_children(names)
            for child in services:
                self.children[child.name] = child
                stack.push_async_callback(child.stop)
                await child.launch()
            await asyncio.gather(*(child.until_ready(self.ready_limit) for child in services))
            self._say()
            stack.callback((self.directory / "running.json").unlink, missing_ok=True)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def kill(self) -> None:
        """End everything at once; leaving the block is then quick."""
        for child in self.children.values():
            child.restart = False
            child.kill()

    def _claims(self, names: Sequence[str]) -> list[Claim]:
        ports = self.layout
        claims = [Claim(ports.postgres, "PostgreSQL", "postgres"), Claim(ports.nats, "NATS", "nats")]
        if self.anchors_media:
            claims += [Claim(port, "rtpengine control", "ng", udp=True) for port in self._ng_ports()]
        if "sbc-inbound" in names:
            claims += [Claim(ports.sip, "SIP", "sip", udp=True), Claim(ports.ws, "SIP over WebSocket", "ws")]
        if "api" in names:
            claims.append(Claim(ports.api, "REST API", "api"))
        return claims

    def _servers(self) -> list[Server]:
        ports, password = self.layout, self.secrets["postgres"]
        self._postgres = PostgresServer(
            self.directory / "postgres",
            ports.postgres,
            self.host,
            password=password,
            settings=FAST if self.fast else {},
        )
        servers: list[Server] = [self._postgres, NatsServer(self.directory / "nats", ports.nats, self.host)]
        if self.anchors_media:
            if rtpengine.installed() is None:
                raise ServerError("rtpengine is not installed: make system, as root")
            each = ports.rtp_span // self.rtpengines & ~1
            for number, port in enumerate(self._ng_ports()):
                name = "rtpengine" if number == 0 else f"rtpengine-{number + 1}"
                first = ports.rtp + number * each
                where = self.directory / name
                servers.append(rtpengine.RtpengineServer(where, port, first, each, self.host, name))
        return servers

    def _ng_ports(self) -> list[int]:
        return [self.layout.ng + 100 * number for number in range(self.rtpengines)]

    async def _child(self, server: Server) -> Child:
        await asyncio.to_thread(server.prepare)
        log = self.directory / "log" / f"{server.name}.log"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "JAMBONES_"))}

        async def answers() -> bool:
            return await asyncio.to_thread(server.answers)

        return Child(
            server.name, server.command, answers, log, env, self.output, server.stop_signal, restart=self.restart,
            keep_open=self._held,
        )  # fmt: skip

    async def _start(self, stack: AsyncExitStack, child: Child) -> None:
        self.children[child.name] = child
        stack.push_async_callback(child.stop)
        await child.start()

    async def _database(self) -> None:
        connection = await asyncpg.connect(self._postgres.dsn("postgres"))
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()
        await migrate(self.dsn)
        hook = self.hook_url or f"http://{self.host}:{self.layout.application}/call"
        keys = KeyRing.parse(self.secrets["encryption"])
        async with Database.open(self.dsn, keys=keys, size=2, application="jambones-local") as database:
            self.seeded = await seed(database, hook_url=hook)

    def _service_children(self, names: Sequence[str]) -> list[Child]:
        numbering, seen, children = Numbering(self.layout), dict[str, int](), []
        for service in names:
            seen[service] = number = seen.get(service, 0) + 1
            name = service if number == 1 else f"{service}-{number}"
            env = self._environment(service, name, numbering)
            port = int(env["JAMBONES_HTTP_PORT"])
            # At once, without draining: when we are killed, NATS, PostgreSQL and rtpengine go too, and nobody reads the
            # pipe that the log goes to. There is nobody to hand a call over to.
            command = tied([sys.executable, "-m", f"jambones.{service.replace('-', '_')}"], signal.SIGKILL)
            children.append(
                Child(
                    name,
                    partial(list, command),
                    partial(http_ok, self.host, port, "/readyz"),
                    self.directory / "log" / f"{name}.log",
                    env,
                    self.output,
                    restart=self.restart,
                    http_port=port,
                    keep_open=self._held,
                )
            )
        return children

    def _environment(self, service: str, name: str, numbering: Numbering) -> dict[str, str]:
        ports = self.layout
        env = {key: value for key, value in os.environ.items() if not key.startswith((layout.PREFIX, "PG"))}
        env |= {
            "JAMBONES_NODE_ID": name,
            "JAMBONES_NATS_URLS": self.nats_url,
            "JAMBONES_DB_DSN": self.dsn,
            "JAMBONES_HTTP_HOST": self.host,
            "JAMBONES_HTTP_PORT": str(ports.api if name == "api" else numbering.http.take()),
            "JAMBONES_SPOOL_DIR": str(self.directory / "spool" / name),
            "JAMBONES_ENCRYPTION_KEYS": self.secrets["encryption"],
            "JAMBONES_INTERNAL_KEY": self.secrets["internal"],
            "JAMBONES_JWT_SECRET": self.secrets["jwt"],
            "JAMBONES_PRIVATE_IP": self.host,
            "JAMBONES_DRAIN_TIMEOUT": os.environ.get("JAMBONES_DRAIN_TIMEOUT", "5"),
        }
        if self.anchors_media:
            env["JAMBONES_RTPENGINES"] = ",".join(f"{self.host}:{port}" for port in self._ng_ports())
        match service:
            case "sbc-inbound":
                port = ports.sip if name == service else numbering.private.take(2)
                listen = [f"udp:{self.host}:{port}", f"tcp:{self.host}:{port}"]
                if name == service:
                    listen.append(f"ws:{self.host}:{ports.ws}")
                    if self.certificate is not None:
                        listen += [f"tls:{self.host}:{ports.tls}", f"wss:{self.host}:{ports.wss}"]
                        env["JAMBONES_TLS_CERT"], env["JAMBONES_TLS_KEY"] = map(str, self.certificate)
                env["JAMBONES_SIP_LISTEN"] = ",".join(listen)
            case "api" if (PHONE / "sip.js" / "index.js").exists():
                env["JAMBONES_PHONE_DIRECTORY"] = str(PHONE.absolute())
            case "sbc-outbound":
                public, private = numbering.private.take(2), numbering.private.take(2)
                env["JAMBONES_SIP_LISTEN"] = f"udp:{self.host}:{public},tcp:{self.host}:{public}"
                env["JAMBONES_PRIVATE_LISTEN"] = f"udp:{self.host}:{private},tcp:{self.host}:{private}"
                # Everything is on this machine, carriers and phones too.
                env["JAMBONES_ALLOWED_TARGETS"] = "127.0.0.0/8"
            case "feature-server":
                port = numbering.private.take(2)
                env["JAMBONES_SIP_LISTEN"] = f"udp:{self.host}:{port},tcp:{self.host}:{port}"
                # Processes of the same machine share the stretch without meeting.
                count = self.names.count(service)
                number = int(name.removeprefix(service).removeprefix("-") or 1) - 1
                each = ports.media_span // count
                env["JAMBONES_MEDIA_PORT_MIN"] = str(ports.media + number * each)
                env["JAMBONES_MEDIA_PORT_MAX"] = str(ports.media + (number + 1) * each - 1)
        return env | dict(self.env) | dict(self.service_env.get(name, {}))

    def _say(self) -> None:
        """For `demo`: where the running platform is."""
        path = self.directory / "running.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"pid": os.getpid(), "sip": self.sip, "application": self.layout.application}))


def _secrets(path: Path) -> dict[str, str]:
    """Made once, readable by their owner only."""
    made = json.loads(path.read_text()) if path.exists() else {}
    fresh = {
        "postgres": secrets.token_hex(16), "encryption": KeyRing.generate(), "internal": secrets.token_hex(32),
        "jwt": secrets.token_hex(32),
    }  # fmt: skip
    if missing := {name: value for name, value in fresh.items() if name not in made}:
        made |= missing
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(made, out)
    return {str(name): str(value) for name, value in made.items()}
