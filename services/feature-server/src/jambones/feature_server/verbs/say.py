"""say: text to speech to the caller."""

import asyncio
from collections.abc import AsyncIterator

from jambones.common.verbs.model import rounds
from jambones.common.verbs.say import Say
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import Clip, MediaEndpoint
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.playing import play_clips
from jambones.feature_server.verbs.registry import Needs, runs

FILES = ("http://", "https://", "silence_stream://")


@runs(Say, Needs.MEDIA)
async def say(verb: Say, call: CallSession) -> None:
    """Every text in order, the next piece being synthesised while one is heard. Cannot be interrupted by itself."""
    if verb.stream:
        raise VerbFailed("tts-failure", "say with stream needs an application on a WebSocket")
    await say_prompt(verb, call, await call.media(early=verb.early_media))


async def say_prompt(verb: Say, call: CallSession, endpoint: MediaEndpoint) -> None:
    """The `say` of this verb or nested in another one. Raises VerbFailed."""
    clips: list[Clip] = []
    pieces = _pieces(verb, call)
    coming: asyncio.Task[Clip | None] | None = None
    try:
        clip = await anext(pieces, None)
        if clip is not None:
            call.emit("start-playback", verb="say")
        while clip is not None and not call.interrupted:
            clips.append(clip)
            coming = asyncio.create_task(_next(pieces))
            played = await play_clips(call, endpoint, [clip])
            call.emit("stop-playback", verb="say")
            if played.reason != "done":
                return
            clip = await coming
        times = rounds(verb.loop)
        if clips and times != 1 and not call.interrupted:
            await play_clips(call, endpoint, clips, loop=None if times is None else times - 1)
    except asyncio.CancelledError:
        call.emit("kill-playback", verb="say")
        raise
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait((coming,))
            if not coming.cancelled():
                coming.exception()  # of a piece that nobody waits for any more


async def _next(pieces: AsyncIterator[Clip]) -> Clip | None:
    return await anext(pieces, None)


async def _pieces(verb: Say, call: CallSession) -> AsyncIterator[Clip]:
    cache = call.variables.tts_cache and not verb.disable_tts_cache
    for text in verb.text:
        if text.startswith(FILES):
            yield await call.kit.audio.clip(text)
            continue
        if call.kit.voice is None:
            raise VerbFailed("no-tts", "no speech synthesiser is configured")
        async for clip in call.kit.voice.speak(text, call, verb.synthesizer, cache=cache):
            yield clip
