"""The audio of a scripted call: sounds and keys to the caller, its voice to whoever listens."""

import asyncio
from collections.abc import Callable, Sequence

from jambones.feature_server.calls.leg import Clip, MarkTold, MediaEndpoint, Mix
from jambones.testing.listening import Mouth, ScriptedFork, ScriptedQueue
from jambones.testing.sound import Hearing, ScriptedPlayback, Sound


class ScriptedEndpoint:
    """A media endpoint at whose other end the scripted caller listens."""

    def __init__(self, heard: Callable[[Hearing], None], keys: Callable[[str], None]) -> None:
        self._heard = heard
        self._keys = keys
        self.mouth = Mouth()
        self.pushed = bytearray()
        """All audio that applications pushed, as they sent it."""
        self.bridged = False
        self.muted = False
        self.stays = ""
        """Why its audio cannot leave the platform's media engine; empty when it can."""
        self._peer: ScriptedEndpoint | None = None
        self._returned: Callable[[str], None] | None = None

    @property
    def released(self) -> bool:
        """Whether the party's audio goes past the platform's media engine now."""
        return self._returned is not None

    async def release(self, other: MediaEndpoint, returned: Callable[[str], None]) -> str:
        assert isinstance(other, ScriptedEndpoint)
        if why := self.stays or other.stays:
            return why
        self._returned = other._returned = returned
        return ""

    async def anchor(self) -> None:
        returned, self._returned = self._returned, None
        if returned is None:
            return
        if self._peer is not None:
            self._peer._returned = None
        returned("")

    @property
    def peer(self) -> "ScriptedEndpoint | None":
        """Who hears this party now, besides the platform."""
        return None if self.muted else self._peer

    async def bridge(self, other: MediaEndpoint) -> None:
        assert isinstance(other, ScriptedEndpoint)
        await self.anchor()
        await self.unbridge()
        await other.unbridge()
        self._peer, other._peer = other, self
        self.bridged = other.bridged = True

    async def unbridge(self) -> None:
        self._returned = None
        other, self._peer, self.bridged = self._peer, None, False
        if other is not None:
            other._peer, other.bridged = None, False

    async def mute(self, on: bool) -> None:
        await self.anchor()
        self.muted = on

    def overhear(self, words: str) -> None:
        """The other party says something, all at this moment."""
        now = asyncio.get_running_loop().time()
        hearing = Hearing(Sound.spoken(words), now)
        self._heard(hearing)
        hearing.ended, hearing.whole = now, True
        self._heard(hearing)

    def key(self, key: str) -> None:
        """The other party presses a key."""
        self._keys(key)

    async def play(
        self, clips: Sequence[Clip], *, loop: int | None = 1, offset: int = 0, limit: int | None = None
    ) -> ScriptedPlayback:
        await self.anchor()
        sounds = [clip if isinstance(clip, Sound) else Sound("", clip.samples) for clip in clips]
        return ScriptedPlayback(sounds, loop, offset, limit, self._heard)

    async def fork(self, mix: Mix, rate: int) -> ScriptedFork:
        await self.anchor()
        return self.mouth.fork(mix, rate)

    async def queue(self, rate: int, told: MarkTold) -> ScriptedQueue:
        await self.anchor()
        return ScriptedQueue(rate, told, self._heard, self.pushed)

    async def send_dtmf(self, digits: str, *, duration_ms: int) -> None:
        await self.anchor()
        for digit in digits:
            match digit:
                case "w":
                    await asyncio.sleep(0.5)
                case "W":
                    await asyncio.sleep(1.0)
                case _:
                    self._keys(digit)
                    await asyncio.sleep((duration_ms + 250) / 1000)
        await asyncio.sleep(0.75)
