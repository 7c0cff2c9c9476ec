"""Who may see what of a dry run of routing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from jambones.common.bus.explain import LimitSeen, RuleSeen
from jambones.sbc.decision import Rule
from jambones.sbc.tenants import Account, ServiceProvider

HIDDEN = "of another tenant"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The tenant a dry run is for; neither sid is the platform."""

    service_provider_sid: str | None = None
    account_sid: str | None = None

    @property
    def is_platform(self) -> bool:
        return not self.service_provider_sid and not self.account_sid

    def sees(self, service_provider_sid: str | None, account_sid: str | None) -> bool:
        """Whether a thing with these owners is the viewer's own, or shared with it by its service provider."""
        if self.is_platform:
            return True
        if self.account_sid:
            if account_sid is not None:
                return account_sid == self.account_sid
            return service_provider_sid is not None and service_provider_sid == self.service_provider_sid
        return service_provider_sid is not None and service_provider_sid == self.service_provider_sid


def shown(rules: Iterable[Rule], sees: Callable[[str], bool]) -> tuple[RuleSeen, ...]:
    """Rules as a viewer sees them: a detail that names something that `sees` denies is left out."""
    return tuple(
        RuleSeen(name=rule.name, verdict=rule.verdict, detail=rule.detail if all(map(sees, rule.about)) else HIDDEN)
        for rule in rules
    )


class Counts(Protocol):
    """Calls in progress by tenant; `Leases` knows them for all SBCs."""

    def total(self, sid: str) -> int: ...


def limits_seen(
    account: Account, provider: ServiceProvider | None, viewer: Viewer, counts: Counts
) -> tuple[LimitSeen, ...]:
    """The limits that a call would count for; an account does not see how busy its service provider is."""
    sid = account.account_sid
    limits = [LimitSeen(scope="account", sid=sid, calls=counts.total(sid), limit=account.call_limit)]
    if provider is not None and not viewer.account_sid:
        sid = provider.service_provider_sid
        limits.append(LimitSeen(scope="service provider", sid=sid, calls=counts.total(sid), limit=provider.call_limit))
    return tuple(limits)
