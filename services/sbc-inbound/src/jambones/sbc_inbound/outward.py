"""Requests that a registrar asks this edge to send to the outside: OPTIONS to gateways, REGISTER to carriers."""

from jambones.common.bus.trunks import AskOutside, OutsideAnswered
from jambones.common.errors import Invalid
from jambones.sip.digest import Credentials
from jambones.sip.endpoint import Endpoint
from jambones.sip.exchange import Exchange
from jambones.sip.grammar import GrammarError
from jambones.sip.headers import Headers
from jambones.sip.message import Request
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.resolver import Unresolvable
from jambones.sip.uri import Uri

LONGEST = 32.0


class Outward:
    """Answers `edge.<id>.request`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def send(self, question: AskOutside) -> OutsideAnswered:
        """The final response; one of our own when there was none. Raises Invalid for what is no request."""
        try:
            request = Request(question.method, Uri.parse(question.uri), Headers(question.headers))
            next_hop = Uri.parse(question.next_hop)
            _ = request.cseq, request.from_, request.to, request.call_id
        except GrammarError as exc:
            raise Invalid(f"not a request: {exc.reason}") from exc
        credentials = None
        if question.username is not None and question.password is not None:
            credentials = Credentials(question.username, question.password.reveal())
        try:
            addresses = await self._endpoint.resolve(next_hop)
            exchange = Exchange(
                self._endpoint, request, addresses, credentials=credentials, limit=min(question.limit, LONGEST)
            )
            response = await exchange.run()
        except (Unresolvable, NoTransport):
            return OutsideAnswered(status=503, reason="unreachable", local=True)
        words = {408: "timeout", 503: "unreachable"}
        reason = words.get(response.status, "failed") if exchange.local else response.reason
        return OutsideAnswered(
            status=response.status,
            reason=reason,
            headers=tuple(response.headers),
            local=exchange.local,
            server=str(exchange.server) if exchange.server is not None else None,
        )
