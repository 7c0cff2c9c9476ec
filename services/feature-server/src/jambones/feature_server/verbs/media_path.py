"""Where the audio of two bridged parties goes: through the media engine, or past it where nothing needs it here.

`reasons` is the decision, a function of facts. Around it, one task a bridge looks again whenever something has changed.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

from jambones.common.tasks import cancel
from jambones.common.verbs.dial import Dial
from jambones.feature_server.calls.bypass import BUSY
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.calls.session import CallSession

Path = Literal["full-media", "partial-media", "no-media"]
PATHS: frozenset[str] = frozenset(get_args(Path))
FIRST_LOOK = 2.0
"""Seconds after two were bridged: what moving the audio costs comes back only in a call of about a minute, and most
calls that nobody really answers are over by then."""
NEXT_LOOK = 5.0
"""Seconds after the last need has gone: what comes in a row shall not move the audio each time."""
TRIES = 3
"""How often offers of the two sides may cross before the audio stays."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides."""

    allowed: bool = True
    """The operator's setting."""
    wished: Path | None = None
    """What live control asked for; it goes before the verb's own wish."""
    anchored: bool = False
    """The verb's `anchorMedia`."""
    listens: bool = False
    captures: bool = False
    """Keys are to be told to a hook."""
    background: bool = False
    """Something runs beside the script of one of the two: a listen, a gather."""
    holds: bool = False
    muted: bool = False
    needs: tuple[str, ...] = ()
    """What has the audio for a moment: "whisper"."""
    refused: str = ""
    """Why it did not work, when it was tried."""


def reasons(facts: Facts) -> tuple[str, ...]:
    """Why the audio stays at the media engine; empty when it may go past it."""
    found = (
        (not facts.allowed, "switched off"),
        (facts.wished == "full-media", "media_path"),
        (facts.wished is None and facts.anchored, "anchorMedia"),
        (facts.listens, "listen"),
        (facts.captures, "dtmfCapture"),
        (facts.background, "background"),
        (facts.holds, "hold"),
        (facts.muted, "mute"),
        *((True, need) for need in sorted(facts.needs)),
        (bool(facts.refused), facts.refused),
    )
    return tuple(reason for holds, reason in found if holds)


class MediaPath:
    """Of one bridge. `open` it when the two hear each other, `close` it when they no longer do."""

    def __init__(self, verb: Dial, a: CallSession, b: CallSession) -> None:
        self._verb, self._a, self._b = verb, a, b
        self.stays: tuple[str, ...] = ("just bridged",)
        """Why the audio is here; empty when it goes past."""
        self.holds = self.muted = False
        self._wished: Path | None = None
        self._needs: Counter[str] = Counter()
        self._refused = ""
        self._tries = TRIES
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def now(self) -> Path:
        return "full-media" if self.stays else "partial-media"

    def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._look_again())

    async def close(self) -> None:
        if self._task is not None:
            await cancel(self._task)

    def look(self) -> None:
        """Something has changed."""
        self._changed.set()

    async def wish(self, path: Path) -> None:
        """Live control: for the rest of the bridge. Raises LegGone."""
        self._wished, self._refused, self._tries = path, "", TRIES
        if path == "full-media":
            await self._here()
        if path == "no-media":
            tell_of_no_media(self._a, "media_path no-media")
        self.look()

    @contextmanager
    def needed(self, why: str) -> Iterator[None]:
        """The audio stays inside the block; it comes when somebody wants it of an endpoint."""
        self._needs[why] += 1
        try:
            yield
        finally:
            self._needs[why] -= 1
            self.look()

    def facts(self) -> Facts:
        verb, both = self._verb, (self._a, self._b)
        return Facts(
            allowed=self._a.kit.media_release,
            wished=self._wished,
            anchored=verb.anchor_media,
            listens=verb.listen is not None or any(call.streams for call in both),
            captures=verb.dtmf_hook is not None and verb.dtmf_capture is not None,
            background=any(call.background for call in both),
            holds=self.holds,
            muted=self.muted,
            needs=tuple(+self._needs),
            refused=self._refused,
        )

    async def _look_again(self) -> None:
        wait = FIRST_LOOK
        while True:
            await asyncio.sleep(wait)
            wait = NEXT_LOOK
            self._changed.clear()
            try:
                await self._decide()
            except LegGone:
                return  # whoever follows the legs ends the bridge
            await self._changed.wait()

    async def _decide(self) -> None:
        a, b = await self._a.media(), await self._b.media()
        stays = reasons(self.facts())
        if not stays and not a.released:
            refused = await a.release(b, self._returned)
            if refused == BUSY and self._tries > 1:
                self._tries -= 1
                self.look()
            elif refused and refused != "hold":  # that one ends, the others are for good
                self._refused = refused
            stays = (refused,) if refused else ()
        elif stays and a.released:
            await a.anchor()
        self._note(stays)

    async def _here(self) -> None:
        await (await self._a.media()).anchor()

    def _returned(self, why: str) -> None:
        """Somebody wanted the audio, or it had to come back."""
        self._refused = why or self._refused
        self._note((why,) if why else tuple(+self._needs) or ("wanted",))
        self.look()

    def _note(self, stays: tuple[str, ...]) -> None:
        if stays != self.stays:
            self.stays = stays
            self._a.log.info("media path", path=self.now, reasons=stays, other_call_sid=self._b.info.call_sid)


def tell_of_no_media(call: CallSession, wish: str) -> None:
    """The audio of two parties always passes the platform's rtpengines."""
    call.alert("invalid-app-payload", f"{wish}: audio leaves the media engine, but not the platform (partial-media)")
