"""One party that a dial calls: it rings, is asked whether it accepts, is bridged, and may go on without the caller."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from jambones.common.verbs.catalogue import CONFIRMING
from jambones.common.verbs.hook import Hook
from jambones.feature_server.calls.collaborators import HookFailed, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.leg import Answered, CallEvent, MediaEndpoint, Ringing
from jambones.feature_server.calls.reasons import Cause, Kill
from jambones.feature_server.calls.session import CallSession


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """It rings, and sends audio already."""

    leg: "Dialled"
    endpoint: MediaEndpoint


@dataclass(frozen=True, slots=True)
class Accepted:
    """It has answered, and takes the call."""

    leg: "Dialled"


@dataclass(frozen=True, slots=True)
class Left:
    """It has a script of its own now, and goes on with it."""

    leg: "Dialled"


@dataclass(frozen=True, slots=True)
class Over:
    """It has ended; `leg.session.ending` says why."""

    leg: "Dialled"


News = EarlyMedia | Accepted | Left | Over


class Dialled:
    """A leg with a session of its own. `run` is its whole life; `news` hears how it goes and must not block."""

    def __init__(self, session: CallSession, confirm: Hook | None, news: Callable[[News], None]) -> None:
        self.session = session
        self._confirm = confirm
        self._news = news
        self._answered = asyncio.Event()
        self._accepted = self._left = False

    @property
    def independent(self) -> bool:
        """Whether it goes on with a script of its own, or is about to."""
        return self._left or (self._accepted and self.session.kill is Kill.REPLACED)

    @property
    def answered(self) -> bool:
        return self.session.state.answered

    async def run(self) -> None:
        """From the INVITE to the last status event."""
        await self.session.live(self._life())
        await self.session.kit.reporter.done()

    async def _life(self) -> None:
        session = self.session
        session.kit.reporter.status()
        try:
            with session.listening(self._on_event):
                await session.step(self._until_answered())
            if self._confirm is not None:
                await self._screen(self._confirm)
            if session.ending is not None:
                return
            self._accepted = True
            self._news(Accepted(self))
            await session.step(asyncio.Event().wait())  # bridged, until somebody hangs up or a script comes
            if session.ending is None:
                self._left = True
                self._news(Left(self))
                await session.perform()
        finally:
            self._news(Over(self))

    def _on_event(self, event: CallEvent) -> None:
        match event:
            case Ringing(endpoint=endpoint) if endpoint is not None:
                self._news(EarlyMedia(self, endpoint))
            case Answered():
                self._answered.set()

    async def _until_answered(self) -> None:
        await self._answered.wait()

    async def _screen(self, hook: Hook) -> None:
        """Run the script of the confirmHook on this leg alone; whoever is still there after it has accepted."""
        session = self.session
        session.pending.extend(await session.step(self._ask(hook)) or ())
        session.only = CONFIRMING
        await session.perform(stay=False)
        session.only = None

    async def _ask(self, hook: Hook) -> Verbs:
        session = self.session
        try:
            return await session.kit.hooks.ask("dial:confirm", hook, session.payload({}))
        except HookFailed as exc:
            session.alert(exc.alert, exc.message, **exc.data)
            session.end(Ending.platform(Cause.HOOK_FAILED, status=480, tell=False))
            return ()
