"""A call from an edge: checked, given its application, run to its end."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass
from uuid import uuid4

import structlog

from jambones.common import logs
from jambones.common.bus import Bus
from jambones.common.bus.calls import LiveCall
from jambones.common.bus.control import CallUpdated, UpdateCall
from jambones.common.clock import now_ms
from jambones.common.db.cache import AccountConfig, ApplicationConfig, ConfigCache
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.db.webhooks import Webhook
from jambones.common.errors import BusUnavailable
from jambones.common.ids import AccountSid, ApplicationSid, CallSid, NodeId, ServiceProviderSid, new_sid
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.parse import ScriptError, parse_script
from jambones.common.webhook import WebhookClient
from jambones.feature_server.calls.checkpoint import Checkpoints
from jambones.feature_server.calls.coalesced import CoalescedWriter
from jambones.feature_server.calls.collaborators import (
    Alerts,
    Audio,
    AudioSockets,
    Collaborators,
    HookFailed,
    Hooks,
    Verbs,
    Voice,
)
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.measured import measuring
from jambones.feature_server.calls.outbound import Dialer
from jambones.feature_server.calls.registry import CallRegistry
from jambones.feature_server.calls.reporter import CallReporter
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.sip_leg import SipLeg
from jambones.feature_server.calls.state import CallState
from jambones.feature_server.calls.variables import Variables
from jambones.feature_server.control import update
from jambones.feature_server.first_hook import first_payload, speech
from jambones.feature_server.hooks.http import HttpHooks
from jambones.feature_server.made_for_the_call import made_for_the_call
from jambones.feature_server.signature import Facts, signed
from jambones.media import MediaEngine
from jambones.sip.leg import IncomingLeg

log = structlog.get_logger(__name__)

ELSEWHERE = "X-Jambones-Retry-Elsewhere"
MOST_NOTES = 10
"""Unknown properties that one alert names."""
NO_APPLICATION = "no configured application"


@dataclass
class Inbound:
    """Takes calls from edges. One per process."""

    node_id: NodeId
    sip_address: str
    public_ip: str | None
    internal_key: bytes | None
    registry: CallRegistry
    config: ConfigCache
    webhooks: WebhookClient
    engine: MediaEngine
    audio: Audio
    voice: Voice | None
    alerts: Alerts
    bus: Bus
    live: CoalescedWriter[LiveCall]
    checkpoints: Checkpoints
    api_url: str | None
    max_duration: float
    sockets: AudioSockets | None = None
    dialer: Dialer | None = None
    media_release: bool = True
    timed: Callable[[str], AbstractContextManager[object]] = nullcontext
    """Measures how long a verb of this name runs."""

    async def __call__(self, leg: IncomingLeg) -> None:
        """From the INVITE to the last status event."""
        logs.unbind()
        facts = Facts.of(leg.invite)
        if facts is None or not self._believed(leg):
            log.warning("call refused: not from an edge of ours", source=str(leg.source))
            await leg.reject(403, None, [("X-Reason", "not signed")])
            return
        if (why := self.registry.refusal()) is not None:
            await leg.reject(503, None, [(ELSEWHERE, why), ("Retry-After", "5")])
            return
        with self.registry.admitted():
            try:
                found = await self._configuration(facts)
            except DatabaseUnavailable:
                await leg.reject(503, None, [(ELSEWHERE, "database"), ("Retry-After", "5")])
                return
            if found is None:
                await leg.reject(480, None, [("X-Reason", NO_APPLICATION)])
                return
            reporter = await self._run(leg, facts, *found)
        await reporter.done()

    def reporter(self, info: CallInfo, hooks: Hooks, status_hook: Hook | None) -> CallReporter:
        """Tells of the call, whichever side placed it."""
        return CallReporter(
            info,
            hooks=hooks,
            status_hook=status_hook,
            alerts=self.alerts,
            record=self.bus.note,
            live=self.live,
            node_id=self.node_id,
        )

    def kit(self, hooks: Hooks, reporter: CallReporter) -> Collaborators:
        """What a session of this process works with."""
        return Collaborators(
            hooks=hooks,
            audio=self.audio,
            voice=self.voice,
            ear=None,
            alerts=self.alerts,
            reporter=reporter,
            checkpoint=self.checkpoints,
            sockets=self.sockets,
            dialer=self.dialer,
            media_release=self.media_release,
            timed=self.timed,
        )

    def _believed(self, leg: IncomingLeg) -> bool:
        return self.internal_key is None or signed(leg.invite, self.internal_key, now_ms() // 1000)

    async def _configuration(self, facts: Facts) -> tuple[AccountConfig, ApplicationConfig] | None:
        account = await self.config.account(facts.account_sid)
        application = await self.config.application(facts.application_sid) if facts.application_sid else None
        if facts.script is not None:
            application = made_for_the_call(facts.script, application)
        if account is None or application is None:
            return None
        if application.call_hook is None and not application.application.app_json:
            return None
        return account, application

    async def _run(
        self, leg: IncomingLeg, facts: Facts, account: AccountConfig, application: ApplicationConfig
    ) -> CallReporter:
        info = self._info(leg, facts, account)
        logs.bind(call_sid=info.call_sid, account_sid=info.account_sid)
        hooks = HttpHooks(
            self.webhooks,
            _hook(application.call_hook) or Hook(url="http://localhost/"),
            secret=account.account.webhook_secret.reveal(),
            noted=lambda notes: self.alerts.alert(info, "invalid-app-payload", "; ".join(map(str, notes[:MOST_NOTES]))),
        )
        reporter = self.reporter(info, hooks, _hook(application.call_status_hook))
        synthesizer, recognizer = speech(application.application)
        told = [("X-Jambones-Call-Sid", info.call_sid), ("X-Jambones-Trace", info.trace_id)]
        sip_leg = SipLeg(leg, self.engine, told, facts.source, measuring(self.bus))
        variables = Variables(default_synthesizer=synthesizer, default_recognizer=recognizer)
        session = CallSession(info, sip_leg, self.kit(hooks, reporter), variables, max_duration=self.max_duration)

        async def first() -> Verbs:
            static = application.application.app_json
            if static:
                try:
                    return parse_script(json.loads(static)).verbs
                except (ValueError, ScriptError) as exc:
                    raise HookFailed("invalid-app-payload", f"app_json: {exc}") from exc
            return await hooks.open(first_payload(info, application.application, leg.invite, leg.source))

        started = asyncio.get_running_loop().time()
        async with AsyncExitStack() as stack:
            stack.enter_context(self.registry.listed(session))
            await stack.enter_async_context(sip_leg.attended())
            await self._serve_control(stack, session)
            ending = await session.run(first)
        log.info(
            "call ended",
            call_sid=info.call_sid,
            account_sid=info.account_sid,
            call_status=info.state.status.value,
            sip_status=info.state.sip_status,
            ended_by=ending.by.value,
            cause=ending.cause,
            seconds=round(asyncio.get_running_loop().time() - started, 3),
        )
        return reporter

    async def _serve_control(self, stack: AsyncExitStack, session: CallSession) -> None:
        async def handle(question: UpdateCall) -> CallUpdated:
            return await update(session, question)

        try:
            await stack.enter_async_context(self.bus.serve(UpdateCall, handle, call_sid=session.info.call_sid))
        except BusUnavailable:
            log.debug("no live control for this call: NATS is away", call_sid=session.info.call_sid)

    def _info(self, leg: IncomingLeg, facts: Facts, account: AccountConfig) -> CallInfo:
        invite = leg.invite
        return CallInfo(
            call_sid=CallSid(new_sid()),
            account_sid=AccountSid(facts.account_sid),
            application_sid=ApplicationSid(facts.application_sid) if facts.application_sid else None,
            from_=invite.from_.uri.user_text,
            to=invite.uri.user_text,
            sip_call_id=leg.sip_call_id,
            state=CallState("inbound"),
            trace_id=uuid4().hex,
            caller_name=invite.from_.display or "",
            service_provider_sid=ServiceProviderSid(account.account.service_provider_sid),
            outside_call_id=facts.outside_call_id,
            source=facts.source,
            trunk_name=facts.trunk_name,
            trunk_sid=facts.trunk_sid,
            fs_sip_address=self.sip_address,
            fs_public_ip=self.public_ip,
            api_base_url=self.api_url,
        )


def _hook(row: Webhook | None) -> Hook | None:
    if row is None or not row.url:
        return None
    password = row.password.reveal() if row.password is not None else None
    return Hook(url=row.url, method="GET" if row.method == "GET" else "POST", username=row.username, password=password)
