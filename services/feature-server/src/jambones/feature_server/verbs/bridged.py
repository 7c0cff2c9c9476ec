"""Two parties that hear each other, for as long as a dial lasts: keys, hold, transfer, a listen beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self

from jambones.common.tasks import cancel
from jambones.common.verbs.dial import Dial, DtmfCapture
from jambones.feature_server.calls.collaborators import HookFailed
from jambones.feature_server.calls.in_dialog import refusal
from jambones.feature_server.calls.leg import CallEvent, Digit, Held, LegGone, Referral
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.capturing import Captured
from jambones.feature_server.verbs.listen import run_listening
from jambones.feature_server.verbs.listening import Listening
from jambones.feature_server.verbs.media_path import MediaPath
from jambones.feature_server.verbs.on_hold import entertain


class Bridged:
    """The caller A and the one called B. Both sessions have it as `bridged` while they hear each other."""

    def __init__(self, verb: Dial, a: CallSession, b: CallSession) -> None:
        self.verb, self.a, self.b = verb, a, b
        self.path = MediaPath(verb, a, b)
        capture = verb.dtmf_capture or DtmfCapture()
        self._captured = {a: Captured(capture.parent_call), b: Captured(capture.child_call)}
        self._holders: set[CallSession] = set()
        self._entertaining: dict[CallSession, asyncio.Task[None]] = {}
        self._listen: asyncio.Task[None] | None = None
        self._muted: set[CallSession] = set()

    @classmethod
    @asynccontextmanager
    async def between(cls, verb: Dial, a: CallSession, b: CallSession) -> AsyncIterator[Self]:
        """They hear each other inside the block. Raises LegGone."""
        bridged = cls(verb, a, b)
        with a.listening(partial(bridged._on_event, a)), b.listening(partial(bridged._on_event, b)):
            try:
                await bridged._open()
                yield bridged
            finally:
                await bridged._close()

    def other(self, call: CallSession) -> CallSession:
        return self.b if call is self.a else self.a

    async def mute(self, call: CallSession, on: bool) -> None:
        """The other party does not hear this one, as long as they are bridged."""
        with self.path.needed("mute"):
            await (await call.media()).mute(on)
            (self._muted.add if on else self._muted.discard)(call)
            self.path.muted = bool(self._muted)

    async def _open(self) -> None:
        verb, a, b = self.verb, self.a, self.b
        await self._connect()
        a.bridged = b.bridged = self
        if verb.refer_hook is not None:
            a.on_refer, b.on_refer = partial(self._on_refer, a), partial(self._on_refer, b)
        if verb.listen is not None:
            party = b if verb.listen.channel == 2 else a
            listening = Listening(verb.listen, a, await party.media(), party.info)
            self._listen = asyncio.get_running_loop().create_task(self._stream(listening))
        self.path.open()

    async def _close(self) -> None:
        for call in (self.a, self.b):
            call.bridged = call.on_refer = None
        tasks = [*self._entertaining.values(), *([self._listen] if self._listen is not None else [])]
        try:
            await self.path.close()
            await cancel(*tasks)
        finally:
            await self._part()
            for call in tuple(self._muted):
                await self.mute(call, False)  # whoever goes on alone is heard

    async def _part(self) -> None:
        """Whoever goes on has his audio here again before his next verb begins; who is hung up does without."""
        a, b = await self.a.media(), await self.b.media()
        if self.a.ending is None:
            await a.unbridge()
        if self.b.ending is None and (self.a.ending is None or self.b.kill is not None):
            await b.unbridge()
        if not a.released:
            await a.unbridge()

    async def _connect(self) -> None:
        await (await self.a.media()).bridge(await self.b.media())

    async def _stream(self, listening: Listening) -> None:
        await run_listening(listening, self.a)
        self.a.tell(listening.verb.action_hook, **listening.report())

    def _on_event(self, party: CallSession, event: CallEvent) -> None:
        match event:
            case Digit(digit):
                self._on_digit(party, digit)
            case Held():
                self.a.beside(self._on_hold(party, event))

    def _on_digit(self, party: CallSession, digit: str) -> None:
        if self.verb.dtmf_hook is None:
            return
        match = self._captured[party].press(digit, asyncio.get_running_loop().time())
        if match is not None:
            party.tell(self.verb.dtmf_hook, dtmf=match)

    async def _on_hold(self, party: CallSession, event: Held) -> None:
        held = self.other(party)
        entertaining = self._entertaining.pop(held, None)
        if entertaining is not None:
            await cancel(entertaining)
        if self.a.bridged is not self:
            return
        if event.on:
            self._holders.add(party)
            self.path.holds = True
            work = entertain(self.verb, self.a, held, event)
            self._entertaining[held] = asyncio.get_running_loop().create_task(work)
            return
        self._holders.discard(party)
        if not self._holders:
            self.path.holds = False
            try:
                await self._connect()
            except LegGone:
                return
            self.path.look()

    def _on_refer(self, party: CallSession, referral: Referral) -> None:
        self.a.beside(self._refer(party, referral))

    async def _refer(self, party: CallSession, referral: Referral) -> None:
        """Verbs from a REFER of B replace A's script; from one of A, B goes on with them alone."""
        other, hook = self.other(party), self.verb.refer_hook
        assert hook is not None
        sids = {"referring_call_sid": party.info.call_sid, "referred_call_sid": other.info.call_sid}
        payload = self.a.payload({"refer_details": {**referral.details, **sids}})
        try:
            verbs = await self.a.kit.hooks.ask("verb:hook", hook, payload)
        except HookFailed as exc:
            self.a.alert(exc.alert, exc.message, **exc.data)
            await referral.refuse(refusal(exc))
            return
        with suppress(LegGone):  # it may be gone before it hears that we agree
            await referral.accept()
        if verbs:
            other.replace(verbs)
