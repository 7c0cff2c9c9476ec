"""Decisions that carry their reasons: what was chosen, and which rules led there.

The reasons are data, so the log, the call record and a dry run of routing tell the same story.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from jambones.common.bus.calls import AlertType

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Verdict = Literal["passed", "matched", "missed", "refused"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that was looked at: `missed` leads to the next rule, `refused` and `matched` end the search."""

    name: str
    verdict: Verdict
    detail: str = ""
    about: tuple[str, ...] = ()
    """Sids of what the detail names: a dry run shows the detail only to those who may see all of them."""

    def __str__(self) -> str:
        return f"{self.name} {self.verdict}{': ' if self.detail else ''}{self.detail}"


@dataclass(frozen=True, slots=True)
class Decision(Generic[T_co]):
    result: T_co
    reasons: tuple[Rule, ...] = ()

    def __str__(self) -> str:
        return "; ".join(map(str, self.reasons))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a caller is turned away, and with which response.

    `account_sid` is set when the account is known: such a refusal leaves a call record.
    `alert` is the type of the alert the tenant (or, without an account, nobody) gets.
    """

    status: int
    cause: str
    reason_phrase: str | None = None
    x_reason: str | None = None
    account_sid: str | None = None
    alert: AlertType | None = None
    headers: tuple[tuple[str, str], ...] = field(default=())

    def sip_headers(self) -> list[tuple[str, str]]:
        """The headers of the response."""
        shown = [("X-Reason", self.x_reason)] if self.x_reason else []
        return [*shown, *self.headers]


class Reasons:
    """Collects the rules a decision looked at, in order."""

    __slots__ = ("_rules",)

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._rules)

    def passed(self, name: str, detail: str = "", *, about: Iterable[str | None] = ()) -> None:
        self._rules.append(Rule(name, "passed", detail, _sids(about)))

    def missed(self, name: str, detail: str = "", *, about: Iterable[str | None] = ()) -> None:
        self._rules.append(Rule(name, "missed", detail, _sids(about)))

    def matched(self, name: str, detail: str, result: T, *, about: Iterable[str | None] = ()) -> Decision[T]:
        self._rules.append(Rule(name, "matched", detail, _sids(about)))
        return Decision(result, tuple(self._rules))

    def refused(
        self, name: str, refusal: Refusal, detail: str = "", *, about: Iterable[str | None] = ()
    ) -> Decision[Refusal]:
        known = _sids((refusal.account_sid, *about))
        self._rules.append(Rule(name, "refused", detail or refusal.x_reason or refusal.cause, known))
        return Decision(refusal, tuple(self._rules))


def _sids(about: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sid for sid in about if sid))
