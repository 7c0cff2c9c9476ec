"""Two legs whose audio goes from one rtpengine to the other, past the media engine, until somebody here wants it.

Each leg is told by a re-INVITE to its SBC, which leaves the outside party alone. While it is past, the leg has no row
at the media engine, so that nothing there can time out or die under it; to come back it gets a new one. Every step of a
leg is a task of that leg's dialog: whoever waits for it may be cancelled without leaving a leg halfway.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

import structlog

from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.calls.measured import NotThere, Packets, wrong
from jambones.media import MediaEngine, MediaError, MediaLeg, MediaRefused

log = structlog.get_logger(__name__)

NO_ROOM_FOR = 5.0
"""Seconds to wait for a media worker that starts again."""
FIRST_MEASURE, MEASURE_EVERY = 2.0, 20.0
"""Seconds after the audio has left, and from then on, until the SBCs are asked what passes them."""
BUSY = "busy"
"""An offer of the other side crossed ours."""


class NotMoved(Exception):
    """The SBC refused to move the audio."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.reason = BUSY if status == 491 else f"refused by the SBC: {status} {reason}".rstrip()


class Mover(Protocol):
    """The dialog of a leg, as far as its audio is moved."""

    stays: str
    """Why its SBC needs the media engine in the path; empty when it does not."""

    async def move(self, sdp: bytes, *, past: bool) -> bytes:
        """Describe the audio of our side to the SBC alone; its answer. Raises LegGone, NotMoved."""

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """A task that ends with the dialog. Raises LegGone when it has ended."""

    def use(self, media: MediaLeg) -> None:
        """Follow this leg of the media engine from now on."""

    async def measured(self) -> Packets | None:
        """What passes the SBC; None when nobody says. Raises NotThere."""

    async def without_media(self) -> None:
        """There is no audio any more: end the call."""


class End(Protocol):
    """An endpoint with a leg of the media engine."""

    media: MediaLeg
    dialog: Mover
    bypass: "Bypass | None"


class Bypass:
    """Make one for two ends whose audio is `carried` alike, and `leave`; `back` ends it, for one or for both."""

    def __init__(self, engine: MediaEngine, a: End, b: End, returned: Callable[[str], None]) -> None:
        """`returned` is told whenever audio has come back; and why, when it shall not leave again."""
        self._engine = engine
        self._ends = (a, b)
        self._returned = returned
        self._leaving: list[asyncio.Task[None]] = []
        self._departed: set[int] = set()
        """The places in `_ends` of those whose SBC sends past us."""
        self._refused = ""
        self._returning: dict[int, asyncio.Task[None]] = {}
        self._coming: dict[int, MediaLeg] = {}
        self._lock = asyncio.Lock()
        self._joined = True
        self._wrong = ""

    async def leave(self) -> str:
        """Empty when the audio goes past us now; else why it stays. Raises LegGone."""
        a, b = self._ends
        offers = a.media.past(b.media), b.media.past(a.media)
        a.bypass = b.bypass = self
        for place, end in enumerate(self._ends):
            self._leaving.append(end.dialog.start(self._depart(place, offers[place]), name="leave the media engine"))
        await asyncio.wait(self._leaving)
        async with self._lock:
            if len(self._departed) == len(self._ends):
                await asyncio.gather(a.media.close(), b.media.close())
                a.dialog.start(self._watch(), name="watch released audio")
                return ""
        await self.back(a)
        return self._refused or "the call is ending"

    async def back(self, end: End) -> None:
        """The audio of `end` is back; unless they parted, that of the other follows, and they are bridged as before.

        Raises LegGone when it is `end` that is gone.
        """
        await self._settled()
        first = self._ends.index(end)
        places = (first, 1 - first) if self._joined else (first,)
        async with self._lock:
            for place in places:
                each, running = self._ends[place], self._returning.get(place)
                if each.bypass is self and (running is None or running.done()):
                    with suppress(LegGone):
                        self._returning[place] = each.dialog.start(self._return(place), name="back to the media engine")
        if first in self._returning:
            await asyncio.wait((self._returning[first],))
        if end.bypass is self:
            raise LegGone("its audio does not come back")

    async def back_alone(self, end: End) -> None:
        """The two have parted: the audio of `end` comes back without the other's. Raises LegGone."""
        self._joined = False
        await self.back(end)

    async def back_with(self, end: End, offer: bytes) -> bytes:
        """The far end of `end` made an offer: our answer, which brings its audio back, and the other's after it.

        Raises MediaError; everything stays as it is then.
        """
        await self._settled()
        place = self._ends.index(end)
        async with self._lock:
            if place in self._returning:
                await asyncio.wait((self._returning[place],))
            if end.bypass is not self:
                return await end.media.reoffer(offer)
            fresh = await self._fresh(place)
            try:
                answer = fresh.answer_to(offer)
            except BaseException:
                await fresh.close()
                raise
            await self._use(place, fresh)
        other = self._ends[1 - place]
        if self._joined:
            with suppress(LegGone):
                other.dialog.start(self._follow(other), name="back to the media engine")
        return answer

    async def _settled(self) -> None:
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _follow(self, other: End) -> None:
        with suppress(LegGone):
            await self.back(other)

    async def _watch(self) -> None:
        """Bring the audio back where it goes astray, or a party falls silent: then the media engine's clock decides."""
        a, b = self._ends
        before, first = await self._look(), True
        while not self._wrong:
            await asyncio.sleep(FIRST_MEASURE if first else MEASURE_EVERY)
            if a.bypass is not self or b.bypass is not self:
                return
            now = await self._look()
            self._wrong = self._wrong or wrong(before, now, first=first)
            before, first = now, False
        log.warning("audio comes back", reason=self._wrong)
        for end in self._ends:
            with suppress(LegGone):
                await self.back(end)

    async def _look(self) -> tuple[Packets | None, ...]:
        try:
            return tuple(await asyncio.gather(*(end.dialog.measured() for end in self._ends)))
        except NotThere as exc:
            self._wrong = f"not at the SBC: {exc}"
            return None, None

    async def _depart(self, place: int, sdp: bytes) -> None:
        try:
            await self._ends[place].dialog.move(sdp, past=True)
        except LegGone:
            return
        except NotMoved as exc:
            self._refused = self._refused or exc.reason
            return
        self._departed.add(place)

    async def _return(self, place: int) -> None:
        end = self._ends[place]
        if place not in self._departed:  # its SBC was never told, or refused
            await self._use(place, end.media)
            return
        old = end.media
        try:
            media = await self._fresh(place) if old.closed else old
        except MediaRefused as exc:
            log.warning("audio does not come back", error=str(exc))
            await end.dialog.without_media()
            return
        try:
            answer = await end.dialog.move(media.make_offer(old.negotiated, only=True), past=False)
            await media.set_answer(answer)
            await self._use(place, media)
        except LegGone:
            return
        except (NotMoved, MediaError) as exc:
            log.warning("audio does not come back", error=str(exc))
            await end.dialog.without_media()
        finally:
            if end.media is not media:
                await media.close()

    async def _use(self, place: int, media: MediaLeg) -> None:
        """From now on this end is here."""
        end, other = self._ends[place], self._ends[1 - place]
        old, end.media = end.media, media
        if old is not media:
            end.dialog.use(media)
        end.bypass = None
        self._departed.discard(place)
        self._coming.pop(place, None)
        if self._joined and other.bypass is None and not other.media.closed:
            with suppress(MediaError):  # then one of the two is ending
                await self._engine.bridge(end.media, other.media)
        if old is not media:
            await old.close()
        self._returned(self._wrong)

    async def _fresh(self, place: int) -> MediaLeg:
        """A new leg of the media engine, on the worker of the other one's. Raises MediaRefused."""
        other = self._ends[1 - place]
        until = asyncio.get_running_loop().time() + NO_ROOM_FOR
        while True:
            here = other.media if other.bypass is None else self._coming.get(1 - place)
            near = None if here is None or here.closed or here.lost else here
            try:
                fresh = self._coming[place] = self._engine.again(self._ends[place].media, near=near)
            except MediaRefused:
                if asyncio.get_running_loop().time() >= until:
                    raise
            else:
                return fresh
            await asyncio.sleep(0.1)  # a worker that died is started again
