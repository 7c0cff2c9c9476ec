"""A scripted caller: it hears, presses, says and hangs up, and the application under test never knows."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from jambones.common.bus.calls import AlertType
from jambones.common.ids import AccountSid, ApplicationSid, CallSid, new_sid
from jambones.feature_server.calls.collaborators import Collaborators
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import Headers, MediaEndpoint
from jambones.feature_server.calls.session import MAX_DURATION, CallSession
from jambones.feature_server.calls.state import CallState
from jambones.feature_server.calls.variables import Variables
from jambones.testing.application import Answering, Application, HookRequest, answering
from jambones.testing.callee import Callee, ScriptedDialer
from jambones.testing.listening import Listener as AudioListener
from jambones.testing.listening import ListenSocket, ScriptedSockets
from jambones.testing.party import PATIENCE, Party
from jambones.testing.platform import Ears, Library, ScriptedHooks, Speaker, Witness
from jambones.testing.timeline import Moment, Timeline
from jambones.testing.virtual_time import settle, virtual_time


class Caller(Party):
    """The far end of one call: what it does and what it notices."""

    def __init__(self, clock: asyncio.AbstractEventLoop) -> None:
        super().__init__("", Timeline(clock))
        self.sip_call_id = f"{new_sid()}@caller.test"
        self.requests: list[HookRequest] = []
        """Every hook that was sent, in order, status events included."""
        self.alerts: list[tuple[AlertType, str]] = []
        self.hears_early = False
        """Audio was opened before the answer (183)."""
        self.sockets: list[ListenSocket] = []
        """The application's ends of every `listen`, in order."""
        self.dials: list[Callee] = []
        """Whom the application had called, in order."""

    async def callee(self, to: str | None = None, *, within: float = PATIENCE) -> Callee:
        """Wait until the application has `to` called: a number, a user or a SIP URI; None: anybody. Each call once."""

        def found() -> Callee | None:
            return next((each for each in self.dials if not each.met and to in (None, each.to)), None)

        await self._until(lambda: found() is not None, within, f"a call to {to or 'somebody'}")
        callee = found()
        assert callee is not None
        callee.met = True
        await settle()  # whoever placed the call listens to it from then on
        return callee

    def hooks(self, path: str | None = None) -> list[HookRequest]:
        """The hooks sent so far, all or those to `path`."""
        return [request for request in self.requests if path is None or request.path == path]

    @property
    def timeline(self) -> list[Moment]:
        """What happened, all parties' doings together."""
        return self._timeline.moments

    @property
    def timeline_of_all(self) -> Timeline:
        return self._timeline

    @property
    def now(self) -> float:
        """Seconds since the call began."""
        return self._timeline.now

    # -- the platform's side of the leg ------------------------------------------------------------------------

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
    nobody_to_dial: bool = False,
) -> AsyncIterator[Caller]:
    """Call `application`: its `hook` is asked for verbs, they run, and the caller inside the block hears them.

    `audio` gives files a length in seconds, None for one that cannot be found; others last three seconds.
    `attributes` are added to the payload of the first hook. `listeners` stand at the other end of `listen`: a path or a
    whole URL, and a coroutine that gets the socket. With `nobody_to_dial` every call of a `dial` fails before it is
    sent, as on a platform without an egress. Everything runs in virtual time. On leaving the block a call that goes on
    is hung up.
    """
    with virtual_time():
        async with answering(application) as app:
            caller = Caller(asyncio.get_running_loop())
            sockets = ScriptedSockets(listeners or {}, caller.sockets)
            session, hooks = _session(
                app, caller, hook, status_hook, from_, to, audio or {}, sockets, max_duration, not nobody_to_dial
            )
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
                for callee in caller.dials:
                    await callee.done()
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
    egress: bool,
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
        dialer=ScriptedDialer(caller.timeline_of_all, caller.dials, ears, egress=egress),
    )
    session = CallSession(info, caller, kit, Variables(), max_duration=max_duration)
    caller.attach(session, ears)
    return session, hooks
