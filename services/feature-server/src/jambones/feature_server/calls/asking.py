"""The side of a call that talks with its application: action hooks, notifications, alerts."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from jambones.common.bus.calls import AlertType
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.model import VerbModel
from jambones.feature_server.calls.collaborators import Collaborators, HookFailed, HookKind, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.variables import Variables


class Asking:
    """What a CallSession is built on."""

    def __init__(self, info: CallInfo, kit: Collaborators, variables: Variables) -> None:
        self.info = info
        self.kit = kit
        self.variables = variables
        self.verb: VerbModel | None = None
        self._notices: set[asyncio.Task[Any]] = set()
        self._sounds: set[asyncio.Task[Any]] = set()

    def replace(self, verbs: Verbs) -> None:
        raise NotImplementedError

    def end(self, ending: Ending) -> None:
        raise NotImplementedError

    async def ask(
        self,
        hook: Hook | None,
        kind: HookKind = "verb:hook",
        *,
        fatal: bool = False,
        of_verb: bool = True,
        **extra: Any,
    ) -> bool:
        """Post an action hook; verbs in the answer replace the script. True when they did.

        A failing hook is an alert, and the end of the call when it is `fatal`. `of_verb`: it is the current verb's.
        """
        if hook is None:
            return False
        try:
            verbs = await self.question(kind, hook, self.payload(extra, of_verb=of_verb))
        except HookFailed as exc:
            self.alert(exc.alert, exc.message, **exc.data)
            if fatal:
                self.end(Ending.platform(Cause.HOOK_FAILED, status=480, tell=False))
            return False
        if verbs:
            self.replace(verbs)
        return bool(verbs)

    async def question(self, kind: HookKind, hook: Hook, payload: Payload) -> Verbs:
        """Ask; the verbs of the answer. Raises HookFailed.

        When we are cancelled the application is asked nevertheless: it shall know what a caller pressed who hangs up
        while it is told. Its answer comes too late then.
        """
        asking = asyncio.get_running_loop().create_task(self.kit.hooks.ask(kind, hook, payload))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            self.beside(self._until_told(asking))
            raise

    async def _until_told(self, asking: "asyncio.Task[Verbs]") -> None:
        try:
            await asking
        except HookFailed as exc:
            self.alert(exc.alert, exc.message, **exc.data)

    def tell(self, hook: Hook | None, kind: HookKind = "verb:hook", *, of_verb: bool = True, **extra: Any) -> None:
        """Post a notification beside the script: nobody waits for it and its answer does not matter."""
        if hook is not None:
            self.beside(self._notify(kind, hook, self.payload(extra, of_verb=of_verb)))

    def beside(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do `work` beside the script; the call's end waits for it."""
        self._start(work, self._notices)

    def meanwhile(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do `work` beside the script, until the call ends: sound for a party that may be gone."""
        self._start(work, self._sounds)

    def _start(self, work: Coroutine[Any, Any, Any], among: set[asyncio.Task[Any]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)

    async def _notify(self, kind: HookKind, hook: Hook, payload: Payload) -> None:
        try:
            await self.kit.hooks.tell(kind, hook, payload)
        except HookFailed as exc:
            self.alert(exc.alert, exc.message, **exc.data)

    def payload(self, extra: dict[str, Any], *, of_verb: bool = True) -> Payload:
        """The common attributes, the current verb's id where it is its hook, and `extra`."""
        payload = self.info.payload()
        verb_id = self.verb.id if of_verb and self.verb is not None else None
        if verb_id is not None:
            payload["verb_id"] = verb_id
        payload.update(extra)
        return payload

    def alert(self, alert: AlertType, message: str, **data: Any) -> None:
        """Write an alert for the tenant."""
        self.kit.alerts.alert(self.info, alert, message, **data)

    def emit(self, event: str, **data: Any) -> None:
        """Show the progress of a verb to an application on a socket that asked for it."""
        if self.variables.notify_events:
            verb_id = self.verb.id if self.verb is not None else None
            ids = {} if verb_id is None else {"id": verb_id}
            self.kit.hooks.emit("verb:status", {"event": event, **ids, **data})
