"""One call from outside: the far end's leg on one side, the feature server's on the other."""

import asyncio
from contextlib import suppress

from jambones.common import logs
from jambones.common.bus.nodes import Node
from jambones.media.rtpengine import BadDescription
from jambones.sbc import headers, trace
from jambones.sbc.call import SbcCall
from jambones.sbc.crossing import Crossing
from jambones.sbc.decision import Refusal
from jambones.sbc.limits import RETRY_AFTER, over_local_limits, over_tenant_limits, tenants_of
from jambones.sbc.media import CallMedia, MediaFailed, Side, Straight
from jambones.sbc.record import CallLog
from jambones.sbc_inbound.admit import where_to
from jambones.sbc_inbound.destinations import DeviceRoute
from jambones.sbc_inbound.environment import Environment
from jambones.sbc_inbound.inward import ask_feature_server
from jambones.sbc_inbound.routing import Route
from jambones.sip.events import Acked, Answered, Ended, LegEnded, LegEvent, Offered, Progress, Requested
from jambones.sip.headers import Headers
from jambones.sip.leg import IncomingLeg, OutgoingLeg

ANONYMOUS = "anonymous"
ELSEWHERE = "X-Jambones-Retry-Elsewhere"
SEEN_OUTSIDE = {401: 480, 403: 480, 404: 480, 407: 480, 408: 480, 481: 480, 482: 480, 483: 480}
"""Statuses of a feature server that speak of the platform's inside, and what the far end gets instead."""


class Call(SbcCall[Environment]):
    """A call that came in; see `SbcCall`."""

    def __init__(self, env: Environment, leg: IncomingLeg) -> None:
        invite = leg.invite
        record = CallLog(
            sip_call_id=invite.call_id,
            from_user=invite.from_.uri.number or ANONYMOUS,
            to_user=invite.uri.number or invite.to.uri.number,
            remote_host=leg.source.host,
            user_agent=invite.headers.get("User-Agent"),
        )
        super().__init__(env, leg, record)
        self.node: Node | None = None
        """The feature server that has the call, or is being asked."""
        self.media = CallMedia(Straight())
        self._feature_server: OutgoingLeg | None = None
        self.origin = "unknown"
        self.trunk_sid: str | None = None

    @property
    def far_end(self) -> IncomingLeg:
        return self.came_in

    @property
    def sides(self) -> tuple[Crossing, OutgoingLeg] | None:
        """What joins the two legs, and the feature server's; None before there is one."""
        if self._crossing is None or self._feature_server is None:
            return None
        return self._crossing, self._feature_server

    async def hand_over(self, newcomer: IncomingLeg) -> None:
        """`newcomer`, answered just now, is the far end from here on; the former one is hung up."""
        former, self.came_in = self.came_in, newcomer
        assert self._crossing is not None
        self._crossing.replace(newcomer)
        await former.hangup(headers=[("Reason", 'SIP;cause=200;text="Replaced"')])

    @property
    def node_id(self) -> str | None:
        return self.node.id if self.node is not None else None

    @property
    def media_id(self) -> str:
        """The session's name at rtpengine."""
        return self.leg_id

    async def probe(self) -> None:
        """Ask the feature server whether it still knows the call: 481 ends it."""
        if self._feature_server is None:
            return
        if self.log.answered_at is None:
            await self.end("media lost")
            return
        with suppress(LegEnded):
            await self._feature_server.send("OPTIONS")

    # ---- the far end

    def _heard(self, event: LegEvent) -> None:
        match event:
            case Acked(sdp):
                if self._crossing is None:
                    return
                if self.media.current is not None and self.media.current.answered is None:
                    self.spawn(self._answer_of_the_ack(sdp))
                    return
                self._crossing.up()
                self._crossing.acked(Side.FAR_END, sdp)
            case Offered():
                self._offered(Side.FAR_END, event)
            case Requested():
                self._requested(Side.FAR_END, event)
            case Ended():
                self._it_ended(event)
            case _:
                pass

    async def _answer_of_the_ack(self, sdp: bytes | None) -> None:
        """A delayed offer: the feature server offered in its 200, the far end answers in its ACK (RFC 3261 13.2.1)."""
        assert self._feature_server is not None
        assert self._crossing is not None
        try:
            if sdp is None:
                raise LegEnded
            await self._feature_server.ack(await self.media.answer(Side.FAR_END, sdp))
            self._crossing.up()
        except (MediaFailed, LegEnded):
            self.log.hung_up("platform", "no usable answer")
            await self.far_end.hangup(headers=[("Reason", 'SIP;cause=488;text="no usable answer"')])

    # ---- admission

    async def _lead_on(self) -> None:
        try:
            route = await self._admit()
            if route is not None:
                await self._serve(route)
        except LegEnded:
            return  # the far end has gone; whoever reads its events knows more
        finally:
            if self._feature_server is not None:
                await self._feature_server.hangup(headers=self._farewell)

    async def _admit(self) -> Route | DeviceRoute | None:
        decision = await where_to(self)
        self.log.reasons += map(str, decision.reasons)
        match decision.result:
            case Refusal() as refusal:
                self.account = self.env.directory.tables.accounts.get(refusal.account_sid or "")
                self.log.account = self.account
                if self.account is not None:
                    trace.begin(self.far_end, self.account.account_sid, self.leg_id)
                await self.refuse(refusal)
                return None
            case Route() as route:
                self.origin, self.account = "trunk", route.account
                self.log.account, self.log.trunk = route.account, route.carrier.name
                self.trunk_sid = route.carrier.voip_carrier_sid
                self.log.application_sid = route.application.application_sid
            case DeviceRoute() as route:
                self.origin, self.account = "user", route.account
                self.log.account, self.log.trunk = route.account, "user"
                self.log.application_sid = route.application.application_sid if route.application else None
        self.words = self.words.bind(account_sid=route.account.account_sid)
        logs.bind(account_sid=route.account.account_sid, leg=self.leg_id)
        trace.begin(self.far_end, route.account.account_sid, self.leg_id)
        self.env.figures.invited(self.origin)
        self._tenants = tenants_of(route.account)
        refused = over_local_limits(self.env, route.account) or await over_tenant_limits(
            self.env,
            self._counted,
            route.account,
            self.env.directory.tables.service_providers.get(route.account.service_provider_sid),
        )
        if refused is not None:
            await self.refuse(refused)
            return None
        return route

    async def _fail(self, status: int, reason: str, *extra: tuple[str, str]) -> None:
        """Refuse for a reason of the platform's own."""
        await self.refuse(Refusal(status, reason.lower(), x_reason=reason, headers=extra))

    # ---- the feature server

    async def _serve(self, route: Route | DeviceRoute) -> None:
        sdp = self.far_end.invite.sdp
        self.media = CallMedia(self.env.relay(self.media_id, sdp, self.far_end.source, self.origin == "trunk"))
        try:
            offer = await self.media.offer(Side.FAR_END, sdp) if sdp is not None else None
        except MediaFailed as exc:
            await self._fail(exc.status, str(exc), *([RETRY_AFTER] if exc.status == 503 else []))
            return
        tried: set[str] = set()
        for _ in range(self.env.fs_attempts):
            choice = self.env.feature_servers.choose(zone=self.env.zone, exclude=tried)
            self.log.reasons += choice.reasons
            if choice.node is None:
                break
            self.node = choice.node
            tried.add(choice.node.id)
            if await self._ask(choice.node, route, offer):
                return
            self.env.feature_servers.failed(choice.node.id)
        self.node = None
        await self._fail(503, "No feature server takes the call", RETRY_AFTER)

    async def _ask(self, node: Node, route: Route | DeviceRoute, offer: bytes | None) -> bool:
        """Offer the call to one feature server and follow it to the end; False when another one may be asked."""
        leg = await ask_feature_server(self, node, route, offer)
        self._feature_server = leg
        self._crossing = Crossing(self.far_end, leg, self.media, self.spawn)
        events = leg.events()
        silent_at: float | None = asyncio.get_running_loop().time() + self.env.fs_timeout
        while True:
            try:
                async with asyncio.timeout_at(silent_at):
                    event = await anext(events)
            except TimeoutError:
                silent_at = None
                if leg.trying:
                    continue
                self.log.reasons.append(f"{node}: no answer in {self.env.fs_timeout:g} s")
                self._feature_server = None
                await leg.hangup()
                return False
            match event:
                case Ended() if self.log.answered_at is None:
                    self._feature_server = None
                    return await self._not_answered(node, event)
                case Ended():
                    await self._hung_up_inside(event)
                    return True
                case _:
                    await self._from_feature_server(leg, event)

    async def _from_feature_server(self, leg: OutgoingLeg, event: LegEvent) -> None:
        match event:
            case Progress(status, reason, sdp, said):
                self._note(said)
                if not self._rang:
                    self._rang = True
                    self.env.figures.setup.observe(self.seconds)
                described = await self._early(sdp) if sdp is not None else None
                await self.far_end.progress(status, reason, sdp=described, headers=headers.to_far_end(said))
            case Answered(_, sdp, said):
                self._note(said)
                await self._answered(leg, sdp, headers.to_far_end(said))
            case Offered():
                self._offered(Side.FEATURE_SERVER, event)
            case Requested():
                self._requested(Side.FEATURE_SERVER, event)
            case Acked(sdp) if self._crossing is not None:
                self._crossing.acked(Side.FEATURE_SERVER, sdp)
            case _:
                pass

    async def _answered(self, leg: OutgoingLeg, sdp: bytes | None, said: headers.HeaderList) -> None:
        delayed = self.far_end.invite.sdp is None
        try:
            if delayed:
                if sdp is None:
                    raise LegEnded
                described = await self.media.offer(Side.FEATURE_SERVER, sdp)
            else:
                described = await self._described(sdp)
        except MediaFailed as exc:
            await self._fail(exc.status, str(exc))
            return
        await self.far_end.answer(described, said)
        self.log.answered()
        self.env.figures.answer.observe(self.seconds)

    async def _early(self, sdp: bytes) -> bytes | None:
        """Early media for the far end; without it the call may still be answered.

        A caller that made no offer gets ours in the 200 alone: before that it could not answer it (RFC 3261 13.2.1).
        """
        if self.far_end.invite.sdp is None:
            return None
        try:
            return await self._described(sdp)
        except MediaFailed as exc:
            self.words.warning("early media not usable", error=str(exc))
            return None

    async def _described(self, sdp: bytes | None) -> bytes:
        """The feature server's answer as the far end shall see it; a 200 without one repeats that of the 183."""
        if sdp is None:
            early = self.media.current.answered if self.media.current is not None else None
            if early is None:
                raise MediaFailed(BadDescription("answer", "there is none"))
            return early
        if self.media.current is None:
            return sdp
        return await self.media.answer(Side.FEATURE_SERVER, sdp)

    async def _not_answered(self, node: Node, ended: Ended) -> bool:
        """The feature server refused, or could not be reached; True when that is the caller's answer."""
        self._note(ended.headers)
        if ended.by == "local":
            return True
        elsewhere = ended.headers.get(ELSEWHERE) is not None
        if elsewhere or ended.status == 503 or (ended.by == "failure" and not self._rang):
            self.log.reasons.append(f"{node}: {ended.status} {ended.reason}")
            return False
        status, reason = SEEN_OUTSIDE.get(ended.status, ended.status), ended.reason
        if status != ended.status:
            reason = ""
        self.log.failed(status, ended.headers.get("X-Reason") or reason)
        await self.far_end.reject(status, reason or None, headers.to_far_end(ended.headers))
        return True

    async def _hung_up_inside(self, ended: Ended) -> None:
        if ended.by == "remote":
            self.log.hung_up("callee", ended.headers.get("Reason"), ended.headers.get("X-Reason"))
            await self.far_end.hangup(headers=headers.of_a_hangup(ended.headers))
        elif ended.by == "failure":
            self.log.hung_up("platform", "media lost")
            await self.far_end.hangup(headers=[("Reason", 'SIP;cause=503;text="media lost"')])

    def _offered(self, side: Side, event: Offered) -> None:
        if self._crossing is not None:
            self._crossing.offered(side, event)

    def _requested(self, side: Side, event: Requested) -> None:
        if self._crossing is not None:
            self._crossing.requested(side, event)

    def _note(self, said: Headers) -> None:
        """What the feature server tells about the call, for the record."""
        self.log.call_sid = said.get("X-Jambones-Call-Sid") or self.log.call_sid
        if (followed := trace.current()) is not None:
            followed.call_sid = self.log.call_sid
        self.log.trace_id = said.get("X-Jambones-Trace") or self.log.trace_id
        self.log.application_sid = said.get("X-Jambones-App") or self.log.application_sid

    async def _write_record(self) -> None:
        summary = await self.media.close()
        self.env.figures.terminated(self.log.sip_status, self.origin, answered=self.log.answered_at is not None)
        record = self.log.record(self.env.private_ip, self.media.codec(), summary)
        if record is not None:
            await self.env.record(record.model_copy(update={"record_sid": self.leg_id}))
        self.words.info(
            "call ended",
            call_sid=self.log.call_sid,
            sip_status=self.log.sip_status,
            termination_reason=self.log.termination_reason,
            hangup_side=self.log.hangup_side,
            trunk=self.log.trunk,
            remote_host=self.log.remote_host,
            node=self.node.id if self.node is not None else None,
            seconds=round(self.seconds, 3),
            reasons=self.log.reasons_logged,
        )
