"""Least-cost routing: from the dialled number to trunks in the order in which they are tried.

Pure, with reasons; chance comes in as `draw`, a number in [0, 1).
"""

from collections.abc import Callable, Iterable
from itertools import groupby

from jambones.sbc.decision import Reasons
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.tables import Lcr, LcrEntry, Rule, Tables, Trunk

Draw = Callable[[], float]


def table_of(tables: Tables, account: Account, reasons: Reasons) -> Lcr | None:
    """The account's table, else its service provider's."""
    for owner, sid in (("account", account.account_sid), ("service provider", account.service_provider_sid)):
        lcr = tables.lcrs.get(sid)
        if lcr is None:
            reasons.missed(f"least-cost routing of the {owner}", "none", about=[sid])
        elif not lcr.is_active:
            reasons.missed(f"least-cost routing of the {owner}", "not active", about=[sid])
        else:
            reasons.passed(f"least-cost routing of the {owner}", about=[sid])
            return lcr
    return None


def trunks_by_cost(
    tables: Tables, lcr: Lcr, account: Account, number: str, draw: Draw, reasons: Reasons
) -> tuple[Trunk, ...]:
    """Trunks for the number, best first; empty when neither a route nor the default has one that can be used."""
    rule = _rule(tables, lcr, number)
    if rule is None:
        reasons.missed("route", "no route has the number", about=[lcr.owner])
    else:
        entries = tables.entries_of.get(rule.route.lcr_route_sid, ())
        found = _usable(tables, account, ordered(entries, draw), reasons)
        detail = f"{rule.route.text} (priority {rule.route.priority})"
        if found:
            reasons.passed("route", detail, about=[lcr.owner])
            return found
        reasons.missed("route", f"{detail} has no trunk that can be used", about=[lcr.owner])
    default = tables.entries.get(lcr.default_entry_sid or "")
    if default is None:
        reasons.missed("default of least-cost routing", "none", about=[lcr.owner])
        return ()
    found = _usable(tables, account, [default], reasons)
    if found:
        reasons.passed("default of least-cost routing", found[0].name, about=[lcr.owner, found[0].voip_carrier_sid])
    else:
        reasons.missed("default of least-cost routing", "cannot be used", about=[lcr.owner])
    return found


def ordered(entries: Iterable[LcrEntry], draw: Draw) -> list[LcrEntry]:
    """Lower priority first; among equals drawn by their workload, those of workload 0 last."""
    order: list[LcrEntry] = []
    for _, group in groupby(sorted(entries, key=lambda entry: entry.priority), key=lambda entry: entry.priority):
        rows = list(group)
        left = [entry for entry in rows if entry.workload > 0]
        while left:
            order.append(left.pop(_drawn([entry.workload for entry in left], draw)))
        order += [entry for entry in rows if entry.workload <= 0]
    return order


def _drawn(weights: list[int], draw: Draw) -> int:
    """The index that chance picks, each with the likelihood of its weight."""
    point = draw() * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return len(weights) - 1


def _rule(tables: Tables, lcr: Lcr, number: str) -> Rule | None:
    return next((rule for rule in tables.rules_of.get(lcr.lcr_sid, ()) if rule.matches(number)), None)


def _usable(tables: Tables, account: Account, entries: Iterable[LcrEntry], reasons: Reasons) -> tuple[Trunk, ...]:
    """The trunks of entries, each once, without those that cannot take the call."""
    found: dict[str, Trunk] = {}
    for entry in entries:
        trunk = tables.trunks.get(entry.voip_carrier_sid)
        if trunk is None or not trunk.serves(account):
            reasons.missed("trunk", "of another tenant", about=[entry.voip_carrier_sid])
        elif not tables.usable(trunk):
            why = "not active" if not trunk.is_active else "no gateway that takes calls"
            reasons.missed("trunk", f"{trunk.name}: {why}", about=[trunk.voip_carrier_sid])
        else:
            found.setdefault(trunk.voip_carrier_sid, trunk)
    return tuple(found.values())
