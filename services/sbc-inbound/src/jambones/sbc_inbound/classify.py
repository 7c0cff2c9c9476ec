"""From an INVITE's source and number to a route or a refusal: identification and routing in one decision.

The dry run of routing asks the same function with a caller made up from its parameters.
"""

from collections.abc import Sequence

from jambones.sbc.decision import Decision, Refusal
from jambones.sbc_inbound.identify import Caller, TrunkCaller, UserCaller, identify
from jambones.sbc_inbound.routing import Route, route
from jambones.sbc_inbound.tables import Tables


def classify(tables: Tables, caller: Caller, applied: Sequence[str] = ()) -> Decision[Route | UserCaller | Refusal]:
    """Where a call goes, and every rule looked at on the way. `applied`: application sids it already carries.

    A user's call goes where `destinations` says, once he has authenticated.
    """
    who = identify(tables, caller)
    match who.result:
        case TrunkCaller() as trunk:
            where = route(tables, trunk, caller.user, applied=applied)
            return Decision(where.result, who.reasons + where.reasons)
        case UserCaller() as user:
            return Decision(user, who.reasons)
        case Refusal() as refusal:
            return Decision(refusal, who.reasons)
