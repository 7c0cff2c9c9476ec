"""A scripted caller: it hears, presses, says and hangs up, and the application under test never knows."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from jambones.common.bus.calls import AlertType
from jambones.common.ids import AccountSid, ApplicationSid, CallSid, new_sid
from jambones.feature_server.calls.collaborators import Collaborators
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import Digit, Ended, Headers, LegGone, Listener, MediaEndpoint
from jambones.feature_server.calls.reasons import EndedBy
from jambones.feature_server.calls.session import MAX_DURATION, CallSession
from jambones.feature_server.calls.state import CallState
from jambones.feature_server.calls.variables import Variables
from jambones.testing.application import Answering, Application, HookRequest, answering
from jambones.testing.endpoint import ScriptedEndpoint
from jambones.testing.listening import Listener as AudioListener
from jambones.testing.listening import ListenSocket, ScriptedSockets
from jambones.testing.platform import Ears, Library, ScriptedHooks, Speaker, Witness
from jambones.testing.sound import Hearing
from jambones.testing.virtual_time import settle, virtual_time

PATIENCE = 120.0  # virtual seconds a caller listens for what it expects


@dataclass(frozen=True)
class Moment:
    """One line of the timeline."""

    at: float
    text: str

    def __str__(self) -> str:
        return f"{self.at:8.3f}  {self.text}"


class Caller:
    """The far end of one call: what it does and what it notices."""

    def __init__(self, clock: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._began = clock.time()
        self._changed = asyncio.Event()
        self._sounds: list[Hearing] = []
        self._cursor = 0
        self._listener: Listener | None = None
        self._ears: Ears | None = None
        self._endpoint = ScriptedEndpoint(self._on_sound, self._on_key)
        self.sip_call_id = f"{new_sid()}@caller.test"
        self.timeline: list[Moment] = []
        self.requests: list[HookRequest] = []
        """Every hook that was sent, in order, status events included."""
        self.statuses: list[dict[str, Any]] = []
        """The payloads of the status events, in order, whether or not the application wants them."""
        self.alerts: list[tuple[AlertType, str]] = []
        self.keys = ""
        """The keys the platform sent to the caller (verb dtmf)."""
        self.answered = False
        self.hears_early = False
        """Audio was opened before the answer (183)."""
        self.gone = False
        self.status: int | None = None
        """The final SIP status of a refused call."""
        self.reason: str | None = None
        self.headers: dict[str, str] = {}
        """The extra headers of the refusal or of the BYE."""
        self.sockets: list[ListenSocket] = []
        """The application's ends of every `listen`, in order."""
        self.ending: Ending | None = None
        """How the platform sees the end; set when the call is over."""

    # -- what the caller does ----------------------------------------------------------------------------------

    def presses(self, keys: str, *, duration_ms: int = 100) -> None:
        """Press `keys`, all at this moment."""
        self.note(f"presses {keys}")
        for key in keys:
            self._tell(Digit(key, duration_ms))

    def says(self, words: str, *, confidence: float = 0.9, final: bool = True) -> None:
        """Say `words`: the recogniser that listens, if any, understands exactly them."""
        self.note(f"says {words!r}")
        if self._ears is not None:
            self._ears.hear(words, confidence=confidence, final=final)

    def speaks(self, pcm: bytes) -> None:
        """Speak 16-bit linear audio at 8 kHz, in real time from now on; a `listen` that runs brings it."""
        self.note(f"speaks for {len(pcm) / 16000:.2f} s")
        self._endpoint.mouth.speak(pcm)

    def hangs_up(self, headers: Mapping[str, str] | None = None) -> None:
        """BYE, or CANCEL when the call was not answered; `headers` are its extra headers."""
        if self.gone:
            return
        self.note("hangs up")
        self.gone = True
        status, reason = (200, "OK") if self.answered else (487, "Request Terminated")
        self._tell(Ended(EndedBy.CALLER, status, reason, headers=dict(headers or {})))

    async def advance(self, seconds: float) -> None:
        """Let `seconds` of the call pass."""
        await asyncio.sleep(seconds)
        await settle()

    # -- what the caller notices -------------------------------------------------------------------------------

    async def hears(self, text: str | re.Pattern[str], *, within: float = PATIENCE) -> str:
        """Wait until something with `text` in it was heard to its end; what came before it may be anything.

        For played files the text is their URL. Returns all of what was said. Fails after `within` seconds, when the
        call ends first, and when the sound was cut off.
        """
        hearing = await self._expect(text, within)
        await self._until(lambda: hearing.ended is not None, within, f"{_shown(text)} to end")
        if not hearing.whole:
            raise AssertionError(self._told(f"{_shown(text)} was cut off"))
        await settle()
        return hearing.sound.text

    async def starts_hearing(self, text: str | re.Pattern[str], *, within: float = PATIENCE) -> str:
        """Wait until something with `text` in it begins, in order to interrupt it."""
        return (await self._expect(text, within)).sound.text

    async def hears_nothing(self, seconds: float) -> None:
        """Fails when a sound is heard within the next `seconds`."""
        before = len(self._sounds)
        playing = [hearing for hearing in self._sounds if hearing.ended is None and not hearing.sound.silent]
        await self.advance(seconds)
        new = [hearing for hearing in self._sounds[before:] if not hearing.sound.silent]
        if playing or new:
            raise AssertionError(self._told(f"expected silence, heard {(playing + new)[0].sound.text!r}"))

    async def is_answered(self, *, within: float = PATIENCE) -> None:
        """Wait until the call is answered."""
        await self._until(lambda: self.answered, within, "the call to be answered")

    async def is_hung_up_on(self, *, within: float = PATIENCE) -> Ending:
        """Wait until the platform ends or refuses the call."""
        await self._until(lambda: self.ending is not None, within, "the platform to hang up")
        assert self.ending is not None
        return self.ending

    @property
    def heard(self) -> list[str]:
        """What was heard so far, cut off or not."""
        return [hearing.sound.text for hearing in self._sounds if not hearing.sound.silent]

    @property
    def pushed(self) -> bytes:
        """The audio that applications pushed to the caller over their sockets, as they sent it."""
        return bytes(self._endpoint.pushed)

    @property
    def status_words(self) -> list[str]:
        """The status events in short: ["trying/100", "in-progress/200", …]."""
        return [f"{event['call_status']}/{event['sip_status']}" for event in self.statuses]

    def hooks(self, path: str | None = None) -> list[HookRequest]:
        """The hooks sent so far, all or those to `path`."""
        return [request for request in self.requests if path is None or request.path == path]

    @property
    def now(self) -> float:
        """Seconds since the call began."""
        return self._clock.time() - self._began

    def note(self, text: str) -> None:
        """Add a line to the timeline, which failures show."""
        self.timeline.append(Moment(self.now, text))
        self._changed.set()

    def told(self) -> str:
        """The timeline as text."""
        return "\n".join(str(moment) for moment in self.timeline)

    # -- the platform's side of the leg ------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        self._listener = listener

    async def early_media(self) -> MediaEndpoint:
        self._still_there()
        self.hears_early = True
        self.note("early media (183)")
        return self._endpoint

    async def answer(self) -> MediaEndpoint:
        self._still_there()
        self.answered = True
        self.note("answered (200)")
        return self._endpoint

    async def reject(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        self.gone, self.status, self.reason, self.headers = True, status, reason, dict(headers)
        self.note(f"refused ({status} {reason or ''})")

    async def hangup(self, headers: Headers = ()) -> None:
        self.gone, self.headers = True, dict(headers)
        self.note("the platform hangs up")

    def attach(self, ears: Ears) -> None:
        self._ears = ears

    # -- inside ------------------------------------------------------------------------------------------------

    def _still_there(self) -> None:
        if self.gone:
            raise LegGone

    def _tell(self, event: Digit | Ended) -> None:
        if self._listener is not None:
            self._listener(event)

    def _on_sound(self, hearing: Hearing) -> None:
        if hearing.ended is None:
            self._sounds.append(hearing)
            self.note(f"hears {hearing.sound.text!r}")
        elif not hearing.whole:
            self.note(f"  cut off: {hearing.sound.text!r}")
        self._changed.set()

    def _on_key(self, key: str) -> None:
        self.keys += key
        self.note(f"gets the key {key}")

    async def _expect(self, text: str | re.Pattern[str], within: float) -> Hearing:
        def found() -> bool:
            while self._cursor < len(self._sounds):
                self._cursor += 1
                if _matches(text, self._sounds[self._cursor - 1].sound.text):
                    return True
            return False

        await self._until(found, within, f"to hear {_shown(text)}")
        return self._sounds[self._cursor - 1]

    async def _until(self, condition: Any, within: float, what: str) -> None:
        try:
            async with asyncio.timeout(within):
                while not condition():
                    if self.ending is not None:
                        raise AssertionError(self._told(f"the call ended while waiting for {what}"))
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(self._told(f"waited {within} s for {what}")) from None

    def _told(self, problem: str) -> str:
        return f"{problem}\n\n{self.told()}"

    def over(self, ending: Ending) -> None:
        self.ending = ending
        self.note(f"over: {ending.by.value}, {ending.cause}")


def _matches(wanted: str | re.Pattern[str], text: str) -> bool:
    return wanted in text if isinstance(wanted, str) else wanted.search(text) is not None


def _shown(wanted: str | re.Pattern[str]) -> str:
    return repr(wanted if isinstance(wanted, str) else wanted.pattern)


@asynccontextmanager
async def call(
    application: Application,
    *,
    hook: str = "/",
    status_hook: str | None = None,
    from_: str = "+15550100001",
    to: str = "+15550100002",
    audio: Mapping[str, float | None] | None = None,
    attributes: Mapping[str, Any] | None = None,
    listeners: Mapping[str, AudioListener] | None = None,
    max_duration: float = MAX_DURATION,
) -> AsyncIterator[Caller]:
    """Call `application`: its `hook` is asked for verbs, they run, and the caller inside the block hears them.

    `audio` gives files a length in seconds, None for one that cannot be found; others last three seconds.
    `attributes` are added to the payload of the first hook. `listeners` stand at the other end of `listen`: a path or a
    whole URL, and a coroutine that gets the socket. Everything runs in virtual time. On leaving the block a
    call that goes on is hung up.
    """
    with virtual_time():
        async with answering(application) as app:
            caller = Caller(asyncio.get_running_loop())
            sockets = ScriptedSockets(listeners or {}, caller.sockets)
            session, hooks = _session(app, caller, hook, status_hook, from_, to, audio or {}, sockets, max_duration)
            task = asyncio.create_task(session.run(lambda: hooks.open(session.info.payload() | dict(attributes or {}))))
            task.add_done_callback(lambda done: None if done.cancelled() else caller.over(done.result()))
            try:
                await settle()
                yield caller
            except BaseException:
                task.cancel()
                raise
            finally:
                caller.hangs_up()
                await asyncio.wait((task,))
            await settle()


def _session(
    app: Answering,
    caller: Caller,
    hook: str,
    status_hook: str | None,
    from_: str,
    to: str,
    audio: Mapping[str, float | None],
    sockets: ScriptedSockets,
    max_duration: float,
) -> tuple[CallSession, ScriptedHooks]:
    info = CallInfo(
        call_sid=CallSid(new_sid()),
        account_sid=AccountSid(new_sid()),
        application_sid=ApplicationSid(new_sid()),
        from_=from_,
        to=to,
        sip_call_id=caller.sip_call_id,
        state=CallState("inbound"),
    )
    ears = Ears()
    caller.attach(ears)
    hooks = ScriptedHooks(app, caller, hook)
    witness = Witness(info, caller, hooks, status_hook)
    kit = Collaborators(
        hooks=hooks,
        audio=Library(audio),
        voice=Speaker(),
        ear=ears,
        alerts=witness,
        reporter=witness,
        checkpoint=witness,
        sockets=sockets,
    )
    return CallSession(info, caller, kit, Variables(), max_duration=max_duration), hooks
