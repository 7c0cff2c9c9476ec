"""The Leg of a real call: a SIP dialog with the edge, its audio on the media engine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import structlog

from jambones.common.tasks import Tasks
from jambones.feature_server.calls.leg import (
    CallEvent,
    Clip,
    Digit,
    Ended,
    Headers,
    LegGone,
    Listener,
    Lost,
    MarkTold,
    Mix,
    Played,
    Voice,
)
from jambones.feature_server.calls.reasons import Cause, EndedBy
from jambones.media import Clip as EngineClip
from jambones.media import Digit as EngineDigit
from jambones.media import (
    Fork,
    MediaEngine,
    MediaError,
    MediaEvent,
    MediaLeg,
    MediaLost,
    MediaRefused,
    Overrun,
    Playback,
    Playout,
    RtpTimeout,
    VoiceStarted,
    VoiceStopped,
)
from jambones.sip import events as sip
from jambones.sip.leg import IncomingLeg

log = structlog.get_logger(__name__)

ACK_LIMIT = 32.0  # seconds for the ACK that answers our offer
DTMF_RELAY = "application/dtmf-relay"


class EnginePlayback:
    """A playback in the verb engine's words."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    async def wait(self) -> Played:
        result = await self._playback.wait()
        return Played(result.samples, result.offset, result.reason)

    async def stop(self) -> Played:
        result = await self._playback.stop()
        return Played(result.samples, result.offset, result.reason)


class EngineFork:
    """A fork in the verb engine's words."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork

    async def __aiter__(self) -> AsyncIterator[bytes | Lost]:
        async for frame in self._fork:
            yield Lost(frame.frames) if isinstance(frame, Overrun) else frame

    def set(self, mode: Literal["on", "pause", "silence"]) -> None:
        self._fork.set(mode)

    def stop(self) -> None:
        self._fork.stop()


class EngineEndpoint:
    """The audio of a leg on the media engine."""

    def __init__(self, media: MediaLeg) -> None:
        self.media = media

    async def play(
        self, clips: Sequence[Clip], *, loop: int | None = 1, offset: int = 0, limit: int | None = None
    ) -> EnginePlayback:
        ready = [clip for clip in clips if isinstance(clip, EngineClip)]
        try:
            return EnginePlayback(await self.media.play(ready, loop=loop, offset=offset, limit=limit))
        except MediaError as exc:
            raise LegGone from exc

    async def send_dtmf(self, digits: str, *, duration_ms: int) -> None:
        try:
            # The engine knows one pause, of half a second; "W" is two of them.
            await self.media.send_dtmf(digits.replace("W", "ww"), duration_ms)
        except MediaError as exc:
            raise LegGone from exc

    async def fork(self, mix: Mix, rate: int) -> EngineFork:
        try:
            return EngineFork(self.media.fork(mix, rate))
        except MediaError as exc:
            raise LegGone from exc

    async def queue(self, rate: int, told: MarkTold) -> Playout:
        try:
            return self.media.playout(rate, told)
        except MediaError as exc:
            raise LegGone from exc


class SipLeg:
    """An incoming leg. Use it inside `async with leg.attended()`; `told` goes with every response and BYE of ours."""

    def __init__(self, leg: IncomingLeg, engine: MediaEngine, told: Headers) -> None:
        self._leg = leg
        self._engine = engine
        self._told = list(told)
        self._listener: Listener | None = None
        self._endpoint: EngineEndpoint | None = None
        self._tasks = Tasks()
        self._ended = False
        self._acked: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    @property
    def sip_call_id(self) -> str:
        return self._leg.sip_call_id

    @asynccontextmanager
    async def attended(self) -> AsyncIterator["SipLeg"]:
        """Events are passed on inside the block; at its end the audio is gone."""
        async with self._tasks:
            self._tasks.start(self._follow_sip(), name="sip events")
            try:
                yield self
            finally:
                if self._endpoint is not None:
                    stats = await self._endpoint.media.close()
                    log.debug(
                        "media ended",
                        packets_received=stats.packets_received,
                        packets_lost=stats.packets_lost,
                        jitter_ms=stats.jitter_ms,
                        underruns=stats.underruns,
                    )
                await self._tasks.close()

    def listen(self, listener: Listener) -> None:
        self._listener = listener

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

    async def hangup(self, headers: Headers = ()) -> None:
        self._ended = True
        await self._leg.hangup(headers=[*self._told, *headers])

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
        self._endpoint = EngineEndpoint(media)
        self._tasks.start(self._follow_media(media), name="media events")
        return self._endpoint

    # What happens.

    async def _follow_sip(self) -> None:
        async for event in self._leg.events():
            match event:
                case sip.Ended(by, status, reason, headers):
                    who = EndedBy.CALLER if by == "remote" else EndedBy.PLATFORM
                    extra = {name: value for name, value in headers if name[:2].lower() == "x-"}
                    cause = "" if by == "remote" else reason
                    self._say_ended(Ended(who, status, reason, headers.get("X-Reason") or cause, extra))
                case sip.Acked(sdp):
                    if not self._acked.done():
                        self._acked.set_result(sdp)
                case sip.Offered():
                    await self._reoffered(event)
                case sip.Requested():
                    await self._requested(event)
                case _:
                    pass
        if not self._acked.done():
            self._acked.cancel()

    async def _follow_media(self, media: MediaLeg) -> None:
        async for event in media.events():
            match event:
                case EngineDigit(digit, duration_ms):
                    self._say(Digit(digit, duration_ms))
                case VoiceStarted():
                    self._say(Voice(True))
                case VoiceStopped():
                    self._say(Voice(False))
                case RtpTimeout() | MediaLost():
                    await self._media_ended(event)
                case _:
                    pass

    async def _media_ended(self, event: MediaEvent) -> None:
        if isinstance(event, MediaLost):
            await self._lost(Cause.MEDIA_LOST, status=503)
        elif self._leg.confirmed:
            await self._lost(Cause.MEDIA_TIMEOUT, status=408)

    async def _lost(self, cause: Cause, *, status: int) -> None:
        """End the call for a reason of ours."""
        if self._ended:
            return
        said = [("Reason", f'SIP;cause={status};text="{cause}"'), ("X-Reason", str(cause))]
        await self._leg.hangup(status=status, headers=[*self._told, *said])
        self._say_ended(Ended(EndedBy.PLATFORM, status, str(cause), str(cause).lower()))

    async def _reoffered(self, event: sip.Offered) -> None:
        """re-INVITE or UPDATE: hold, another address, another codec."""
        if self._endpoint is None:
            await self._leg.refuse_offer(event, 488)
            return
        media = self._endpoint.media
        if event.sdp is None:
            # Asked for an offer: what holds now; its answer, in the ACK, can only confirm it.
            await self._leg.accept_offer(event, media.local_sdp, self._told)
            return
        try:
            answer = await media.reoffer(event.sdp)
        except MediaError as exc:
            log.info("re-INVITE refused", error=str(exc), sip_call_id=self.sip_call_id)
            await self._leg.refuse_offer(event, 488)
            return
        await self._leg.accept_offer(event, answer, self._told)

    async def _requested(self, event: sip.Requested) -> None:
        request = event.request
        if request.method == "INFO":
            if (request.content_type or "").lower().startswith(DTMF_RELAY):
                self._digit_of(request.body.decode("ascii", "replace"))
            await self._leg.respond(event, 200)
        elif request.method in {"MESSAGE", "NOTIFY", "OPTIONS"}:
            await self._leg.respond(event, 200)
        else:
            await self._leg.respond(event, 603 if request.method == "REFER" else 405)

    def _digit_of(self, text: str) -> None:
        fields = dict(line.partition("=")[::2] for line in text.splitlines())
        digit, duration = fields.get("Signal", "").strip(), fields.get("Duration", "").strip()
        if len(digit) == 1:
            self._say(Digit(digit, int(duration) if duration.isdecimal() else 250))

    def _say(self, event: CallEvent) -> None:
        if self._listener is not None and not self._ended:
            self._listener(event)

    def _say_ended(self, ended: Ended) -> None:
        if not self._ended:
            self._ended = True
            if self._listener is not None:
                self._listener(ended)
