"""dial: call others, and bridge the first who takes the call."""

import asyncio

from jambones.common.verbs.dial import Dial
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.dialling import Dialling
from jambones.feature_server.verbs.later import tell_of_later
from jambones.feature_server.verbs.media_path import tell_of_no_media
from jambones.feature_server.verbs.registry import runs

LATER = ("transcribe", "amd", "dub", "boost_audio_signal", "codecs")


@runs(Dial)
async def dial(verb: Dial, call: CallSession) -> None:
    """Ends with the other party, the time limit or the caller; the action hook hears of it in any case."""
    if call.kit.dialer is None:
        raise VerbFailed("invalid-app-payload", "verb dial is not available on this server")
    tell_of_later(verb, LATER, call)
    if verb.exit_media_path and not verb.anchor_media:
        tell_of_no_media(call, "dial.exitMediaPath")
    endpoint = await call.media(early=verb.answer_on_bridge)
    dialling = Dialling(verb, call, endpoint, call.kit.dialer)
    try:
        await dialling.run()
    except asyncio.CancelledError:
        call.tell(verb.action_hook, **dialling.report())
        raise
    await call.ask(verb.action_hook, **dialling.report())
