"""A call that takes the place of a far end in a call of this edge: INVITE with Replaces (RFC 3891, attended transfer).

The call goes on: its feature server hears an ordinary re-INVITE with the newcomer's description, the newcomer gets the
answer, and the former far end a BYE. Whatever fails before that leaves the call as it was and refuses the newcomer.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import structlog

from jambones.common import logs
from jambones.common.errors import JambonesError
from jambones.sbc import trace
from jambones.sbc.crossing import Crossing
from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.media import MediaFailed, Side
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.call import SEEN_OUTSIDE, Call
from jambones.sbc_inbound.environment import Environment
from jambones.sbc_inbound.identify import Caller, inactive, trunks_at
from jambones.sbc_inbound.sources import source_of
from jambones.sip.events import LegEnded
from jambones.sip.grammar import GrammarError
from jambones.sip.leg import IncomingLeg, Leg, OutgoingLeg
from jambones.sip.message import Request
from jambones.sip.replaces import Replaces

log = structlog.get_logger(__name__)

NO_OFFER = "A take-over makes an offer"
BUSY = Refusal(500, "an offer is under way", headers=(("Retry-After", "2"),))
OVER = Refusal(603, "the call to replace is over")  # section 3: a dialog that has ended
FORBIDDEN = Refusal(403, "may not take over this call", x_reason="Not allowed to replace this call")

Kind = Literal["trunk", "user"]


def wanted(invite: Request) -> bool:
    """Whether this INVITE is no call of its own."""
    return "Replaces" in invite.headers


def replaced(invite: Request, find: Callable[[Replaces], Leg | None]) -> Leg | Refusal:
    """The leg that an INVITE with Replaces names (section 3). `find` as `Endpoint.leg_for`."""
    rows = invite.headers.get_all("Replaces")
    try:
        replaces = Replaces.parse(rows[0])
    except GrammarError:
        return Refusal(400, "unreadable Replaces")
    if len(rows) > 1:
        return Refusal(400, "more than one Replaces")
    leg = find(replace(replaces, early_only=False))
    if leg is None:
        return Refusal(481, "no such dialog to replace")
    if replaces.early_only and leg.confirmed:
        return Refusal(486, "the dialog to replace is not early any more")
    return leg


def names_a_call(invite: Request, find: Callable[[Replaces], Leg | None]) -> bool:
    return wanted(invite) and not isinstance(replaced(invite, find), Refusal)


class TakeOver:
    """Run it once with `await TakeOver(env, newcomer).run()`."""

    def __init__(self, env: Environment, newcomer: IncomingLeg) -> None:
        self._env, self._newcomer = env, newcomer
        self._words = log.bind(sip_call_id=newcomer.sip_call_id)

    async def run(self) -> None:
        """Until the newcomer is refused, or the call that it has taken over has ended."""
        logs.unbind()
        trace.forget()
        leg = replaced(self._newcomer.invite, self._env.leg_for)
        if isinstance(leg, Refusal):
            await self._refuse(leg)
            return
        call = next((call for call in self._env.calls.values() if call.came_in is leg), None)
        account = self._env.directory.tables.accounts.get(call.account.account_sid) if call and call.account else None
        if call is None or account is None:
            await self._refuse(OVER)
            return
        self._words = self._words.bind(account_sid=account.account_sid, leg=call.leg_id)
        logs.bind(account_sid=account.account_sid, leg=call.leg_id)
        trace.begin(self._newcomer, account.account_sid, call.leg_id, call.log.call_sid)
        who = await self._who(call, account)
        refused = who.result if isinstance(who.result, Refusal) else await self._joined(call, who.result)
        if refused is not None:
            await self._refuse(refused, who)
            return
        call.log.reasons += [*map(str, who.reasons), "far end replaced"]
        self._words.info("call taken over", reasons=list(map(str, who.reasons)))
        await call.over.wait()

    async def _refuse(self, refusal: Refusal, who: Decision[object] | None = None) -> None:
        reasons = list(map(str, who.reasons)) if who is not None else []
        self._words.info("call not taken over", status=refusal.status, cause=refusal.cause, reasons=reasons)
        self._env.figures.terminated(refusal.status, "unknown", answered=False)
        await self._newcomer.reject(refusal.status, refusal.reason_phrase, refusal.sip_headers())

    async def _who(self, call: Call, account: Account) -> Decision[Kind | Refusal]:
        """The trunk of the call, or a user of its account: the Request-URI names one of our contacts, and no realm."""
        env, newcomer, reasons = self._env, self._newcomer, Reasons()
        if not account.is_active:
            return reasons.refused("account is active", inactive(account))
        source, realm = newcomer.source, account.sip_realm or ""
        address = source_of(newcomer.invite.headers, source.host, env.trusted_proxies)
        registered = bool(realm) and env.users.registered_from(realm, address, source.port)
        learnt = env.trunk_sources.of(address)
        caller = Caller(address, source.port, source.transport, "", realm, registered, learnt)
        if not registered and call.trunk_sid in trunks_at(env.directory.tables, caller):
            return reasons.matched("trunk of the call", call.log.trunk or "", "trunk", about=[call.trunk_sid])
        reasons.missed("trunk of the call", f"it has no {address}" if call.trunk_sid else "it came from a user")
        if not realm:
            return reasons.refused("user of the account", FORBIDDEN, "it has no realm")
        flow = newcomer.flow.id if newcomer.flow is not None else ""
        verdict = await env.users.verify(account, caller, newcomer.invite, flow)
        seen = reasons.rules + verdict.reasons
        if isinstance(verdict.result, Refusal):
            return Decision(verdict.result, seen)
        if verdict.result.trunk_sid not in {None, call.trunk_sid}:
            return Decision(FORBIDDEN, seen)
        return Decision("user" if verdict.result.trunk_sid is None else "trunk", seen)

    async def _joined(self, call: Call, kind: Kind) -> Refusal | None:
        """Put the newcomer in the far end's place, or say why not; the work is the call's and ends with it."""
        if call.came_in.ended is not None or call.sides is None:
            return OVER
        if (sdp := self._newcomer.invite.sdp) is None:
            return Refusal(488, "no offer", x_reason=NO_OFFER)
        joining = call.spawn(self._join(call, *call.sides, kind, sdp))
        await asyncio.wait({joining})
        return OVER if joining.cancelled() else joining.result()

    async def _join(
        self, call: Call, crossing: Crossing, inside: OutgoingLeg, kind: Kind, sdp: bytes
    ) -> Refusal | None:
        newcomer, former = self._newcomer, call.came_in
        with crossing.turn() as ours:
            if not ours:
                return BUSY
            theirs, media, told = call.media.remote(Side.FAR_END), call.media, False
            fresh = self._env.relay(call.media_id, sdp, newcomer.source, kind == "trunk")
            before = await media.face(fresh)
            try:
                answer = await inside.reinvite(await media.offer(Side.FAR_END, sdp))
                told = answer.accepted
                if answer.sdp is None or not told:
                    status = 488 if told else SEEN_OUTSIDE.get(answer.status, answer.status)
                    refused = Refusal(status, "the feature server refuses")
                else:
                    described = await media.answer(Side.FEATURE_SERVER, answer.sdp)
                    if former.ended is not None:
                        raise LegEnded(former.ended)
                    await newcomer.answer(described)
                    await call.hand_over(newcomer)
                    return None
            except MediaFailed as exc:
                refused = Refusal(exc.status, "media", x_reason=str(exc))
            except LegEnded:
                refused = OVER if newcomer.ended is None else Refusal(487, "the newcomer has gone")
            await media.face(before)
            if former.ended is None and inside.ended is None:
                await self._put_back(call, inside, theirs if told else None)
        return refused

    async def _put_back(self, call: Call, inside: OutgoingLeg, theirs: bytes | None) -> None:
        """Make hold what held before; `theirs`: what the feature server must hear of its far end again."""
        try:
            if theirs is not None:
                answer = await inside.reinvite(await call.media.offer(Side.FAR_END, theirs))
                if answer.accepted and answer.sdp is not None:
                    await call.media.answer(Side.FEATURE_SERVER, answer.sdp)
                    return
            await call.media.roll_back()
        except LegEnded:
            return
        except JambonesError as exc:
            self._words.warning("media not put back", error=str(exc))
