"""A leg as the verb engine sees it: call events come out, call actions go in; no SIP, no RTP.

In production a leg is a SIP dialog and its endpoint a leg of the media engine. In tests it is a scripted caller.
Audio is counted in samples of 8 kHz throughout.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from jambones.feature_server.calls.reasons import EndedBy

SAMPLE_RATE = 8000

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Ringing:
    """The far end is alerted; `early` when it sends audio already (outbound legs)."""

    status: int = 180
    reason: str = "Ringing"
    early: bool = False
    endpoint: "MediaEndpoint | None" = None
    """The audio, when it comes early."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The far end has answered (outbound legs)."""

    endpoint: "MediaEndpoint"
    status: int = 200
    reason: str = "OK"


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is gone. The last event of a leg, and it comes once."""

    by: EndedBy
    status: int
    reason: str
    cause: str = ""
    """Why, in our own words, when it was neither a person nor the script: "media lost"."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The extra headers of the far end's last request, as received."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed and let go."""

    digit: str
    duration_ms: int

    def __repr__(self) -> str:
        return "Digit(...)"  # what callers key in is often a secret


@dataclass(frozen=True, slots=True)
class Voice:
    """The party started or stopped talking."""

    active: bool


@dataclass(frozen=True, slots=True)
class InDialog:
    """A request of the far end inside the call, as applications get it."""

    method: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """The far end has put us on hold, or taken us back."""

    on: bool
    request: InDialog = InDialog("INVITE")


@dataclass(frozen=True, slots=True)
class Requested:
    """INFO, MESSAGE or NOTIFY of the far end; it is answered already."""

    request: InDialog


class Referral(Protocol):
    """The far end asks us to go elsewhere (REFER), and waits for what we say."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What applications are told of it: sip_refer_to, refer_to_user and so on."""

    async def accept(self) -> None:
        """202, and the news that it is done. May raise LegGone."""

    async def refuse(self, status: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Referred:
    """A REFER came. Whoever takes it accepts or refuses it."""

    referral: Referral


@dataclass(frozen=True, slots=True)
class Transferred:
    """The far end tells how far our REFER has got; `status` is that of its call to the target, if it says."""

    status: int | None
    over: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """The final answer to a request of ours."""

    status: int
    reason: str


CallEvent = Ringing | Answered | Ended | Digit | Voice | Held | Requested | Referred | Transferred
Listener = Callable[[CallEvent], None]


@dataclass(frozen=True, slots=True)
class Played:
    """How a playback ended. `offset` is where in its list of clips it stopped, to go on from there."""

    samples: int
    offset: int
    reason: Literal["done", "stopped", "lost"]


class Clip(Protocol):
    """Decoded audio, ready to play."""

    @property
    def samples(self) -> int: ...


class Playback(Protocol):
    """Audio that is being played to the party."""

    async def wait(self) -> Played:
        """Wait until it ends. Cancelling this wait does not stop the playback."""

    async def stop(self) -> Played:
        """Stop within a frame; harmless when it has ended."""


Mix = Literal["mono", "mixed", "stereo"]
MarkTold = Callable[[str, bool], None]
"""Told of a mark: its name, and whether the audio before it was played or forgotten."""


@dataclass(frozen=True, slots=True)
class Lost:
    """So many frames of a fork were dropped, because nobody took them in time."""

    frames: int


class AudioFork(Protocol):
    """What is heard on a leg, as 20 ms frames of 16-bit linear audio; ends when it is stopped or the leg is gone."""

    def __aiter__(self) -> AsyncIterator[bytes | Lost]: ...

    def set(self, mode: Literal["on", "pause", "silence"]) -> None:
        """Go on, give no frames, or give frames of zeros."""

    def stop(self) -> None: ...


class AudioQueue(Protocol):
    """16-bit linear audio that is played to the party as it comes."""

    @property
    def marks(self) -> int:
        """How many marks are outstanding."""

    async def push(self, pcm: bytes) -> None:
        """Append audio; an odd byte belongs to the next."""

    def mark(self, name: str) -> None:
        """Tell when all that was pushed before has been played."""

    def clear(self, *, audio: bool = True) -> None:
        """Forget the marks and, unless `audio` is false, what waits."""

    def stop(self) -> None: ...


class MediaEndpoint(Protocol):
    """The audio of a leg."""

    async def play(
        self, clips: Sequence[Clip], *, loop: int | None = 1, offset: int = 0, limit: int | None = None
    ) -> Playback:
        """Play `clips` one after another, the whole list `loop` times (None: for ever).

        `offset` skips so many samples of the first round, `limit` ends it after so many samples.
        """

    async def send_dtmf(self, digits: str, *, duration_ms: int) -> None:
        """Send keys to the party, "w" and "W" being pauses of 0.5 and 1 s; returns when they have been sent."""

    async def fork(self, mix: Mix, rate: int) -> AudioFork:
        """What is heard: the party (mono), the sum with what it hears (mixed), or both, the party left (stereo)."""

    async def queue(self, rate: int, told: MarkTold) -> AudioQueue:
        """A queue of mono audio at `rate` Hz; `told` hears of its marks."""

    async def bridge(self, other: "MediaEndpoint") -> None:
        """Each party hears the other, keys included; what plays to one of them is heard instead. May raise LegGone."""

    async def unbridge(self) -> None:
        """Harmless when it is not bridged, or gone; released audio of this party comes back."""

    @property
    def released(self) -> bool:
        """Whether its audio goes past the media engine now."""

    async def release(self, other: "MediaEndpoint", returned: Callable[[str], None]) -> str:
        """Let the audio of two that are bridged go past the media engine, keys included; why not, or nothing.

        Whatever is asked of an endpoint later brings it back first; `returned` hears of that, and why it shall stay
        from then on, if it shall. May raise LegGone.
        """

    async def anchor(self) -> None:
        """Bring the audio back, of the other one too: they are bridged as before. May raise LegGone."""

    async def mute(self, on: bool) -> None:
        """Nobody hears the party."""


class LegGone(Exception):
    """The leg ended while we wanted something from it."""


class Leg(Protocol):
    """One party of a call. Every method may raise LegGone."""

    @property
    def sip_call_id(self) -> str: ...

    def listen(self, listener: Listener) -> None:
        """Pass every event from now on to `listener`, which must not block. One listener."""

    async def early_media(self) -> MediaEndpoint:
        """Open the audio before answering (183 with SDP)."""

    async def answer(self) -> MediaEndpoint:
        """Answer (200 with SDP); keeps the endpoint that early media opened."""

    async def reject(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse a call that was not answered. No Ended event follows."""

    async def hangup(self, headers: Headers = ()) -> None:
        """End the leg, answered or not, and return when the far end has been told. No Ended event follows."""

    async def request(
        self, method: str, *, headers: Headers = (), body: str = "", content_type: str | None = None
    ) -> Reply:
        """Send a request inside the call; its final answer."""

    async def refer(self, to: str, *, by: str | None, by_name: str | None, headers: Headers = ()) -> Reply:
        """Ask the far end to call `to` (a URI, or a number or user at its own host) instead; Transferred events follow.

        Raises BadTarget.
        """
