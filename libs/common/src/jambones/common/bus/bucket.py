"""Typed key-value buckets, with the traps of NATS key-value stores handled in one place.

* Keys are tuples; each part is encoded, since NATS allows few characters in them.
* Time to live is per bucket; per key (`put(..., ttl=)`) only where the server has it (2.11), so values that must expire
  should also carry `expires_at`.
* A watcher first receives what is there, then a marker; after a reconnection it starts again, and what has gone
  meanwhile is told as removed.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import nats.errors
import nats.js.errors
import structlog
from nats.js.api import Header, KeyValueConfig, StorageType
from nats.js.client import JetStreamContext
from nats.js.kv import KeyValue
from pydantic import BaseModel, ValidationError

from jambones.common.bus.connection import Connection
from jambones.common.bus.event import decode_token, encode_token
from jambones.common.errors import BusUnavailable, Conflict
from jambones.common.tasks import backoff, heed_cancellation

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=BaseModel)
Key = tuple[str, ...]
ABANDONED = 30.0
"""Seconds after which the server forgets a watcher whose client is gone."""
CHANGED = (10071, 10164)
"""Codes of JetStream: the key does not have the revision that was expected."""
TROUBLE = (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError)


@dataclass(frozen=True)
class Changed(Generic[M]):
    """A key has this value now."""

    key: Key
    value: M
    revision: int


@dataclass(frozen=True)
class Removed:
    """A key was deleted or has expired; or it was `missing` when the watch began again after an outage."""

    key: Key
    missing: bool = False


@dataclass(frozen=True)
class SnapshotDone:
    """Everything that was there has been told; sent again after each reconnection."""


def encode_key(key: Key) -> str:
    return ".".join(encode_token(part) for part in key)


def decode_key(text: str) -> Key:
    return tuple(decode_token(part) for part in text.split("."))


class Snapshot:
    """Where what was there ends and changes begin, in the words of one watcher.

    nats-py marks it with None. Where the server had sent all of it when the client asked how much there is, and the
    answer overtook it, the marker comes before the first entry: then the entry behind which nothing waits is the last.
    """

    def __init__(self, watcher: KeyValue.KeyWatcher) -> None:
        self._watcher = watcher
        self._heard = self._too_early = self._ended = False

    async def ends_with(self, entry: KeyValue.Entry | None) -> bool:
        """Whether `entry`, which was just heard, is the last of it; true once. Raises errors of NATS."""
        if self._ended:
            return False
        if entry is None:
            if not self._heard:
                info = await subscription_of(self._watcher).consumer_info()
                self._too_early = info.delivered is not None and info.delivered.consumer_seq > 0
            self._ended = not self._too_early
        else:
            self._heard = True
            self._ended = self._too_early and entry.delta == 0
        return self._ended


class Bucket(Generic[M]):
    """Values of one model under keys. Every method raises BusUnavailable while NATS is away."""

    def __init__(
        self, connection: Connection, name: str, model: type[M], *, ttl: float | None, memory: bool, replicas: int
    ) -> None:
        self.name = name
        self._connection = connection
        self._model = model
        self._ttl = ttl
        self._memory = memory
        self._replicas = replicas
        self._store: KeyValue | None = None
        self._store_generation = -1
        self._opening = asyncio.Lock()

    async def get(self, *key: str) -> Changed[M] | None:
        """The value of a key, or None. Not for the path of a call: keep a watched copy there."""
        try:
            entry = await (await self._open()).get(encode_key(key))
        except (nats.js.errors.KeyNotFoundError, nats.js.errors.KeyDeletedError):
            return None
        except TROUBLE as exc:
            raise self._trouble(exc) from exc
        value = self._read(key, entry.value)
        return None if value is None else Changed(key, value, entry.revision or 0)

    async def put(self, *key: str, value: M, ttl: float | None = None) -> int:
        """Set a key, whatever was there; returns the revision. `ttl` in whole seconds, for this key alone."""
        try:
            store = await self._open()
            if (seconds := self._seconds(ttl)) is not None:
                subject = f"$KV.{self.name}.{encode_key(key)}"
                ack = await self._connection.js.publish(subject, encode(value), msg_ttl=seconds)
                return ack.seq
            return await store.put(encode_key(key), encode(value))
        except TROUBLE as exc:
            raise self._trouble(exc) from exc

    async def post(self, *key: str, value: M | None) -> None:
        """Set a key, or remove it (None), without waiting for the store's word: for what is soon written again.

        It costs a third of `put`; a value is lost when NATS goes away at that very moment.
        """
        try:
            await self._open()
            subject = f"$KV.{self.name}.{encode_key(key)}"
            if value is None:
                await self._connection.client.publish(subject, b"", headers={"KV-Operation": "DEL"})
            else:
                await self._connection.client.publish(subject, encode(value))
        except TROUBLE as exc:
            raise self._trouble(exc) from exc

    async def create(self, *key: str, value: M, ttl: float | None = None) -> int:
        """Set a key that is not there; raises Conflict when it is. `ttl` as for `put`."""
        return await self._write(key, value, None, ttl)

    async def update(self, *key: str, value: M, revision: int, ttl: float | None = None) -> int:
        """Set a key that still has `revision`; raises Conflict when somebody else was first. `ttl` as for `put`."""
        return await self._write(key, value, revision, ttl)

    async def delete(self, *key: str, revision: int | None = None) -> None:
        """Delete a key, there or not; with `revision`, raises Conflict when it has changed since."""
        try:
            store = await self._open()
            if revision is None:
                await store.delete(encode_key(key))
                return
            headers = {"KV-Operation": "DEL", Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(revision)}
            await self._connection.js.publish(f"$KV.{self.name}.{encode_key(key)}", b"", headers=headers)
        except nats.js.errors.APIError as exc:
            if exc.err_code in CHANGED:
                raise Conflict(f"{self.name}: changed meanwhile") from exc
            raise self._trouble(exc) from exc
        except TROUBLE as exc:
            raise self._trouble(exc) from exc

    async def entries(self, *prefix: str) -> list[Changed[M]]:
        """All values whose key starts with `prefix`, as they are now."""
        found: dict[Key, Changed[M]] = {}
        try:
            async with asyncio.timeout(5):
                # With `ignore_deletes` the last entry, which tells that it is the last one, might never be seen.
                watcher = await (await self._open()).watch(pattern(prefix), inactive_threshold=ABANDONED)
                snapshot = Snapshot(watcher)
                try:
                    async for entry in watcher:
                        if entry is not None:
                            key = decode_key(entry.key)
                            found.pop(key, None)
                            if not entry.operation and (value := self._read(key, entry.value)) is not None:
                                found[key] = Changed(key, value, entry.revision or 0)
                        if await snapshot.ends_with(entry):
                            break
                finally:
                    await self._stop(watcher)
        except TROUBLE as exc:
            raise self._trouble(exc) from exc
        return list(found.values())

    async def watch(self, *prefix: str) -> AsyncIterator[Changed[M] | Removed | SnapshotDone]:
        """What is there, a marker, then every change, for ever; outages are waited out."""
        known: set[Key] = set()
        delays = backoff()
        while True:
            generation = await self._connection.until_connected()
            try:
                watcher = await (await self._open()).watch(pattern(prefix), inactive_threshold=ABANDONED)
            except (*TROUBLE, BusUnavailable) as exc:
                log.warning("cannot watch", bucket=self.name, error=repr(exc))
                await asyncio.sleep(next(delays))
                continue
            delays = backoff()
            fresh: set[Key] | None = set()
            try:
                snapshot = Snapshot(watcher)
                while (entry := await self._next(watcher, generation)) is not self:
                    assert not isinstance(entry, Bucket)
                    if entry is not None:
                        key = decode_key(entry.key)
                        value = None if entry.operation else self._read(key, entry.value)
                        keys = known if fresh is None else fresh
                        if value is None:
                            keys.discard(key)
                            yield Removed(key)
                        else:
                            keys.add(key)
                            yield Changed(key, value, entry.revision or 0)
                    if await snapshot.ends_with(entry):
                        for key in known - (fresh or set()):
                            yield Removed(key, missing=True)
                        known, fresh = fresh or set(), None
                        yield SnapshotDone()
            except TROUBLE as exc:
                log.warning("watch interrupted", bucket=self.name, error=repr(exc))
                await asyncio.sleep(next(delays))
            finally:
                known |= fresh or set()
                await self._stop(watcher)

    async def _next(self, watcher: KeyValue.KeyWatcher, generation: int) -> "KeyValue.Entry | Bucket[M] | None":
        """The watcher's next word; the bucket itself when the connection is another one since."""
        heed_cancellation()
        while self._connection.generation == generation and self._connection.connected:
            got = asyncio.ensure_future(anext(watcher))
            changed = asyncio.ensure_future(self._connection.changed())
            try:
                await asyncio.wait((got, changed), return_when=asyncio.FIRST_COMPLETED)
                if got.done():
                    entry: KeyValue.Entry | None = got.result()
                    return entry
            finally:
                got.cancel()
                changed.cancel()
        return self

    async def _stop(self, watcher: KeyValue.KeyWatcher) -> None:
        """End it here and at the server, which has room for a thousand of them in a bucket."""
        subscription = subscription_of(watcher)
        try:
            async with asyncio.timeout(1):
                await watcher.stop()  # type: ignore[no-untyped-call]
                await self._connection.js.delete_consumer(subscription._stream, subscription._consumer)
        except TROUBLE:
            return

    async def until_reconnected(self) -> None:
        """Wait until the connection was lost and made again: a bucket in memory may have been emptied."""
        await self._connection.until_reconnected()

    async def _write(self, key: Key, value: M, revision: int | None, ttl: float | None) -> int:
        try:
            store = await self._open()
            if revision is None:
                return await store.create(encode_key(key), encode(value), msg_ttl=self._seconds(ttl))
            if (seconds := self._seconds(ttl)) is None:
                return await store.update(encode_key(key), encode(value), last=revision)
            headers = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(revision)}
            subject = f"$KV.{self.name}.{encode_key(key)}"
            ack = await self._connection.js.publish(subject, encode(value), headers=headers, msg_ttl=seconds)
            return ack.seq
        except nats.js.errors.KeyWrongLastSequenceError as exc:
            raise Conflict(f"{self.name}: {'taken' if revision is None else 'changed meanwhile'}") from exc
        except nats.js.errors.APIError as exc:
            if exc.err_code in CHANGED:
                raise Conflict(f"{self.name}: changed meanwhile") from exc
            raise self._trouble(exc) from exc
        except TROUBLE as exc:
            raise self._trouble(exc) from exc

    async def _open(self) -> KeyValue:
        self._connection.require()
        if self._store is not None and self._store_generation == self._connection.generation:
            return self._store
        async with self._opening:
            generation = self._connection.generation
            try:
                self._store = await self._create()
            except TROUBLE as exc:
                raise self._trouble(exc) from exc
            self._store_generation = generation
            return self._store

    async def _create(self) -> KeyValue:
        js = self._connection.js
        config = KeyValueConfig(
            bucket=self.name,
            ttl=self._ttl,
            storage=StorageType.MEMORY if self._memory else StorageType.FILE,
            replicas=self._replicas,
            max_bytes=-1,
            # Servers of 2.11 and later tell watchers when a value expires; older ones stay silent.
            limit_marker_ttl=max(1.0, self._ttl) if self._ttl else None,
        )
        try:
            return await js.key_value(self.name)
        except nats.js.errors.NotFoundError:
            pass
        try:
            return await js.create_key_value(config)
        except nats.js.errors.KeyValueLimitMarkerTTLNotSupportedError:
            config.limit_marker_ttl = None
            return await js.create_key_value(config)
        except nats.js.errors.BadRequestError:
            return await js.key_value(self.name)  # somebody else made it between our two requests

    def _seconds(self, ttl: float | None) -> int | None:
        """A key's own time to live in whole seconds, None where the server has none."""
        if ttl is None or self._connection.client.connected_server_version.minor < 11:
            return None
        return max(1, round(ttl))

    def _read(self, key: Key, data: bytes | None) -> M | None:
        try:
            return self._model.model_validate_json(data or b"")
        except ValidationError as exc:
            log.warning("unreadable value", bucket=self.name, problems=exc.error_count())
            return None

    def _trouble(self, exc: BaseException) -> BusUnavailable:
        return BusUnavailable(f"bucket {self.name}: {exc or type(exc).__name__}", bucket=self.name)


def subscription_of(watcher: KeyValue.KeyWatcher) -> JetStreamContext.PushSubscription:
    subscription = watcher._sub
    assert isinstance(subscription, JetStreamContext.PushSubscription)
    return subscription


def encode(value: BaseModel) -> bytes:
    return value.model_dump_json(exclude_none=True).encode()


def pattern(prefix: Key) -> str:
    return f"{encode_key(prefix)}.>" if prefix else ">"
