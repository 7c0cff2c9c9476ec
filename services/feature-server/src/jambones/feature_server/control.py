"""Live call control: what the API asks of a call that runs here."""

from typing import Any

from jambones.common.bus.control import CallUpdated, UpdateCall
from jambones.common.errors import Invalid, JambonesError, NotFound
from jambones.common.verbs.hook import Hook
from jambones.feature_server.calls.collaborators import HookFailed
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.listen import set_status


class NotServed(JambonesError):
    """An update that this server cannot do."""

    sip_status = 501
    http_status = 501
    reason = "not implemented"


async def update(call: CallSession, question: UpdateCall) -> CallUpdated:
    """Do what `question` says. Raises Invalid, NotFound, NotServed."""
    if question.account_sid != call.info.account_sid:
        raise NotFound("no such call")
    changes = question.changes
    match changes:
        case {"call_status": status}:
            _end(call, status)
        case {"call_hook": hook}:
            await _redirect(call, hook)
        case {"listen_status": status} | {"stream_status": status}:
            _set_listening(call, status)
        case {"tag": dict(data)}:
            call.info.customer_data = data
        case _:
            raise NotServed(f"cannot change {', '.join(sorted(changes)) or 'nothing'}")
    return CallUpdated()


def _end(call: CallSession, status: Any) -> None:
    if status not in {"completed", "no-answer"}:
        raise Invalid("call_status must be completed or no-answer")
    if status == "no-answer" and call.state.answered:
        raise Invalid("the call is answered")
    call.end(Ending.platform(Cause.LIVE_CONTROL, status=487 if status == "no-answer" else 480))


def _set_listening(call: CallSession, status: Any) -> None:
    if status not in {"pause", "silence", "resume"}:
        raise Invalid("listen_status must be pause, silence or resume")
    if not set_status(call, status):
        call.log.info("no listen is running", listen_status=status)


async def _redirect(call: CallSession, hook: Any) -> None:
    wanted = Hook.model_validate(hook)
    call.kit.hooks.rebase(wanted)
    try:
        verbs = await call.kit.hooks.ask("session:redirect", wanted, call.info.payload())
    except HookFailed as exc:
        call.alert(exc.alert, exc.message, **exc.data)
        raise Invalid(f"the hook failed: {exc.message}") from exc
    if verbs:
        call.replace(verbs)
