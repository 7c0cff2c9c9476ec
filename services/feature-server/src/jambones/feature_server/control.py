"""Live call control: what the API asks of a call that runs here, whichever party of it is meant."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from jambones.common.bus.control import CallUpdated, UpdateCall
from jambones.common.errors import Invalid, JambonesError, NotFound
from jambones.common.verbs.catalogue import WHISPER
from jambones.common.verbs.dtmf import MOST_KEYS
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.parse import ScriptError, parse_script
from jambones.feature_server.calls.collaborators import HookFailed, VerbFailed, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.calls.reasons import Cause, Kill
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.state import CallStatus
from jambones.feature_server.verbs.listen import set_status
from jambones.feature_server.verbs.media_path import PATHS
from jambones.feature_server.verbs.on_hold import perform_waiting
from jambones.feature_server.verbs.sip_headers import allowed_headers
from jambones.feature_server.verbs.sip_request import FORBIDDEN

BRIEF = 250  # milliseconds of a key


class NotServed(JambonesError):
    """An update that this server cannot do."""

    sip_status = 501
    http_status = 501
    reason = "not implemented"


class Incompatible(JambonesError):
    """The call is not in a state for it."""

    sip_status = 480
    http_status = 422
    reason = "incompatible state"

    def __init__(self, call: CallSession) -> None:
        super().__init__(f"current call state is incompatible with requested action for call_sid {call.info.call_sid}")


class Gone(JambonesError):
    """The call ended while we were at it."""

    sip_status = 481
    http_status = 422
    reason = "call is gone"

    def __init__(self, call: CallSession) -> None:
        super().__init__(f"call session is gone for call_sid {call.info.call_sid}")


async def update(call: CallSession, question: UpdateCall) -> CallUpdated:
    """Do what `question` says. Raises Invalid, NotFound, NotServed, Incompatible, Gone."""
    if question.account_sid != call.info.account_sid:
        raise NotFound("no such call")
    if call.ending is not None:
        raise Gone(call)
    changes = question.changes
    wanted = [name for name in ACTIONS if changes.get(name) is not None]
    if not wanted:
        raise NotServed(f"cannot change {', '.join(sorted(changes)) or 'nothing'}")
    answer = CallUpdated()
    try:
        for name in wanted:
            done = await ACTIONS[name](call, changes[name], changes)
            answer = done or answer
    except LegGone as exc:
        raise Gone(call) from exc
    return answer


Changes = Mapping[str, Any]
Action = Callable[[CallSession, Any, Changes], Awaitable[CallUpdated | None]]


async def _end(call: CallSession, status: Any, changes: Changes) -> None:
    state = call.state
    match status:
        case "completed":
            if not state.answered:
                raise Incompatible(call)
            call.end(Ending.platform(Cause.LIVE_CONTROL, status=480))
        case "no-answer":
            ringing = state.status in {CallStatus.TRYING, CallStatus.RINGING, CallStatus.EARLY_MEDIA}
            if not ringing:
                raise Incompatible(call)
            inbound = state.direction == "inbound"
            call.end(Ending.platform(Cause.LIVE_CONTROL, status=503 if inbound else 487))
        case _:
            raise Invalid("call_status must be completed or no-answer")


async def _redirect(call: CallSession, hook: Any, changes: Changes) -> None:
    if changes.get("call_status_hook") is not None:
        call.kit.reporter.redirect_status(Hook.model_validate(changes["call_status_hook"]))
    await _new_script(call, hook)


async def _redirect_child(call: CallSession, hook: Any, changes: Changes) -> None:
    """The other party of a dial goes on with a script of its own; without call_hook the caller goes on with its own."""
    bridged = call.bridged
    if bridged is None or bridged.a is not call:
        raise Incompatible(call)
    await _new_script(bridged.b, hook)


async def _new_script(call: CallSession, hook: Any) -> None:
    wanted = Hook.model_validate(hook)
    try:
        verbs = await call.kit.hooks.ask("session:redirect", wanted, call.info.payload())
    except HookFailed as exc:
        call.alert(exc.alert, exc.message, **exc.data)
        raise Invalid(f"the hook failed: {exc.message}") from exc
    if call.ending is not None:
        raise Gone(call)
    call.kit.hooks.rebase(wanted)  # relative hooks of the script that comes belong to the new application
    if verbs:
        call.replace(verbs)
    else:
        call.stop_verb(Kill.REPLACED)


async def _set_listening(call: CallSession, status: Any, changes: Changes) -> None:
    if status not in {"pause", "silence", "resume"}:
        raise Invalid("listen_status must be pause, silence or resume")
    owner = call.bridged.a if call.bridged is not None else call
    if not set_status(owner, status):
        raise Incompatible(call)


async def _mute(call: CallSession, status: Any, changes: Changes) -> None:
    if status not in {"mute", "unmute"}:
        raise Invalid("mute_status must be mute or unmute")
    if call.bridged is None:
        raise Incompatible(call)
    await call.bridged.mute(call, status == "mute")


async def _sip_request(call: CallSession, wanted: Any, changes: Changes) -> CallUpdated:
    if not call.state.answered:
        raise Incompatible(call)
    if not isinstance(wanted, Mapping) or not isinstance(wanted.get("method"), str):
        raise Invalid("sip_request requires a method")
    method = wanted["method"].upper()
    if not method.isascii() or not method.isalpha() or method in FORBIDDEN:
        raise Invalid("sip_request: this method may not be sent")
    reply = await call.leg.request(
        method,
        headers=allowed_headers(wanted.get("headers"), call),
        body=str(wanted.get("content") or ""),
        content_type=wanted.get("content_type"),
    )
    return CallUpdated(status=200, body={"status": reply.status, "reason": reply.reason})


async def _dtmf(call: CallSession, wanted: Any, changes: Changes) -> None:
    if not call.state.answered:
        raise Incompatible(call)
    keys = str(wanted.get("digit") or "") if isinstance(wanted, Mapping) else ""
    keys = "".join(key.upper() if key in "abcd" else key for key in keys)
    duration = wanted.get("duration") or BRIEF if isinstance(wanted, Mapping) else BRIEF
    if (
        not 0 < len(keys) <= MOST_KEYS
        or any(key not in "0123456789*#ABCDwW" for key in keys)
        or not str(duration).isdecimal()
    ):
        raise Invalid("invalid dtmf")
    call.meanwhile(_send_keys(call, keys, int(duration)))


async def _send_keys(call: CallSession, keys: str, duration_ms: int) -> None:
    try:
        with _audio_here(call, "dtmf"):
            await (await call.media()).send_dtmf(keys, duration_ms=duration_ms)
    except LegGone:
        return


def _audio_here(call: CallSession, why: str) -> AbstractContextManager[None]:
    """While we send audio to a bridged party it does not leave us."""
    return call.bridged.path.needed(why) if call.bridged is not None else nullcontext()


async def _tag(call: CallSession, data: Any, changes: Changes) -> None:
    if not isinstance(data, dict):
        raise Invalid("invalid tag data")
    call.info.customer_data = data


async def _media_path(call: CallSession, path: Any, changes: Changes) -> None:
    """Through the platform's media engine, or past it where nothing needs it there."""
    if path not in PATHS:
        raise Invalid("invalid media_path")
    if call.bridged is None:
        raise Incompatible(call)
    await call.bridged.path.wish(path)


async def _whisper(call: CallSession, wanted: Any, changes: Changes) -> None:
    if call.bridged is None and not call.streams:
        raise Incompatible(call)
    call.meanwhile(_whispering(call, whispered(wanted)))


def whispered(wanted: Any) -> Verbs:
    """The prompts of a whisper, each once. Raises Invalid."""
    try:
        script = parse_script(wanted if isinstance(wanted, list) else [wanted])
    except ScriptError as exc:
        raise Invalid(f"whisper: {exc}") from exc
    if outside := script.outside(WHISPER):
        raise Invalid(f"whisper may hold play and say only, not {outside[0]}")
    return tuple(verb.model_copy(update={"loop": 1}) for verb in script)


async def _whispering(call: CallSession, verbs: Verbs) -> None:
    """What plays to one party covers, for that party alone, what the other one says."""
    try:
        with _audio_here(call, "whisper"):
            for verb in verbs:
                await perform_waiting(verb, call, await call.media())
    except VerbFailed as exc:
        call.alert("error-updating-call", f"whisper: {exc.message}")
    except LegGone:
        return


async def _not_now(call: CallSession, value: Any, changes: Changes) -> None:
    """Nothing runs here that this could change."""
    raise Incompatible(call)


ACTIONS: dict[str, Action] = {
    "call_status": _end,
    "child_call_hook": _redirect_child,
    "call_hook": _redirect,
    "listen_status": _set_listening,
    "stream_status": _set_listening,
    "transcribe_status": _not_now,
    "mute_status": _mute,
    "conf_hold_status": _not_now,
    "conf_mute_status": _not_now,
    "conferenceParticipantAction": _not_now,
    "sip_request": _sip_request,
    "dtmf": _dtmf,
    "tag": _tag,
    "media_path": _media_path,
    "whisper": _whisper,
}
"""By the name of the option, in the order in which they are done. The other party first: its hook is asked while the
two are still bridged."""
