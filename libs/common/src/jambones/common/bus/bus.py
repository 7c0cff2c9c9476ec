"""The bus: what a service holds to talk to the others."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, cast

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from pydantic import BaseModel, ValidationError

from jambones.common.bus.bucket import Bucket
from jambones.common.bus.connection import BusState, Connection
from jambones.common.bus.event import Event, Kinds, Question, Recorded
from jambones.common.bus.records import Delivery, Recorder, deliveries
from jambones.common.bus.spool import Spool
from jambones.common.errors import BusUnavailable, JambonesError
from jambones.common.metrics import Metrics
from jambones.common.tasks import Tasks

log = structlog.get_logger(__name__)
ERROR = "Jambones-Error"
SERVED_AT_ONCE = 200

E = TypeVar("E", bound=Event)
D = TypeVar("D", bound=Recorded)
R = TypeVar("R", bound=BaseModel)
M = TypeVar("M", bound=BaseModel)


class RemoteError(JambonesError):
    """The one who served a request refused it; the verdict is theirs."""

    def __init__(self, message: str, *, sip_status: int, http_status: int, reason: str, **data: Any) -> None:
        super().__init__(message, **data)
        self.sip_status = sip_status  # type: ignore[misc]
        self.http_status = http_status  # type: ignore[misc]
        self.reason = reason  # type: ignore[misc]


class Bus:
    """Events, requests, records and buckets. Open it with `async with Bus.connect(urls) as bus`."""

    def __init__(self, connection: Connection, recorder: Recorder, tasks: Tasks, *, replicas: int) -> None:
        self._connection = connection
        self._recorder = recorder
        self._tasks = tasks
        self._replicas = replicas
        self._buckets: dict[str, Bucket[Any]] = {}

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Sequence[str],
        *,
        name: str = "jambones",
        creds: Path | None = None,
        spool: Path | None = None,
        spool_max_bytes: int = 256 * 1024 * 1024,
        replicas: int = 1,
        metrics: Metrics | None = None,
        wait: bool = True,
    ) -> AsyncIterator[Self]:
        """Connect and stay connected. With `wait` the block starts when NATS is there, however long that takes.

        `spool` is a directory of this service (several of its processes may share it) for records while NATS is away.
        """
        connection = Connection(urls, name=name, creds=creds, metrics=metrics or Metrics(process=False))
        recorder = Recorder(connection, Spool(spool, max_bytes=spool_max_bytes) if spool else None, replicas=replicas)
        try:
            async with connection.opened(), Tasks() as tasks:
                sender = tasks.start(recorder.run(), name="recorder")
                if wait:
                    await connection.until_connected()
                try:
                    yield cls(connection, recorder, tasks, replicas=replicas)
                finally:
                    if connection.connected and not sender.done():
                        try:
                            async with asyncio.timeout(5):
                                await recorder.flushed()
                        except TimeoutError:
                            log.warning("records still waiting", count=len(recorder))
        finally:
            recorder.close()

    @property
    def state(self) -> BusState:
        return self._connection.state

    @property
    def connected(self) -> bool:
        return self._connection.connected

    async def until_connected(self) -> None:
        """Wait for the connection."""
        await self._connection.until_connected()

    async def publish(self, event: Event) -> None:
        """Tell those who listen now. During an outage up to 2 MiB wait in memory; then BusUnavailable."""
        try:
            await self._connection.client.publish(event.subject(), event.encode())
        except (nats.errors.Error, OSError) as exc:
            raise BusUnavailable(f"cannot publish: {exc}") from exc

    async def record(self, event: Recorded) -> None:
        """Record a fact durably, in order. Does not wait for NATS: before it is a queue in memory and on disk."""
        self._recorder.add(event)

    def note(self, event: Recorded) -> None:
        """`record` for those who cannot wait; neither does."""
        self._recorder.add(event)

    async def flush(self) -> None:
        """Wait until all records are acknowledged."""
        await self._recorder.flushed()

    def subscribe(self, *types: type[E], **where: str) -> "Subscription[E]":
        """Events of these types from now on; `where` fixes fields of the subject.

        `async for event in bus.subscribe(ConfigChanged)`; with `async with bus.subscribe(…) as events` it listens from
        the start of the block. A reader that falls 10,000 events behind loses the newest, which is counted.
        """
        return Subscription(self._connection, Kinds(types), where)

    async def consume(
        self, durable: str, *types: type[D], batch: int = 50, ack_wait: float = 30.0
    ) -> AsyncIterator[Delivery[D]]:
        """Durable events, each delivered until `ack()`; processes that share `durable` share the work. For ever."""
        async for several in self.consume_batches(durable, *types, batch=batch, ack_wait=ack_wait):
            for delivery in several:
                yield delivery

    def consume_batches(
        self, durable: str, *types: type[D], batch: int = 50, wait: float = 1.0, ack_wait: float = 30.0
    ) -> AsyncIterator[list[Delivery[D]]]:
        """Like `consume`, in lists of up to `batch` events that came within `wait` seconds."""
        return deliveries(
            self._connection, durable, Kinds(types), batch=batch, wait=wait, ack_wait=ack_wait, replicas=self._replicas
        )

    async def request(self, question: Question[R], timeout: float = 5.0) -> R:
        """Ask, and wait for the answer.

        Raises BusUnavailable (no connection, nobody serves the subject, no answer in time) or RemoteError.
        """
        self._connection.require()
        subject = question.subject()
        family = type(question).SUBJECT
        seconds = self._connection.metrics.histogram("jambones_nats_request_seconds")
        loop = asyncio.get_running_loop()
        started, result = loop.time(), "error"
        try:
            message = await self._connection.client.request(subject, question.encode(), timeout=timeout)
            result = "refused" if message.headers and ERROR in message.headers else "ok"
        except nats.errors.NoRespondersError as exc:
            result = "no responders"
            raise BusUnavailable(f"nobody serves {family}", subject=family) from exc
        except (nats.errors.TimeoutError, TimeoutError) as exc:
            result = "timeout"
            raise BusUnavailable(f"no answer from {family} in {timeout} s", subject=family) from exc
        except (nats.errors.Error, OSError) as exc:
            raise BusUnavailable(f"cannot ask {family}: {exc}", subject=family) from exc
        finally:
            seconds.labels(family, result).observe(loop.time() - started)
        if message.headers and (problem := message.headers.get(ERROR)):
            raise RemoteError(**json.loads(problem))
        try:
            return cast(R, type(question).REPLY.model_validate_json(message.data))
        except ValidationError as exc:
            raise BusUnavailable(f"unreadable answer from {family}", problems=exc.error_count()) from exc

    @asynccontextmanager
    async def serve(
        self,
        question: type[Question[R]],
        handler: Callable[[Any], Awaitable[R]],
        *,
        queue: str = "",
        **where: str,
    ) -> AsyncIterator[None]:
        """Answer questions of this type inside the block; `where` fixes fields of the subject (`node_id=…`).

        With `queue`, one of the processes of that queue group answers each. A JambonesError that `handler` raises is
        raised at the one who asked. Above 200 at once further ones are refused with 503.
        """
        async with Tasks() as tasks:

            async def answer(message: Msg) -> None:
                if len(tasks) >= SERVED_AT_ONCE:
                    await _refuse(message, BusUnavailable("busy"))
                    return
                tasks.start(self._answer(message, question, handler), name=f"serve {question.SUBJECT}")

            subscription = await self._connection.subscribe(question.subject_for(where), queue=queue, cb=answer)
            try:
                yield
            finally:
                await self._connection.unsubscribe(subscription)

    async def _answer(self, message: Msg, question: type[Question[R]], handler: Callable[[Any], Awaitable[R]]) -> None:
        try:
            reply = await handler(question.decode(message.data))
        except ValidationError as exc:
            await _refuse(message, JambonesError(f"unreadable question: {exc.error_count()} problems"))
        except JambonesError as exc:
            await _refuse(message, exc)
        except Exception:
            log.exception("request failed", subject=question.SUBJECT)
            await _refuse(message, JambonesError())
        else:
            await _respond(message, reply.model_dump_json(exclude_none=True).encode())

    def bucket(self, name: str, model: type[M], *, ttl: float | None = None, memory: bool = False) -> Bucket[M]:
        """The key-value bucket `name`, made at its first use; `ttl` seconds for every value in it."""
        made = self._buckets.get(name)
        if made is None:
            made = self._buckets[name] = Bucket(
                self._connection, name, model, ttl=ttl, memory=memory, replicas=self._replicas
            )
        return cast(Bucket[M], made)


class Subscription(Generic[E]):
    """Events as they come."""

    def __init__(self, connection: Connection, kinds: Kinds[E], where: dict[str, str]) -> None:
        self._connection = connection
        self._kinds = kinds
        self._where = where
        self._queue: asyncio.Queue[Msg] = asyncio.Queue(10_000)
        self._subscriptions: list[NatsSubscription] = []

    async def __aenter__(self) -> Self:
        for subject in self._kinds.wildcards(self._where):
            self._subscriptions.append(await self._connection.subscribe(subject, queue="", cb=self._take))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for subscription in self._subscriptions:
            await self._connection.unsubscribe(subscription)
        self._subscriptions.clear()

    async def __aiter__(self) -> AsyncIterator[E]:
        if not self._subscriptions:
            async with self:
                async for event in self._events():
                    yield event
        else:
            async for event in self._events():
                yield event

    async def _events(self) -> AsyncIterator[E]:
        while True:
            message = await self._queue.get()
            try:
                event = self._kinds.decode(message.data)
            except ValidationError as exc:
                self._connection.metrics.counter("jambones_nats_dropped_total").labels("unreadable").inc()
                log.warning("unreadable event", problems=exc.error_count())
                continue
            if event is not None:
                yield event

    async def _take(self, message: Msg) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._connection.metrics.counter("jambones_nats_dropped_total").labels("slow consumer").inc()


async def _refuse(message: Msg, error: JambonesError) -> None:
    problem = {
        "message": error.message,
        "sip_status": error.sip_status,
        "http_status": error.http_status,
        "reason": error.reason,
    }
    await _respond(message, b"", {ERROR: json.dumps(problem)})


async def _respond(message: Msg, data: bytes, headers: dict[str, str] | None = None) -> None:
    if not message.reply:
        return
    try:
        await message._client.publish(message.reply, data, headers=headers)
    except (nats.errors.Error, OSError) as exc:
        log.warning("answer not sent", error=repr(exc))
