"""What happened in a scripted call, line by line; failures show it."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """One line of the timeline."""

    at: float
    text: str

    def __str__(self) -> str:
        return f"{self.at:8.3f}  {self.text}"


class Timeline:
    """All parties of a call write into one."""

    def __init__(self, clock: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._began = clock.time()
        self._waiting: set[asyncio.Event] = set()
        self.moments: list[Moment] = []

    @property
    def now(self) -> float:
        """Seconds since the call began."""
        return self._clock.time() - self._began

    def note(self, text: str) -> None:
        self.moments.append(Moment(self.now, text))
        self.changed()

    def changed(self) -> None:
        """Wake those who wait for something to happen."""
        for event in self._waiting:
            event.set()

    async def until_changed(self) -> None:
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await event.wait()
        finally:
            self._waiting.discard(event)

    def __str__(self) -> str:
        return "\n".join(map(str, self.moments))
