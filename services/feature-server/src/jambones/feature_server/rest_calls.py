"""Calls that the API asks for: placed, given their first script when they are answered, run to their end."""

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from pydantic import ValidationError

from jambones.common.bus.control import CallCreated, CreateCall
from jambones.common.db.cache import AccountConfig, ApplicationConfig
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.errors import Invalid, JambonesError, NotFound
from jambones.common.ids import ApplicationSid, CallSid, ServiceProviderSid, new_sid
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.parse import ScriptError, parse_script
from jambones.common.verbs.rest_dial import RestDial
from jambones.common.verbs.speech import Recognizer, Synthesizer
from jambones.feature_server.calls.collaborators import HookFailed, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.feature_server.calls.leg import Answered, CallEvent
from jambones.feature_server.calls.outbound import NotPlaced, Wanted, called
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.state import CallState
from jambones.feature_server.calls.variables import Variables
from jambones.feature_server.first_hook import defaults
from jambones.feature_server.hooks.http import HttpHooks
from jambones.feature_server.inbound import Inbound
from jambones.feature_server.verbs.sip_headers import sifted

log = structlog.get_logger(__name__)

NO_HOOK = Hook(url="http://localhost/")
LATER = ("amd", "dual_streams")


class Full(JambonesError):
    """This node takes no calls now; another one may."""

    sip_status = 503
    http_status = 503
    reason = "no room"


@dataclass
class RestCalls:
    """Takes `CreateCall`. `platform` has what calls of both directions need."""

    platform: Inbound

    async def __call__(self, question: CreateCall) -> CallCreated:
        """Answers when the INVITE is sent. Raises Invalid, NotFound, Full, NotPlaced."""
        platform = self.platform
        if (why := platform.registry.refusal()) is not None:
            raise Full(why)
        given = dict(question.call)
        static = given.pop("app_json", None)
        wanted = _read(given, static)
        try:
            account = await platform.config.account(question.account_sid)
            sid = wanted.application_sid
            application = await platform.config.application(sid) if sid is not None else None
        except DatabaseUnavailable as exc:
            raise Full("database") from exc
        if account is None:
            raise NotFound("no such account")
        session = await self._place(question, wanted, account)
        life = RestCall(session, wanted, application, static)
        assert platform.dialer is not None
        platform.dialer.start(session, self._counted(life))
        # Whoever asked may change the call at once, and finds it by its row.
        session.kit.reporter.refresh()
        await platform.live.flush()
        return CallCreated(call_sid=session.info.call_sid, sip_call_id=session.info.sip_call_id)

    async def _counted(self, life: "RestCall") -> None:
        with self.platform.registry.admitted():
            await life.run()
        await life.session.kit.reporter.done()

    async def _place(self, question: CreateCall, wanted: RestDial, account: AccountConfig) -> CallSession:
        platform, row = self.platform, account.account
        dialer = platform.dialer
        if dialer is None:
            raise NotPlaced("this server places no calls")
        info = CallInfo(
            call_sid=CallSid(new_sid()),
            account_sid=question.account_sid,
            application_sid=ApplicationSid(wanted.application_sid) if wanted.application_sid else None,
            from_=wanted.from_,
            to=called(wanted.to),
            sip_call_id=new_sid(),
            state=CallState("outbound"),
            trace_id=uuid4().hex,
            caller_name=wanted.caller_name or "",
            service_provider_sid=ServiceProviderSid(row.service_provider_sid),
            fs_sip_address=platform.sip_address,
            fs_public_ip=platform.public_ip,
            api_base_url=str(question.call.get("api_base_url") or "") or platform.api_url,
            customer_data=wanted.tag,
        )
        hooks = HttpHooks(platform.webhooks, wanted.call_hook, secret=row.webhook_secret.reveal())
        kit = platform.kit(hooks, platform.reporter(info, hooks, wanted.call_status_hook))
        headers = {**wanted.headers, **wanted.to.headers}
        leg = await dialer.place(
            info,
            Wanted(
                target=wanted.to,
                caller_id=wanted.from_,
                caller_name=wanted.caller_name or "",
                caller_host=wanted.from_host,
                headers=dict(sifted(headers, partial(kit.alerts.alert, info))),
            ),
        )
        longest = min(platform.max_duration, wanted.time_limit or platform.max_duration)
        return CallSession(info, leg, kit, _variables(wanted), max_duration=longest)


class RestCall:
    """One such call from its INVITE to its end."""

    def __init__(
        self, session: CallSession, wanted: RestDial, application: ApplicationConfig | None, static: str | None
    ) -> None:
        self.session = session
        self._wanted = wanted
        self._application = application
        self._static = static
        self._answered = asyncio.Event()

    async def run(self) -> None:
        await self.session.live(self._life())

    async def _life(self) -> None:
        session, wanted = self.session, self._wanted
        session.kit.reporter.status()
        limit = asyncio.get_running_loop().call_later(
            wanted.timeout, session.end, Ending.platform(Cause.NO_ANSWER, status=487, reason="Request Terminated")
        )
        try:
            with session.listening(self._on_event):
                await session.step(self._until_answered())
        finally:
            limit.cancel()
        if session.ending is not None:
            return
        for later in LATER:
            if getattr(wanted, later):
                session.alert("invalid-app-payload", f"{later} is not available on this server; it was skipped")
        await session.follow(self._first)

    def _on_event(self, event: CallEvent) -> None:
        if isinstance(event, Answered):
            self._answered.set()

    async def _until_answered(self) -> None:
        await self._answered.wait()

    async def _first(self) -> Verbs:
        if self._static:
            try:
                return parse_script(json.loads(self._static)).verbs
            except (ValueError, ScriptError) as exc:
                raise HookFailed("invalid-app-payload", f"app_json: {exc}") from exc
        hooks = self.session.kit.hooks
        verbs = await hooks.ask("session:new", self._wanted.call_hook, self._payload())
        if not verbs:
            raise HookFailed("invalid-app-payload", "the application answered no verbs")
        return verbs

    def _payload(self) -> Payload:
        payload = self.session.info.payload()
        if self._application is not None:
            application = self._application.application
            payload["defaults"] = defaults(application)
            if application.env_vars is not None:
                payload["env_vars"] = json.loads(application.env_vars.reveal())
        else:
            payload["defaults"] = _given_defaults(self._wanted)
        return payload


def _read(given: dict[str, Any], static: str | None) -> RestDial:
    """Raises Invalid."""
    given = {name: value for name, value in given.items() if value is not None}
    if static:
        given.setdefault("call_hook", NO_HOOK.wire())
    try:
        return RestDial.model_validate({**given, "verb": "rest:dial"})
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Invalid(f"{where}: {first['msg']}") from None


def _variables(wanted: RestDial) -> Variables:
    return Variables(
        default_synthesizer=Synthesizer(
            vendor=wanted.speech_synthesis_vendor,
            label=wanted.speech_synthesis_label,
            language=wanted.speech_synthesis_language,
            voice=wanted.speech_synthesis_voice,
        ),
        default_recognizer=Recognizer(
            vendor=wanted.speech_recognizer_vendor,
            label=wanted.speech_recognizer_label,
            language=wanted.speech_recognizer_language,
        ),
        sip_request_hook=wanted.sip_request_within_dialog_hook,
        refer_hook=wanted.refer_hook,
    )


def _given_defaults(wanted: RestDial) -> dict[str, dict[str, str]]:
    variables = _variables(wanted)
    both = {"synthesizer": variables.default_synthesizer, "recognizer": variables.default_recognizer}
    names = ("vendor", "label", "language", "voice")
    return {
        kind: {name: value for name in names if isinstance(value := getattr(options, name, None), str)}
        for kind, options in both.items()
    }
