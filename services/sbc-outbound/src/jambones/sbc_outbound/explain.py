"""The dry run of routing: the functions that place calls, asked about a call that nobody places."""

from collections.abc import Callable, Container

from jambones.common.bus.explain import ExplainOutbound, Explanation, GatewaySeen
from jambones.sbc.decision import Decision, Reasons, Refusal, Rule
from jambones.sbc.explain import Counts, Viewer, limits_seen, shown
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.destinations import Surroundings, destination
from jambones.sbc_outbound.devices import Device
from jambones.sbc_outbound.gateways import Candidate, candidates, request_uri
from jambones.sbc_outbound.order import Kind, Order
from jambones.sbc_outbound.routing import trunks_for
from jambones.sbc_outbound.tables import Tables
from jambones.sip.grammar import GrammarError, escape_user
from jambones.sip.uri import Uri

DevicesOf = Callable[[Order], Decision[tuple[Device, ...] | Refusal]]


def explain(
    tables: Tables,
    question: ExplainOutbound,
    *,
    down: Container[str],
    private: PrefixTable[str],
    devices: DevicesOf,
    surroundings: Surroundings,
    counts: Counts,
) -> Explanation:
    """What would happen to the call. Where trunks are drawn by lot the first of them is shown."""
    viewer = Viewer(question.viewer_service_provider_sid, question.viewer_account_sid)
    account = tables.accounts.get(question.account_sid)
    if account is None or not viewer.sees(account.service_provider_sid, account.account_sid):
        return Explanation(verdict="elsewhere")
    try:
        order = _order(question, account)
    except GrammarError:
        return Explanation(verdict="refused", status=400, reason="the target is no SIP address")
    provider = tables.service_providers.get(account.service_provider_sid)
    limits = limits_seen(account, provider, viewer, counts)
    answer = Explanation(
        verdict="accepted",
        account_sid=question.account_sid,
        number=order.number if order.kind == "phone" else None,
        limits=limits,
    )
    if not account.is_active:
        return answer.model_copy(update=_refused(503, "Account exists but is inactive"))
    if (full := next((limit for limit in limits if limit.reached), None)) is not None:
        answer = answer.model_copy(update=_refused(503, f"Max {full.scope.title()} Calls In Progress"))
    rules, result = _decide(tables, order, down, private, devices, surroundings)
    owners = _Owners(tables, viewer)
    answer = answer.model_copy(update={"rules": shown(rules, owners.sees)})
    if isinstance(result, Refusal):
        return answer.model_copy(update=_refused(result.status, result.x_reason or result.cause))
    seen = tuple(
        owners.gateway(candidate, order) for candidate in result if owners.sees(candidate.trunk.voip_carrier_sid)
    )
    first = seen[0] if seen else None
    return answer.model_copy(
        update={
            "gateways": seen,
            "voip_carrier_sid": first.voip_carrier_sid if first else None,
            "carrier": first.carrier if first else None,
        }
    )


def _order(question: ExplainOutbound, account: Account) -> Order:
    """Raises GrammarError."""
    text = question.target.reveal().strip()
    kind: Kind
    if text.lower().startswith(("sip:", "sips:")):
        kind, uri = "sip", Uri.parse(text)
    elif "@" in text:
        kind, uri = "user", Uri.parse(f"sip:{text}")
    else:
        kind, uri = "phone", Uri("sip", escape_user(text), host="egress")
    caller = question.caller.reveal() if question.caller is not None else ""
    return Order(account, kind, uri, caller, trunk=question.trunk)


def _decide(
    tables: Tables,
    order: Order,
    down: Container[str],
    private: PrefixTable[str],
    devices: DevicesOf,
    surroundings: Surroundings,
) -> tuple[tuple[Rule, ...], tuple[Candidate, ...] | Refusal]:
    """The rules looked at, and the gateways in order (none for users and URIs) or the refusal."""
    if order.kind == "sip":
        where = destination(tables, order, surroundings)
        if isinstance(where.result, Refusal):
            return where.reasons, where.result
        if where.result == "outside":
            return where.reasons, ()
        known = devices(order)
        return where.reasons + known.reasons, known.result if isinstance(known.result, Refusal) else ()
    if order.kind == "user":
        known = devices(order)
        return known.reasons, known.result if isinstance(known.result, Refusal) else ()
    if not order.number:
        missing = Reasons().refused("target", Refusal(404, "no number", x_reason="no number"))
        return missing.reasons, missing.result
    trunks = trunks_for(tables, order, lambda: 0.0)
    if isinstance(trunks.result, Refusal):
        return trunks.reasons, trunks.result
    found = candidates(tables, trunks.result, down=down, private=private)
    return trunks.reasons + found.reasons, found.result


def _refused(status: int, reason: str) -> dict[str, object]:
    return {"verdict": "refused", "status": status, "reason": reason}


class _Owners:
    """Whose things are whose, as a viewer sees it."""

    def __init__(self, tables: Tables, viewer: Viewer) -> None:
        self._tables, self._viewer = tables, viewer

    def sees(self, sid: str) -> bool:
        if (account := self._tables.accounts.get(sid)) is not None:
            return self._viewer.sees(account.service_provider_sid, account.account_sid)
        if (trunk := self._tables.trunks.get(sid)) is not None:
            return self._viewer.sees(trunk.service_provider_sid, trunk.account_sid)
        # A service provider's own rules are shown to its accounts: they decide about their calls.
        mine = {
            account.service_provider_sid for account in self._tables.accounts.values() if self.sees(account.account_sid)
        }
        return self._viewer.is_platform or sid in mine

    def gateway(self, candidate: Candidate, order: Order) -> GatewaySeen:
        trunk, gateway = candidate.trunk, candidate.gateway
        port = f":{gateway.port}" if gateway.port is not None else ""
        return GatewaySeen(
            voip_carrier_sid=trunk.voip_carrier_sid,
            carrier=trunk.name,
            sip_gateway_sid=gateway.sip_gateway_sid,
            address=f"{gateway.host}{port};{gateway.protocol}",
            detail=f"as {request_uri(candidate, order.number)}",
        )
