"""Durable events: the stream CALL_EVENTS, the queue in front of it, and those who consume it.

`Recorder.add` never waits. One task sends in order, those of a moment together, and waits until the stream has
acknowledged each; what it did not take is sent again. While NATS is away records go to the spool on disk; when it is
back the spool is sent first. `Nats-Msg-Id` removes doubles.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Generic, TypeVar

import nats.errors
import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    Header,
    PubAck,
    RetentionPolicy,
    StreamConfig,
)
from nats.js.client import JetStreamContext
from pydantic import ValidationError

from jambones.common.bus.connection import Connection
from jambones.common.bus.event import Kinds, Recorded
from jambones.common.bus.spool import Entry, Spool
from jambones.common.tasks import backoff, heed_cancellation

log = structlog.get_logger(__name__)
STREAM = "CALL_EVENTS"
SUBJECTS = ["calls.events.>", "calls.records.>", "alerts.>"]
DAY = 86400.0
QUEUE_LIMIT = 20_000
MAX_PAYLOAD = 1_000_000
GATHER = 0.05
"""Seconds in which records gather before they are sent: each sending wakes the server, and that costs it more than the
records do. It is also what the death of this process can lose."""
AT_ONCE = 500
ACKNOWLEDGED_IN = 5.0
TROUBLE = (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError)
E = TypeVar("E", bound=Recorded)


async def ensure_stream(js: JetStreamContext, replicas: int) -> None:
    """Make the stream if it is missing."""
    try:
        await js.stream_info(STREAM)
    except nats.js.errors.NotFoundError:
        config = StreamConfig(
            name=STREAM,
            subjects=SUBJECTS,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            max_age=7 * DAY,
            max_bytes=1 << 30,
            duplicate_window=600,
            num_replicas=replicas,
        )
        try:
            await js.add_stream(config)
        except nats.js.errors.BadRequestError:
            await js.stream_info(STREAM)  # somebody else made it between our two requests


class Recorder:
    """Sends records to the stream, in the order they were added."""

    def __init__(self, connection: Connection, spool: Spool | None, *, replicas: int = 1) -> None:
        self._connection = connection
        self._spool = spool
        self._replicas = replicas
        self._pending: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._ready_generation = -1
        self._spool_full = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._flush = asyncio.Event()

    def __len__(self) -> int:
        """How many wait in memory; those on disk are counted in bytes by the spool."""
        return len(self._pending)

    def add(self, event: Recorded) -> None:
        """Queue a record. When both memory and disk are full the new one is dropped, counted and logged."""
        payload = event.encode().decode()
        if len(self._pending) >= QUEUE_LIMIT or len(payload) > MAX_PAYLOAD:
            self._count(event.kind(), "dropped")
            log.error("record dropped", event_kind=event.kind(), waiting=len(self._pending), bytes=len(payload))
            return
        self._count(event.kind(), "added")
        self._pending.append(Entry(event.subject(), event.event_id, payload))
        self._idle.clear()
        self._wake.set()

    async def flushed(self) -> None:
        """Wait until the stream has acknowledged everything."""
        self._flush.set()
        await self._idle.wait()

    async def run(self) -> None:
        """Send, for ever; the owner cancels it."""
        if self._spool is not None:
            try:
                await asyncio.to_thread(self._spool.open)
            except OSError as exc:
                log.error("no spool: records wait in memory only while NATS is away", error=str(exc))
                self._spool = None
        delays = backoff(0.1, 5.0)
        while True:
            self._gauge()
            if not self._waiting():
                self._idle.set()
                self._flush.clear()
                await self._wake.wait()
                self._wake.clear()
            elif not self._connection.connected:
                if not await self._store():
                    await self._woken()
            elif await self._send():
                delays = backoff(0.1, 5.0)
            else:
                if not self._spool_full:
                    await self._store()
                await asyncio.sleep(next(delays))

    def close(self) -> None:
        """After `run` was cancelled: put what still waits on disk."""
        if self._spool is None:
            if self._pending:
                log.error("records lost", count=len(self._pending))
            return
        try:
            if self._pending:
                log.warning("records kept on disk until the next start", count=len(self._pending))
                done = self._spool.append(list(self._pending))
                if done < len(self._pending):
                    log.error("records lost", count=len(self._pending) - done)
        except OSError as exc:
            log.error("records lost", count=len(self._pending), error=str(exc))
        self._spool.close()

    def _waiting(self) -> bool:
        return bool(self._pending) or (self._spool is not None and len(self._spool) > 0)

    async def _gathered(self) -> None:
        """A moment later; at once when somebody waits for it, or when there is enough."""
        if len(self._pending) < AT_ONCE:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER):
                    await self._flush.wait()

    async def _woken(self) -> None:
        """A new record, or a change of the connection."""
        self._wake.clear()
        wake = asyncio.ensure_future(self._wake.wait())
        changed = asyncio.ensure_future(self._connection.changed())
        try:
            await asyncio.wait((wake, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
            changed.cancel()

    async def _store(self) -> bool:
        """Move what is in memory to disk; True when something moved."""
        if self._spool is None or not self._pending:
            return False
        batch = list(self._pending)[:1000]
        try:
            done = await asyncio.to_thread(self._spool.append, batch)
        except OSError as exc:
            log.error("cannot write the spool", error=str(exc))
            done = 0
        if done < len(batch) and not self._spool_full:
            log.error("the spool is full: records wait in memory", waiting=len(self._pending))
        self._spool_full = done < len(batch)
        for _ in range(done):
            self._pending.popleft()
        return done > 0

    async def _send(self) -> bool:
        """Send some, the oldest first; False when NATS did not take one."""
        try:
            if self._ready_generation != self._connection.generation:
                generation = self._connection.generation
                await ensure_stream(self._connection.js, self._replicas)
                self._ready_generation = generation
            if self._spool is not None and len(self._spool):
                return await self._send_spooled(self._spool)
            await self._gathered()
            batch = list(islice(self._pending, AT_ONCE))
            taken, problem = await self._publish(batch)
            for _ in range(taken):
                self._pending.popleft()
            if problem is not None:
                raise problem
        except TROUBLE as exc:
            self._ready_generation = -1
            log.warning("record not taken, trying again", error=repr(exc))
            return False
        return True

    async def _send_spooled(self, spool: Spool) -> bool:
        # New records queue behind those on disk; memory is sent only when the disk is empty.
        taken, problem = await self._publish(await asyncio.to_thread(spool.peek, 200))
        spool.advance(taken)
        if problem is not None:
            raise problem
        self._spool_full = False
        return True

    async def _publish(self, entries: Sequence[Entry]) -> tuple[int, BaseException | None]:
        """Send them all, then wait for the acknowledgements.

        Returns how many were taken before the first that was not, and what kept that one out. Those after it go again
        with it; the stream knows them by their ids.
        """
        js = self._connection.js
        answers: list[asyncio.Future[PubAck]] = []
        problem: BaseException | None = None
        unsent: BaseException | None = None
        try:
            for entry in entries:
                headers = {Header.MSG_ID.value: entry.id}
                answers.append(
                    await js.publish_async(entry.subject, entry.payload.encode(), stream=STREAM, headers=headers)
                )
        except TROUBLE as exc:
            unsent = exc
        if answers:
            await asyncio.wait(answers, timeout=ACKNOWLEDGED_IN)
        taken = 0
        for answer in answers:
            if not answer.done():
                answer.cancel()
                problem = TimeoutError("not acknowledged")
            elif (refused := answer.exception()) is not None:
                problem = refused
            elif problem is None:
                taken += 1
        self._count(None, "acknowledged", taken)
        return taken, problem or unsent

    def _count(self, kind: str | None, result: str, count: int = 1) -> None:
        self._connection.metrics.counter("jambones_records_total").labels(kind or "", result).inc(count)

    def _gauge(self) -> None:
        gauge = self._connection.metrics.gauge("jambones_js_pending")
        gauge.labels("memory").set(len(self._pending))
        gauge.labels("disk_bytes").set(len(self._spool) if self._spool is not None else 0)


class Delivery(Generic[E]):
    """An event that the consumer must acknowledge; without that it comes again after `ack_wait` seconds."""

    def __init__(self, event: E, message: Msg) -> None:
        self.event = event
        self._message = message

    @property
    def attempts(self) -> int:
        """1 at the first delivery."""
        return self._message.metadata.num_delivered or 1

    async def ack(self) -> None:
        """Done: never again."""
        await self._message.ack()

    async def retry(self, after: float = 1.0) -> None:
        """Not now: again after so many seconds."""
        await self._message.nak(delay=after)


async def deliveries(
    connection: Connection, durable: str, kinds: Kinds[E], *, batch: int, wait: float, ack_wait: float, replicas: int
) -> AsyncIterator[list[Delivery[E]]]:
    """Batches of what the stream has for `durable`, for ever; outages are waited out.

    A batch is given when `batch` events are there, or when some are and `wait` seconds have passed.
    """
    delays = backoff()
    config = ConsumerConfig(
        durable_name=durable,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait,
        deliver_policy=DeliverPolicy.ALL,
        max_ack_pending=max(1000, 2 * batch),
    )
    subjects = kinds.wildcards({})
    if len(subjects) == 1:
        config.filter_subject = subjects[0]
    else:
        config.filter_subjects = subjects
    while True:
        generation = await connection.until_connected()
        subscription = None
        try:
            await ensure_stream(connection.js, replicas)
            await connection.js.add_consumer(STREAM, config)
            subscription = await connection.js.pull_subscribe_bind(durable=durable, stream=STREAM)
            while connection.generation == generation:
                messages = await _fetch(subscription, batch, wait)
                delays = backoff()
                ready = [delivery for message in messages if (delivery := await _read(message, kinds, connection))]
                if ready:
                    yield ready
        except TROUBLE as exc:
            log.warning("consumer interrupted", durable=durable, error=repr(exc))
            await asyncio.sleep(next(delays))
        finally:
            if subscription is not None and connection.connected:
                await _unsubscribe(subscription)


async def _fetch(subscription: JetStreamContext.PullSubscription, batch: int, wait: float) -> list[Msg]:
    try:
        messages: list[Msg] = await subscription.fetch(batch, timeout=wait)
    except TimeoutError:  # nats' own is one of these; at a deadline it lets asyncio's through
        messages = []
    heed_cancellation()
    return messages


async def _unsubscribe(subscription: JetStreamContext.PullSubscription) -> None:
    try:
        async with asyncio.timeout(1):
            await subscription.unsubscribe()
    except TROUBLE:
        return


async def _read(message: Msg, kinds: Kinds[E], connection: Connection) -> Delivery[E] | None:
    try:
        event = kinds.decode(message.data)
    except ValidationError as exc:
        log.error("unreadable record", subject=message.subject.partition(".")[0], problems=exc.error_count())
        connection.metrics.counter("jambones_nats_dropped_total").labels("unreadable").inc()
        await message.term()
        return None
    if event is None:
        await message.ack()  # a kind on the same subject that this consumer does not want
        return None
    return Delivery(event, message)
