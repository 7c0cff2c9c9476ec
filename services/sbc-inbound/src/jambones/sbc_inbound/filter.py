"""The ingress filter: what is decided about a request before anything expensive happens to it.

Rules in order, first hit wins: blocked source, too many new dialogs from one source, scanner, a method that makes no
sense outside a dialog, OPTIONS, draining or overloaded. The decision is pure; only the rate buckets keep state.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from jambones.sbc.decision import Decision, Reasons
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.rates import Rates

# Networks known for nothing but scanning telephony and everything else.
ALWAYS_BLOCKED = ("128.90.0.0/16", "162.142.125.0/24", "198.235.24.0/24", "205.210.31.0/24")
SCANNERS = ("sip-cli", "sipcli", "friendly-scanner", "sipvicious", "sipsak", "pplsip")
ALLOWED = "INVITE, ACK, BYE, CANCEL, REGISTER, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE"
# Served outside a dialog; ACK and CANCEL belong to a transaction, which the stack matches.
OUTSIDE_DIALOG = frozenset({"INVITE", "ACK", "CANCEL", "OPTIONS", "REGISTER"})
KNOWN = frozenset(ALLOWED.replace(",", "").split()) | {"SUBSCRIBE", "PUBLISH"}

Action = Literal["accept", "drop"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer without a transaction, and forget."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


FilterResult = Action | Answer


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the filter looks at: plain values, so that it can be asked without a message at hand."""

    method: str
    address: str
    transport: str
    in_dialog: bool = False
    """Its To has a tag."""
    known: bool = True
    """That tag is of a dialog or transaction in progress; what strangers make up costs them like new calls."""
    user_agent: str = ""
    from_: str = ""
    to: str = ""

    @property
    def stream(self) -> bool:
        return self.transport != "udp"


@dataclass(frozen=True, slots=True)
class Shedding:
    """The state of this edge that makes it refuse new work."""

    draining: bool = False
    overloaded: str = ""  # why, or empty


class IngressFilter:
    """The filter with its lists. `trusted` tells configured gateways, which no rate limits and no list blocks."""

    def __init__(
        self,
        *,
        blocked: Iterable[str] = ALWAYS_BLOCKED,
        scanners: Iterable[str] = SCANNERS,
        scanner_action: Literal["drop", "decline"] = "drop",
        rate: float = 50,
        burst: float = 100,
        trusted: Callable[[str], bool] = lambda address: False,
    ) -> None:
        self._blocked: PrefixTable[str] = PrefixTable((network, network) for network in blocked)
        names = "|".join(re.escape(name) for name in scanners if name)
        self._scanner = re.compile(names, re.IGNORECASE) if names else None
        self._scanner_action = scanner_action
        self._rates = Rates(rate, burst)
        self._trusted = trusted
        self._blocked_until: dict[str, float] = {}

    def block(self, address: str, until: float) -> None:
        """Block one address until the loop's time says `until`."""
        self._blocked_until[address] = until

    def unblock(self, address: str) -> None:
        self._blocked_until.pop(address, None)

    def blocked(self, address: str, now: float) -> str:
        """Why everything from this source is dropped; empty when it is not."""
        return "" if self._trusted(address) else self._is_blocked(address, now)

    def decide(self, arrival: Arrival, now: float, shedding: Shedding | None = None) -> Decision[FilterResult]:
        """Decide about one request; `now` is the loop's time in seconds."""
        reasons = Reasons()
        trusted = self._trusted(arrival.address)
        if why := self.blocked(arrival.address, now):
            return reasons.matched("blocked", why, "drop")
        if arrival.in_dialog and arrival.known:
            return reasons.matched("in dialog", "", "accept")  # retransmissions must not cost tokens
        if not trusted and arrival.method != "ACK" and not self._rates.take(arrival.address, now):
            slow_down = Answer(503, "Service Unavailable", (("Retry-After", "5"),))
            return reasons.matched("rate", arrival.address, slow_down if arrival.stream else "drop")
        if self._scanner is not None and (name := self._scans(arrival)):
            refused = Answer(603, "Decline")
            return reasons.matched("scanner", name, refused if self._scanner_action == "decline" else "drop")
        if arrival.in_dialog:
            return reasons.matched("unknown dialog", "", "accept")  # it gets 481
        return self._method(arrival, shedding or Shedding(), reasons)

    def _method(self, arrival: Arrival, shedding: Shedding, reasons: Reasons) -> Decision[FilterResult]:
        if arrival.method not in KNOWN:
            return reasons.matched("method", arrival.method, Answer(501, "Not Implemented", (("Allow", ALLOWED),)))
        if arrival.method not in OUTSIDE_DIALOG:
            not_allowed = Answer(405, "Method Not Allowed", (("Allow", ALLOWED),))
            return reasons.matched("method", f"{arrival.method} outside a dialog", not_allowed)
        if arrival.method in {"INVITE", "OPTIONS"}:
            unavailable = Answer(503, "Service Unavailable", (("Retry-After", "5"),))
            if shedding.draining:
                return reasons.matched("draining", "", unavailable)
            if shedding.overloaded and arrival.method == "INVITE":
                return reasons.matched("overloaded", shedding.overloaded, unavailable)
        return reasons.matched("method", arrival.method, "accept")

    def _is_blocked(self, address: str, now: float) -> str:
        if (until := self._blocked_until.get(address)) is not None:
            if now < until:
                return "listed for a while"
            del self._blocked_until[address]
        _, networks = next(self._blocked.groups(address), (0, [""]))
        return networks[0]

    def _scans(self, arrival: Arrival) -> str:
        assert self._scanner is not None
        for text in (arrival.user_agent, arrival.from_, arrival.to):
            if found := self._scanner.search(text):
                return found.group().lower()
        return ""
