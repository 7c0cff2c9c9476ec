"""The Voice of calls: who speaks, from the verb, the session or the application; what was spoken before is kept."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog

from jambones.common.metrics import Metrics
from jambones.common.verbs.speech import Synthesizer
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.speech.offline import OfflineSynthesizer, Speaker
from jambones.feature_server.speech.text import pieces
from jambones.media import Clip, ClipError

log = structlog.get_logger(__name__)

LOCAL = frozenset({"local", "default", "flite", "espeak", "espeak-ng", "jambones"})
KEPT_BYTES = 64 * 1024 * 1024
KEPT_FOR = 4 * 3600.0


class CachedVoice:
    """Speaks with the built-in synthesiser. Texts are kept under a keyed hash, in memory only."""

    def __init__(
        self, synthesizer: OfflineSynthesizer, decode: Callable[[bytes], Awaitable[Clip]], metrics: Metrics
    ) -> None:
        self._synthesizer = synthesizer
        self._decode = decode
        self._key = secrets.token_bytes(16)
        self._kept: OrderedDict[bytes, tuple[Clip, float]] = OrderedDict()
        self._tenants: dict[bytes, str] = {}
        self._size = 0
        self._coming: dict[bytes, asyncio.Task[Clip]] = {}
        self._seconds = metrics.histogram("jambones_tts_seconds")
        self._requests = metrics.counter("jambones_tts_requests_total")
        self._found = metrics.counter("jambones_tts_cache_total")

    async def speak(
        self, text: str, call: CallSession, synthesizer: Synthesizer | None, *, cache: bool
    ) -> AsyncIterator[Clip]:
        """The clips of `text`, each as soon as it is there. Raises VerbFailed."""
        speaker = self._choose(call, synthesizer)
        for piece in pieces(text):
            yield await self._clip(piece, speaker, call.info.account_sid, cache=cache)

    def _choose(self, call: CallSession, asked: Synthesizer | None) -> Speaker:
        session = call.variables.synthesizer
        chosen = asked if asked is not None and asked.vendor != "default" else session or asked
        vendor = chosen.vendor if chosen is not None else "local"
        if vendor not in LOCAL:
            call.alert(
                "no-tts", f"no speech synthesis by {vendor} on this server; the built-in voice speaks", vendor=vendor
            )
        language = next((s.language for s in (asked, session) if s is not None and s.language), None)
        voice = next((s.voice for s in (asked, session) if s is not None and isinstance(s.voice, str)), None)
        return self._synthesizer.speaker(language, voice)

    async def _clip(self, text: str, speaker: Speaker, tenant: str, *, cache: bool) -> Clip:
        digest = hashlib.blake2b(
            "\0".join((tenant, speaker.program, speaker.voice, text)).encode("utf-8", "replace"), key=self._key
        ).digest()
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(digest) if cache else None
        self._found.labels("yes" if kept is not None and now < kept[1] else "no").inc()
        if kept is not None and now < kept[1]:
            self._kept.move_to_end(digest)
            return kept[0]
        task = self._coming.get(digest)
        if task is None:
            task = self._coming[digest] = asyncio.get_running_loop().create_task(self._make(text, speaker))
            task.add_done_callback(lambda done: self._done(digest, done))
        clip = await asyncio.shield(task)
        if cache:
            self._keep(digest, clip, now + KEPT_FOR, tenant)
        return clip

    async def _make(self, text: str, speaker: Speaker) -> Clip:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            clip = await self._decode(await self._synthesizer.synthesize(text, speaker))
        except ClipError as exc:
            self._requests.labels("local", "no").inc()
            raise VerbFailed("tts-failure", f"{speaker.program} said nothing: {exc.reason}", vendor="local") from exc
        except VerbFailed:
            self._requests.labels("local", "no").inc()
            raise
        self._requests.labels("local", "yes").inc()
        self._seconds.labels("local").observe(loop.time() - started)
        return clip

    def _done(self, digest: bytes, done: "asyncio.Task[Any]") -> None:
        self._coming.pop(digest, None)
        if not done.cancelled():
            done.exception()  # retrieved here, in case every call that waited has gone

    def kept(self, tenant: str | None) -> int:
        """How many texts of a tenant, or of all, are kept."""
        return len(self._kept) if tenant is None else sum(owner == tenant for owner in self._tenants.values())

    def forget(self, tenant: str | None) -> None:
        """Forget the texts of a tenant, or all."""
        for digest in [digest for digest, owner in self._tenants.items() if tenant in (None, owner)]:
            self._drop(digest)

    def _drop(self, digest: bytes) -> None:
        self._tenants.pop(digest, None)
        gone = self._kept.pop(digest, None)
        self._size -= 2 * gone[0].samples if gone is not None else 0

    def _keep(self, digest: bytes, clip: Clip, until: float, tenant: str) -> None:
        self._drop(digest)
        self._kept[digest], self._tenants[digest] = (clip, until), tenant
        self._size += 2 * clip.samples
        while self._size > KEPT_BYTES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))
