"""Parts of a call for tests of the feature server: what is common to them, and fakes that keep what they are told."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from jambones.common.bus.bucket import Key
from jambones.common.bus.calls import AlertType
from jambones.common.errors import BusUnavailable
from jambones.common.ids import AccountSid, ApplicationSid, CallSid
from jambones.common.verbs.hook import Hook
from jambones.feature_server.calls.collaborators import HookFailed, HookKind, Verbs
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.feature_server.calls.state import CallState, Direction


def call_info(direction: Direction = "inbound", **more: Any) -> CallInfo:
    return CallInfo(
        call_sid=CallSid("call-1"),
        account_sid=AccountSid("account-1"),
        application_sid=ApplicationSid("application-1"),
        from_="+15550100001",
        to="+15550100002",
        sip_call_id="sip-1",
        state=CallState(direction),
        **more,
    )


class KeptAlerts:
    """Alerts, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[AlertType, str]] = []

    def alert(self, info: CallInfo, alert: AlertType, message: str, **data: Any) -> None:
        self.told.append((alert, message))


class KeptHooks:
    """An application that answers nothing; `fail` makes it fail, `block` makes it wait."""

    stays_open = False
    base = "http://application.test/"

    def __init__(self) -> None:
        self.told: list[tuple[HookKind, str, Payload]] = []
        self.events: list[tuple[str, Payload]] = []
        self.fail: HookFailed | None = None
        self.before: Callable[[], Any] | None = None
        self.closed = 0

    async def ask(self, kind: HookKind, hook: Hook, payload: Payload) -> Verbs:
        if self.before is not None:
            await self.before()
        self.told.append((kind, hook.url, payload))
        if self.fail is not None:
            raise self.fail
        return ()

    async def tell(self, kind: HookKind, hook: Hook, payload: Payload) -> None:
        await self.ask(kind, hook, payload)

    def rebase(self, hook: Hook) -> None:
        self.base = hook.url

    def emit(self, kind: str, payload: Payload) -> None:
        self.events.append((kind, payload))

    async def close(self) -> None:
        self.closed += 1


class KeptBucket:
    """A bucket in memory; while it is `away` nothing can be written."""

    name = "kept"

    def __init__(self) -> None:
        self.writes: list[tuple[Key, BaseModel | None]] = []
        self.away = False

    async def post(self, *key: str, value: BaseModel | None) -> None:
        if self.away:
            raise BusUnavailable("away")
        self.writes.append((key, value))
