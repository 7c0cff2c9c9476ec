"""The registrar: answers edges that relay REGISTER (RFC 3261 section 10.3).

The order of a REGISTER: what is wrong with it anyway, the account, a refresh that asks nobody, the account's limit of
devices, authentication, the time granted, the bindings. Each answer says why in the log.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime

import structlog

from jambones.common import clock, logs
from jambones.common.bus.registrar import RegisterAnswered, RegisterQuestion
from jambones.common.bus.registrations import Binding
from jambones.common.db.accounts import Account
from jambones.common.directory import Directory
from jambones.common.errors import BusUnavailable, Conflict
from jambones.common.ids import AccountSid
from jambones.common.metrics import Metrics
from jambones.common.private import token
from jambones.registrar import expiry
from jambones.registrar.authorize import Admitted, Challenged
from jambones.registrar.bindings import BindingStore, OutOfOrder, in_order, key_of, matching, plan
from jambones.registrar.expiry import Bounds, Lifetime
from jambones.registrar.hook import Attempt, Denied, Granted
from jambones.registrar.judge import Judge, of_realm
from jambones.registrar.register import AskedContact, Registration, refusal
from jambones.registrar.tables import Tables, tenant
from jambones.sbc.alerts import Alerts
from jambones.sbc.decision import Refusal
from jambones.sbc.registrations import Registrations, Stored
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request
from jambones.sip.parser import ParseError, parse

log = structlog.get_logger(__name__)

TRIES = 3
RETRY_AFTER = ("Retry-After", "5")
UNKNOWN_REALM = "Unknown or invalid realm"


@dataclass(frozen=True, slots=True)
class Policy:
    bounds: Bounds
    most_contacts: int = 5
    exclusive: bool = False


class Registrar:
    """One per process; several share the questions."""

    def __init__(
        self,
        directory: Directory[Tables],
        judge: Judge,
        copy: Registrations,
        store: BindingStore,
        alerts: Alerts,
        metrics: Metrics,
        policy: Policy,
    ) -> None:
        self._directory = directory
        self._judge = judge
        self._copy = copy
        self._store = store
        self._alerts = alerts
        self._seconds = metrics.histogram("jambones_register_seconds")
        self._policy = policy

    async def register(self, question: RegisterQuestion) -> RegisterAnswered:
        """The response to a REGISTER."""
        started = asyncio.get_running_loop().time()
        work = _Work(question)
        try:
            answer = await self._register(work)
        except BusUnavailable:
            work.cause = "bindings not reachable"
            answer = RegisterAnswered(status=503, headers=(RETRY_AFTER,))
        result = str(answer.status)
        seconds = asyncio.get_running_loop().time() - started
        self._seconds.labels(result, "yes" if work.cached else "no").observe(seconds)
        routine = answer.status in {200, 401}
        log.log(
            logging.DEBUG if routine else logging.INFO,
            "register answered",
            status=answer.status,
            cause=work.cause,
            aor=token(work.aor),
            account_sid=work.account.account_sid if work.account else None,
            source=question.host,
            transport=question.transport,
            edge=question.edge_id,
            asked_nobody=work.cached,
        )
        return answer

    async def _register(self, work: "_Work") -> RegisterAnswered:
        if not self._directory.loaded or not self._copy.ready:
            return work.refused(Refusal(503, "not ready yet", headers=(RETRY_AFTER,)))
        try:
            request = parse(work.question.message)
            if not isinstance(request, Request) or request.method != "REGISTER":
                raise GrammarError("not a REGISTER")
            registration = Registration.of(request)
        except (ParseError, GrammarError):
            return work.refused(Refusal(400, "unreadable"))
        if (wrong := refusal(registration)) is not None:
            return work.refused(wrong)
        account = self._directory.tables.account(registration.host)
        of_request = self._directory.tables.account(registration.request_host)
        if account is None or of_request is None or account.account_sid != of_request.account_sid:
            await self._judge.unknown_realm(work.question.host)
            return work.refused(Refusal(403, "unknown realm", x_reason=UNKNOWN_REALM))
        work.account, work.registration = account, registration
        logs.bind(account_sid=account.account_sid)
        if not account.is_active:
            await self._alerts.raise_(tenant(account), "account is inactive or suspended", "a device tried to register")
            return work.refused(Refusal(403, "account inactive", x_reason="Account exists but is inactive"))
        if (answer := await self._refresh(work)) is not None:
            return answer
        current = self._copy.of(registration.user, work.realm)
        if not current and registration.contacts and not registration.unregisters:
            limit = self._directory.tables.device_limit(account)
            own = (work.realm, registration.user)
            if limit is not None and self._copy.aors(account.account_sid, but=own) >= limit:
                await self._alerts.raise_(tenant(account), "account-device-limit", f"{limit} devices are registered")
                return work.refused(Refusal(503, "device limit", x_reason="Max Devices Registered"))
        return await self._authenticated(work, request)

    async def _refresh(self, work: "_Work") -> RegisterAnswered | None:
        """A known device on the flow it registered on, under a grant that holds: nobody is asked."""
        registration, question = work.registration, work.question
        if registration.unregisters or len(registration.contacts) != 1:
            return None
        contact = registration.contacts[0]
        for stored in matching(self._copy.of(registration.user, work.realm), contact):
            binding = stored.binding
            same_flow = (binding.edge, binding.flow) == (question.edge_id, question.flow)
            same_call = binding.sip_call_id == registration.sip_call_id and binding.cseq < registration.cseq
            if not same_flow or not same_call or binding.contact != contact.uri:
                continue
            nat = registration.behind_nat(question.transport, question.host, question.port)
            times = expiry.renewed(binding, clock.now_ms(), nat=nat, bounds=self._policy.bounds)
            if times is None or expiry.too_brief(registration.wanted(contact), self._policy.bounds):
                continue
            update = {"cseq": registration.cseq, "expires_at": clock.now_ms() + times.stored * 1000}
            try:
                await self._store.carry_out(
                    plan(
                        [stored],
                        [binding.model_copy(update=update)],
                        [],
                        most=self._policy.most_contacts,
                        exclusive=False,
                    )
                )
            except Conflict:
                return None
            work.cached, work.cause = True, "refreshed"
            return self._accepted(work, {stored.key: times})
        return None

    async def _authenticated(self, work: "_Work", request: Request) -> RegisterAnswered:
        registration, question, account = work.registration, work.question, work.account
        assert account is not None
        wanted = [registration.wanted(contact) for contact in registration.contacts]
        attempt = Attempt(
            realm=work.realm,
            method="REGISTER",
            request_uri=str(request.uri),
            transport=question.transport,
            host=question.host,
            port=question.port,
            authorization=of_realm(request.headers.get_all("Authorization"), work.realm),
            headers=tuple(request.headers),
            aor_user=registration.user,
            expires=wanted[0] if wanted and wanted[0] is not None else registration.expires,
        )
        judgement = await self._judge(account, attempt, registration.user)
        match judgement:
            case Challenged(headers, cause):
                work.cause = cause
                return RegisterAnswered(status=401, headers=headers)
            case Denied():
                headers = (("X-Reason", judgement.x_reason),) if judgement.x_reason else ()
                work.cause = judgement.cause
                return RegisterAnswered(status=judgement.status, headers=(*headers, *judgement.headers))
            case Admitted():
                pass
        bounds = self._policy.bounds
        if any(expiry.too_brief(seconds, bounds) for seconds in wanted):
            headers = (("Min-Expires", str(bounds.shortest)),)
            return work.refused(Refusal(423, "interval too brief", headers=headers))
        return await self._bind(work, judgement)

    async def _bind(self, work: "_Work", admitted: Admitted) -> RegisterAnswered:
        registration, question = work.registration, work.question
        nat = registration.behind_nat(question.transport, question.host, question.port)
        for _ in range(TRIES):
            current = self._copy.of(registration.user, work.realm)
            new: list[Binding] = []
            told: dict[tuple[str, ...], Lifetime] = {}
            ended = list(current) if registration.wildcard else []
            for contact in registration.contacts:
                if registration.wanted(contact) == 0:
                    ended += matching(current, contact)
                    continue
                times = expiry.lifetime(
                    registration.wanted(contact),
                    admitted.grant.expires,
                    transport=question.transport,
                    nat=nat,
                    bounds=self._policy.bounds,
                )
                new.append(_binding(work, contact, times, admitted.grant))
                told[key_of(new[-1])] = times
            try:
                in_order(ended, registration.sip_call_id, registration.cseq)
                intended = plan(current, new, ended, most=self._policy.most_contacts, exclusive=self._policy.exclusive)
                await self._store.carry_out(intended)
            except OutOfOrder:
                return work.refused(Refusal(500, "out of order", headers=(("Retry-After", "1"),)))
            except Conflict:
                continue
            work.cause = f"let in by {admitted.by}"
            return self._accepted(work, told)
        return work.refused(Refusal(503, "others write the same bindings", headers=(RETRY_AFTER,)))

    def _accepted(self, work: "_Work", told: dict[tuple[str, ...], Lifetime]) -> RegisterAnswered:
        """200 with all bindings there are; those of this request with the time told to the device."""
        registration, now = work.registration, clock.now_ms()
        rows: list[tuple[str, str]] = []
        flow = 0
        for stored in self._copy.of(registration.user, work.realm):
            left = max(1, (stored.binding.expires_at - now) // 1000)
            expires = told[stored.key].told if stored.key in told else left
            rows.append(("Contact", _contact_row(stored, expires)))
            if (stored.binding.edge, stored.binding.flow) == (work.question.edge_id, work.question.flow):
                flow = max(flow, left)
        rows += [("Path", value) for value in registration.path]
        rows += [("Supported", "path, outbound"), ("Date", _date())]
        if registration.outbound and any(contact.reg_id is not None for contact in registration.contacts):
            rows.append(("Require", "outbound"))
        return RegisterAnswered(status=200, headers=tuple(rows), registered=flow)


class _Work:
    """What is known of one REGISTER as it goes along."""

    registration: Registration

    def __init__(self, question: RegisterQuestion) -> None:
        self.question = question
        self.account: Account | None = None
        self.cause = ""
        self.cached = False

    @property
    def realm(self) -> str:
        return (self.account.sip_realm or "").lower() if self.account is not None else ""

    @property
    def aor(self) -> str:
        return f"{self.registration.user}@{self.realm}" if self.account is not None else ""

    def refused(self, refusal: Refusal) -> RegisterAnswered:
        self.cause = refusal.cause
        return RegisterAnswered(
            status=refusal.status, reason=refusal.reason_phrase, headers=tuple(refusal.sip_headers())
        )


def _binding(work: _Work, contact: AskedContact, times: Lifetime, grant: Granted) -> Binding:
    registration, question, now = work.registration, work.question, clock.now_ms()
    assert work.account is not None

    def flag(said: bool | None) -> bool:
        return True if said is None else said

    host = f"[{question.host}]" if ":" in question.host else question.host
    return Binding(
        account_sid=AccountSid(work.account.account_sid),
        user=registration.user,
        realm=work.realm,
        contact=contact.uri,
        instance=contact.instance,
        reg_id=contact.reg_id,
        transport=question.transport,
        source=f"{host}:{question.port}",
        edge=question.edge_id,
        flow=question.flow,
        path=registration.path,
        registered_at=now,
        expires_at=now + times.stored * 1000,
        granted_until=now + times.granted * 1000,
        sip_call_id=registration.sip_call_id,
        cseq=registration.cseq,
        user_agent=registration.user_agent,
        application_sid=grant.application_sid,
        call_hook=grant.call_hook,
        call_status_hook=grant.call_status_hook,
        allow_direct_app_calling=flag(grant.allow_direct_app_calling),
        allow_direct_queue_calling=flag(grant.allow_direct_queue_calling),
        allow_direct_user_calling=flag(grant.allow_direct_user_calling),
    )


def _contact_row(stored: Stored, expires: int) -> str:
    binding = stored.binding
    instance = f';+sip.instance="<{binding.instance}>"' if binding.instance else ""
    flow = f";reg-id={binding.reg_id}" if binding.reg_id is not None else ""
    return f"<{binding.contact}>{instance}{flow};expires={expires}"


def _date() -> str:
    return format_datetime(clock.now().astimezone(UTC), usegmt=True)
