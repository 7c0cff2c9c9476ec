"""Which account and application a trunk's call goes to: from the dialled number and the trunks that match.

Pure, with reasons. The order: the number itself, patterns of numbers, the trunk's default, the account's routes.
Two answers of equal rank are refused, never picked from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.identify import Match, TrunkCaller, inactive
from jambones.sbc_inbound.tables import Application, Carrier, PhoneNumber, Tables

MAX_DID = 128
SAME_NUMBER = "Multiple accounts are attempting to route the same phone number from the same carrier"
SAME_GATEWAY = "Multiple carriers with the same gateway are attempting to route the same number for this account"
SAME_DEFAULT = "Multiple accounts are attempting to default route this carrier"

Outcome = Decision["Route | Refusal"]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes, for the feature server and the call record."""

    account: Account
    application: Application
    carrier: Carrier
    did: str


def did_of(user: str) -> str:
    """The dialled number as routing compares it: no leading plus before digits, `anonymous` when empty."""
    number = user.split(";", 1)[0]
    if number.startswith("+") and number[1:].isdigit():
        number = number[1:]
    return number or "anonymous"


def route(tables: Tables, caller: TrunkCaller, user: str, *, applied: Sequence[str] = ()) -> Outcome:
    """Route a trunk's call.

    `user` is the user part of the request URI, unescaped; `applied` are application sids the request already carries:
    meeting the same application again is a loop.
    """
    reasons = Reasons()
    did = did_of(user)
    if len(did) > MAX_DID:
        return reasons.refused("number", Refusal(404, "number too long", x_reason="Number Not Provisioned"))
    found = _find(tables, caller, did, reasons)
    if isinstance(found, Refusal):
        return reasons.refused("number", found)
    account, application_sid, carrier = found
    if not account.is_active:
        return reasons.refused("account is active", inactive(account))
    application = _application(tables, account, application_sid or _by_route(tables, account, did, reasons))
    if application is None:
        refusal = Refusal(480, "no application", x_reason="no configured application", account_sid=account.account_sid)
        return reasons.refused("application", refusal)
    if application.application_sid in applied:
        loop = Refusal(482, "loop", "Loop Detected", x_reason="Loop Detected", account_sid=account.account_sid)
        return reasons.refused("loop", loop)
    result = Route(account, application, carrier, did)
    about = (account.account_sid, application.application_sid)
    return reasons.matched("application", application.name or application.application_sid, result, about=about)


Found = tuple[Account, str | None, Carrier]


def _find(tables: Tables, caller: TrunkCaller, did: str, reasons: Reasons) -> Found | Refusal:
    """The account, the application's sid if one is named, and the trunk the call counts for."""
    for name, look in (("exact number", _exact), ("pattern", _pattern)):
        for group in _by_prefix(caller.matches):
            if rows := look(tables, caller, group, did):
                return _number(tables, caller, group, rows, name, reasons)
        reasons.missed(name, did)
    for name, table in (("exact number", tables.exact.get(did, ())), ("pattern", None)):
        rows = _trunkless(tables, caller, did, table)
        if rows:
            return _number(tables, caller, caller.matches, rows, f"{name} of no trunk", reasons)
    return _default(tables, caller, reasons)


def _by_prefix(matches: Sequence[Match]) -> list[list[Match]]:
    """Trunks of the same width of network stand level; a narrower network goes first."""
    return [list(group) for _, group in groupby(matches, key=lambda match: match.prefix)]


def _fits(caller: TrunkCaller, row: PhoneNumber) -> bool:
    return caller.account is None or row.account_sid in (None, caller.account.account_sid)


def _exact(tables: Tables, caller: TrunkCaller, group: Sequence[Match], did: str) -> list[PhoneNumber]:
    trunks = {match.carrier.voip_carrier_sid for match in group}
    return [row for row in tables.exact.get(did, ()) if row.voip_carrier_sid in trunks and _fits(caller, row)]


def _pattern(tables: Tables, caller: TrunkCaller, group: Sequence[Match], did: str) -> list[PhoneNumber]:
    """The best pattern of these trunks; more than one when equally long ones match."""
    patterns = chain.from_iterable(tables.patterns.get(match.carrier.voip_carrier_sid, ()) for match in group)
    return _best([p.row for p in patterns if _fits(caller, p.row) and p.matches(did)])


def _trunkless(tables: Tables, caller: TrunkCaller, did: str, exact: Sequence[PhoneNumber] | None) -> list[PhoneNumber]:
    """Numbers bound to no trunk, of accounts these trunks serve: last, so they cannot shadow a trunk's own."""

    def served(row: PhoneNumber) -> bool:
        if row.voip_carrier_sid is not None or row.account_sid is None:
            return False
        if caller.account is not None:
            return row.account_sid == caller.account.account_sid
        account = tables.accounts.get(row.account_sid)
        return account is not None and any(_serves(match.carrier, account) for match in caller.matches)

    if exact is not None:
        return [row for row in exact if served(row)]
    return _best([p.row for p in tables.patterns.get(None, ()) if served(p.row) and p.matches(did)])


def _best(rows: list[PhoneNumber]) -> list[PhoneNumber]:
    """Prefixes before expressions, longer before shorter; all that share the first place."""

    def rank(row: PhoneNumber) -> tuple[bool, int]:
        return row.kind == "regex", -len(row.number)

    rows = sorted(rows, key=rank)
    return [row for row in rows if rank(row) == rank(rows[0])]


def _serves(carrier: Carrier, account: Account) -> bool:
    if carrier.account_sid is not None:
        return carrier.account_sid == account.account_sid
    return carrier.service_provider_sid == account.service_provider_sid


def _number(
    tables: Tables,
    caller: TrunkCaller,
    group: Sequence[Match],
    rows: list[PhoneNumber],
    rule: str,
    reasons: Reasons,
) -> Found | Refusal:
    if len(rows) > 1:
        text = SAME_GATEWAY if caller.account is not None or len({r.account_sid for r in rows}) == 1 else SAME_NUMBER
        return _ambiguous(text, caller)
    row = rows[0]
    carrier = next((m.carrier for m in group if m.carrier.voip_carrier_sid == row.voip_carrier_sid), group[0].carrier)
    application_sid = row.application_sid or carrier.application_sid
    account = caller.account or tables.accounts.get(row.account_sid or carrier.account_sid or "")
    if account is None and (application := tables.applications.get(application_sid or "")) is not None:
        account = tables.accounts.get(application.account_sid or "")
    if account is None:
        return Refusal(404, "number of no account", x_reason="Number Not Provisioned")
    reasons.passed(rule, f"{row.number} on {carrier.name}", about=(account.account_sid, carrier.voip_carrier_sid))
    return account, application_sid, carrier


def _default(tables: Tables, caller: TrunkCaller, reasons: Reasons) -> Found | Refusal:
    first = caller.matches[0].carrier
    if caller.account is not None:
        # A PBX pointed at the realm works without each of its numbers being provisioned.
        about = (caller.account.account_sid, first.voip_carrier_sid)
        reasons.passed("default of the realm's trunk", first.name, about=about)
        return caller.account, first.application_sid, first
    for group in _by_prefix(caller.matches):
        defaults = [m.carrier for m in group if m.carrier.account_sid is not None and m.carrier.application_sid]
        if len(defaults) > 1:
            return _ambiguous(SAME_DEFAULT, caller)
        if defaults and (account := tables.accounts.get(defaults[0].account_sid or "")) is not None:
            about = (account.account_sid, defaults[0].voip_carrier_sid)
            reasons.passed("default of the trunk", defaults[0].name, about=about)
            return account, defaults[0].application_sid, defaults[0]
    reasons.missed("default of the trunk")
    accounts = tables.accounts_of_provider.get(first.service_provider_sid or "", ())
    if len(accounts) == 1:
        account = accounts[0]
        reasons.passed("only account of the service provider", account.account_sid, about=[account.account_sid])
        return accounts[0], first.application_sid, first
    return Refusal(404, "number not provisioned", x_reason="Number Not Provisioned")


def _ambiguous(text: str, caller: TrunkCaller) -> Refusal:
    account_sid = caller.account.account_sid if caller.account is not None else None
    return Refusal(503, "ambiguous route", x_reason=text, account_sid=account_sid)


def _by_route(tables: Tables, account: Account, did: str, reasons: Reasons) -> str | None:
    for row, expression in tables.compiled_routes.get(account.account_sid, ()):
        if expression.search(did) is not None:
            reasons.passed("route of the account", row.regex, about=[account.account_sid])
            return row.application_sid
    reasons.missed("route of the account", about=[account.account_sid])
    return None


def _application(tables: Tables, account: Account, application_sid: str | None) -> Application | None:
    """The application, if it may serve this account: its own, or one of the service provider's."""
    application = tables.applications.get(application_sid or "")
    if application is None or application.account_sid not in (None, account.account_sid):
        return None
    return application
