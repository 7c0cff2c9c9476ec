"""hangup: end the call; one that was never answered is refused."""

from jambones.common.verbs.hangup import Hangup
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import runs
from jambones.feature_server.verbs.sip_headers import allowed_headers


@runs(Hangup)
async def hangup(verb: Hangup, call: CallSession) -> None:
    """What is left of the script is dropped."""
    headers = allowed_headers(verb.headers, call)
    call.end(Ending.platform(Cause.HANGUP_VERB, status=603, reason="Decline", headers=headers, tell=False))
