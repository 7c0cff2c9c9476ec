"""A request outside any dialog and its final response: challenges answered, other addresses tried (RFC 3261 8.1.3)."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jambones.sip import build
from jambones.sip.auth import Authenticator, is_challenge
from jambones.sip.core import Core
from jambones.sip.message import Request, Response
from jambones.sip.transport import Address, Flow

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials


class Exchange:
    """``request`` has no Via yet. It goes on ``flow``, or to the first of ``addresses`` that serves it."""

    def __init__(
        self,
        core: Core,
        request: Request,
        addresses: Sequence[Address],
        *,
        flow: Flow | None = None,
        credentials: "Credentials | None" = None,
        limit: float | None = None,
    ) -> None:
        self._core = core
        self._request = request
        self._addresses = list(addresses)
        self._flow = flow
        self._authenticator = Authenticator(credentials) if credentials is not None else None
        self._limit = limit
        self.local = False
        """Whether the response is our own, since there was none."""
        self.server: Address | None = flow.remote if flow is not None else None
        """Where the request was sent last."""

    async def run(self) -> Response:
        """The final response; 408 or 503 of our own when there was none. Raises NoTransport."""
        tried: set[str] = set()
        while True:
            response, self.local = await self._once()
            answer: tuple[str, str] | None = None
            if is_challenge(response) and self._authenticator is not None:
                answer = self._authenticator.answer(self._request, response, tried)
                if answer is None:
                    return response
            elif len(self._addresses) > 1 and (self.local or response.status == 503):
                del self._addresses[0]
            else:
                return response
            self._request = _again(self._request, answer)

    async def _once(self) -> tuple[Response, bool]:
        final: asyncio.Future[tuple[Response, bool]] = asyncio.get_running_loop().create_future()

        def on_response(response: Response, local: bool) -> None:
            if response.status >= 200 and not final.done():
                final.set_result((response, local))

        flow = self._flow if self._flow is not None else self._core.flow_to(self._addresses[0])
        self.server = flow.remote
        transaction = self._core.send_request(self._request, flow, on_response, stay=self._flow is not None)
        try:
            async with asyncio.timeout(self._limit):
                return await final
        except TimeoutError:
            return build.response(self._request, 408), True
        finally:
            if not final.done() or final.cancelled():
                transaction.abandon()


def _again(request: Request, answer: tuple[str, str] | None) -> Request:
    """The same request with the next CSeq, for a branch of its own."""
    again = request.copy()
    again.headers.remove("Via")
    again.headers.set("CSeq", f"{request.cseq.number + 1} {request.method}")
    if answer is not None:
        again.headers.set(*answer)
    return again
