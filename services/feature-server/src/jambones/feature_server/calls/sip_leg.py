"""The Leg of a call that came in: a SIP dialog with the edge, its audio on the media engine."""

import asyncio

import structlog

from jambones.feature_server.calls.carried import stays_of
from jambones.feature_server.calls.engine_audio import EngineEndpoint
from jambones.feature_server.calls.leg import Ended, Headers, LegGone
from jambones.feature_server.calls.measured import Measure, SbcLeg
from jambones.feature_server.calls.reasons import Cause, EndedBy
from jambones.feature_server.calls.sip_dialog import MEDIA, SipDialog
from jambones.media import MediaEngine, MediaRefused
from jambones.sip import events as sip
from jambones.sip.leg import IncomingLeg

log = structlog.get_logger(__name__)

ACK_LIMIT = 32.0  # seconds for the ACK that answers our offer


class SipLeg(SipDialog):
    """An incoming leg. Use it inside `async with leg.attended()`; `told` goes with every response and BYE of ours.

    `outside` is where the call came from: a number without a host that the far end is referred to is one of there.
    """

    def __init__(
        self,
        leg: IncomingLeg,
        engine: MediaEngine,
        told: Headers,
        outside: str | None = None,
        measure: Measure | None = None,
    ) -> None:
        super().__init__(told, measure)
        self._outside = outside
        self._leg = leg
        header = leg.invite.headers.get
        self.stays = stays_of(header(MEDIA))
        self._at_sbc = SbcLeg.of(header("X-Jambones-Edge"), header("X-Jambones-Leg"))
        self._engine = engine
        self._acked: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    @property
    def _dialog(self) -> IncomingLeg:
        return self._leg

    async def early_media(self) -> EngineEndpoint:
        endpoint = await self._media()
        try:
            await self._leg.progress(183, sdp=endpoint.media.local_sdp, headers=self._told)
        except sip.LegEnded as exc:
            raise LegGone from exc
        return endpoint

    async def answer(self) -> EngineEndpoint:
        endpoint = await self._media()
        try:
            await self._leg.answer(endpoint.media.local_sdp, self._told)
            if self._leg.invite.sdp is None:
                async with asyncio.timeout(ACK_LIMIT):
                    answer = await asyncio.shield(self._acked)
                if answer is None:
                    raise MediaRefused(488, "the ACK has no answer")
                await endpoint.media.set_answer(answer)
        except sip.LegEnded as exc:
            raise LegGone from exc
        except (MediaRefused, TimeoutError) as exc:
            await self._lost(Cause.MEDIA_LOST, status=488)
            raise LegGone from exc
        return endpoint

    async def reject(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        self._ended = True
        await self._leg.reject(status, reason, [*self._told, *headers])

    async def _media(self) -> EngineEndpoint:
        if self._endpoint is not None:
            return self._endpoint
        offer = self._leg.invite.sdp
        try:
            if offer is not None:
                media = await self._engine.accept(offer, self.sip_call_id)
            else:
                media = await self._engine.offer(self.sip_call_id)
        except MediaRefused as exc:
            log.info("no media", status=exc.status, error=exc.reason, sip_call_id=self.sip_call_id)
            elsewhere = [("X-Jambones-Retry-Elsewhere", exc.reason)] if exc.status == 503 else []
            await self._leg.reject(exc.status, None, [*self._told, ("X-Reason", exc.reason), *elsewhere])
            self._say_ended(Ended(EndedBy.PLATFORM, exc.status, "Not Acceptable Here", exc.reason))
            raise LegGone from exc
        self._endpoint = EngineEndpoint(self._engine, media, self)
        self._tasks.start(self._follow_media(media), name="media events")
        return self._endpoint

    async def _follow_sip(self) -> None:
        async for event in self._leg.events():
            if isinstance(event, sip.Acked):
                if not self._acked.done():
                    self._acked.set_result(event.sdp)
            else:
                await self._on_sip(event)
        if not self._acked.done():
            self._acked.cancel()
