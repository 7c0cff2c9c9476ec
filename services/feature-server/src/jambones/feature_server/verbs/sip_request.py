"""sip:request: a request of the application's choice inside the call."""

from jambones.common.verbs.sip_request import SipRequest
from jambones.feature_server.calls.collaborators import HookFailed, Verbs
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import Needs, runs
from jambones.feature_server.verbs.sip_headers import allowed_headers

FORBIDDEN = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "REGISTER"})
"""They would change the dialog behind the platform's back."""


@runs(SipRequest, Needs.ANSWERED)
async def sip_request(verb: SipRequest, call: CallSession) -> None:
    """Any final answer is a success; a failing action hook is asked once more, and then the call ends."""
    kinds = [(name, value) for name, value in verb.headers.items() if name.lower() == "content-type"]
    others = {name: value for name, value in verb.headers.items() if name.lower() != "content-type"}
    if verb.method in FORBIDDEN:
        result: dict[str, object] = {"result": "failed", "err": f"{verb.method} may not be sent"}
    else:
        body = f"{verb.body}\n" if verb.body is not None else ""
        try:
            reply = await call.leg.request(verb.method, headers=[*kinds, *allowed_headers(others, call)], body=body)
            result = {"result": "success", "sip_status": reply.status}
        except LegGone:
            result = {"result": "failed", "err": "the call has ended"}
    if verb.action_hook is None:
        return
    try:
        verbs = await _ask(verb, call, result)
    except HookFailed as exc:
        try:
            verbs = await _ask(verb, call, {"result": "failed", "err": exc.message})
        except HookFailed as again:
            call.alert(again.alert, again.message, **again.data)
            call.end(Ending.platform(Cause.HOOK_FAILED, status=480, tell=False))
            return
    if verbs:
        call.replace(verbs)


async def _ask(verb: SipRequest, call: CallSession, result: dict[str, object]) -> Verbs:
    assert verb.action_hook is not None
    return await call.question("verb:hook", verb.action_hook, call.payload(result))
