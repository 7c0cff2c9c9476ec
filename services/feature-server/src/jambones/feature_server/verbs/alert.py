"""alert: a message to whoever looks after the account."""

from jambones.common.verbs.alert import Alert
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import runs


@runs(Alert)
async def alert(verb: Alert, call: CallSession) -> None:
    """Written to the account's alerts; the caller notices nothing."""
    call.alert("alert-from-application", verb.message)
