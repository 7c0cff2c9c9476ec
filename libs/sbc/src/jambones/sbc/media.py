"""The media of one call: through rtpengine, or straight from one side to the other when there is none.

Offers and answers are named by the side they come from, never by role: a delayed offer or a re-INVITE from the
feature server turns the roles round, the sides stay. rtpengine knows each side by one constant tag, so that a later
answer replaces an earlier one (forking, early media) instead of adding a second source.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from jambones.common.bus.calls import MediaSummary
from jambones.common.errors import JambonesError, Unavailable
from jambones.media.rtpengine import (
    FEATURE_SERVER,
    PLAIN,
    SDES,
    WEBRTC,
    BadDescription,
    NgError,
    Profile,
    Reply,
    Session,
)
from jambones.sbc.measured import number, packets
from jambones.sbc.narrowed import narrowed
from jambones.sbc.protocols import PROTOCOLS, has_keys, is_encrypted, protocols_of
from jambones.sip.sdp import SdpError, SessionDescription

INJECT = "inject-DTMF"
PRIVATE, PUBLIC = "private", "public"
"""rtpengine's interfaces. One it does not have it replaces by its first without a word."""


class MediaFailed(JambonesError):
    """rtpengine refused, or none takes the session; `status` is the SIP status to answer."""

    def __init__(self, cause: NgError) -> None:
        super().__init__(str(cause), command=cause.command)
        self.status = cause.status


class Side(StrEnum):
    """The two sides of a call; the values are rtpengine's tags."""

    FAR_END = "fe"
    FEATURE_SERVER = "fs"

    @property
    def other(self) -> "Side":
        return Side.FEATURE_SERVER if self is Side.FAR_END else Side.FAR_END


class Relay(Protocol):
    """What carries the audio. SDP in, the SDP to give to the other side out; raises MediaFailed."""

    @property
    def node(self) -> str:
        """The rtpengine in use, empty without one."""
        ...

    async def offer(self, side: Side, sdp: bytes) -> bytes: ...

    async def answer(self, side: Side, sdp: bytes) -> bytes: ...

    async def close(self) -> MediaSummary | None:
        """Free everything; what was measured, if anything was. Never raises, safe to repeat."""
        ...


class Straight:
    """No rtpengine: each side learns the other's SDP."""

    node = ""

    async def offer(self, side: Side, sdp: bytes) -> bytes:
        return sdp

    async def answer(self, side: Side, sdp: bytes) -> bytes:
        return sdp

    async def close(self) -> MediaSummary | None:
        return None


class Anchored:
    """A session of rtpengine. The command's options describe the side that will receive the result."""

    def __init__(self, session: Session, far_end: Profile, *, private: bool, strict: bool) -> None:
        """`private`: the far end is in our own network. `strict`: its media may not move to another address."""
        self._session = session
        self._towards = {Side.FAR_END: far_end, Side.FEATURE_SERVER: FEATURE_SERVER}
        outside = PRIVATE if private else PUBLIC
        self._interface = {Side.FAR_END: outside, Side.FEATURE_SERVER: PRIVATE}
        self._flags: tuple[str, ...] = ("strict-source",) if strict else ("media-handover",)
        self._spoken: dict[Side, str] = {}
        """The protocol that a side described itself with last, and hears in turn (RFC 3264 section 6)."""
        self.direct = False
        """Whether the inside is another rtpengine session, which sends from where it receives: nothing to be learnt."""

    @property
    def node(self) -> str:
        return self._session.node.name if self._session.node is not None else ""

    @property
    def injects(self) -> bool:
        """Whether digits can be put into the audio; it costs rtpengine much, so it is off until somebody asks."""
        return INJECT in self._flags

    def inject(self) -> None:
        """Ask for that with the next offer and answer."""
        if not self.injects:
            self._flags = (*self._flags, INJECT)

    def carry_on(self, former: "Anchored") -> None:
        """Use the session of another far end, whose place ours takes."""
        self._session = former._session
        if former.injects:
            self.inject()
        if (inside := former._spoken.get(Side.FEATURE_SERVER)) is not None:
            self._spoken[Side.FEATURE_SERVER] = inside

    async def block(self, side: Side) -> None:
        """Nothing that `side` sends comes through, neither sound nor digits."""
        with _failing():
            await self._session.block(side.value)

    async def unblock(self, side: Side) -> None:
        with _failing():
            await self._session.unblock(side.value)

    async def press(self, side: Side, digit: str, milliseconds: int) -> None:
        """A digit for the other side, as if `side` had pressed it; only after an offer and answer with `inject`."""
        with _failing():
            await self._session.play_dtmf(side.value, digit, duration=milliseconds)

    async def measured(self) -> MediaSummary:
        """What rtpengine has measured so far."""
        with _failing():
            return summary(await self._session.query())

    async def offer(self, side: Side, sdp: bytes) -> bytes:
        first = self._session.node is None
        self._note(side, "offer", sdp)
        try:
            return await self._session.offer(
                sdp,
                from_tag=side.value,
                to_tag=None if first else side.other.value,
                towards=self._towards[side.other],
                direction=(self._interface[side], self._interface[side.other]),
                flags=self._flags_of(side),
                **self._protocol_of(side.other),
            )
        except NgError as exc:
            raise MediaFailed(exc) from exc

    async def answer(self, side: Side, sdp: bytes) -> bytes:
        self._note(side, "answer", sdp)
        try:
            return await self._session.answer(
                sdp,
                from_tag=side.other.value,
                to_tag=side.value,
                towards=self._towards[side.other],
                flags=self._flags_of(side),
                **self._protocol_of(side.other),
            )
        except NgError as exc:
            raise MediaFailed(exc) from exc

    def _note(self, side: Side, command: str, sdp: bytes) -> None:
        """Raises MediaFailed for encryption without a way to agree on its keys."""
        protocol = next(iter(protocols_of(sdp)), "")
        if is_encrypted(protocol) and not has_keys(sdp):
            raise MediaFailed(BadDescription(command, "encrypted, and no keys"))
        self._spoken[side] = protocol

    def _protocol_of(self, side: Side) -> dict[str, str]:
        """Its own, where it is of the kind that the side's profile is about: a phone may want feedback (AVPF), too."""
        spoken, usual = self._spoken.get(side, ""), str(self._towards[side].offer["transport-protocol"])
        alike = spoken in PROTOCOLS and is_encrypted(spoken) is is_encrypted(usual)
        return {"transport_protocol": spoken} if alike else {}

    def _flags_of(self, side: Side) -> tuple[str, ...]:
        """How the packets of the side that describes itself are taken."""
        if side is Side.FEATURE_SERVER and self.direct:
            return ("asymmetric", *(flag for flag in self._flags if flag not in {"media-handover", "strict-source"}))
        return self._flags

    async def close(self) -> MediaSummary | None:
        reply = await self._session.delete()
        return summary(reply) if reply is not None else None


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except NgError as exc:
        raise MediaFailed(exc) from exc


def profile_of(sdp: bytes) -> Profile:
    """What kind of peer wrote this description: decided by its content, not by its transport."""
    protocols = protocols_of(sdp)
    if any(protocol.startswith("UDP/TLS/") for protocol in protocols):
        return WEBRTC
    if any(protocol.startswith("RTP/SAVP") for protocol in protocols):
        return SDES if b"\na=crypto:" in sdp else WEBRTC
    return PLAIN


def summary(reply: Reply) -> MediaSummary:
    """What rtpengine measured of the far end: the last words of a deleted session."""
    carried = {side: packets(reply, side.value) for side in Side}
    loss: list[int] = []
    jitter: list[float] = []
    scores: list[float] = []
    sources = reply.get("SSRC")
    for source in sources.values() if isinstance(sources, dict) else ():
        average = source.get("average MOS") if isinstance(source, dict) else None
        if not isinstance(average, dict):
            continue
        if (score := number(average.get("MOS"))) is not None:
            scores.append(score / 10)
        if (late := number(average.get("jitter"))) is not None:
            jitter.append(late)
        if (lost := number(average.get("packet loss"))) is not None:
            loss.append(lost)
    return MediaSummary(
        packets_in=carried[Side.FAR_END],
        packets_out=carried[Side.FEATURE_SERVER],
        packets_lost=carried[Side.FAR_END] * max(loss, default=0) // 100,
        jitter_ms=max(jitter, default=None),
        mos=min(scores, default=None),
    )


@dataclass(slots=True)
class Exchange:
    """One offer and, once it is there, its answer: as received, and as given to the other side."""

    offerer: Side
    offer: bytes
    offered: bytes
    answer: bytes | None = None
    answered: bytes | None = None
    direct: bool = False
    """Whether the inside was another call's audio, past the feature server."""


@dataclass(slots=True)
class CallMedia:
    """The offers and answers of a call. At most one is in flight; the same answer is never asked for twice."""

    relay: Relay
    current: Exchange | None = None
    """What is in force, or being negotiated."""
    good: Exchange | None = None
    """The last complete one, to go back to."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def node(self) -> str:
        return self.relay.node

    async def offer(self, side: Side, sdp: bytes) -> bytes:
        """`side` offers; returns what to offer to the other side."""
        async with self._lock:
            self._direct(False)
            offered = await self.relay.offer(side, sdp)
            self.current = Exchange(side, sdp, offered)
            return offered

    async def answer(self, side: Side, sdp: bytes) -> bytes:
        """`side` answers the current offer; returns the answer for the other side.

        A repeated answer (180, 183 and 200 with one SDP) gets the same bytes: a second command would change ports and
        versions for nothing.
        """
        async with self._lock:
            exchange = self.current
            assert exchange is not None, "an answer needs an offer"
            assert exchange.offerer is side.other, "nobody answers his own offer"
            if exchange.answered is None or exchange.answer != sdp:
                exchange.answered = await self.relay.answer(side, sdp)
                exchange.answer = sdp
            self.good = exchange
            return exchange.answered

    async def roll_back(self) -> None:
        """The current offer was refused: make the last complete exchange hold again."""
        async with self._lock:
            good = self.good
            if good is None or good is self.current or good.answer is None:
                return
            await self._again(good, good.answer)
            self.current = good

    async def move(self, sdp: bytes, *, direct: bool) -> bytes:
        """The inside's audio is somewhere else from now on; returns the answer for the feature server.

        The far end is not asked and hears nothing of it: rtpengine alone is told, with what the far end described last.
        `direct`: it is the audio of another call at its own rtpengine. Raises Unavailable without rtpengine or before
        there is an answer, MediaFailed: `roll_back` then.
        """
        relay = self.anchored
        async with self._lock:
            theirs = self.remote(Side.FAR_END)
            if theirs is None:
                raise Unavailable("the call has no media yet")
            self._direct(direct)
            offered = await relay.offer(Side.FEATURE_SERVER, sdp)
            self.current = Exchange(Side.FEATURE_SERVER, sdp, offered, direct=direct)
            self.current.answered = await relay.answer(Side.FAR_END, narrowed(theirs, sdp))
            self.current.answer = theirs
            self.good = self.current
            return self.current.answered

    async def face(self, relay: Relay) -> Relay:
        """Another far end makes the next offer, and `relay` knows its kind; returns that of the former one."""
        async with self._lock:
            former = self.relay
            if isinstance(relay, Anchored) and isinstance(former, Anchored):
                relay.carry_on(former)
            self.relay = relay
            return former

    @property
    def stays(self) -> str:
        """Why the feature server cannot be passed by; empty when it can."""
        return "" if isinstance(self.relay, Anchored) else "no rtpengine"

    async def _again(self, exchange: Exchange, answer: bytes) -> None:
        """The same descriptions once more, for rtpengine alone."""
        self._direct(exchange.direct)
        await self.relay.offer(exchange.offerer, exchange.offer)
        await self.relay.answer(exchange.offerer.other, narrowed(answer, exchange.offer))

    def _direct(self, on: bool) -> None:
        if isinstance(self.relay, Anchored):
            self.relay.direct = on

    async def press(self, digit: str, milliseconds: int) -> None:
        """A digit for the far end, as if the feature server had pressed it.

        Raises MediaFailed, and Unavailable before the call has media, or without rtpengine.
        """
        relay = self.anchored
        async with self._lock:
            if not relay.injects:
                # The same descriptions once more: rtpengine notes the flag and keeps its ports.
                good = self.good
                if good is None or good.answer is None:
                    raise Unavailable("the call has no media yet")
                relay.inject()
                await self._again(good, good.answer)
            await relay.press(Side.FEATURE_SERVER, digit, milliseconds)

    @property
    def anchored(self) -> Anchored:
        """The rtpengine session; raises Unavailable when there is none."""
        if not isinstance(self.relay, Anchored):
            raise Unavailable("no rtpengine carries the audio of this call")
        return self.relay

    def remote(self, side: Side) -> bytes | None:
        """What `side` last described as its own."""
        if (exchange := self.good) is None:
            return None
        return exchange.offer if exchange.offerer is side else exchange.answer

    def local(self, side: Side) -> bytes | None:
        """What `side` was last given as ours."""
        if (exchange := self.good) is None:
            return None
        return exchange.answered if exchange.offerer is side else exchange.offered

    def codec(self) -> str | None:
        """The name of the codec in use: the first of the last answer, if it can be read."""
        if self.good is None or self.good.answer is None:
            return None
        try:
            audio = SessionDescription.parse(narrowed(self.good.answer, self.good.offer)).audio()
        except SdpError:
            return None
        maps = audio.rtpmap.values() if audio is not None else ()
        return next((m.name for m in maps if m.name.lower() not in {"telephone-event", "cn"}), None)

    async def close(self) -> MediaSummary | None:
        return await self.relay.close()
