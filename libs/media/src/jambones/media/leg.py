"""A leg of the media engine as a service holds it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from secrets import randbits
from typing import TYPE_CHECKING, Literal

from jambones.media import messages as m
from jambones.media.clips import RATE, Clip
from jambones.media.codecs import by_name
from jambones.media.engine.legs import NO_DTMF
from jambones.media.errors import MediaError, MediaGone, MediaRefused
from jambones.media.events import (
    Digit,
    LegStats,
    MediaEvent,
    MediaLost,
    PlayResult,
    RtcpReport,
    RtpTimeout,
    VoiceStarted,
    VoiceStopped,
)
from jambones.media.link import WorkerLink
from jambones.media.playback import Playback, Recording
from jambones.media.streams import Fork, MarkTold, Mix, Playout, Stream
from jambones.sip.sdp import (
    PCMA,
    PCMU,
    LocalMedia,
    Negotiated,
    NotAcceptable,
    SdpError,
    SessionDescription,
)
from jambones.sip.sdp.offer_answer import answer, conclude, offer, revised

if TYPE_CHECKING:
    from jambones.media.client import MediaEngine

_EVENTS = 512
_CODECS = (PCMU, PCMA)


class MediaLeg:
    """One party's audio. Made by `MediaEngine.accept` and `MediaEngine.offer`."""

    def __init__(self, engine: "MediaEngine", link: WorkerLink, leg_id: str, address: str) -> None:
        self.id = leg_id
        self.link = link
        self.row = link.take(self)
        self.negotiated: Negotiated | None = None
        self._engine = engine
        self._address = address
        self._socket = 0
        self._far_end: tuple[str, int] | None = None
        self._session = randbits(31)
        self._description: SessionDescription | None = None
        self._opened = False
        self._on_hold = False
        self._lost = ""
        self._closed = False
        self._plays: dict[int, Playback] = {}
        self._next_play = 0
        self._recording: Recording | None = None
        self._streams: dict[int, Stream] = {}
        self._next_stream = 0
        self._events: asyncio.Queue[MediaEvent | None] = asyncio.Queue(_EVENTS)

    @property
    def local_sdp(self) -> bytes:
        """Our description: the answer, or the offer."""
        return bytes(self._description) if self._description is not None else b""

    @property
    def on_hold(self) -> bool:
        """Whether the peer wants to hear nothing now."""
        return self._on_hold

    @property
    def lost(self) -> bool:
        """Whether its worker died."""
        return bool(self._lost)

    @property
    def closed(self) -> bool:
        return self._closed

    # Negotiation.

    def answer_to(self, sdp: bytes) -> bytes:
        """Take the peer's offer, again too; our answer. Raises MediaRefused (488), MediaGone."""
        self.check()
        try:
            offered = SessionDescription.parse(sdp)
            if not self._opened:
                audio = offered.audio()
                connection = offered.connection_of(audio) if audio is not None else None
                if audio is not None and connection is not None:
                    self._choose_socket(connection.address, audio.port)
            described, agreed = answer(offered, self._local(), previous=self._description)
        except SdpError as exc:
            raise MediaRefused(488, f"the offer cannot be read: {exc}") from exc
        except NotAcceptable as exc:
            raise MediaRefused(exc.status, exc.reason) from exc
        self._open(agreed)
        self._description = described
        return bytes(described)

    def make_offer(self, like: Negotiated | None = None, *, only: bool = False) -> bytes:
        """Our offer, also inside a dialog; `set_answer` must follow.

        `like` comes first, with its numbers for keys, so that another leg that agreed on it may be joined without
        anything to convert; with `only` nothing else is offered.
        """
        if not self._opened and self._description is None:
            self._choose_socket("", 0)
        return self._describe(offer(self._offering(like, only=only)))

    def past(self, other: "MediaLeg") -> bytes:
        """Our offer with the address of `other`'s peer: from its answer on our peer and that one send to each other.

        Raises MediaGone. What the two agreed on must be the same.
        """
        self.check()
        far = other.negotiated
        assert far is not None, "the other leg has no peer yet"
        rtcp = far.remote_rtcp[1] if far.remote_rtcp is not None and not far.rtcp_mux else None
        ours = self._offering(self.negotiated, only=True)
        there = replace(ours, address=far.remote_address, port=far.remote_port, rtcp_port=rtcp, rtcp_mux=False)
        return self._describe(offer(there))

    def succeed(self, old: "MediaLeg") -> None:
        """Take the place of a leg that was closed: our next description follows its last one in the same session."""
        self._session, self._description = old._session, old._description
        if old.negotiated is not None:
            self._choose_socket(old.negotiated.remote_address, old.negotiated.remote_port)

    async def set_answer(self, sdp: bytes) -> None:
        """The peer's answer to our offer. Raises MediaRefused (488), MediaGone."""
        self.check()
        assert self._description is not None, "there was no offer"
        try:
            agreed = conclude(self._description, SessionDescription.parse(sdp), self._local())
        except SdpError as exc:
            raise MediaRefused(488, f"the answer cannot be read: {exc}") from exc
        except NotAcceptable as exc:
            raise MediaRefused(exc.status, exc.reason) from exc
        self._open(agreed)

    async def reoffer(self, sdp: bytes) -> bytes:
        """The peer's new offer inside the dialog; our answer. Raises MediaRefused; the old agreement then stays."""
        return self.answer_to(sdp)

    # Audio.

    async def play(
        self, clips: Sequence[Clip], *, loop: int | None = 1, offset: int = 0, limit: int | None = None
    ) -> Playback:
        """Play clips without a gap, the list `loop` times (None: for ever); what plays now is stopped.

        `offset` skips samples of the first round, `limit` ends it after so many samples. Raises MediaGone.
        """
        self.check()
        self._next_play += 1
        number = self._next_play
        playback = self._plays[number] = Playback(self, number, clips)
        self.link.command(
            m.Play(
                self.row,
                number,
                [clip.segment for clip in clips],
                0 if loop is None else loop,
                offset,
                -1 if limit is None else limit,
            )
        )
        return playback

    async def events(self) -> AsyncIterator[MediaEvent]:
        """What happens on the leg; ends when it is closed or lost. One consumer."""
        while (event := await self._events.get()) is not None:
            yield event

    async def record(self, path: Path, mode: Literal["received", "sent", "stereo"] = "received") -> Recording:
        """Record to a WAV file, 16-bit linear at 8 kHz; stereo has the peer left. Raises MediaGone."""
        self.check()
        self.link.command(m.Record(self.row, str(path), mode))
        self._recording = Recording(self)
        return self._recording

    def fork(self, mix: Mix = "mono", rate: int = RATE) -> Fork:
        """What is heard, as frames at `rate` Hz (a multiple of 8000): the peer alone (mono), the sum of both
        directions (mixed), or both interleaved (stereo, the peer left). Raises MediaGone."""
        self.check()
        self._next_stream += 1
        fork = Fork(self, self._next_stream)
        self._streams[self._next_stream] = fork
        self.link.command(m.Fork(self.row, self._next_stream, mix, rate))
        return fork

    def playout(self, rate: int, told: MarkTold) -> Playout:
        """A queue of PCM at `rate` Hz that is played to the peer as it comes. Raises MediaGone."""
        self.check()
        self._next_stream += 1
        playout = Playout(self, self._next_stream, rate, told)
        self._streams[self._next_stream] = playout
        return playout

    def forget_stream(self, stream: int) -> None:
        self._streams.pop(stream, None)

    async def send_dtmf(self, digits: str, duration_ms: int = 200) -> None:
        """Send keys as RFC 4733 events, `w` being a pause of half a second; returns when they are out.

        When it is cancelled, no further key goes out.
        """
        self.check()
        try:
            sent = await self.link.ask(lambda reply: m.SendDtmf(self.row, reply, digits, duration_ms), m.Sent)
        except asyncio.CancelledError:
            if not self._closed:
                self.link.command(m.StopDtmf(self.row))
            raise
        if sent.reason != "done":
            raise MediaGone("the leg was closed before all digits were out")

    async def mute(self, on: bool) -> None:
        """Hear nothing of the peer, for detectors, recordings and bridges alike."""
        if not self._closed:
            self.link.command(m.Mute(self.row, on))

    async def stats(self) -> LegStats:
        """The counters now. Raises MediaGone."""
        self.check()
        return _stats(await self.link.ask(lambda reply: m.Ask(self.row, reply), m.Counters))

    async def close(self) -> LegStats:
        """End the leg; its last counters, all zero when its worker died. Idempotent."""
        if self._closed:
            return LegStats()
        self._closed = True
        try:
            if not self._opened or self._lost:
                return LegStats()
            if self._recording is not None:
                with contextlib.suppress(MediaError):
                    await self._recording.stop()
            stats = _stats(await self.link.ask(lambda reply: m.Close(self.row, reply), m.Counters))
            self._engine.on_ended(stats)
            return stats
        except MediaError:
            return LegStats()
        finally:
            self._end("stopped")
            self._free_socket()
            self._engine.forget(self)
            self.link.give_back(self.row)

    # The worker's side.

    def told(self, message: m.Message) -> None:
        match message:
            case m.Played(_, play, samples, offset, reason):
                playback = self._plays.pop(play, None)
                if playback is not None:
                    playback.finish(PlayResult(samples, offset, "done" if reason == "done" else "stopped"))
            case m.Heard() | m.Marked() | m.Overflowed():
                stream = self._streams.get(message.stream)
                if stream is not None:
                    stream.told(message)
            case m.Pressed(_, digit, duration_ms):
                self._emit(Digit(digit, duration_ms))
            case m.Voice(_, on):
                self._emit(VoiceStarted() if on else VoiceStopped())
            case m.Silent(_, silent_ms):
                self._emit(RtpTimeout(silent_ms))
            case m.Report(_, fraction, lost, jitter, trip):
                self._emit(RtcpReport(fraction, lost, jitter, trip))
            case _:
                pass

    def worker_lost(self, reason: str) -> None:
        self._lost = reason
        self._emit(MediaLost(reason))
        self._end("lost")
        self._engine.forget(self)

    def _end(self, reason: Literal["stopped", "lost"]) -> None:
        for playback in self._plays.values():
            playback.finish(PlayResult(0, 0, reason))
        self._plays.clear()
        for stream in self._streams.values():
            stream.end()
        self._streams.clear()
        self._emit(None)

    def _emit(self, event: MediaEvent | None) -> None:
        if self._events.full():
            self._events.get_nowait()  # the oldest; the newest says more, and the end must find room
        self._events.put_nowait(event)

    # Inside.

    def check(self) -> None:
        """Raises MediaGone when the leg is closed or its worker died."""
        if self._lost or self._closed:
            raise MediaGone(self._lost or "the leg is closed")

    def _local(self) -> LocalMedia:
        return LocalMedia(
            self._address, self.link.ports[self._socket], _CODECS, rtcp_mux=True, session_id=self._session
        )

    def _offering(self, like: Negotiated | None, *, only: bool) -> LocalMedia:
        local = self._local()
        if like is None:
            return local
        first = replace(like.codec, payload_type=like.payload_type)
        others = () if only else tuple(codec for codec in local.codecs if codec.name != first.name)
        number = like.dtmf_payload_type
        return replace(
            local,
            codecs=(first, *others),
            dtmf=number is not None or not only,
            dtmf_payload_type=local.dtmf_payload_type if number is None else number,
            ptime=like.ptime if only else local.ptime,
        )

    def _describe(self, described: SessionDescription) -> bytes:
        self._description = revised(self._description, described) if self._description is not None else described
        return bytes(self._description)

    def _choose_socket(self, host: str, port: int) -> None:
        self._free_socket()
        self._socket = self.link.socket_for(host, port)
        self._far_end = (host, port) if port else None

    def _free_socket(self) -> None:
        if self._far_end is not None:
            self.link.free_socket(self._socket, *self._far_end)
            self._far_end = None

    def _open(self, agreed: Negotiated) -> None:
        law = by_name(agreed.codec.name)
        assert law is not None
        host, port = agreed.remote_address, agreed.remote_port
        try:
            held = IPv4Address(host).is_unspecified  # the old way to hold: RFC 3264 section 8.4
        except AddressValueError:
            raise MediaRefused(488, "media goes over IPv4 only") from None
        self.negotiated = agreed
        self._on_hold = held or not agreed.direction.sends
        self.link.command(
            m.Open(
                row=self.row,
                fresh=not self._opened,
                socket=self._socket,
                law=law,
                payload_type=agreed.payload_type,
                receive_payload_type=agreed.receive_payload_type,
                dtmf_payload_type=NO_DTMF if agreed.dtmf_payload_type is None else agreed.dtmf_payload_type,
                receive_dtmf_payload_type=(
                    NO_DTMF if agreed.receive_dtmf_payload_type is None else agreed.receive_dtmf_payload_type
                ),
                host=host,
                port=0 if held else port,
                rtcp_port=agreed.remote_rtcp[1] if agreed.remote_rtcp is not None else port,
                send=agreed.direction.sends and not held,
                receive=agreed.direction.receives,
                frames=agreed.ptime * RATE // 1000,
            )
        )
        self._opened = True


def _stats(counters: m.Counters) -> LegStats:
    return LegStats(*counters[1:])
