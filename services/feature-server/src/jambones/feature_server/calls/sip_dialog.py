"""A SIP dialog with an SBC and its audio on the media engine: what legs of both directions share."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self

import structlog

from jambones.common.tasks import Tasks
from jambones.feature_server.calls.bypass import NotMoved
from jambones.feature_server.calls.carried import stays_of
from jambones.feature_server.calls.engine_audio import EngineEndpoint
from jambones.feature_server.calls.leg import (
    CallEvent,
    Digit,
    Ended,
    Headers,
    Held,
    InDialog,
    LegGone,
    Listener,
    Referred,
    Reply,
    Requested,
    Transferred,
    Voice,
)
from jambones.feature_server.calls.measured import Measure, Packets, SbcLeg
from jambones.feature_server.calls.reasons import Cause, EndedBy
from jambones.feature_server.calls.referral import SipReferral, refer_target, referrer
from jambones.media import Digit as EngineDigit
from jambones.media import MediaError, MediaEvent, MediaLeg, MediaLost, RtpTimeout, VoiceStarted, VoiceStopped
from jambones.sip import events as sip
from jambones.sip.grammar import GrammarError
from jambones.sip.half import Leg as SipHalf
from jambones.sip.message import Request
from jambones.sip.refer import progress_of, send_refer

log = structlog.get_logger(__name__)

MEDIA = "X-Jambones-Media"
DTMF_RELAY = "application/dtmf-relay"
TOLD_LATER = 16  # events that wait for whoever will listen


class SipDialog:
    """Use it inside `async with dialog.attended()`; `told` goes with every response and request of ours.

    `measure` asks the SBC for what passes it while the audio does not pass us.
    """

    far_end = EndedBy.CALLER

    def __init__(self, told: Headers, measure: Measure | None = None) -> None:
        self._told = list(told)
        self._measure = measure
        self._at_sbc: SbcLeg | None = None
        self._outside: str | None = None
        self._listener: Listener | None = None
        self._early: list[CallEvent] = []
        self._endpoint: EngineEndpoint | None = None
        self._tasks = Tasks()
        self._ended = False
        self.stays = stays_of(None)
        """Why the SBC needs the media engine in the path; empty when it does not."""

    @property
    def _dialog(self) -> SipHalf:
        raise NotImplementedError

    @property
    def sip_call_id(self) -> str:
        return self._dialog.sip_call_id

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[Self]:
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
                self._let_go()

    def _let_go(self) -> None:
        """Of whoever refers to this: only the cycle collector would free them together."""
        self._listener = None
        if self._endpoint is not None:
            self._endpoint.bypass = None
            self._endpoint = None

    def listen(self, listener: Listener) -> None:
        self._listener = listener
        early, self._early = self._early, []
        for event in early:
            listener(event)

    async def hangup(self, headers: Headers = ()) -> None:
        self._ended = True
        await self._dialog.hangup(headers=[*self._told, *headers])

    async def request(
        self, method: str, *, headers: Headers = (), body: str = "", content_type: str | None = None
    ) -> Reply:
        rows = [(name, value) for name, value in headers if name.lower() != "content-type"]
        kinds = [value for name, value in headers if name.lower() == "content-type"]
        kind = content_type or (kinds[0] if kinds else "text/plain" if body else None)
        try:
            response = await self._dialog.send(
                method, headers=[*self._told, *rows], body=body.encode(), content_type=kind
            )
        except sip.LegEnded as exc:
            raise LegGone from exc
        return Reply(response.status, response.reason)

    async def refer(self, to: str, *, by: str | None, by_name: str | None, headers: Headers = ()) -> Reply:
        dialog = self._dialog
        target = refer_target(to, dialog, self._outside)
        try:
            response = await send_refer(
                dialog,
                target,
                referred_by=referrer(by, by_name, dialog, self._outside),
                headers=[*self._told, *headers],
            )
        except sip.LegEnded as exc:
            raise LegGone from exc
        return Reply(response.status, response.reason)

    # Audio that leaves the media engine, and comes back.

    async def move(self, sdp: bytes, *, past: bool) -> bytes:
        path = [*self._told, (MEDIA, "partial" if past else "full")]
        try:
            # To leave can wait; whoever comes back is waited for.
            answer = await self._dialog.reinvite(sdp, path, insist=not past)
        except sip.LegEnded as exc:
            raise LegGone from exc
        if not answer.accepted or answer.sdp is None:
            raise NotMoved(answer.status, answer.headers.get("X-Reason") or answer.reason)
        return answer.sdp

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        try:
            return self._tasks.start(work, name=name)
        except RuntimeError as exc:
            raise LegGone from exc

    def use(self, media: MediaLeg) -> None:
        self._tasks.start(self._follow_media(media), name="media events")

    async def measured(self) -> Packets | None:
        if self._measure is None or self._at_sbc is None:
            return None
        return await self._measure(self._at_sbc)

    async def without_media(self) -> None:
        await self._lost(Cause.MEDIA_LOST, status=503)

    # What happens.

    async def _follow_sip(self) -> None:
        async for event in self._dialog.events():
            await self._on_sip(event)

    async def _on_sip(self, event: sip.LegEvent) -> None:
        match event:
            case sip.Ended(by, status, reason, headers):
                who = self.far_end if by == "remote" else EndedBy.PLATFORM
                extra = {name: value for name, value in headers if name[:2].lower() == "x-"}
                cause = "" if by == "remote" else reason
                self._say_ended(Ended(who, status, reason, headers.get("X-Reason") or cause, extra))
            case sip.Offered():
                await self._reoffered(event)
            case sip.Requested():
                await self._requested(event)
            case _:
                pass

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
        elif self._dialog.confirmed and (self._endpoint is None or not self._endpoint.media.on_hold):
            await self._lost(Cause.MEDIA_TIMEOUT, status=408)

    async def _lost(self, cause: Cause, *, status: int) -> None:
        """End the call for a reason of ours."""
        if self._ended:
            return
        said = [("Reason", f'SIP;cause={status};text="{cause}"'), ("X-Reason", str(cause))]
        await self._dialog.hangup(status=status, headers=[*self._told, *said])
        self._say_ended(Ended(EndedBy.PLATFORM, status, str(cause), str(cause).lower()))

    async def _reoffered(self, event: sip.Offered) -> None:
        """re-INVITE or UPDATE: hold, another address, another codec."""
        dialog = self._dialog
        if self._endpoint is None:
            await dialog.refuse_offer(event, 488)
            return
        endpoint = self._endpoint
        media = endpoint.media
        if event.sdp is None:
            # Asked for an offer: what holds now; its answer, in the ACK, can only confirm it.
            await dialog.accept_offer(event, media.local_sdp, self._told)
            return
        before = media.on_hold
        try:
            if endpoint.bypass is not None:
                answer = await endpoint.bypass.back_with(endpoint, event.sdp)
            else:
                answer = await media.reoffer(event.sdp)
        except MediaError as exc:
            log.info("re-INVITE refused", error=str(exc), sip_call_id=self.sip_call_id)
            await dialog.refuse_offer(event, 488)
            return
        await dialog.accept_offer(event, answer, self._told)
        if endpoint.media.on_hold != before:
            self._say(Held(endpoint.media.on_hold, in_dialog(event.request)))

    async def _requested(self, event: sip.Requested) -> None:
        request, dialog = event.request, self._dialog
        if request.method == "REFER":
            self._referred(event)
            return
        if request.method not in {"INFO", "MESSAGE", "NOTIFY", "OPTIONS"}:
            await dialog.respond(event, 405)
            return
        await dialog.respond(event, 202 if request.method == "MESSAGE" else 200)
        if request.method == "INFO" and (request.content_type or "").lower().startswith(DTMF_RELAY):
            self._digit_of(request.body.decode("ascii", "replace"))
        elif (progress := progress_of(request)) is not None:
            self._say(Transferred(progress.frag.status if progress.frag is not None else None, progress.over))
        elif request.method != "OPTIONS":
            self._say(Requested(in_dialog(request)))

    def _referred(self, event: sip.Requested) -> None:
        try:
            referral = SipReferral(self._dialog, event)
        except GrammarError:
            self._tasks.start(self._dialog.respond(event, 400), name="refuse a bad REFER")
            return
        self._say(Referred(referral))

    def _digit_of(self, text: str) -> None:
        fields = dict(line.partition("=")[::2] for line in text.splitlines())
        digit, duration = fields.get("Signal", "").strip(), fields.get("Duration", "").strip()
        if len(digit) == 1:
            self._say(Digit(digit, int(duration) if duration.isdecimal() else 250))

    def _say(self, event: CallEvent) -> None:
        if not self._ended:
            self._tell(event)

    def _say_ended(self, ended: Ended) -> None:
        if not self._ended:
            self._ended = True
            self._tell(ended)

    def _tell(self, event: CallEvent) -> None:
        if self._listener is not None:
            self._listener(event)
        elif len(self._early) < TOLD_LATER or isinstance(event, Ended):
            self._early.append(event)


def in_dialog(request: Request) -> InDialog:
    """The request as the verb engine, and an application, sees it; the platform's own headers are left out."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        if name.lower().startswith("x-jambones-"):
            continue
        key = name if name[:2].lower() == "x-" else name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return InDialog(request.method, headers, request.body.decode("utf-8", "replace"))
