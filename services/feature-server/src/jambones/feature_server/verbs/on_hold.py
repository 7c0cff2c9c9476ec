"""What a party of a dial hears while the other one holds: a script, else music, else what the other one sends."""

import asyncio

from jambones.common.verbs.catalogue import WAITING
from jambones.common.verbs.dial import Dial
from jambones.common.verbs.model import VerbModel
from jambones.common.verbs.pause import Pause
from jambones.common.verbs.play import Play
from jambones.common.verbs.say import Say
from jambones.feature_server.calls.collaborators import HookFailed, VerbFailed, Verbs
from jambones.feature_server.calls.leg import Held, LegGone, MediaEndpoint
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.play import play_prompt
from jambones.feature_server.verbs.playing import play_clips
from jambones.feature_server.verbs.say import say_prompt

SHORTEST_ROUND = 0.2  # seconds; a script that takes no time is not repeated faster


async def entertain(verb: Dial, caller: CallSession, held: CallSession, event: Held) -> None:
    """Until we are cancelled, or there is nothing to be heard."""
    endpoint = await held.media()
    try:
        if verb.on_hold_hook is not None and (script := await _script(verb, caller, event)):
            await endpoint.unbridge()
            await _repeat(script, held, endpoint)
        elif (url := caller.variables.on_hold_music) is not None:
            clip = await caller.kit.audio.clip(url)
            await endpoint.unbridge()
            await play_clips(held, endpoint, [clip], loop=None)
    except VerbFailed as exc:
        caller.alert(exc.alert, exc.message, **exc.data)
    except LegGone:
        return


async def _script(verb: Dial, caller: CallSession, event: Held) -> Verbs:
    hook = verb.on_hold_hook
    assert hook is not None
    headers = event.request.headers
    detail = {"from": headers.get("from", ""), "to": headers.get("to", "")}
    try:
        verbs = await caller.kit.hooks.ask("verb:hook", hook, caller.payload({"hold_detail": detail}))
    except HookFailed as exc:
        caller.alert(exc.alert, exc.message, **exc.data)
        return ()
    outside = [each.verb for each in verbs if each.verb not in WAITING]
    if outside:
        caller.alert("invalid-app-payload", f"onHoldHook may answer play, say and pause only, not {outside[0]}")
        return ()
    return verbs


async def _repeat(script: Verbs, held: CallSession, endpoint: MediaEndpoint) -> None:
    clock = asyncio.get_running_loop()
    while True:
        started = clock.time()
        for verb in script:
            await perform_waiting(verb, held, endpoint)
        if clock.time() - started < SHORTEST_ROUND:
            await asyncio.sleep(SHORTEST_ROUND)


async def perform_waiting(verb: VerbModel, call: CallSession, endpoint: MediaEndpoint) -> None:
    """One play, say or pause beside the call's script. Raises VerbFailed."""
    match verb:
        case Say():
            await say_prompt(verb, call, endpoint)
        case Play():
            await play_prompt(verb, call, endpoint)
        case Pause():
            await asyncio.sleep(verb.length)
