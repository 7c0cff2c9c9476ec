"""Audio of a leg as streams: forks, which bring what is heard, and playouts, which are pushed and played."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from jambones.media import messages as m
from jambones.media.resample import StreamResampler

if TYPE_CHECKING:
    from jambones.media.leg import MediaLeg

RATE: Final = 8000
FRAMES_HELD: Final = 100  # 2 s of a fork that nobody takes
_AT_ONCE: Final = 1 << 16  # bytes whose conversion the event loop does not notice
_PIECE: Final = 1 << 14  # samples in one command

Mix = Literal["mono", "mixed", "stereo"]
#: Called when a mark was reached (True) or forgotten.
MarkTold = Callable[[str, bool], None]


@dataclass(frozen=True, slots=True)
class Overrun:
    """So many frames were lost, because the consumer or the service was slow."""

    frames: int


class Fork:
    """What is heard on a leg: `async for` gives frames of 20 ms, 16-bit linear, or an Overrun in place of lost ones.

    It holds two seconds; of more the oldest is lost. It ends when it is stopped and when the leg is gone.
    """

    def __init__(self, leg: "MediaLeg", stream: int) -> None:
        self._leg, self._stream = leg, stream
        self._frames: deque[bytes] = deque()
        self._lost = 0
        self._expected = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes | Overrun]:
        while True:
            if self._lost:
                lost, self._lost = self._lost, 0
                yield Overrun(lost)
            elif self._frames:
                yield self._frames.popleft()
            elif self._ended:
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    def set(self, mode: Literal["on", "pause", "silence"]) -> None:
        """Go on, send no frames, or send frames of zeros."""
        if not self._ended:
            self._leg.link.command(m.SetFork(self._leg.row, self._stream, mode))

    def stop(self) -> None:
        """No more frames; what came before can still be taken."""
        if not self._ended:
            self._leg.link.command(m.Unfork(self._leg.row, self._stream))
            self._leg.forget_stream(self._stream)
            self.end()

    # The worker's side.

    def told(self, message: m.Message) -> None:
        if isinstance(message, m.Heard):
            self._lost += message.number - self._expected
            self._expected = message.number + 1
            self._frames.append(message.pcm)
            if len(self._frames) > FRAMES_HELD:
                self._frames.popleft()
                self._lost += 1
            self._changed.set()

    def end(self) -> None:
        self._ended = True
        self._changed.set()


class Playout:
    """PCM that is played as it comes: 16-bit linear, little-endian, mono, at `rate` Hz.

    `told` hears of the marks. Playing starts when 80 ms are there, or after 80 ms.
    """

    def __init__(self, leg: "MediaLeg", stream: int, rate: int, told: MarkTold) -> None:
        self._leg, self._stream, self._rate = leg, stream, rate
        self._told = told
        self._resampler = StreamResampler(rate, RATE)
        self._odd = b""
        self._marks: dict[int, str] = {}
        self._next_mark = 0
        self._played: dict[int, asyncio.Future[None]] = {}
        self._ended = False
        self.lost = 0
        """Samples (at 8 kHz) for which there was no room."""

    @property
    def marks(self) -> int:
        """How many are outstanding."""
        return len(self._marks)

    async def push(self, pcm: bytes) -> None:
        """Append audio of any length; an odd byte at its end belongs to the next."""
        data = self._odd + pcm
        self._odd = data[len(data) & ~1 :]
        samples = np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.int16)
        if len(data) > _AT_ONCE:
            ready = await asyncio.to_thread(self._resampler.push, samples)
        else:
            ready = self._resampler.push(samples)
        self._send(ready)

    def mark(self, name: str) -> None:
        """Say when all that was pushed before has been played."""
        self._finish_filter()
        self._next_mark += 1
        self._marks[self._next_mark] = name
        self._command(m.Mark(self._leg.row, self._stream, self._next_mark))

    async def flush(self) -> None:
        """Wait until all that was pushed has been played or forgotten, or the leg is gone."""
        if self._ended:
            return
        self._finish_filter()
        self._next_mark += 1
        number = self._next_mark
        future = self._played[number] = asyncio.get_running_loop().create_future()
        self._command(m.Mark(self._leg.row, self._stream, number))
        try:
            await future
        finally:
            self._played.pop(number, None)

    def clear(self, *, audio: bool = True) -> None:
        """Forget the marks (each is told) and, unless `audio` is false, what waits to be played."""
        if audio:
            self._resampler, self._odd = StreamResampler(self._rate, RATE), b""
        self._command(m.Clear(self._leg.row, self._stream, audio))

    def stop(self) -> None:
        """Fall silent; marks that are outstanding are not told any more."""
        if not self._ended:
            self.clear()
            self._leg.forget_stream(self._stream)
            self.end()

    # The worker's side.

    def told(self, message: m.Message) -> None:
        match message:
            case m.Marked(_, _, number, played):
                name = self._marks.pop(number, None)
                if name is not None:
                    self._told(name, played)
                waiting = self._played.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)
            case m.Overflowed(_, _, samples):
                self.lost += samples
            case _:
                pass

    def end(self) -> None:
        self._ended = True
        for future in self._played.values():
            if not future.done():
                future.set_result(None)

    # Inside.

    def _finish_filter(self) -> None:
        """Give out what the filter holds back; a mark means all of the audio before it."""
        self._send(self._resampler.end())
        self._resampler = StreamResampler(self._rate, RATE)

    def _send(self, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
        for start in range(0, len(samples), _PIECE):
            pcm = samples[start : start + _PIECE].astype("<i2").tobytes()
            self._command(m.Push(self._leg.row, self._stream, 0, pcm))

    def _command(self, message: m.Message) -> None:
        if not self._ended:
            self._leg.link.command(message)


Stream = Fork | Playout
