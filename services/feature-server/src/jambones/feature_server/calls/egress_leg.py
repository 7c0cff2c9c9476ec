"""The Leg of a call of ours: an INVITE to an egress node, to the next one when it does not take it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from jambones.feature_server.calls.carried import stays_of
from jambones.feature_server.calls.engine_audio import EngineEndpoint
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import Answered, Headers, LegGone, Ringing
from jambones.feature_server.calls.measured import Measure, SbcLeg
from jambones.feature_server.calls.reasons import Cause, EndedBy
from jambones.feature_server.calls.sip_dialog import MEDIA, SipDialog
from jambones.media import MediaEngine, MediaError, MediaLeg
from jambones.sip import events as sip
from jambones.sip.headers import Headers as SipHeaders
from jambones.sip.leg import OutgoingLeg
from jambones.sip.status import phrase

log = structlog.get_logger(__name__)

SILENT = 3.0  # seconds for an egress node to answer anything, if only 100
ELSEWHERE = "X-Jambones-Retry-Elsewhere"
NextLeg = Callable[[], Awaitable[OutgoingLeg | None]]
"""The INVITE once more to another node; None when there is none left."""


class EgressLeg(SipDialog):
    """An outgoing leg. Use it inside `async with leg.attended()`."""

    far_end = EndedBy.CALLEE

    def __init__(
        self,
        leg: OutgoingLeg,
        engine: MediaEngine,
        media: MediaLeg,
        info: CallInfo,
        again: NextLeg,
        measure: Measure | None = None,
    ) -> None:
        super().__init__((), measure)
        self._leg = leg
        self._engine = engine
        self._media = media
        self._endpoint = EngineEndpoint(engine, media, self)
        self._info = info
        self._again = again
        self._described = False  # the far end's description is known
        self._silent = False
        self._cancelled: Headers | None = None

    @property
    def _dialog(self) -> OutgoingLeg:
        return self._leg

    async def early_media(self) -> EngineEndpoint:
        assert self._endpoint is not None
        if not self._described:
            raise LegGone("the far end has no audio yet")
        return self._endpoint

    async def answer(self) -> EngineEndpoint:
        """The audio of a far end that has answered already."""
        return await self.early_media()

    async def reject(self, status: int, reason: str | None = None, headers: Headers = ()) -> None:
        """CANCEL."""
        self._cancelled = headers
        await self.hangup(headers)

    async def _follow_sip(self) -> None:
        self._tasks.start(self._follow_media(self._media), name="media events")
        while True:
            watch = asyncio.get_running_loop().call_later(SILENT, self._unheard, self._leg)
            try:
                ended = await self._follow_one(self._leg)
            finally:
                watch.cancel()
            following = await self._elsewhere(ended)
            if following is None:
                await self._on_sip(ended)
                return
            self._leg, self._silent = following, False

    async def _follow_one(self, leg: OutgoingLeg) -> sip.Ended:
        async for event in leg.events():
            match event:
                case sip.Ended():
                    self._learn(event.headers)
                    return event
                case sip.Progress():
                    self._learn(event.headers)
                    await self._progress(event)
                case sip.Answered():
                    self._learn(event.headers)
                    await self._answered(event)
                case _:
                    await self._on_sip(event)
        raise RuntimeError("a leg ended without saying so")

    async def _progress(self, event: sip.Progress) -> None:
        if event.sdp is not None and not self._described:
            try:
                await self._media.set_answer(event.sdp)
                self._described = True
            except MediaError as exc:
                log.info("early media refused", error=str(exc), sip_call_id=self.sip_call_id)
        if self._described:
            self._say(Ringing(event.status, event.reason, early=True, endpoint=self._endpoint))
        elif event.status == 180:
            self._say(Ringing(event.status, event.reason))

    async def _answered(self, event: sip.Answered) -> None:
        assert self._endpoint is not None
        try:
            if event.sdp is not None:
                await self._media.set_answer(event.sdp)
                self._described = True
            elif not self._described:
                raise MediaError("the answer has no description")
        except MediaError as exc:
            log.info("answer refused", error=str(exc), sip_call_id=self.sip_call_id)
            await self._lost(Cause.MEDIA_LOST, status=488)
            return
        self._say(Answered(self._endpoint, event.status, phrase(event.status)))

    def _unheard(self, leg: OutgoingLeg) -> None:
        if not leg.trying and leg.ended is None:
            self._silent = True
            self._tasks.start(leg.hangup(status=408), name="give up on a silent node")

    async def _elsewhere(self, ended: sip.Ended) -> OutgoingLeg | None:
        """The next attempt, when this node did not take the call for reasons of its own."""
        busy = ended.by == "remote" and ended.status == 503 and ended.headers.get(ELSEWHERE) is not None
        dead = self._silent or (ended.by == "failure" and not self._leg.trying)
        if self._ended or self._described or self._cancelled is not None or not (busy or dead):
            return None
        return await self._again()

    def _learn(self, headers: SipHeaders) -> None:
        """What the egress tells of the outside."""
        if (media := headers.get(MEDIA)) is not None:
            self.stays = stays_of(media)
        at_sbc = SbcLeg.of(headers.get("X-Jambones-Edge"), headers.get("X-Jambones-Leg"))
        self._at_sbc = at_sbc or self._at_sbc
        self._info.learn(
            outside_call_id=headers.get("X-Jambones-Call"), trunk_name=headers.get("X-Jambones-Trunk-Name")
        )
