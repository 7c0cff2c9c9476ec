"""sip:decline: refuse a call that was not answered, with a status of the application's choice."""

from http import HTTPStatus

from jambones.common.verbs.sip_decline import SipDecline
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import Needs, runs
from jambones.feature_server.verbs.sip_headers import allowed_headers


@runs(SipDecline, Needs.UNANSWERED)
async def sip_decline(verb: SipDecline, call: CallSession) -> None:
    """The call is over after this."""
    headers = allowed_headers(verb.headers, call)
    reason = verb.reason or REASONS.get(verb.status, "")
    call.end(Ending.platform(Cause.DECLINE_VERB, status=verb.status, reason=reason, headers=headers))


# RFC 3261 section 21, where HTTP's phrase is not the same one.
REASONS = {
    **{status.value: status.phrase for status in HTTPStatus if status >= 400},
    408: "Request Timeout",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    420: "Bad Extension",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    504: "Server Time-out",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
