"""One call to the outside: the feature server's leg on one side, gateways, devices or a SIP URI on the other."""

from contextlib import suppress

from jambones.common import logs
from jambones.common.clock import now_ms
from jambones.media.rtpengine import BadDescription
from jambones.sbc import headers, trace
from jambones.sbc.call import SbcCall
from jambones.sbc.crossing import Crossing
from jambones.sbc.decision import Refusal
from jambones.sbc.limits import over_local_limits, over_tenant_limits, tenants_of
from jambones.sbc.media import CallMedia, MediaFailed, Side
from jambones.sbc.record import CallLog
from jambones.sbc_outbound.attempt import Attempt
from jambones.sbc_outbound.environment import Environment
from jambones.sbc_outbound.order import Order, order_of
from jambones.sbc_outbound.placing import Outcome, place
from jambones.sbc_outbound.ways import Way
from jambones.sip.build import new_call_id
from jambones.sip.events import Acked, Answered, Ended, LegEnded, LegEvent, Offered, Progress, Requested
from jambones.sip.leg import IncomingLeg

ELSEWHERE = ("X-Jambones-Retry-Elsewhere", "1")
"""Tells the feature server that another egress may take the call."""


class Call(SbcCall[Environment]):
    """A call that a feature server places; see `SbcCall`."""

    def __init__(self, env: Environment, leg: IncomingLeg) -> None:
        invite = leg.invite
        record = CallLog(
            sip_call_id=invite.call_id,
            from_user=invite.from_.uri.user_text,
            to_user=invite.uri.user_text or invite.uri.host,
            remote_host="",
            direction="outbound",
        )
        super().__init__(env, leg, record)
        self.feature_server = leg
        self.node_id: str | None = None
        self.attempts: list[Attempt] = []
        self.winner: Attempt | None = None
        """The attempt that was answered."""
        self.kind = "unknown"
        self._rows = [
            *headers.to_far_end(invite.headers),
            ("Max-Forwards", str(max((invite.max_forwards or 70) - 1, 0))),
        ]

    async def probe(self) -> None:
        """Ask a feature server that was restarted for this call: when it does not know it, the leg ends (RFC 5057)."""
        if self.log.answered_at is None:
            await self.end("media lost")
            return
        with suppress(LegEnded):
            await self.feature_server.send("OPTIONS")

    # ---- the feature server

    def _heard(self, event: LegEvent) -> None:
        winner, crossing = self.winner, self._crossing
        match event:
            case Acked(sdp) if winner is not None and crossing is not None:
                if winner.media.current is not None and winner.media.current.answered is None:
                    self.spawn(self._answer_of_the_ack(winner, sdp))
                    return
                crossing.up()
                crossing.acked(Side.FEATURE_SERVER, sdp)
            case Offered() if crossing is not None:
                crossing.offered(Side.FEATURE_SERVER, event)
            case Requested() if crossing is not None:
                crossing.requested(Side.FEATURE_SERVER, event)
            case Requested():
                self.spawn(self.feature_server.respond(event, 500, headers=[("Retry-After", "2")]))
            case Ended():
                self._it_ended(event)
            case _:
                pass

    async def _answer_of_the_ack(self, winner: Attempt, sdp: bytes | None) -> None:
        """A delayed offer: the far end offered in its 200, the feature server answers in its ACK."""
        assert self._crossing is not None
        try:
            if sdp is None:
                raise LegEnded
            await winner.leg.ack(await winner.media.answer(Side.FEATURE_SERVER, sdp))
            self._crossing.up()
        except (MediaFailed, LegEnded):
            self.log.hung_up("platform", "no usable answer")
            await self.feature_server.hangup(headers=[("Reason", 'SIP;cause=488;text="no usable answer"')])

    # ---- admission

    async def _lead_on(self) -> None:
        try:
            order = await self._admit()
            if order is None:
                return
            outcome = await place(self, order)
            if outcome is not None:
                await self._not_placed(outcome)
        except LegEnded:
            return  # the feature server has hung up; whoever reads its events knows more
        finally:
            for attempt in self.attempts:
                await attempt.leg.hangup(headers=self._farewell)

    async def _admit(self) -> Order | None:
        now, accounts = now_ms() // 1000, self.env.directory.tables.accounts
        decision = order_of(self.feature_server.invite, accounts, key=self.env.internal_key, now=now)
        self.log.reasons += map(str, decision.reasons)
        match decision.result:
            case Refusal() as refusal:
                self.account = self.log.account = accounts.get(refusal.account_sid or "")
                await self.refuse(refusal)
                return None
            case Order() as order:
                self._note(order)
        self.env.figures.invited(self.kind)
        self._tenants = tenants_of(order.account)
        provider = self.env.directory.tables.service_providers.get(order.account.service_provider_sid)
        if (full := over_local_limits(self.env, order.account)) is not None:
            await self.refuse(full, ELSEWHERE)
            return None
        over = await over_tenant_limits(self.env, self._counted, order.account, provider)
        if over is not None:
            await self.refuse(over)
            return None
        return order

    def _note(self, order: Order) -> None:
        self.kind, self.account = order.kind, order.account
        self.node_id = order.feature_server or self.env.feature_server_at(self.feature_server.source)
        self.words = self.words.bind(account_sid=order.account.account_sid, call_sid=order.call_sid)
        logs.bind(account_sid=order.account.account_sid, call_sid=order.call_sid, leg=self.leg_id)
        trace.begin(self.feature_server, order.account.account_sid, self.leg_id, order.call_sid)
        record = self.log
        record.account, record.from_user = order.account, order.from_user
        record.call_sid, record.application_sid, record.trace_id = order.call_sid, order.application_sid, order.trace_id
        record.parent_call_id = order.parent_call_id

    async def _not_placed(self, outcome: Outcome) -> None:
        """No gateway, device or URI took the call."""
        refused = outcome.refused
        self.log.failed(
            outcome.status, refused.ended.reason, by="callee" if refused.ended.by == "remote" else "platform"
        )
        reason = (
            refused.ended.reason if outcome.status == refused.ended.status and refused.ended.by == "remote" else None
        )
        shown = headers.to_far_end(refused.ended.headers)
        if refused.ended.by == "failure" and not any(name.lower() == "x-reason" for name, _ in shown):
            shown.append(("X-Reason", refused.ended.reason))
        if refused.ours and outcome.status == 503:
            shown += [("Retry-After", "5"), ELSEWHERE]
        told = self._told(refused.attempt) if refused.attempt is not None else []
        await self.feature_server.reject(outcome.status, reason, [*told, *shown])

    # ---- the outside, as `Ringing` tells it

    async def begin(self, way: Way) -> Attempt:
        """Send an INVITE that way. Raises MediaFailed or NoTransport."""
        media = CallMedia(self.env.relay(f"{self.leg_id}-{len(self.attempts) + 1}", way))
        sdp = self.feature_server.invite.sdp
        sip_call_id = new_call_id()
        try:
            offer = await media.offer(Side.FEATURE_SERVER, sdp) if sdp is not None else None
            leg = await self.env.outside.invite(way, offer, [*way.rows, *self._rows], sip_call_id)
        except BaseException:
            await media.close()
            raise
        attempt = Attempt(way, leg, media)
        self.attempts.append(attempt)
        self.log.sip_call_id, self.log.remote_host = sip_call_id, way.address.host
        self.log.trunk, self.log.gateway_sid = way.trunk_name, way.gateway_sid
        return attempt

    async def failed(self, attempt: Attempt, status: int) -> None:
        """It was not answered: free its media and remember what it came to."""
        self.log.attempts.append(attempt.outcome(status))
        await attempt.close()

    async def progressed(self, attempt: Attempt, event: Progress, *, with_media: bool) -> bool:
        """Pass on a provisional response; True when the caller hears the far end now."""
        if not self._rang:
            self._rang = True
            self.env.figures.setup.observe(self.seconds)
        sdp = event.sdp if with_media and self.feature_server.invite.sdp is not None else None
        try:
            described = await attempt.described(sdp) if sdp is not None else None
        except MediaFailed as exc:
            self.words.warning("early media not usable", error=str(exc))
            described = None
        rows = [*self._told(attempt), *headers.to_far_end(event.headers)]
        await self.feature_server.progress(
            event.status, event.reason, sdp=described, headers=rows, reliable=event.reliable
        )
        return described is not None

    async def answered(self, attempt: Attempt, event: Answered) -> None:
        """The 2xx of the first to answer. Raises MediaFailed when its description cannot be used."""
        if self.feature_server.invite.sdp is None:
            if event.sdp is None:
                raise MediaFailed(BadDescription("offer", "there is none"))
            described = await attempt.media.offer(Side.FAR_END, event.sdp)
        else:
            described = await attempt.described(event.sdp)
        self.winner = attempt
        self._crossing = Crossing(attempt.leg, self.feature_server, attempt.media, self.spawn)
        self.log.attempts.append(attempt.outcome(event.status))
        self.log.sip_call_id, self.log.remote_host = attempt.leg.sip_call_id, attempt.way.address.host
        self.log.user_agent = event.headers.get("Server") or event.headers.get("User-Agent")
        self.log.gateway_sid, self.log.trunk = attempt.way.gateway_sid, attempt.way.trunk_name
        await self.feature_server.answer(described, [*self._told(attempt), *headers.to_far_end(event.headers)])
        self.log.answered()
        self.env.figures.answer.observe(self.seconds)

    async def hung_up_outside(self, ended: Ended) -> None:
        """The answered far end is gone."""
        if ended.by == "remote":
            self.log.hung_up("callee", ended.headers.get("Reason"), ended.headers.get("X-Reason"))
            await self.feature_server.hangup(headers=headers.of_a_hangup(ended.headers))
        elif ended.by == "failure":
            self.log.hung_up("platform", ended.reason)
            self._failed_in_call()
            await self.feature_server.hangup(headers=[("Reason", f'SIP;cause={ended.status};text="{ended.reason}"')])

    def offered(self, attempt: Attempt, event: Offered) -> None:
        if self._crossing is not None and attempt is self.winner:
            self._crossing.offered(Side.FAR_END, event)

    def requested(self, attempt: Attempt, event: Requested) -> None:
        if self._crossing is not None and attempt is self.winner:
            self._crossing.requested(Side.FAR_END, event)

    def acked(self, attempt: Attempt, sdp: bytes | None) -> None:
        if self._crossing is not None and attempt is self.winner:
            self._crossing.acked(Side.FAR_END, sdp)

    # ---- the end

    def _told(self, attempt: Attempt) -> headers.HeaderList:
        """What the feature server learns of the outside with each response."""
        rows = [
            ("X-Jambones-Call", attempt.leg.sip_call_id),
            ("X-Jambones-Edge", self.env.node_id),
            ("X-Jambones-Leg", self.leg_id),
            ("X-Jambones-Trunk-Name", attempt.way.trunk_name),
            ("X-Jambones-Gateway", attempt.way.gateway_sid or attempt.way.label),
            headers.media_row(attempt.media.stays),
        ]
        return [(name, headers.one_line(value)) for name, value in rows if value]

    async def _write_record(self) -> None:
        summary = None
        for attempt in self.attempts:
            measured = await attempt.close()
            summary = measured if attempt is self.winner else summary
        codec = self.winner.media.codec() if self.winner is not None else None
        self.env.figures.terminated(self.log.sip_status, self.kind, answered=self.log.answered_at is not None)
        record = self.log.record(self.env.private_ip, codec, summary)
        if record is not None:
            await self.env.record(record.model_copy(update={"record_sid": self.leg_id}))
        self.words.info(
            "call ended",
            sip_status=self.log.sip_status,
            termination_reason=self.log.termination_reason,
            hangup_side=self.log.hangup_side,
            trunk=self.log.trunk,
            gateway=self.log.gateway_sid,
            remote_host=self.log.remote_host,
            attempts=len(self.attempts),
            node=self.node_id,
            seconds=round(self.seconds, 3),
            reasons=self.log.reasons_logged,
        )
