"""The operator's view of a process: probes, metrics and the number of calls, over HTTP."""

import asyncio
import errno
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from jambones.common.metrics import Metrics

log = structlog.get_logger(__name__)
Check = Callable[[], "str | Awaitable[str | None] | None"]
"""Says what is wrong, or None."""

SAMPLE = 0.1
LASTING = 3
LIVE_LAG = 1.0
"""Seconds; a loop that runs later than this is not alive."""


class LoopLag:
    """Measures how late the event loop runs, and remembers the longest stall of the last minute."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.now = 0.0
        self._last = deque([0.0] * LASTING, maxlen=LASTING)
        self._halves = [0.0, 0.0]
        self._turn = 0.0
        if metrics is not None:
            metrics.gauge("jambones_asyncio_loop_lag_seconds").set_function(lambda: self.now)
            metrics.gauge("jambones_asyncio_loop_stall_seconds").set_function(lambda: self.longest)

    @property
    def longest(self) -> float:
        """Seconds: the longest stall of the last 30 to 60."""
        return max(self._halves)

    @property
    def lasting(self) -> float:
        """Seconds that the loop has been late each time of the last three: too much work, not one stall."""
        return min(self._last)

    async def run(self) -> None:
        """Measure for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SAMPLE
            await asyncio.sleep(SAMPLE)
            self.note(loop.time() - due, loop.time())

    def note(self, lag: float, now: float) -> None:
        if now - self._turn >= 30:
            self._turn = now
            self._halves = [self._halves[1], 0.0]
        self.now = max(0.0, lag)
        self._last.append(self.now)
        self._halves[1] = max(self._halves[1], self.now)


class Ops:
    """Answers /livez, /readyz, /healthz, /metrics and /calls.

    Liveness never looks at NATS or the database: their outage must not restart processes that carry calls.
    """

    def __init__(
        self, service: str, metrics: Metrics, lag: LoopLag, *, calls: Callable[[], int], draining: Callable[[], bool]
    ) -> None:
        self.service = service
        self.metrics = metrics
        self.lag = lag
        self.calls = calls
        self.draining = draining
        self.checks: dict[str, Check] = {"started": lambda: "not yet"}

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/calls", self._calls)

    async def problems(self) -> dict[str, str]:
        """What keeps this process from taking new work, by check."""
        found = {"draining": "takes no new work"} if self.draining() else {}
        for name, check in tuple(self.checks.items()):  # checks are still added while the service opens
            try:
                async with asyncio.timeout(3):
                    answer = check()
                    problem = await answer if inspect.isawaitable(answer) else answer
            except TimeoutError:
                problem = "no answer"
            except Exception as exc:
                log.exception("check failed", check=name)
                problem = type(exc).__name__
            if problem:
                found[name] = problem
        return found

    async def _livez(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n", status=200 if self.lag.now < LIVE_LAG else 503)

    async def _readyz(self, request: web.Request) -> web.Response:
        problems = await self.problems()
        return web.json_response({"ready": not problems, "problems": problems}, status=503 if problems else 200)

    async def _healthz(self, request: web.Request) -> web.Response:
        problems = await self.problems()
        return web.json_response(
            {
                "service": self.service,
                "ready": not problems,
                "problems": problems,
                "checks": sorted(self.checks),
                "draining": self.draining(),
                "calls": self.calls(),
                "loop_lag_ms": round(self.lag.now * 1000, 1),
                "longest_stall_ms": round(self.lag.longest * 1000, 1),
            },
            status=503 if problems else 200,
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self.metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _calls(self, request: web.Request) -> web.Response:
        return web.json_response({"calls": self.calls()})


@asynccontextmanager
async def serve_http(app: web.Application, host: str, port: int, port_max: int = 0) -> AsyncIterator[int]:
    """Serve `app` inside the block; gives the port. A taken port is passed over for the next, up to `port_max`."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        for candidate in range(port, max(port, port_max) + 1):
            site = web.TCPSite(runner, host, candidate)
            try:
                await site.start()
                break
            except OSError as exc:
                if exc.errno != errno.EADDRINUSE or candidate >= max(port, port_max):
                    raise
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
