"""Speech that the API asks for: a text spoken, and the texts that are kept counted or forgotten."""

import base64
from contextlib import AsyncExitStack

from jambones.common.bus import Bus
from jambones.common.bus.speech import MOST_BYTES, KeptSpeech, SpeechCache, Spoken, Synthesize
from jambones.common.errors import Invalid
from jambones.common.ids import NodeId
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.speech.offline import OfflineSynthesizer
from jambones.feature_server.speech.voice import CachedVoice

QUEUE = "feature-server"


class AskedSpeech:
    """Answers questions about the built-in voice."""

    def __init__(self, synthesizer: OfflineSynthesizer, voice: CachedVoice | None) -> None:
        self._synthesizer = synthesizer
        self._voice = voice

    async def serve(self, bus: Bus, node_id: NodeId, stack: AsyncExitStack) -> None:
        """Answer until `stack` is closed."""
        await stack.enter_async_context(bus.serve(SpeechCache, self.cache, node_id=node_id))
        if self._synthesizer.available:
            vendor = self._synthesizer.vendor
            await stack.enter_async_context(bus.serve(Synthesize, self.synthesize, queue=QUEUE, vendor=vendor))

    async def synthesize(self, question: Synthesize) -> Spoken:
        """Raises Invalid for what cannot be said, or not in one message."""
        try:
            speaker = self._synthesizer.speaker(question.language, question.voice)
            audio = await self._synthesizer.synthesize(question.text.reveal(), speaker)
        except VerbFailed as exc:
            raise Invalid(exc.message) from exc
        if len(audio) > MOST_BYTES:
            raise Invalid("the text is too long")
        return Spoken(audio=base64.b64encode(audio))

    async def cache(self, question: SpeechCache) -> KeptSpeech:
        if self._voice is None:
            return KeptSpeech(size=0)
        size = self._voice.kept(question.account_sid)
        if question.forget:
            self._voice.forget(question.account_sid)
        return KeptSpeech(size=size)
