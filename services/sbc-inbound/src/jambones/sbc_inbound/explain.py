"""The dry run of routing: the functions that route calls, asked about a call that nobody places."""

from collections.abc import Callable

from jambones.common.bus.explain import ExplainInbound, Explanation, GatewaySeen
from jambones.common.bus.nodes import Choice
from jambones.sbc.decision import Decision, Refusal
from jambones.sbc.explain import Counts, Viewer, limits_seen, shown
from jambones.sbc_inbound.classify import classify
from jambones.sbc_inbound.identify import Caller, TrunkCaller, UserCaller, identify
from jambones.sbc_inbound.routing import Route, did_of
from jambones.sbc_inbound.tables import Tables


def explain(
    tables: Tables,
    question: ExplainInbound,
    *,
    host: str,
    counts: Counts,
    servers: Callable[[], Choice],
    blocked: str = "",
) -> Explanation:
    """What would happen to the call. `host` stands for this edge, `blocked` says why the source is blocked."""
    viewer = Viewer(question.viewer_service_provider_sid, question.viewer_account_sid)
    user = question.number.reveal() if question.number is not None else ""
    caller = Caller(question.address, question.port, question.transport, user, question.host or host)
    who = identify(tables, caller)
    decision: Decision[object] = who if question.number is None else classify(tables, caller)
    owners = _Owners(tables, viewer)
    answer = Explanation(
        verdict="accepted",
        rules=shown(decision.reasons, owners.sees),
        number=did_of(user) if question.number is not None else None,
        gateways=owners.gateways(who.result),
    )
    if blocked:
        return answer.model_copy(update={"verdict": "refused", "reason": f"the source is blocked: {blocked}"})
    match decision.result:
        case Refusal() as refusal:
            seen = refusal.account_sid is None or owners.sees(refusal.account_sid)
            refused = {"verdict": "refused", "status": refusal.status, "reason": refusal.x_reason or refusal.cause}
            account = {"account_sid": refusal.account_sid} if seen else {"verdict": "elsewhere", "reason": ""}
            return answer.model_copy(update=refused | account)
        case UserCaller(account):
            found = {"verdict": "authenticate", "account_sid": account.account_sid}
            return answer.model_copy(update=found if owners.sees(account.account_sid) else {"verdict": "elsewhere"})
        case Route() as route:
            if not owners.sees(route.account.account_sid):
                return answer.model_copy(update={"verdict": "elsewhere"})
            return _routed(answer, tables, viewer, route, counts, servers())
        case TrunkCaller():
            return answer if answer.gateways else answer.model_copy(update={"verdict": "elsewhere"})
        case other:
            raise TypeError(f"a decision that nobody can explain: {other!r}")


def _routed(
    answer: Explanation, tables: Tables, viewer: Viewer, route: Route, counts: Counts, choice: Choice
) -> Explanation:
    carrier = route.carrier
    provider = tables.service_providers.get(route.account.service_provider_sid)
    own = viewer.sees(carrier.service_provider_sid, carrier.account_sid)
    found: dict[str, object] = {
        "account_sid": route.account.account_sid,
        "application_sid": route.application.application_sid,
        "application": route.application.name or None,
        "voip_carrier_sid": carrier.voip_carrier_sid if own else None,
        "carrier": carrier.name if own else None,
        "limits": limits_seen(route.account, provider, viewer, counts),
        "feature_server": choice.node.id if choice.node is not None and viewer.is_platform else None,
        "servers": choice.reasons if viewer.is_platform else (),
    }
    every = limits_seen(route.account, provider, Viewer(), counts)
    full = next((limit for limit in every if limit.reached), None)
    if full is not None:
        found |= {"verdict": "refused", "status": 503}
        found["reason"] = f"Max {full.scope.title()} Calls In Progress"
    elif choice.node is None:
        found |= {"verdict": "refused", "status": 503, "reason": "No feature server takes the call"}
    return answer.model_copy(update=found)


class _Owners:
    """Whose things are whose, as a viewer sees it."""

    def __init__(self, tables: Tables, viewer: Viewer) -> None:
        self._tables, self._viewer = tables, viewer

    def sees(self, sid: str) -> bool:
        tables = self._tables
        if (account := tables.accounts.get(sid)) is not None:
            # An account does not see its siblings: a row without an account would be its service provider's.
            return self._viewer.sees(account.service_provider_sid, account.account_sid)
        if (carrier := tables.carriers.get(sid)) is not None:
            return self._viewer.sees(carrier.service_provider_sid, carrier.account_sid)
        if (application := tables.applications.get(sid)) is not None:
            owner = tables.accounts.get(application.account_sid or "")
            # One that belongs to no account is everybody's: routing lets any account use it.
            return owner is None or self._viewer.sees(owner.service_provider_sid, owner.account_sid)
        return self._viewer.is_platform

    def gateways(self, who: object) -> tuple[GatewaySeen, ...]:
        """The gateways that have the source, those the viewer sees."""
        if not isinstance(who, TrunkCaller):
            return ()
        return tuple(
            GatewaySeen(
                voip_carrier_sid=match.carrier.voip_carrier_sid,
                carrier=match.carrier.name,
                sip_gateway_sid=match.gateway.sip_gateway_sid,
                address=match.gateway.ipv4,
                detail=f"/{match.prefix}",
            )
            for match in who.matches
            if self.sees(match.carrier.voip_carrier_sid)
        )
