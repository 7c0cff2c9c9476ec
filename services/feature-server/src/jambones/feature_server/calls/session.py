"""A call: the interpreter of its verbs, and nothing else.

One task runs `run()`. Each verb is a task of its own below it: ending a verb is cancelling that task. What happens
outside (a hang-up, a new script) only sets what comes next and cancels the current verb.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from jambones.common.bus.calls import AlertType
from jambones.common.tasks import cancel
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.model import VerbModel
from jambones.feature_server.calls.collaborators import Collaborators, HookFailed, HookKind, VerbFailed, Verbs
from jambones.feature_server.calls.ending import Ending, one_line
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import CallEvent, Ended, Leg, LegGone, Listener, MediaEndpoint, Playback
from jambones.feature_server.calls.reasons import Cause, EndedBy, Kill
from jambones.feature_server.calls.state import CallStatus
from jambones.feature_server.calls.variables import Variables
from jambones.feature_server.verbs.registry import Needs, Runner, find_runner

if TYPE_CHECKING:
    from jambones.feature_server.verbs.listening import Listening

log = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_DURATION = 180 * 60.0


class CallSession:
    """One call under the control of its application."""

    def __init__(
        self, info: CallInfo, leg: Leg, kit: Collaborators, variables: Variables, *, max_duration: float = MAX_DURATION
    ) -> None:
        self.info = info
        self.state = info.state
        self.leg = leg
        self.kit = kit
        self.variables = variables
        self.pending: deque[VerbModel] = deque()
        self.verb: VerbModel | None = None
        self.kill: Kill | None = None
        """Why the current verb is being ended."""
        self.ending: Ending | None = None
        self.playback: Playback | None = None
        """What the party hears now, for barge-in."""
        self.background: dict[str, asyncio.Task[Any]] = {}
        self.streams: list[Listening] = []
        """The listens that run, for live control."""
        self.log = log.bind(call_sid=info.call_sid, account_sid=info.account_sid)
        self._loop = asyncio.get_running_loop()
        self._max_duration = max_duration
        self._deadline: asyncio.TimerHandle | None = None
        self._endpoint: MediaEndpoint | None = None
        self._answered_at: float | None = None
        self._opened = False  # the application has given its first script
        self._current: asyncio.Task[Any] | None = None
        self._more = asyncio.Event()
        self._listeners: list[Listener] = []
        self._notices: set[asyncio.Task[Any]] = set()

    # -- the loop ----------------------------------------------------------------------------------------------

    async def run(self, first: Callable[[], Awaitable[Verbs]]) -> Ending:
        """Fetch the first script with `first`, run verbs until script or call end, tell everybody, return why."""
        self.leg.listen(self._on_event)
        try:
            self.pending.extend(await self._step(self._open(first)) or ())
            while self.ending is None and (verb := await self._next()) is not None:
                await self._step(self._perform(verb))
            ending = self.ending or self._script_end()
        except asyncio.CancelledError:
            await self._finish(self.ending or Ending.platform(Cause.SHUTDOWN, status=503))
            raise
        except Exception:
            self.log.exception("call failed", verb=getattr(self.verb, "verb", None))
            ending = self.ending or Ending.platform(Cause.ERROR, status=500, tell=False)
        await self._finish(ending)
        return ending

    async def _open(self, first: Callable[[], Awaitable[Verbs]]) -> Verbs:
        try:
            verbs = await first()
        except HookFailed as exc:
            self.kit.alerts.alert(self.info, exc.alert, exc.message, **exc.data)
            self.end(
                Ending(EndedBy.PLATFORM, Cause.HOOK_FAILED, exc.sip_status, "", (("X-Reason", one_line(exc.message)),))
            )
            return ()
        self._opened = True
        self.kit.reporter.status()
        return verbs

    async def _next(self) -> VerbModel | None:
        while not self.pending and self.kit.hooks.stays_open and self.ending is None:
            self._more.clear()
            await self._step(self._more.wait())
        return self.pending.popleft() if self.pending and self.ending is None else None

    async def _step(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run `work` as the current task; None when it was cancelled by `end` or `replace`."""
        self.kill = None
        task = self._current = self._loop.create_task(work)
        try:
            await asyncio.wait((task,))
        finally:
            self._current = None
            if not task.done():
                await cancel(task)
        return None if task.cancelled() else task.result()

    async def _perform(self, verb: VerbModel) -> None:
        self.verb = verb
        runner = find_runner(type(verb))
        if runner is None:
            self.alert("invalid-app-payload", f"verb {verb.verb} is not available on this server; it was skipped")
            return
        self.kit.checkpoint.note(self)
        self.emit("starting", name=verb.verb)
        if not self._may(runner):
            return
        try:
            if runner.needs is Needs.MEDIA:
                await self.media(early=runner.early(verb))
            await runner.run(verb, self)
        except VerbFailed as exc:
            self.alert(exc.alert, exc.message, **exc.data)
            return
        except LegGone:
            return  # its Ended event is here or on its way
        self.emit("finished", name=verb.verb)

    def _may(self, runner: Runner) -> bool:
        match runner.needs:
            case Needs.ANSWERED:
                return self.state.answered
            case Needs.UNANSWERED:
                return not self.state.answered
        return True

    def _script_end(self) -> Ending:
        if self.state.answered:
            return Ending.platform(Cause.SCRIPT_END, tell=False)
        return Ending.platform(Cause.SCRIPT_END_UNANSWERED, status=603, reason="Decline", tell=False)

    async def _finish(self, ending: Ending) -> None:
        self.ending = self.kit.reporter.ending = ending
        if self._deadline is not None:
            self._deadline.cancel()
        info = self.info
        if self._answered_at is not None:
            info.duration = round(self._loop.time() - self._answered_at)
        if self.state.answered:
            info.terminated_by = ending.by.terminated_by
            info.bye_headers = ending.received
        status, reason = (200, "OK") if self.state.answered else (ending.status, ending.reason)
        was_answered = self.state.answered
        refused = ending.cause == Cause.HOOK_FAILED and not self._opened  # such a call was never told of
        if self.state.end(status, reason) and not refused:
            self.kit.reporter.status()
        self.kit.checkpoint.forget(self)
        if self.background:
            await cancel(*self.background.values())
        try:
            if not ending.gone and was_answered:
                await self.leg.hangup(ending.headers)
            elif not ending.gone:
                await self.leg.reject(ending.status, ending.reason or None, ending.headers)
        except LegGone:
            pass
        if self._notices:
            await asyncio.wait(self._notices)
        await self.kit.hooks.close()

    # -- what happens from outside -----------------------------------------------------------------------------

    def end(self, ending: Ending) -> None:
        """End the call, now. The first reason counts."""
        if self.ending is None:
            self.ending = ending
            self.stop_verb(Kill.HANGUP)

    def replace(self, verbs: Verbs) -> None:
        """Forget the script and go on with `verbs`. A verb that brought them itself ends by itself."""
        if self.ending is None:
            self.pending = deque(verbs)
            self._more.set()
            if self._current is not asyncio.current_task():
                self.stop_verb(Kill.REPLACED)

    def append(self, verbs: Verbs) -> None:
        """Put `verbs` at the end of the script."""
        self.pending.extend(verbs)
        self._more.set()

    def stop_verb(self, why: Kill) -> None:
        """End the current verb; the next one follows."""
        if self._current is not None:
            self.kill = why
            self._current.cancel()

    def _on_event(self, event: CallEvent) -> None:
        if isinstance(event, Ended):
            self.end(Ending.remote(event))
        for listener in tuple(self._listeners):
            listener(event)

    # -- what verbs use ----------------------------------------------------------------------------------------

    async def media(self, *, early: bool = False) -> MediaEndpoint:
        """The call's audio. Answers the call, unless `early` media will do and it is not answered yet."""
        if self.state.answered:
            assert self._endpoint is not None
            return self._endpoint
        if early:
            self._endpoint = self._endpoint or await self.leg.early_media()
            return self._endpoint
        self._endpoint = await self.leg.answer()
        self.answered()
        return self._endpoint

    def answered(self, endpoint: MediaEndpoint | None = None) -> None:
        """The call is answered, from here or (with the endpoint) by the far end."""
        self._endpoint = endpoint or self._endpoint
        self._answered_at = self._loop.time()
        self._deadline = self._loop.call_later(
            self._max_duration, self.end, Ending.platform(Cause.MAX_DURATION, status=480)
        )
        if self.state.move(CallStatus.IN_PROGRESS, 200, "OK"):
            self.kit.reporter.status()

    async def ask(self, hook: Hook | None, kind: HookKind = "verb:hook", *, fatal: bool = False, **extra: Any) -> bool:
        """Post the current verb's action hook; verbs in the answer replace the script. True when they did.

        A failing hook is an alert, and the end of the call when it is `fatal`.
        """
        if hook is None:
            return False
        try:
            verbs = await self.kit.hooks.ask(kind, hook, self._payload(extra))
        except HookFailed as exc:
            self.alert(exc.alert, exc.message, **exc.data)
            if fatal:
                self.end(Ending.platform(Cause.HOOK_FAILED, status=480, tell=False))
            return False
        if verbs:
            self.replace(verbs)
        return bool(verbs)

    def tell(self, hook: Hook | None, kind: HookKind = "verb:hook", **extra: Any) -> None:
        """Post a notification beside the script: nobody waits for it and its answer does not matter."""
        if hook is None:
            return
        task = self._loop.create_task(self._notify(kind, hook, self._payload(extra)))
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _notify(self, kind: HookKind, hook: Hook, payload: dict[str, Any]) -> None:
        try:
            await self.kit.hooks.tell(kind, hook, payload)
        except HookFailed as exc:
            self.alert(exc.alert, exc.message, **exc.data)

    def _payload(self, extra: dict[str, Any]) -> dict[str, Any]:
        payload = self.info.payload()
        verb_id = self.verb.id if self.verb is not None else None
        if verb_id is not None:
            payload["verb_id"] = verb_id
        payload.update(extra)
        return payload

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Pass the leg's events to `listener` inside the block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def alert(self, alert: AlertType, message: str, **data: Any) -> None:
        """Write an alert for the tenant."""
        self.kit.alerts.alert(self.info, alert, message, **data)

    def emit(self, event: str, **data: Any) -> None:
        """Show the progress of a verb to an application on a socket that asked for it."""
        if self.variables.notify_events:
            verb_id = self.verb.id if self.verb is not None else None
            ids = {} if verb_id is None else {"id": verb_id}
            self.kit.hooks.emit("verb:status", {"event": event, **ids, **data})
