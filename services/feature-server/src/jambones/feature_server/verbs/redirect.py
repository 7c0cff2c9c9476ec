"""redirect: fetch the next script somewhere else."""

from jambones.common.verbs.redirect import Redirect
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import runs


@runs(Redirect)
async def redirect(verb: Redirect, call: CallSession) -> None:
    """An answer without verbs goes on with what is left of this script; no answer ends the call."""
    if verb.status_hook is not None:
        call.kit.reporter.redirect_status(verb.status_hook)
    await call.ask(verb.action_hook, "session:redirect", fatal=True)
    if call.ending is None:  # relative hooks of the script that comes belong to the new application
        call.kit.hooks.rebase(verb.action_hook)
