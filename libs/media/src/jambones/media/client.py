"""The media engine as a service holds it: worker processes, legs on them, clips they share.

async with MediaEngine.open(EngineSettings(bind="10.0.0.7")) as engine:
    leg = await engine.accept(offer, "a leg's name")   # leg.local_sdp is the answer
    playback = await leg.play([await engine.clip(Path("hello.wav"))])
    await playback.wait()
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from jambones.media.clips import Clip, ClipPool, PoolFull, content_key
from jambones.media.decode import ClipError, decode
from jambones.media.errors import MediaError, MediaRefused
from jambones.media.events import LegStats
from jambones.media.leg import MediaLeg
from jambones.media.link import WorkerLink
from jambones.media.messages import Bridge, Unbridge
from jambones.media.worker import WorkerSettings

log = logging.getLogger(__name__)

_RESTART = (0.05, 5.0)  # seconds: first wait, longest wait
_DECODERS = 2


@dataclass(frozen=True)
class EngineSettings:
    """Ports are shared out evenly among the workers; each leg needs none of its own."""

    workers: int = 1
    bind: str = "127.0.0.1"
    advertise: str | None = None
    """The address in SDP; default: `bind`."""
    port_min: int = 25000
    port_max: int = 39000
    sockets_per_worker: int = 8
    legs_per_worker: int = 3000
    rtp_timeout_ms: int = 30_000
    pool_bytes: int = 512 * 1024 * 1024
    """Address space for prompts; memory is taken as they come."""


@dataclass(frozen=True)
class EngineHealth:
    """Sums over the workers that are alive; lateness is that of the worst."""

    workers: int
    workers_alive: int
    legs: int
    capacity: int
    ticks: int
    tick_late_p90_ms: float
    tick_late_p99_ms: float
    tick_late_max_ms: float
    underruns: int
    overflows: int
    restarts: int


class MediaEngine:
    """Make one with `MediaEngine.open`."""

    def __init__(self, settings: EngineSettings, on_ended: Callable[[LegStats], object] = lambda stats: None) -> None:
        self.settings = settings
        self.on_ended = on_ended
        self._pool = ClipPool(settings.pool_bytes)
        self._links: list[WorkerLink] = []
        self._legs: set[MediaLeg] = set()
        self._restarting: set[asyncio.Task[None]] = set()
        self._decoding: dict[str, asyncio.Task[Clip]] = {}
        self._decoders = asyncio.Semaphore(_DECODERS)
        self._closing = False
        self._restarts = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: EngineSettings, *, on_ended: Callable[[LegStats], object] = lambda stats: None
    ) -> AsyncIterator[Self]:
        """Workers run inside the block; `on_ended` is told the counters of each leg that had audio and is closed.

        Raises MediaError when the workers cannot start.
        """
        engine = cls(settings, on_ended)
        try:
            engine._links = [
                WorkerLink(index, engine._worker_settings(index), engine._pool.fd, engine._died)
                for index in range(settings.workers)
            ]
            await asyncio.gather(*(link.start() for link in engine._links))
            yield engine
        finally:
            await engine._close()

    @property
    def worker_pids(self) -> list[int]:
        return [link.pid for link in self._links if link.alive and link.pid is not None]

    async def accept(self, offer: bytes, leg_id: str, *, near: MediaLeg | None = None) -> MediaLeg:
        """A leg for a peer's offer; `leg.local_sdp` is the answer. `near`: on the worker of that leg, to be bridged.

        Raises MediaRefused: 488 nothing to agree on, 503 no room.
        """
        leg = self._new(leg_id, near)
        try:
            leg.answer_to(offer)
        except BaseException:
            await leg.close()
            raise
        return leg

    async def offer(self, leg_id: str, *, near: MediaLeg | None = None) -> MediaLeg:
        """A leg that makes the offer, `leg.local_sdp`; `leg.set_answer(sdp)` follows. Raises MediaRefused (503).

        What `near` agreed on is offered first.
        """
        leg = self._new(leg_id, near)
        leg.make_offer(near.negotiated if near is not None else None)
        return leg

    def again(self, leg: MediaLeg, *, near: MediaLeg | None = None) -> MediaLeg:
        """A leg in the place of one that was closed; its offer or its answer follows. Raises MediaRefused (503)."""
        fresh = self._new(leg.id, near)
        fresh.succeed(leg)
        return fresh

    async def clip(self, source: Path | bytes) -> Clip:
        """An audio file (WAV, MP3, OGG, FLAC), ready to play; decoded off the loop, once for the same content.

        Raises ClipError, also when the file cannot be read.
        """
        if isinstance(source, Path):
            try:
                source = await asyncio.to_thread(source.read_bytes)
            except OSError as exc:
                raise ClipError(exc.strerror or "cannot be read") from exc
        key = content_key(source)
        if (known := self._pool.get(key)) is not None:
            return known
        task = self._decoding.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._decode(key, source))
            self._decoding[key] = task
            task.add_done_callback(lambda _task: self._decoding.pop(key, None))
        return await asyncio.shield(task)

    async def bridge(self, a: MediaLeg, b: MediaLeg) -> None:
        """Each hears the other. Raises MediaError when they are on different workers (see `near`), MediaGone."""
        a.check()
        b.check()
        if a.link is not b.link:
            raise MediaError("the legs are on different media workers")
        a.link.command(Bridge(a.row, b.row))

    async def unbridge(self, leg: MediaLeg) -> None:
        """Nobody hears the leg any more, nor it anybody. Harmless when it is not bridged."""
        if not leg.closed:
            leg.link.command(Unbridge(leg.row))

    def health(self) -> EngineHealth:
        """How the workers are, as of their last pulse (one a second)."""
        alive = [link for link in self._links if link.alive]
        pulses = [link.pulse for link in alive if link.pulse is not None]
        return EngineHealth(
            workers=len(self._links),
            workers_alive=len(alive),
            legs=len(self._legs),
            capacity=sum(link.settings.capacity for link in alive),
            ticks=sum(p.ticks for p in pulses),
            tick_late_p90_ms=max((p.late_p90_ms for p in pulses), default=0.0),
            tick_late_p99_ms=max((p.late_p99_ms for p in pulses), default=0.0),
            tick_late_max_ms=max((p.late_max_ms for p in pulses), default=0.0),
            underruns=sum(p.underruns for p in pulses),
            overflows=sum(p.overflows for p in pulses),
            restarts=self._restarts,
        )

    def forget(self, leg: MediaLeg) -> None:
        self._legs.discard(leg)

    def _new(self, leg_id: str, near: MediaLeg | None) -> MediaLeg:
        roomiest = max(self._links, key=lambda each: each.room)
        link = near.link if near is not None and near.link.room else roomiest
        if not link.room:
            raise MediaRefused(503, "no room on any media worker")
        leg = MediaLeg(self, link, leg_id, self.settings.advertise or self.settings.bind)
        self._legs.add(leg)
        return leg

    async def _decode(self, key: str, data: bytes) -> Clip:
        async with self._decoders:
            audio = await asyncio.to_thread(decode, data)
        try:
            return self._pool.add(key, audio)
        except PoolFull as exc:
            raise ClipError(str(exc)) from exc

    def _worker_settings(self, index: int) -> WorkerSettings:
        s = self.settings
        share = (s.port_max - s.port_min + 1) // s.workers
        first = s.port_min + index * share
        return WorkerSettings(
            bind=s.bind,
            port_min=first,
            port_max=first + share - 1,
            sockets=s.sockets_per_worker,
            capacity=s.legs_per_worker,
            rtp_timeout_ms=s.rtp_timeout_ms,
        )

    def _died(self, link: WorkerLink) -> None:
        if self._closing:
            return
        log.error("media worker died", extra={"worker": link.index})
        task = asyncio.get_running_loop().create_task(self._restart(link))
        self._restarting.add(task)
        task.add_done_callback(self._restarting.discard)

    async def _restart(self, dead: WorkerLink) -> None:
        wait, longest = _RESTART
        await dead.stop()
        while True:
            fresh = WorkerLink(dead.index, dead.settings, self._pool.fd, self._died)
            try:
                await fresh.start()
            except (MediaError, OSError) as exc:
                log.error("media worker does not start", extra={"worker": dead.index, "error": str(exc)})
                await asyncio.sleep(wait)
                wait = min(2 * wait, longest)
                continue
            self._links[self._links.index(dead)] = fresh
            self._restarts += 1
            log.info("media worker is back", extra={"worker": dead.index})
            return

    async def _close(self) -> None:
        self._closing = True
        tasks = [*self._restarting, *self._decoding.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(link.stop() for link in self._links))
        self._pool.close()


__all__ = ["ClipError", "EngineHealth", "EngineSettings", "MediaEngine"]
