"""The connection to NATS: made in the background for as long as it takes, remade whenever it breaks."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import nats
import nats.errors
import structlog
from nats.aio.client import Client, Server
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.js.client import JetStreamContext

from jambones.common.errors import BusUnavailable
from jambones.common.metrics import Metrics
from jambones.common.tasks import Tasks, backoff
from jambones.common.waiting import mend_wait_for

log = structlog.get_logger(__name__)
PING_EVERY = 5  # seconds; two lost pings are a lost connection
API_TIMEOUT = 5.0


class BusState(Enum):
    """Where the connection stands; readiness looks at it."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"


class Connection:
    """Owns the NATS client. `generation` counts the times it was (re)connected."""

    def __init__(self, urls: Sequence[str], *, name: str, creds: Path | None, metrics: Metrics) -> None:
        self.urls = list(urls)
        self.name = name
        self.creds = creds
        self.metrics = metrics
        self.client = Client()
        self.js: JetStreamContext = self.client.jetstream(timeout=API_TIMEOUT)
        self.state = BusState.CONNECTING
        self.generation = 0
        self._changed = asyncio.Event()
        self._delays = backoff(0.05, 5.0)

    @property
    def connected(self) -> bool:
        return self.state is BusState.CONNECTED

    async def until_connected(self) -> int:
        """Wait for the connection; returns its generation."""
        while not self.connected:
            await self.changed()
        return self.generation

    async def until_reconnected(self) -> None:
        """Wait until the connection was lost and made again."""
        generation = self.generation
        while self.generation == generation:
            await self.changed()

    async def changed(self) -> None:
        """Wait for the next change of state."""
        await self._changed.wait()

    def require(self) -> None:
        """Raises BusUnavailable when there is no connection now."""
        if not self.connected:
            raise BusUnavailable(f"NATS is {self.state.value}")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Connect in the background inside the block; say good-bye at its end."""
        mend_wait_for()  # the client waits with it
        async with Tasks() as tasks:
            tasks.start(self._connect(), name="nats connect")
            try:
                yield
            finally:
                connected, self.state = self.connected, BusState.CLOSED
                self._announce()
                await tasks.close()
                await self._close(connected)

    async def subscribe(self, subject: str, *, queue: str, cb: Callable[[Msg], Awaitable[None]]) -> NatsSubscription:
        """Subscribe on the client of now; it renews subscriptions itself when it reconnects."""
        await self._began()
        try:
            return await self.client.subscribe(subject, queue=queue, cb=cb)
        except (nats.errors.Error, OSError) as exc:
            raise BusUnavailable(f"cannot subscribe: {exc}") from exc

    async def unsubscribe(self, subscription: NatsSubscription) -> None:
        try:
            await subscription.unsubscribe()
        except (nats.errors.Error, OSError):
            return  # the connection is closed, and its subscriptions with it

    async def _began(self) -> None:
        """Wait for the first connection: before it there is no client to subscribe on."""
        while self.generation == 0 and self.state is not BusState.CLOSED:
            await self.changed()

    async def _close(self, connected: bool) -> None:
        try:
            if connected:
                async with asyncio.timeout(2):
                    await self.client.flush(timeout=1)
        except (nats.errors.Error, OSError, TimeoutError) as exc:
            log.warning("last messages may not have left", error=str(exc))
        finally:
            if self.generation:
                await self.client.close()

    async def _connect(self) -> None:
        delays = backoff(0.1, 3.0)
        said = False
        while True:
            try:
                await self._connect_once()
                return
            except (OSError, nats.errors.Error, TimeoutError) as exc:
                if not said:
                    log.warning("waiting for NATS", urls=[url.rpartition("@")[2] for url in self.urls], error=str(exc))
                    said = True
            await asyncio.sleep(next(delays))

    async def _connect_once(self) -> None:
        client = Client()
        options: dict[str, Any] = {"user_credentials": str(self.creds)} if self.creds else {}
        async with asyncio.timeout(5):
            await self._knock()
            try:
                await client.connect(
                    servers=self.urls,
                    name=self.name,
                    connect_timeout=2,
                    max_reconnect_attempts=-1,
                    ping_interval=PING_EVERY,
                    max_outstanding_pings=2,
                    reconnect_to_server_handler=self._next_server,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnect,
                    reconnected_cb=self._on_reconnect,
                    closed_cb=self._on_closed,
                    **options,
                )
            except BaseException:
                await client.close()
                raise
        self.client, self.js = client, client.jetstream(timeout=API_TIMEOUT)
        self._connected()
        log.info(
            "connected to NATS", server=client.connected_url.netloc.rpartition("@")[2] if client.connected_url else ""
        )

    async def _knock(self) -> None:
        """Raises OSError when no server listens: the client's own first connect would wait two seconds a refusal."""
        problem: OSError = OSError("no NATS address")
        for url in self.urls:
            host, _, port = url.partition("://")[2].rpartition("@")[2].partition("/")[0].rpartition(":")
            try:
                _, writer = await asyncio.open_connection((host or port).strip("[]"), int(port) if host else 4222)
            except OSError as exc:
                problem = exc
            else:
                writer.close()
                return
        raise problem

    def _next_server(self, servers: list[Server], info: dict[str, Any]) -> tuple[Server | None, float]:
        return random.choice(servers), next(self._delays)

    def _connected(self) -> None:
        self.state = BusState.CONNECTED
        self.generation += 1
        self._delays = backoff(0.05, 5.0)
        self.metrics.gauge("jambones_nats_connected").set(1)
        self._announce()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _on_disconnect(self) -> None:
        if self.state is BusState.CONNECTED:
            log.warning("NATS connection lost")
            self.state = BusState.RECONNECTING
            self.metrics.gauge("jambones_nats_connected").set(0)
            self._announce()

    async def _on_reconnect(self) -> None:
        if self.state is not BusState.CLOSED:
            log.info("NATS connection is back")
            self.metrics.counter("jambones_nats_reconnects_total").inc()
            self._connected()

    async def _on_closed(self) -> None:
        if self.state not in (BusState.CLOSED, BusState.CONNECTING):
            log.error("NATS closed the connection for good", error=str(self.client.last_error))
            self.state = BusState.RECONNECTING
            self._announce()

    async def _on_error(self, exc: Exception) -> None:
        if isinstance(exc, nats.errors.SlowConsumerError):
            self.metrics.counter("jambones_nats_dropped_total").labels("slow consumer").inc()
            log.warning("messages dropped: a subscriber is too slow", subject=exc.subject)
        elif self.state is BusState.CONNECTED:
            log.warning("NATS error", error=repr(exc))
