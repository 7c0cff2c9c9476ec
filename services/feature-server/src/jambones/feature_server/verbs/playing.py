"""What every verb with sound does: play clips to the party so that a barge-in or a kill can cut them off."""

from collections.abc import Sequence

from jambones.feature_server.calls.leg import Clip, MediaEndpoint, Played
from jambones.feature_server.calls.session import CallSession


async def play_clips(
    call: CallSession,
    endpoint: MediaEndpoint,
    clips: Sequence[Clip],
    *,
    loop: int | None = 1,
    offset: int = 0,
    limit: int | None = None,
) -> Played:
    """Play to the end, or until `call.interrupt()`. When we are cancelled, silence is certain before we end."""
    playback = await endpoint.play(clips, loop=loop, offset=offset, limit=limit)
    call.playback = playback
    try:
        return await playback.wait()
    except BaseException:
        await playback.stop()
        raise
    finally:
        if call.playback is playback:
            call.playback = None
