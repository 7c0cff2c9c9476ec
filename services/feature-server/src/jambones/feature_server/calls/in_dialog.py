"""What the far end asks for inside a call, and the hooks that an application set for it (verb `config`)."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jambones.feature_server.calls.collaborators import HookFailed
from jambones.feature_server.calls.leg import Held, LegGone, Referral, Requested

if TYPE_CHECKING:
    from jambones.common.verbs.hook import Hook
    from jambones.feature_server.calls.session import CallSession

NOT_IMPLEMENTED = 501


def requested(call: "CallSession", event: Requested | Held) -> None:
    """INFO, MESSAGE, NOTIFY, or a re-INVITE that changes hold: `sipRequestWithinDialogHook` hears of it."""
    hook = call.variables.sip_request_hook
    if hook is None:
        return
    request = event.request
    extra: dict[str, Any] = {
        "sip_method": request.method,
        "sip_body": request.body,
        "sip_headers": dict(request.headers),
    }
    if isinstance(event, Held):
        extra |= {"event": "hold" if event.on else "unhold", "on_hold": event.on}
    call.beside(call.ask(hook, of_verb=False, **extra))


async def referred(call: "CallSession", hook: "Hook | None", referral: Referral) -> None:
    """A REFER outside a dial with a hook of its own: verbs of the answer replace the script before the 202."""
    try:
        if hook is None:
            await referral.refuse(NOT_IMPLEMENTED)
            return
        details = {**referral.details, "referring_call_sid": call.info.call_sid, "referred_call_sid": None}
        try:
            verbs = await call.kit.hooks.ask("verb:hook", hook, call.payload({"refer_details": details}))
        except HookFailed as exc:
            call.alert(exc.alert, exc.message, **exc.data)
            await referral.refuse(refusal(exc))
            return
        if verbs:
            call.replace(verbs)
        await referral.accept()
    except LegGone:
        return


def refusal(failed: HookFailed) -> int:
    """The status of a hook that failed, as far as SIP knows it, else 501."""
    status = failed.data.get("status")
    return status if isinstance(status, int) and HTTPStatus.BAD_REQUEST <= status < 700 else NOT_IMPLEMENTED
