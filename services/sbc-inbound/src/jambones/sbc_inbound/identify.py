"""Who is calling: from the source address and the request URI to a trunk, or to a user of an account.

Pure: the tables of the moment and the caller go in, a decision with its reasons comes out.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.tables import Carrier, Gateway, Tables


@dataclass(frozen=True, slots=True)
class Caller:
    """What an INVITE shows of its sender: the packet's source and the request URI."""

    address: str
    port: int
    transport: str
    user: str
    host: str
    registered: bool = False
    """A device of this realm is registered from that very address and port."""
    sources: frozenset[str] = frozenset()
    """Trunks whose registrar has this address: they register, and their calls come from it."""


@dataclass(frozen=True, slots=True)
class Match:
    """A trunk that may send calls from this source, and the width of the network that says so."""

    carrier: Carrier
    gateway: Gateway
    prefix: int


@dataclass(frozen=True, slots=True)
class TrunkCaller:
    """A call from a carrier. `account` is set when the realm (or our registration) names it.

    `matches` is never empty, longest prefix first, trunks of an account before those of its service provider.
    """

    matches: tuple[Match, ...]
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A call from outside any trunk, to a realm of ours: it must authenticate."""

    account: Account


def identify(tables: Tables, caller: Caller) -> Decision[TrunkCaller | UserCaller | Refusal]:
    """Classify a caller. A known realm never falls back to matching by address alone: that isolates tenants."""
    reasons = Reasons()
    if (account := tables.by_realm.get(caller.host.lower())) is not None:
        return _by_realm(tables, caller, account, reasons)
    reasons.missed("realm", f"{caller.host} is no account's realm")

    if registered := tables.registered.get((caller.host.lower(), caller.user)):
        carriers = {row.voip_carrier_sid for row in registered}
        matches = _matches(tables, caller, lambda row: row.voip_carrier_sid in carriers)
        if len({match.carrier.voip_carrier_sid for match in matches}) > 1:
            text = "Multiple carriers are registered with the same user name"
            return reasons.refused("registration", Refusal(503, "ambiguous trunk", x_reason=text), about=carriers)
        if matches:
            owner = tables.accounts.get(matches[0].carrier.account_sid or "")
            trunk = TrunkCaller(tuple(matches), owner)
            return reasons.matched("registration", matches[0].carrier.name, trunk, about=_sids(matches))
        reasons.missed("registration", "no trunk of this user name has the source")

    if matches := _matches(tables, caller, lambda row: bool(row.service_provider_sid or row.account_sid)):
        names = ", ".join(f"{match.carrier.name}/{match.prefix}" for match in matches)
        return reasons.matched("source address", names, TrunkCaller(tuple(matches)), about=_sids(matches))
    reasons.missed("source address", f"no inbound gateway has {caller.address}")

    if (account := tables.account_by_realm(caller.host)) is not None:
        return _user(account, reasons)
    return reasons.refused("parent domain", Refusal(404, "unknown source"), f"{caller.host} belongs to nobody")


def _by_realm(
    tables: Tables, caller: Caller, account: Account, reasons: Reasons
) -> Decision[TrunkCaller | UserCaller | Refusal]:
    def may_serve(carrier: Carrier) -> bool:
        if carrier.account_sid is not None:
            return carrier.account_sid == account.account_sid
        return carrier.service_provider_sid == account.service_provider_sid

    if caller.registered:
        # A site may have phones behind the very address that its trunk calls from.
        reasons.passed("registered device", caller.address)
        return _user(account, reasons)
    matches = _matches(tables, caller, may_serve)
    if not matches:
        text = f"no trunk of {account.sip_realm} has {caller.address}"
        reasons.missed("trunk of the realm", text, about=[account.account_sid])
        return _user(account, reasons)
    if not account.is_active:
        return _inactive(account, reasons)
    about = [account.account_sid, *_sids(matches)]
    return reasons.matched(
        "trunk of the realm", matches[0].carrier.name, TrunkCaller(tuple(matches), account), about=about
    )


def trunks_at(tables: Tables, caller: Caller) -> frozenset[str]:
    """Sids of the trunks that may send calls from this source, whosever they are."""
    return frozenset(match.carrier.voip_carrier_sid for match in _matches(tables, caller, lambda carrier: True))


def _user(account: Account, reasons: Reasons) -> Decision[TrunkCaller | UserCaller | Refusal]:
    if not account.is_active:
        return _inactive(account, reasons)
    return reasons.matched("user", f"of {account.sip_realm}", UserCaller(account), about=[account.account_sid])


def _inactive(account: Account, reasons: Reasons) -> Decision[TrunkCaller | UserCaller | Refusal]:
    return reasons.refused("account is active", inactive(account))


def inactive(account: Account) -> Refusal:
    """The refusal of calls for an account that is switched off."""
    return Refusal(
        503,
        "account inactive",
        x_reason="Account exists but is inactive",
        account_sid=account.account_sid,
        alert="account is inactive or suspended",
    )


def _sids(matches: Iterable[Match]) -> list[str]:
    return [match.carrier.voip_carrier_sid for match in matches]


def _matches(tables: Tables, caller: Caller, wanted: Callable[[Carrier], bool]) -> list[Match]:
    """Trunks whose inbound gateways hold the source; each trunk once, by its longest prefix.

    Without any, trunks that we register with and whose registrar has the address.
    """
    seen: dict[str, Match] = {}
    for match in _gateways(tables, caller):
        if wanted(match.carrier):
            seen.setdefault(match.carrier.voip_carrier_sid, match)
    for sid in sorted(caller.sources) if not seen else ():
        carrier = tables.carriers.get(sid)
        if carrier is not None and carrier.is_active and wanted(carrier):
            seen[sid] = Match(carrier, Gateway("", sid, caller.address), 32)
    return sorted(seen.values(), key=lambda match: (-match.prefix, match.carrier.account_sid is None))


def _gateways(tables: Tables, caller: Caller) -> Iterator[Match]:
    for prefix, gateways in tables.by_source.groups(caller.address):
        for gateway in gateways:
            yield Match(tables.carriers[gateway.voip_carrier_sid], gateway, prefix)
