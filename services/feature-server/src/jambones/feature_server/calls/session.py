"""A call: the interpreter of its verbs, and nothing else.

One task runs `run()`. Each verb is a task of its own below it: ending a verb is cancelling that task. What happens
outside (a hang-up, a new script) only sets what comes next and cancels the current verb.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from jambones.common.tasks import cancel
from jambones.common.verbs.model import VerbModel
from jambones.common.verbs.play import Play
from jambones.common.verbs.say import Say
from jambones.feature_server.calls import in_dialog
from jambones.feature_server.calls.asking import Asking
from jambones.feature_server.calls.collaborators import Collaborators, HookFailed, VerbFailed, Verbs
from jambones.feature_server.calls.ending import Ending, one_line
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import (
    Answered,
    CallEvent,
    Ended,
    Held,
    Leg,
    LegGone,
    Listener,
    MediaEndpoint,
    Playback,
    Referral,
    Referred,
    Requested,
    Ringing,
)
from jambones.feature_server.calls.reasons import Cause, EndedBy, Kill
from jambones.feature_server.calls.state import CallStatus
from jambones.feature_server.calls.variables import Variables
from jambones.feature_server.verbs.registry import Needs, Runner, find_runner

if TYPE_CHECKING:
    from jambones.feature_server.verbs.bridged import Bridged
    from jambones.feature_server.verbs.listening import Listening

log = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_DURATION = 180 * 60.0
MOST_SCRIPTS = 100
"""Scripts that a call may get within `CIRCLE` seconds: an application that answers a hook with what leads to the same
hook at once would keep this process from its other calls."""
CIRCLE = 10.0


class CallSession(Asking):
    """One call under the control of its application."""

    def __init__(
        self, info: CallInfo, leg: Leg, kit: Collaborators, variables: Variables, *, max_duration: float = MAX_DURATION
    ) -> None:
        super().__init__(info, kit, variables)
        self.state = info.state
        self.leg = leg
        self.max_duration = max_duration
        """Seconds that the call may last from its answer on."""
        self.pending: deque[VerbModel] = deque()
        self.only: Collection[str] | None = None
        """The verbs that a new script may hold; None: any."""
        self.kill: Kill | None = None
        """Why the current verb is being ended."""
        self.ending: Ending | None = None
        self.playback: Playback | None = None
        """What the party hears now, for barge-in."""
        self.interrupted = False
        """The party has barged in on the current verb, which says nothing more."""
        self.background: dict[str, asyncio.Task[Any]] = {}
        self.streams: list[Listening] = []
        """The listens that run, for live control."""
        self.bridged: Bridged | None = None
        """The other party, while there is one."""
        self.on_refer: Callable[[Referral], None] | None = None
        """Takes a REFER of the far end; None: the hook that `config` set does."""
        self.log = log.bind(call_sid=info.call_sid, account_sid=info.account_sid)
        self._loop = asyncio.get_running_loop()
        self._deadline: asyncio.TimerHandle | None = None
        self._endpoint: MediaEndpoint | None = None
        self._answered_at: float | None = None
        self._opened = False  # the application has given its first script
        self._current: asyncio.Task[Any] | None = None
        self._more = asyncio.Event()
        self._listeners: list[Listener] = []
        self._scripts: deque[float] = deque(maxlen=MOST_SCRIPTS)

    # -- the loop ----------------------------------------------------------------------------------------------

    async def run(self, first: Callable[[], Awaitable[Verbs]]) -> Ending:
        """Fetch the first script with `first`, run verbs until script or call end, tell everybody, return why."""
        return await self.live(self.follow(first))

    async def live(self, life: Coroutine[Any, Any, None]) -> Ending:
        """Run `life`, everything between the first event of the leg and the end of the call; tell everybody, say why.

        `life` returns when the call is to end, by `ending` when there is one.
        """
        self.leg.listen(self._on_event)
        try:
            await life
            ending = self.ending or self._script_end()
        except asyncio.CancelledError:
            await self._finish(self.ending or Ending.platform(Cause.SHUTDOWN, status=503))
            raise
        except Exception:
            self.log.exception("call failed", verb=getattr(self.verb, "verb", None))
            ending = self.ending or Ending.platform(Cause.ERROR, status=500, tell=False)
        await self._finish(ending)
        return ending

    async def follow(self, first: Callable[[], Awaitable[Verbs]]) -> None:
        """Fetch the first script, and perform it."""
        self.pending.extend(await self.step(self._open(first)) or ())
        if self.ending is None:  # the script may have come from live control meanwhile
            self._opened = True
            if self.state.direction == "inbound":  # of a call that was placed it was told then
                self.kit.reporter.status()
        await self.perform()

    async def perform(self, *, stay: bool = True) -> None:
        """Run the verbs that are pending; with `stay` wait for more where the application may send some."""
        while self.ending is None and (verb := await self._next(stay)) is not None:
            await self.step(self._perform(verb))

    async def _open(self, first: Callable[[], Awaitable[Verbs]]) -> Verbs:
        try:
            return await first()
        except HookFailed as exc:
            self.kit.alerts.alert(self.info, exc.alert, exc.message, **exc.data)
            self.end(
                Ending(EndedBy.PLATFORM, Cause.HOOK_FAILED, exc.sip_status, "", (("X-Reason", one_line(exc.message)),))
            )
            return ()

    async def _next(self, stay: bool) -> VerbModel | None:
        while not self.pending and stay and self.kit.hooks.stays_open and self.ending is None:
            self._more.clear()
            await self.step(self._more.wait())
        return self.pending.popleft() if self.pending and self.ending is None else None

    async def step(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run `work` as the current task; None when it was cancelled by `end` or `replace`."""
        if self.ending is not None:
            work.close()
            return None
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
        self.verb, self.interrupted = verb, False
        runner = find_runner(type(verb))
        if runner is None:
            self.alert("invalid-app-payload", f"verb {verb.verb} is not available on this server; it was skipped")
            return
        self.kit.checkpoint.note(self)
        self.emit("starting", name=verb.verb)
        if not self._may(runner):
            self.log.debug("verb passed over", verb=verb.verb, answered=self.state.answered)
            return
        self.log.debug("verb starts", verb=verb.verb)
        try:
            with self.kit.timed(verb.verb):
                if runner.needs is Needs.MEDIA:
                    await self.media(early=runner.early(verb))
                await runner.run(verb, self)
        except VerbFailed as exc:
            self.alert(exc.alert, exc.message, **exc.data)
            return
        except LegGone:
            return  # its Ended event is here or on its way
        self.log.debug("verb finished", verb=verb.verb)
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
        # A call that came in is told of only when it was opened.
        refused = ending.cause == Cause.HOOK_FAILED and not self._opened and self.state.direction == "inbound"
        if self.state.direction == "inbound" and not self._opened and not refused:
            self.kit.reporter.status()  # it ended while its application was asked: still first things first
        if self.state.end(status, reason) and not refused:
            self.kit.reporter.status()
        self.kit.checkpoint.forget(self)
        await cancel(*self.background.values(), *self._sounds)
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
        if self.ending is None and self._goes_in_circles():
            self.alert("invalid-app-payload", f"more than {MOST_SCRIPTS} scripts in {CIRCLE:g} s: the call was ended")
            self.end(Ending.platform(Cause.CIRCLES, status=480))
        if self.ending is None:
            self.pending = deque(verb for verb in verbs if self.only is None or verb.verb in self.only)
            self._more.set()
            if self._current is not asyncio.current_task():
                self.stop_verb(Kill.REPLACED)

    def _goes_in_circles(self) -> bool:
        now, scripts = self._loop.time(), self._scripts
        full = len(scripts) == MOST_SCRIPTS and now - scripts[0] < CIRCLE
        scripts.append(now)
        return full

    def append(self, verbs: Verbs) -> None:
        """Put `verbs` at the end of the script."""
        self.pending.extend(verbs)
        self._more.set()

    def interrupt(self) -> None:
        """The party barges in: a `say` or `play` is over, also when it is not heard yet, and the script goes on."""
        if isinstance(self.verb, Say | Play) and self._current is not None:
            self.interrupted = True
            if self.playback is not None:
                self.meanwhile(self.playback.stop())

    def stop_verb(self, why: Kill) -> None:
        """End the current verb; the next one follows."""
        if self._current is not None:
            self.kill = why
            self._current.cancel()

    def _on_event(self, event: CallEvent) -> None:
        match event:
            case Ended():
                self.end(Ending.remote(event))
            case Ringing(status, reason, early):
                if self.state.move(CallStatus.EARLY_MEDIA if early else CallStatus.RINGING, status, reason):
                    self.kit.reporter.status()
            case Answered(endpoint):
                self.answered(endpoint)
            case Held() | Requested():
                in_dialog.requested(self, event)
            case Referred(referral):
                if self.on_refer is not None:
                    self.on_refer(referral)
                else:
                    self.beside(in_dialog.referred(self, self.variables.refer_hook, referral))
            case _:
                pass
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
            self.max_duration, self.end, Ending.platform(Cause.MAX_DURATION, status=480)
        )
        if self.state.move(CallStatus.IN_PROGRESS, 200, "OK"):
            self.kit.reporter.status()

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Pass the leg's events to `listener` inside the block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)
