"""What the scripted caller hears: clips that know their words, played in virtual time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from jambones.feature_server.calls.leg import SAMPLE_RATE, Played

WORDS_PER_SECOND = 2.5


@dataclass(frozen=True)
class Sound:
    """A clip that knows what is on it: the words that are said, or the URL that is played."""

    text: str
    samples: int
    silent: bool = False

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    @classmethod
    def spoken(cls, text: str) -> "Sound":
        """`text` at the pace of ordinary speech."""
        return cls(text, round(max(1, len(text.split())) / WORDS_PER_SECOND * SAMPLE_RATE))


@dataclass
class Hearing:
    """A sound that reached the caller. `ended` is None while it lasts; `whole` when it was not cut off."""

    sound: Sound
    started: float
    ended: float | None = None
    whole: bool = False


class ScriptedPlayback:
    """Plays sounds one after another by the loop's clock."""

    def __init__(
        self,
        sounds: Sequence[Sound],
        loop: int | None,
        offset: int,
        limit: int | None,
        heard: Callable[[Hearing], None],
    ) -> None:
        self._clock = asyncio.get_running_loop()
        self._heard = heard
        self._length = sum(sound.samples for sound in sounds)
        self._offset = offset
        self._started = self._clock.time()
        self._done: asyncio.Future[Played] = self._clock.create_future()
        self._now: Hearing | None = None
        rounds: Iterator[Sequence[Sound]] = repeat(sounds) if loop is None else repeat(sounds, loop)
        self._left = (sound for one in rounds for sound in one) if sounds else iter(())
        self._timer = self._clock.call_soon(self._step)
        self._limit = None if limit is None else self._clock.call_later(limit / SAMPLE_RATE, self._finish, "done")
        self._skip = offset

    def _step(self) -> None:
        if self._now is not None:
            self._close(whole=True)
        for sound in self._left:
            if self._skip >= sound.samples:
                self._skip -= sound.samples
                continue
            seconds, self._skip = (sound.samples - self._skip) / SAMPLE_RATE, 0
            self._now = Hearing(sound, self._clock.time())
            self._heard(self._now)
            self._timer = self._clock.call_later(seconds, self._step)
            return
        self._finish("done")

    def _close(self, *, whole: bool) -> None:
        if self._now is not None:
            hearing, self._now = self._now, None
            hearing.ended, hearing.whole = self._clock.time(), whole
            self._heard(hearing)

    def _finish(self, reason: str) -> None:
        if self._done.done():
            return
        self._timer.cancel()
        if self._limit is not None:
            self._limit.cancel()
        self._close(whole=False)
        samples = round((self._clock.time() - self._started) * SAMPLE_RATE)
        offset = (self._offset + samples) % self._length if self._length and reason != "done" else self._length
        self._done.set_result(Played(samples, offset, "stopped" if reason == "stopped" else "done"))

    async def wait(self) -> Played:
        return await asyncio.shield(self._done)

    async def stop(self) -> Played:
        self._finish("stopped")
        return self._done.result()
