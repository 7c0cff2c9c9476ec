"""Which trunks take a call to a number: tables and facts in, trunks in order out, with reasons. Pure.

The order of rules: the trunk that the application named, least-cost routing, the trunk that delivers the calling
number, the trunk that the parent call came in on, any trunk of the account, any of its service provider.
"""

from collections.abc import Sequence
from random import random

from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc_outbound.lcr import Draw, table_of, trunks_by_cost
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Tables, Trunk

NO_CARRIER = "no carrier takes the call"
UNKNOWN_TRUNK = "unknown trunk"

Trunks = tuple[Trunk, ...]


def trunks_for(tables: Tables, order: Order, draw: Draw = random) -> Decision[Trunks | Refusal]:
    """The trunks to try, best first; refused with 404 for a trunk nobody knows, 603 when none is left."""
    reasons, account = Reasons(), order.account
    if order.trunk is not None:
        return _named(tables, order, order.trunk, reasons)
    reasons.missed("trunk of the application", "none named")
    if (lcr := table_of(tables, account, reasons)) is not None:
        found = trunks_by_cost(tables, lcr, account, order.number, draw, reasons)
        if not found:
            return _none(order, reasons)
        names = ", ".join(trunk.name for trunk in found)
        sids = [trunk.voip_carrier_sid for trunk in found]
        return reasons.matched("least-cost routing", names, found, about=[account.account_sid, *sids])
    delivers = tables.trunks.get(tables.delivered_by.get((account.account_sid, order.caller), ""))
    if delivers is not None and delivers.serves(account) and tables.usable(delivers):
        about = [delivers.voip_carrier_sid]
        return reasons.matched("trunk of the calling number", delivers.name, (delivers,), about=about)
    reasons.missed("trunk of the calling number", "takes no calls" if delivers is not None else "none")
    came_in = tables.trunks.get(order.in_trunk or "")
    if came_in is not None and came_in.serves(account) and tables.usable(came_in):
        return reasons.matched("trunk of the parent call", came_in.name, (came_in,), about=[came_in.voip_carrier_sid])
    reasons.missed("trunk of the parent call", "takes no calls" if came_in is not None else "none")
    for name, key in (
        ("trunk of the account", ("account", account.account_sid)),
        ("trunk of the service provider", ("provider", account.service_provider_sid)),
    ):
        if choice := tables.trunks_of.get(key, ()):
            trunk = _any(choice, draw)
            detail = trunk.name if len(choice) == 1 else f"{trunk.name}, one of {len(choice)}"
            return reasons.matched(name, detail, (trunk,), about=[account.account_sid, trunk.voip_carrier_sid])
        reasons.missed(name, "none")
    return _none(order, reasons)


def _named(tables: Tables, order: Order, wanted: str, reasons: Reasons) -> Decision[Trunks | Refusal]:
    """By sid; a name is looked for among the account's own trunks first, then among its service provider's."""
    rule, account = "trunk of the application", order.account
    trunk = tables.trunks.get(wanted)
    if trunk is None:
        named = [t for t in tables.trunks.values() if t.name == wanted and t.serves(account)]
        trunk = min(named, key=lambda t: t.account_sid is None, default=None)
    if trunk is None or not trunk.serves(account):
        unknown = Refusal(404, UNKNOWN_TRUNK, x_reason=UNKNOWN_TRUNK, account_sid=account.account_sid)
        return reasons.refused(rule, unknown, about=[trunk.voip_carrier_sid] if trunk else ())
    if not tables.usable(trunk):
        why = "not active" if not trunk.is_active else "no gateway that takes calls"
        reasons.missed(rule, f"{trunk.name}: {why}", about=[trunk.voip_carrier_sid])
        return _none(order, reasons)
    return reasons.matched(rule, trunk.name, (trunk,), about=[trunk.voip_carrier_sid])


def _any(trunks: Sequence[Trunk], draw: Draw) -> Trunk:
    return trunks[min(int(draw() * len(trunks)), len(trunks) - 1)]


def _none(order: Order, reasons: Reasons) -> Decision[Refusal]:
    refusal = Refusal(603, "no carrier", x_reason=NO_CARRIER, account_sid=order.account.account_sid, alert="no-carrier")
    return reasons.refused("trunk", refusal)
