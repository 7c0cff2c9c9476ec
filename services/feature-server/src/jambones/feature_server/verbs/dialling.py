"""A dial from its first INVITE to its result: all targets at once, the first who takes the call wins."""

import asyncio
from dataclasses import replace
from typing import Any

from jambones.common.ids import CallSid, new_sid
from jambones.common.verbs.dial import Dial
from jambones.common.verbs.target import Target
from jambones.feature_server.calls.dialled import Accepted, Dialled, EarlyMedia, Left, News, Over
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import LegGone, MediaEndpoint
from jambones.feature_server.calls.outbound import ELSEWHERE, Dialer, NotPlaced, Wanted, called
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.state import CallState, final_status
from jambones.feature_server.calls.variables import Variables
from jambones.feature_server.verbs.bridged import Bridged
from jambones.feature_server.verbs.ringback import Ringback
from jambones.feature_server.verbs.sip_headers import allowed_headers

CANCELLED = 487
NO_MEDIA = 503


class Dialling:
    """One dial that is going on. `run` it; afterwards, or when it was cancelled, `report` says how it went."""

    def __init__(self, verb: Dial, call: CallSession, endpoint: MediaEndpoint, dialer: Dialer) -> None:
        self._verb, self._call, self._endpoint, self._dialer = verb, call, endpoint, dialer
        self._news: asyncio.Queue[News] = asyncio.Queue()  # a handful a leg, and ten legs at most
        self._legs: list[Dialled] = []
        self._last: Dialled | None = None
        self._status = CANCELLED
        self._bridged = False

    def report(self) -> dict[str, Any]:
        """The action hook's own attributes."""
        status = 200 if self._bridged else self._status
        word = final_status("outbound", status, answered=self._bridged).value
        report: dict[str, Any] = {"dial_call_status": word, "dial_status": word, "dial_sip_status": status}
        if self._last is not None:
            info = self._last.session.info
            report["dial_call_sid"] = info.call_sid
            if info.outside_call_id is not None:
                report["dial_sbc_callid"] = info.outside_call_id
        return report

    async def run(self) -> None:
        """Call everybody, bridge the first who takes the call, wait until that is over."""
        try:
            winner = await self._ring()
            if winner is not None:
                await self._talk(winner)
        except LegGone:
            self._status = NO_MEDIA  # nobody hung up: then there would be an ending, and we had been told
        finally:
            left = [leg for leg in self._legs if not leg.independent]
            self._end(left, Ending.platform(Cause.DIAL_ENDED, status=CANCELLED, tell=False))

    # -- until somebody takes the call -------------------------------------------------------------------------

    async def _ring(self) -> Dialled | None:
        verb = self._verb
        ringback = Ringback(self._call, self._endpoint, verb.dial_music)
        try:
            await asyncio.gather(*(self._place(target) for target in verb.target))
            return await self._until_accepted(ringback)
        finally:
            await ringback.stop()

    async def _until_accepted(self, ringback: Ringback) -> Dialled | None:
        deadline: float | None = asyncio.get_running_loop().time() + self._verb.timeout
        while self._legs:
            try:
                async with asyncio.timeout_at(deadline):
                    news = await self._news.get()
            except TimeoutError:
                # Whoever is being asked to confirm has answered in time.
                ringing = [leg for leg in self._legs if not leg.answered]
                self._end(ringing, Ending.platform(Cause.NO_ANSWER, status=CANCELLED, tell=False))
                deadline = None
                continue
            match news:
                case EarlyMedia(_, endpoint) if self._passes_early_media():
                    await ringback.stop()
                    await self._endpoint.bridge(endpoint)
                case Accepted(leg):
                    self._last = leg
                    others = [each for each in self._legs if each is not leg]
                    self._end(others, Ending.platform(Cause.ELSEWHERE, status=CANCELLED, headers=ELSEWHERE, tell=False))
                    self._legs = [leg]
                    return leg
                case Over(leg):
                    self._note(leg)
        return None

    def _passes_early_media(self) -> bool:
        verb = self._verb
        target = verb.target[0]
        confirmed = verb.confirm_hook is not None or target.confirm_hook is not None
        return len(verb.target) == 1 and verb.dial_music is None and not confirmed

    def _note(self, leg: Dialled) -> None:
        self._legs.remove(leg)
        self._last = leg
        ending = leg.session.ending
        self._status = CANCELLED if leg.answered or ending is None else ending.status

    def _end(self, legs: list[Dialled], ending: Ending) -> None:
        for leg in legs:
            leg.session.end(ending)

    async def _place(self, target: Target) -> None:
        call, verb = self._call, self._verb
        info = self._info(target)
        wanted = Wanted(
            target=target,
            caller_id=info.from_,
            caller_name=info.caller_name,
            headers=dict(allowed_headers({**verb.headers, **target.headers}, call)),
            proxy=verb.proxy,
            parent_call_id=call.info.outside_call_id or call.info.sip_call_id,
            in_trunk=call.info.trunk_sid,
            near=self._endpoint,
        )
        try:
            leg = await self._dialer.place(info, wanted)
        except NotPlaced as exc:
            self._status = exc.sip_status
            call.log.warning("dial: call not placed", error=exc.message, sip_status=exc.sip_status)
            return
        hooks = call.kit.hooks.share()
        kit = replace(call.kit, hooks=hooks, reporter=call.kit.reporter.of_leg(info, hooks))
        ours = call.variables
        variables = Variables(default_synthesizer=ours.synthesizer, default_recognizer=ours.recognizer)
        session = CallSession(info, leg, kit, variables, max_duration=call.max_duration)
        dialled = Dialled(session, target.confirm_hook or verb.confirm_hook, self._news.put_nowait)
        self._legs.append(dialled)
        self._dialer.start(session, dialled.run())

    def _info(self, target: Target) -> CallInfo:
        parent, verb = self._call.info, self._verb
        caller_id = verb.caller_id or parent.from_
        return CallInfo(
            call_sid=CallSid(new_sid()),
            account_sid=parent.account_sid,
            application_sid=parent.application_sid,
            from_=caller_id,
            to=called(target),
            sip_call_id=new_sid(),
            state=CallState("outbound"),
            trace_id=parent.trace_id,
            caller_name=parent.caller_name if verb.caller_name is None else verb.caller_name,
            caller_id=caller_id,
            service_provider_sid=parent.service_provider_sid,
            parent_call_sid=parent.call_sid,
            fs_sip_address=parent.fs_sip_address,
            fs_public_ip=parent.fs_public_ip,
            api_base_url=parent.api_base_url,
            customer_data=verb.tag,
        )

    # -- from then on ------------------------------------------------------------------------------------------

    async def _talk(self, winner: Dialled) -> None:
        await self._call.media()  # answers a caller who was to wait for this
        if winner.session.ending is not None:
            self._note(winner)
            return
        async with Bridged.between(self._verb, self._call, winner.session):
            self._bridged = True
            try:
                async with asyncio.timeout(self._verb.time_limit or None):
                    await self._until_gone(winner)
            except TimeoutError:
                winner.session.end(Ending.platform(Cause.TIME_LIMIT, status=480, tell=False))

    async def _until_gone(self, winner: Dialled) -> None:
        while True:
            match await self._news.get():
                case Left(leg) if leg is winner:
                    self._legs.remove(winner)  # it goes on without us
                    return
                case Over(leg) if leg is winner:
                    return
