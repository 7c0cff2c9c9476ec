"""A call that would take the place of another's dialog (RFC 3891): it must not begin as a call of its own."""

from collections.abc import Callable

from jambones.sbc.decision import Refusal
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request
from jambones.sip.replaces import Replaces

NOT_TAKEN_OVER = "Calls are not taken over"


def refusal(invite: Request, exists: Callable[[Replaces], bool]) -> Refusal | None:
    """Why an INVITE with Replaces goes no further; None for one without. `exists` tells of dialogs of this edge."""
    rows = invite.headers.get_all("Replaces")
    if not rows:
        return None
    try:
        replaces = Replaces.parse(rows[0])
    except GrammarError:
        return Refusal(400, "unreadable Replaces")
    if len(rows) > 1:
        return Refusal(400, "more than one Replaces")
    if not exists(replaces):
        return Refusal(481, "no such dialog to replace")
    return Refusal(603, "takes over a call", x_reason=NOT_TAKEN_OVER)
