"""play: sound files to the caller."""

import asyncio
from collections.abc import Sequence
from typing import Any

from jambones.common.verbs.model import rounds
from jambones.common.verbs.play import Play
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import SAMPLE_RATE, Clip, MediaEndpoint, Played
from jambones.feature_server.calls.reasons import Kill
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.playing import play_clips
from jambones.feature_server.verbs.registry import Needs, runs


@runs(Play, Needs.MEDIA)
async def play(verb: Play, call: CallSession) -> None:
    """Plays to the end, to `timeoutSecs`, or until it is cut off; the action hook says how far it came."""
    endpoint = await call.media(early=verb.early_media)
    if not verb.url:  # an empty list
        await call.ask(verb.action_hook, **report(Played(0, 0, "done")))
        return
    try:
        clips = [await call.kit.audio.clip(url) for url in verb.url]
    except VerbFailed as exc:
        call.alert(exc.alert, exc.message, **exc.data)
        await call.ask(verb.action_hook, status="fail", reason="playFailed")
        return
    call.emit("start-playback", verb="play")
    started = asyncio.get_running_loop().time()
    try:
        played = await _play(verb, call, endpoint, clips)
    except asyncio.CancelledError:
        call.emit("kill-playback", verb="play")
        if call.kill in {Kill.REPLACED, Kill.HANGUP}:
            samples = round((asyncio.get_running_loop().time() - started) * SAMPLE_RATE)
            call.tell(verb.action_hook, **report(Played(samples, int(verb.seek_offset or 0) + samples, "stopped")))
        raise
    call.emit("stop-playback", verb="play")
    await call.ask(verb.action_hook, **report(played))


async def play_prompt(verb: Play, call: CallSession, endpoint: MediaEndpoint) -> None:
    """The `play` of another verb: no action hook, and a missing file raises VerbFailed."""
    clips = [await call.kit.audio.clip(url) for url in verb.url]
    if clips:
        await _play(verb, call, endpoint, clips)


async def _play(verb: Play, call: CallSession, endpoint: MediaEndpoint, clips: Sequence[Clip]) -> Played:
    if call.interrupted:
        return Played(0, int(verb.seek_offset or 0), "stopped")
    limit = round(verb.timeout_secs * SAMPLE_RATE) if verb.timeout_secs else None
    return await play_clips(call, endpoint, clips, loop=rounds(verb.loop), offset=verb.seek_offset or 0, limit=limit)


def report(played: Played) -> dict[str, Any]:
    """The action hook's own attributes."""
    return {
        "reason": "playCompleted",
        "playback_seconds": played.samples // SAMPLE_RATE,
        "playback_milliseconds": played.samples * 1000 // SAMPLE_RATE,
        "playback_last_offset_pos": str(played.offset),  # a text on the wire of the reference
    }
