"""The platform's collaborators for a scripted call: hooks into the application, clips that know their words."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from yarl import URL

from jambones.common.bus.calls import AlertType
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.parse import ScriptError, parse_script
from jambones.feature_server.calls.collaborators import Heard, HookFailed, HookKind, Hooks, VerbFailed, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.feature_server.calls.leg import SAMPLE_RATE, MediaEndpoint
from jambones.feature_server.calls.session import CallSession
from jambones.testing.application import BASE, Answering, HookRequest
from jambones.testing.sound import Sound

if TYPE_CHECKING:
    from jambones.testing.caller import Caller

FILE_SECONDS = 3.0
SUCCESS = frozenset({200, 202, 204})


class ScriptedHooks:
    """Asks the application in this process."""

    stays_open = False

    def __init__(self, app: Answering, caller: "Caller", hook: str) -> None:
        self._app = app
        self._caller = caller
        self._base = URL(hook) if URL(hook).is_absolute() else BASE.join(URL(hook))
        self._first = Hook(url=str(self._base))

    @property
    def credentials(self) -> tuple[str, str] | None:
        return None

    @property
    def base(self) -> str:
        return str(self._base)

    async def open(self, payload: Payload) -> Verbs:
        """The first hook of the call; no verbs are a failure here."""
        verbs = await self.ask("session:new", self._first, payload)
        if not verbs:
            raise HookFailed("invalid-app-payload", "the application returned no verbs")
        return verbs

    async def ask(self, kind: HookKind, hook: Hook, payload: Payload) -> Verbs:
        url = URL(hook.url)
        if not url.is_absolute():
            url = self._base.origin().join(URL("/" + hook.url.lstrip("/")))  # a path of the call hook is not kept
        path = url.raw_path_qs if url.origin() == BASE.origin() else str(url)
        request = HookRequest(path, hook.method, payload, kind)
        self._caller.requests.append(request)
        self._caller.note(f"{hook.method} {request.path}{_reason(payload)}")
        response = await self._app.ask(request)
        if response.status not in SUCCESS:
            raise HookFailed(
                "webhook-failure", f"{path.partition('?')[0]} answered {response.status}", status=response.status
            )
        if kind == "call:status" or not (isinstance(response.body, list) or kind == "session:new"):
            return ()
        try:
            return parse_script(response.body).verbs
        except ScriptError as exc:
            raise HookFailed("invalid-app-payload", str(exc)) from exc

    async def tell(self, kind: HookKind, hook: Hook, payload: Payload) -> None:
        await self.ask("call:status" if kind == "call:status" else kind, hook, payload)

    def rebase(self, hook: Hook) -> None:
        if URL(hook.url).is_absolute():
            self._base = URL(hook.url)

    def emit(self, kind: str, payload: Payload) -> None:
        return None

    def share(self) -> "ScriptedHooks":
        return self

    async def close(self) -> None:
        return None


def _reason(payload: Payload) -> str:
    shown = [str(payload[name]) for name in ("call_status", "reason", "digits") if name in payload]
    return f"  ({', '.join(shown)})"


class Witness:
    """Alerts, status events and checkpoints of one call, kept for the test to look at."""

    def __init__(
        self,
        info: CallInfo,
        caller: "Caller",
        hooks: ScriptedHooks,
        status_hook: str | None,
        statuses: list[dict[str, Any]] | None = None,
    ) -> None:
        self._info = info
        self._caller = caller
        self._statuses = caller.statuses if statuses is None else statuses
        self._hooks = hooks
        self._hook = None if status_hook is None else Hook(url=status_hook)
        self._queue: list[tuple[Hook, Payload]] = []
        self._sender: asyncio.Task[None] | None = None
        self.ending: Ending | None = None

    def alert(self, info: CallInfo, alert: AlertType, message: str, **data: Any) -> None:
        self._caller.alerts.append((alert, message))
        self._caller.note(f"alert {alert}: {message}")

    def status(self) -> None:
        payload = self._info.payload()
        self._statuses.append(payload)
        if self._hook is not None:
            self._queue.append((self._hook, payload))
            if self._sender is None or self._sender.done():
                self._sender = asyncio.get_running_loop().create_task(self._send())

    def redirect_status(self, hook: Hook) -> None:
        self._hook = hook

    def refresh(self) -> None:
        return None

    def of_leg(self, info: CallInfo, hooks: Hooks) -> "Witness":
        url = None if self._hook is None else self._hook.url
        callee = next(each for each in self._caller.dials if each.sip_call_id == info.sip_call_id)
        return Witness(info, self._caller, self._hooks, url, callee.statuses)

    async def done(self) -> None:
        if self._sender is not None:
            await self._sender

    def note(self, call: CallSession) -> None:
        return None

    def forget(self, call: CallSession) -> None:
        return None

    async def _send(self) -> None:
        while self._queue:
            hook, payload = self._queue.pop(0)
            try:
                await self._hooks.tell("call:status", hook, payload)
            except HookFailed as exc:
                self._caller.note(f"status hook failed: {exc}")


class Library:
    """Sound files, none of which is ever fetched."""

    def __init__(self, lengths: Mapping[str, float | None]) -> None:
        self._lengths = lengths

    async def clip(self, url: str) -> Sound:
        if url.startswith("silence_stream://"):
            return Sound(url, round(float(url.removeprefix("silence_stream://")) / 1000 * SAMPLE_RATE), silent=True)
        seconds = self._lengths.get(url, FILE_SECONDS)
        if seconds is None:
            raise VerbFailed("play-url-notfound", f"{url} was not found", url=url)
        return Sound(url, round(seconds * SAMPLE_RATE))

    async def decoded(self, data: bytes, name: str) -> Sound:
        """Only WAV files: how long it lasts is all that counts here."""
        try:
            with wave.open(io.BytesIO(data)) as file:
                return Sound(name, round(file.getnframes() * SAMPLE_RATE / file.getframerate()))
        except (wave.Error, EOFError) as exc:
            raise VerbFailed("play-url-notfound", f"not a WAV file: {exc}") from exc


class Speaker:
    """A voice that says exactly the text."""

    async def speak(
        self, text: str, call: CallSession, synthesizer: Any | None, *, cache: bool
    ) -> AsyncIterator[Sound]:
        yield Sound.spoken(text)


class Ears:
    """A recogniser that understands what the scripted caller says."""

    def __init__(self) -> None:
        self._listening: list[tuple[MediaEndpoint, ScriptedHearing]] = []

    async def listen(self, endpoint: MediaEndpoint, recognizer: Any | None, *, interim: bool) -> "ScriptedHearing":
        hearing = ScriptedHearing(self._forget, interim)
        self._listening.append((endpoint, hearing))
        return hearing

    def _forget(self, gone: "ScriptedHearing") -> None:
        self._listening = [(endpoint, hearing) for endpoint, hearing in self._listening if hearing is not gone]

    def hear(self, said_at: MediaEndpoint, words: str, *, confidence: float, final: bool) -> None:
        for hearing in [hearing for endpoint, hearing in self._listening if endpoint is said_at]:
            hearing.hear(words, confidence, final=final)


class ScriptedHearing:
    """One recognition that is going on."""

    def __init__(self, stopped: Any, interim: bool) -> None:
        self._stopped = stopped
        self._interim = interim
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue()

    def hear(self, words: str, confidence: float, *, final: bool) -> None:
        if final or self._interim:
            speech = {
                "language_code": "en-US",
                "channel_tag": 1,
                "is_final": final,
                "alternatives": [{"transcript": words, "confidence": confidence}],
                "vendor": {"name": "scripted", "evt": {}},
            }
            self._heard.put_nowait(Heard(speech, words, confidence, final))

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (heard := await self._heard.get()) is not None:
            yield heard

    async def stop(self) -> None:
        if self._stopped is not None:
            self._stopped(self)
            self._stopped = None
        self._heard.put_nowait(None)
