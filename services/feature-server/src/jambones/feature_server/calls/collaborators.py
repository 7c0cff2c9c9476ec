"""What a call works with, as the session declares it: hooks, audio, voice, ear, reporter, checkpoint, alerts."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from jambones.common.bus.calls import AlertType
from jambones.common.errors import JambonesError
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.model import VerbModel
from jambones.common.verbs.speech import Recognizer, Synthesizer
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.feature_server.calls.leg import Clip, MediaEndpoint

if TYPE_CHECKING:
    from jambones.feature_server.calls.ending import Ending
    from jambones.feature_server.calls.outbound import Dialer
    from jambones.feature_server.calls.session import CallSession

HookKind = Literal["session:new", "session:redirect", "session:adulting", "dial:confirm", "verb:hook", "call:status"]
Verbs = Sequence[VerbModel]
"""Parsed verbs, in order."""


class VerbFailed(JambonesError):
    """A verb cannot do its work; the script goes on with the next one. Becomes an alert."""

    reason = "verb failed"

    def __init__(self, alert: AlertType, message: str, **data: Any) -> None:
        super().__init__(message, **data)
        self.alert = alert


class HookFailed(JambonesError):
    """The application did not answer, or not with anything usable. Becomes an alert."""

    sip_status = 480
    http_status = 502
    reason = "hook failed"

    def __init__(self, alert: AlertType, message: str, **data: Any) -> None:
        super().__init__(message, **data)
        self.alert = alert


class Hooks(Protocol):
    """The application behind a call. One object a call."""

    @property
    def stays_open(self) -> bool:
        """The application may send verbs unasked, so a call whose script has run out waits for more."""

    @property
    def base(self) -> str:
        """The URL that relative hooks belong to."""

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of relative hooks."""

    async def ask(self, kind: HookKind, hook: Hook, payload: Payload) -> Verbs:
        """Send `payload`, return the verbs of the answer; empty means no instructions. Raises HookFailed."""

    async def tell(self, kind: HookKind, hook: Hook, payload: Payload) -> None:
        """Send `payload`; the answer does not matter. Raises HookFailed."""

    def rebase(self, hook: Hook) -> None:
        """`redirect` went to `hook`: relative hooks belong to its origin from now on."""

    def emit(self, kind: str, payload: Payload) -> None:
        """Show an event to an application on a socket; nothing over HTTP."""

    def share(self) -> "Hooks":
        """The same application, for another leg of this call: its own object, whose close leaves this one open."""

    async def close(self) -> None: ...


class Audio(Protocol):
    """Where the sound files of applications come from."""

    async def clip(self, url: str) -> Clip:
        """The audio at `url`, decoded. Raises VerbFailed("play-url-notfound")."""

    async def decoded(self, data: bytes, name: str) -> Clip:
        """A sound file that is here already; `name` is for people. Raises VerbFailed."""


class AudioSocket(Protocol):
    """An application's WebSocket for audio."""

    async def send(self, frame: str | bytes) -> None:
        """Raises ConnectionError when it is closed."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """The frames that come, until it is closed."""


class AudioSockets(Protocol):
    """Connects to applications' audio sockets."""

    def open(self, url: str, auth: tuple[str, str] | None) -> AbstractAsyncContextManager[AudioSocket]:
        """Connected inside the block; `auth` is user and password. Raises VerbFailed."""


class Voice(Protocol):
    """Text to speech."""

    def speak(
        self, text: str, call: "CallSession", synthesizer: Synthesizer | None, *, cache: bool
    ) -> AsyncIterator[Clip]:
        """The clips of `text` in order, each as soon as it is there. Raises VerbFailed."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser understood."""

    speech: Mapping[str, Any]
    """The normalised transcript, as applications get it."""
    transcript: str
    confidence: float
    final: bool


class Hearing(Protocol):
    """Speech recognition that is going on."""

    def __aiter__(self) -> AsyncIterator[Heard]: ...

    async def stop(self) -> None: ...


class Ear(Protocol):
    """Speech to text."""

    async def listen(self, endpoint: MediaEndpoint, recognizer: Recognizer | None, *, interim: bool) -> Hearing:
        """Start recognising what the party says. Raises VerbFailed("no-stt") or ("stt-failure")."""


class Alerts(Protocol):
    """What tenants should know of."""

    def alert(self, info: CallInfo, alert: AlertType, message: str, **data: Any) -> None: ...


class Reporter(Protocol):
    """Tells the world how a call goes. Nothing here waits."""

    ending: "Ending | None"
    """Set before the last status: who ended the call, and why."""

    def status(self) -> None:
        """The state has changed."""

    def redirect_status(self, hook: Hook) -> None:
        """Status events go to `hook` from now on."""

    def refresh(self) -> None:
        """The call is still alive."""

    def of_leg(self, info: CallInfo, hooks: Hooks) -> "Reporter":
        """The reporter of another leg of this call, whose events go to the same hook."""

    async def done(self) -> None:
        """Wait until everything has been told, or has failed to be."""


class Checkpoint(Protocol):
    """Keeps what another node would need to go on with a call. Nothing here waits."""

    def note(self, call: "CallSession") -> None:
        """A verb begins."""

    def forget(self, call: "CallSession") -> None:
        """The call is over."""


@dataclass(frozen=True, slots=True)
class Collaborators:
    """Everything a session needs besides its leg."""

    hooks: Hooks
    audio: Audio
    voice: Voice | None
    ear: Ear | None
    alerts: Alerts
    reporter: Reporter
    checkpoint: Checkpoint
    sockets: AudioSockets | None = None
    dialer: "Dialer | None" = None
    media_release: bool = True
    """Whether the audio of bridged parties may leave the media engine."""
    timed: Callable[[str], AbstractContextManager[object]] = nullcontext
    """The verb of this name runs inside the block."""
