"""listen (also called stream): the call's audio over a WebSocket, as a verb and beneath the other verbs."""

import asyncio

from jambones.common.tasks import cancel
from jambones.common.verbs.listen import BackgroundListen, Listen
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.later import tell_of_later
from jambones.feature_server.verbs.listening import Listening, Status
from jambones.feature_server.verbs.registry import Needs, runs

BACKGROUND = "listen"


@runs(Listen, Needs.MEDIA)
async def listen(verb: Listen, call: CallSession) -> None:
    """Ends with a key, the time limit, the socket or the call; the action hook hears of it in any case."""
    listening = Listening(verb, call, await call.media(early=verb.early_media))
    tell_of_later(verb, ("transcribe",), call)
    await run_listening(listening, call)
    await call.ask(verb.action_hook, **listening.report())


async def run_listening(listening: Listening, call: CallSession) -> None:
    """Run it; what goes wrong is an alert, and the action hook hears of it when it is cancelled."""
    try:
        await listening.run()
    except VerbFailed as exc:
        call.alert(exc.alert, exc.message, **exc.data)
        call.kit.hooks.emit("jambonz:error", {"msg": "listen failed", "details": exc.message})
    except asyncio.CancelledError:
        call.tell(listening.verb.action_hook, **listening.report())
        raise


async def set_background(wanted: BackgroundListen, call: CallSession) -> None:
    """`config.listen`: start it unless it runs, or stop it."""
    running = call.background.get(BACKGROUND)
    if not wanted.enable:
        if running is not None:
            await cancel(running)
    elif running is None or running.done():
        if not wanted.url:
            raise VerbFailed("invalid-app-payload", "config.listen has no url")
        listening = Listening(wanted, call, await call.media(early=wanted.early_media))
        call.background[BACKGROUND] = asyncio.get_running_loop().create_task(_beneath(listening, call))


async def _beneath(listening: Listening, call: CallSession) -> None:
    try:
        await run_listening(listening, call)
        call.tell(listening.verb.action_hook, of_verb=False, **listening.report())
    except Exception:
        call.log.exception("background listen failed")
    finally:
        call.background.pop(BACKGROUND, None)


def set_status(call: CallSession, status: Status) -> bool:
    """Live control (`listen_status`): every listen of the call. False when there is none."""
    for listening in call.streams:
        listening.set_status(status)
    return bool(call.streams)
