"""The skeleton of a process: opened with one `async with` line, left to right, and closed in reverse.

    async def serve(settings: EdgeSettings) -> None:
        async with open_service("sbc-inbound", settings, calls=lambda: len(calls)) as service:
            ...
            await service.run()  # until it is told to stop and its calls have ended

    if __name__ == "__main__":
        run("sbc-inbound", EdgeSettings, serve)

Signals: SIGTERM and SIGINT drain and then stop, a second one stops at once; SIGUSR1 drains and stays, SIGUSR2 opens
again.
"""

import asyncio
import inspect
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

import structlog
import uvloop
from aiohttp import web

from jambones.common import logs, private
from jambones.common.bus import Bus
from jambones.common.bus.nodes import Heartbeat, Node
from jambones.common.garbage import LOOK_EVERY, Collections
from jambones.common.metrics import Metrics
from jambones.common.ops import Check, LoopLag, Ops, serve_http
from jambones.common.settings import ServiceSettings, SettingsError
from jambones.common.tasks import Tasks

if TYPE_CHECKING:
    from jambones.common.db.database import Database

log = structlog.get_logger(__name__)
S = TypeVar("S", bound=ServiceSettings)
OnDrain = Callable[[bool], "Awaitable[None] | None"]
LAST_WORD = 5.0  # seconds for the clean-up after a second signal, then the process is ended
DB_CHECK_AGE = 10.0
EXIT_SETTINGS = 2


class Service:
    """What a process is given: bus, database, metrics, an owner for its tasks, and whether it drains."""

    def __init__(self, name: str, settings: ServiceSettings, calls: Callable[[], int]) -> None:
        self.name = name
        self.settings = settings
        self.metrics = Metrics()
        self.lag = LoopLag(self.metrics)
        self.tasks = Tasks(on_failure=lambda task, exc: self._count_failure(task))
        self.calls = calls
        self.http_port = 0
        self.ops = Ops(name, self.metrics, self.lag, calls=calls, draining=lambda: self.draining)
        self._bus: Bus | None = None
        self._db: Database | None = None
        self._draining = False
        self._stopping = asyncio.Event()
        self._signals = 0
        self._main = asyncio.current_task()
        self._running = False
        self._on_drain: list[OnDrain] = []
        self.metrics.gauge("jambones_calls").set_function(calls)
        self.metrics.gauge("jambones_draining").set_function(lambda: float(self.draining))

    @property
    def bus(self) -> Bus:
        if self._bus is None:
            raise RuntimeError(f"{self.name} was opened without a bus")
        return self._bus

    @property
    def db(self) -> "Database":
        if self._db is None:
            raise RuntimeError(f"{self.name} has no database: JAMBONES_DB_DSN is not set, or it was opened without")
        return self._db

    @property
    def draining(self) -> bool:
        """True when it must take no new work."""
        return self._draining

    def check(self, name: str, check: Check) -> None:
        """Make readiness depend on `check`, which says what is wrong, or None."""
        self.ops.checks[name] = check

    def on_drain(self, callback: OnDrain) -> None:
        """Call `callback(True)` when draining begins and `callback(False)` when it is called off."""
        self._on_drain.append(callback)

    def drain(self, on: bool = True) -> None:
        """Begin to drain, or call it off."""
        if on == self._draining:
            return
        self._draining = on
        log.info("draining" if on else "open again", calls=self.calls())
        for callback in self._on_drain:
            outcome = callback(on)
            if inspect.isawaitable(outcome):
                self.tasks.start(_awaited(outcome), name="on drain")

    def stop(self) -> None:
        """As SIGTERM: drain, then stop; a second time, stop at once."""
        self._signals += 1
        if self._signals == 1:
            self._stopping.set()
            self.drain()
        if (self._signals > 1 or not self._running) and self._main is not None:
            if self._signals > 1:
                log.warning("stopping at once", calls=self.calls())
                asyncio.get_running_loop().call_later(LAST_WORD, os._exit, 1)
            self._main.cancel()

    async def run(self) -> None:
        """Be ready; return when told to stop and all calls have ended, or the drain time is over."""
        self.ops.checks.pop("started", None)
        collections = Collections(self.calls)
        collections.begin()
        self.tasks.every(LOOK_EVERY, collections.look, name="garbage collection")
        log.info("ready to work", node=self.settings.node_id, http_port=self.http_port)
        self._running = True
        await self._stopping.wait()
        try:
            async with asyncio.timeout(self.settings.drain_timeout):
                while self.calls():  # noqa: ASYNC110 - a number without an event
                    await asyncio.sleep(0.2)
        except TimeoutError:
            log.warning("drain time is over", calls=self.calls())
        log.info("stopping", calls=self.calls())

    @asynccontextmanager
    async def present(self, node: Node, *, refresh: Callable[[Node], Node] | None = None) -> AsyncIterator[Heartbeat]:
        """Be in the list of nodes inside the block; state, calls and load are kept up to date.

        `refresh` may add to them, or turn the state to "full".
        """

        def current(node: Node) -> Node:
            state = "draining" if self.draining else "open"
            lag = round(self.lag.longest * 1000, 1)
            node = node.model_copy(update={"calls": self.calls(), "state": state, "loop_lag_ms": lag})
            return refresh(node) if refresh is not None else node

        async with Heartbeat.beating(self.bus, node, refresh=current) as heartbeat:
            self.on_drain(lambda on: heartbeat.update(state="draining" if on else "open"))
            yield heartbeat

    def _count_failure(self, task: str) -> None:
        self.metrics.counter("jambones_task_failures_total").labels(task.partition(" ")[0]).inc()


@asynccontextmanager
async def open_service(
    name: str,
    settings: ServiceSettings,
    *,
    app: web.Application | None = None,
    calls: Callable[[], int] = lambda: 0,
    bus: bool = True,
    db: bool = False,
) -> AsyncIterator[Service]:
    """Open a process: probes first, then the bus, then the database when JAMBONES_DB_DSN is set and `db` wants it.

    `app` is a web application of the service's own; probes are added to it. A NATS or PostgreSQL that is not up yet is
    waited for, with a line in the log; meanwhile the process is alive but not ready.
    """
    service = Service(name, settings, calls)
    if settings.internal_key is not None:
        private.use_key(settings.internal_key.get_secret_value().encode())
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(service))
        await stack.enter_async_context(service.tasks)
        service.tasks.keep(service.lag.run, name="loop lag")
        log.info("starting", settings=settings.public())
        web_app = app if app is not None else web.Application()
        service.ops.add_routes(web_app)
        service.http_port = await stack.enter_async_context(
            serve_http(web_app, settings.http_host, settings.http_port, settings.http_port_max)
        )
        if bus:
            service._bus = await stack.enter_async_context(_bus(service))
        if db and settings.db_dsn is not None:
            service._db = await stack.enter_async_context(_database(service))
        if service._bus is not None and service._db is not None:
            from jambones.common import debug_wishes

            await stack.enter_async_context(debug_wishes.followed(service._db, service._bus))
        yield service
        service.ops.checks["stopping"] = lambda: "yes"
    log.info("stopped")


def run(name: str, settings_type: type[S], serve: Callable[[S], Awaitable[None]]) -> None:
    """The `main` of a process: read the settings, set up the logs, run `serve` on uvloop, exit.

    Unusable settings are told line by line on standard error; the exit code is then 2.
    """
    try:
        settings = settings_type.load()
    except SettingsError as exc:
        sys.stderr.write(f"{name}: the settings cannot be used:\n" + "".join(f"  {x}\n" for x in str(exc).splitlines()))
        sys.exit(EXIT_SETTINGS)
    logs.configure(name, level=settings.log_level, format=settings.log_format)
    stopped = False

    async def main() -> None:
        nonlocal stopped
        try:
            await serve(settings)
        except asyncio.CancelledError:
            stopped = True  # by a signal, while starting or for the second time

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except OSError as exc:
        log.critical("cannot run", error=str(exc))
        sys.exit(1)
    except Exception:
        log.exception("died")
        sys.exit(1)


@asynccontextmanager
async def _bus(service: Service) -> AsyncIterator[Bus]:
    settings = service.settings
    service.check("nats", lambda: "not connected yet")
    async with Bus.connect(
        settings.nats_urls,
        name=f"{service.name} {settings.node_id}",
        creds=settings.nats_creds,
        spool=settings.spool_dir.expanduser() / service.name,
        spool_max_bytes=settings.spool_max_bytes,
        replicas=settings.nats_replicas,
        metrics=service.metrics,
    ) as bus:
        service.check("nats", lambda: None if bus.connected else bus.state.value)
        yield bus


@asynccontextmanager
async def _database(service: Service) -> AsyncIterator["Database"]:
    from jambones.common.db.database import Database
    from jambones.common.secrets import KeyRing

    settings = service.settings
    assert settings.db_dsn is not None
    keys = KeyRing.parse(settings.encryption_keys.get_secret_value()) if settings.encryption_keys else None
    async with Database.open(
        settings.db_dsn.get_secret_value(),
        keys=keys,
        size=settings.db_pool,
        application=f"jambones-{service.name}",
        metrics=service.metrics,
    ) as db:
        answered: tuple[float, bool] = (-DB_CHECK_AGE, False)
        loop = asyncio.get_running_loop()

        async def check() -> str | None:
            nonlocal answered
            if loop.time() - answered[0] >= DB_CHECK_AGE or not answered[1]:
                answered = (loop.time(), await db.ping())
            return None if answered[1] else "no answer"

        service.check("database", check)
        if await check() is not None:
            log.warning("waiting for PostgreSQL")
            while await check() is not None:  # noqa: ASYNC110 - it asks PostgreSQL
                await asyncio.sleep(0.5)
        if service._bus is not None:
            db.announce = service._bus.publish
        yield db


@contextmanager
def _signals(service: Service) -> Iterator[None]:
    """Signal handlers while the service is open."""
    loop = asyncio.get_running_loop()
    handlers: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: service.stop,
        signal.SIGINT: service.stop,
        signal.SIGUSR1: service.drain,
        signal.SIGUSR2: lambda: service.drain(on=False),
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


async def _awaited(outcome: Awaitable[None]) -> None:
    await outcome
