"""The ingress filter as the endpoint asks it: messages in, verdicts out, blocks counted."""

import asyncio
from collections.abc import Callable

from jambones.common.directory import Directory
from jambones.common.service import Service
from jambones.sbc.decision import Refusal
from jambones.sbc.figures import Figures
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc_inbound.filter import Answer, Arrival, IngressFilter, Shedding
from jambones.sbc_inbound.identify import Caller, identify
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sbc_inbound.sources import source_of
from jambones.sbc_inbound.tables import Tables
from jambones.sbc_inbound.trunk_sources import EphemeralSources
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request
from jambones.sip.receiver import Verdict
from jambones.sip.transport import Address


class Ingress:
    """Holds the filter and what it looks at."""

    def __init__(
        self,
        settings: EdgeSettings,
        directory: Directory[Tables],
        figures: Figures,
        service: Service,
        trunk_sources: EphemeralSources,
    ) -> None:
        self._trunk_sources = trunk_sources
        self._proxies: PrefixTable[str] = PrefixTable((net, net) for net in settings.trusted_sip_proxies)
        self._settings = settings
        self._directory = directory
        self._figures = figures
        self._service = service
        self.knows: Callable[[Request], bool] = lambda request: True
        """Whether a request that claims to be in a dialog is in one; set when there is an endpoint to ask."""
        self.replaces: Callable[[Request], bool] = lambda request: False
        """Whether an INVITE names a call of this edge whose place it would take; set likewise."""
        self.rules = IngressFilter(
            blocked=settings.blocked_sources,
            scanners=settings.scanner_agents,
            scanner_action=settings.scanner_action,
            rate=settings.source_rate,
            burst=settings.source_burst,
            trusted=self._is_gateway,
        )

    def filter(self, request: Request, source: Address) -> Verdict:
        """Whether a request may go on; called before anything else is done with it."""
        headers = request.headers
        source = source._replace(host=source_of(headers, source.host, self._proxies))
        in_dialog = _in_dialog(request)
        arrival = Arrival(
            request.method,
            source.host,
            source.transport,
            in_dialog=in_dialog,
            known=in_dialog and self.knows(request),
            user_agent=headers.get("User-Agent") or "",
            from_=headers.get("From") or "",
            to=headers.get("To") or "",
        )
        decision = self.rules.decide(arrival, asyncio.get_running_loop().time(), self._shedding())
        result = decision.result
        if isinstance(result, Answer):
            self._figures.blocked(decision.reasons[-1].name)
            return result.status, result.reason, result.headers
        if result == "drop":
            self._figures.blocked(decision.reasons[-1].name)
            return "drop"
        if self._settings.unknown_sources == "drop" and self._is_unknown(request, arrival, source):
            self._figures.blocked("unknown source")
            return "drop"
        return "accept"

    def blocked(self, address: str) -> str:
        """Why a source is blocked; empty when it is not."""
        return self.rules.blocked(address, asyncio.get_running_loop().time())

    def _shedding(self) -> Shedding:
        lag = self._service.lag.lasting
        late = f"the event loop is {lag * 1000:.0f} ms late" if lag > self._settings.max_loop_lag else ""
        return Shedding(self._service.draining, late)

    def _is_gateway(self, address: str) -> bool:
        return address in self._directory.tables.by_source or bool(self._trunk_sources.of(address))

    def _is_unknown(self, request: Request, arrival: Arrival, source: Address) -> bool:
        """A new call from somebody whom neither a trunk nor a realm explains, or a device of nobody's realm.

        Or a request in a dialog that is none: who only pretends shall not learn that somebody listens.
        """
        if arrival.in_dialog:
            return not arrival.known and not self._is_gateway(source.host)
        if request.method == "REGISTER":
            return self._directory.tables.account_by_realm(request.uri.host) is None
        if request.method != "INVITE" or self._is_gateway(source.host) or self.replaces(request):
            return False
        uri = request.uri
        who = identify(
            self._directory.tables, Caller(source.host, source.port, source.transport, uri.number, uri.host)
        ).result
        return isinstance(who, Refusal) and who.account_sid is None


def _in_dialog(request: Request) -> bool:
    """Whether the To has a tag; the filter is also asked about requests that cannot be read well."""
    if request.method == "REGISTER":
        return False  # whatever tag a client keeps
    try:
        return request.to.tag is not None
    except GrammarError:
        return False
