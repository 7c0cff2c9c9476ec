"""Registration as a client, such as of a trunk with its carrier: RFC 3261 section 10.2. The state machine, and a shell.

The state machine does no I/O: it says what to ask for, and from each answer how long to wait before asking again.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jambones.sip import build
from jambones.sip.address import NameAddr
from jambones.sip.build import HeaderRows
from jambones.sip.core import Core
from jambones.sip.exchange import Exchange
from jambones.sip.grammar import GrammarError
from jambones.sip.message import MAX_CSEQ, Request, Response
from jambones.sip.outside import first_request
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.resolver import Unresolvable
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials

_SHORTEST = 30  # seconds; a carrier that grants less is asked no more often than this allows
_REFUSED = 300.0  # seconds until a carrier that said no is asked again
_SILENT = (60.0, 300.0)  # first and longest wait for one that says nothing
_LONGEST_RETRY_AFTER = 3600


@dataclass(frozen=True, slots=True)
class RegistrationPlan:
    """``aor`` is registered at ``registrar`` (a URI without user). ``call_id`` must stay the same over restarts.

    ``expires`` in seconds is what we ask for. The request goes to ``destination`` where that is given.
    """

    registrar: Uri
    aor: Uri
    contact: Uri
    call_id: str
    expires: int = 3600
    credentials: "Credentials | None" = None
    destination: Address | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RegistrationStatus:
    """How the last attempt ended. ``timestamp`` is seconds since 1970; ``expires`` seconds granted, 0 if none."""

    status: Literal["ok", "fail"]
    reason: str
    """ "200 OK", "403 Forbidden", "timeout", "unreachable"."""
    code: int
    """The SIP status; 408 or 503 when nobody answered."""
    cseq: int
    call_id: str
    timestamp: float
    expires: int = 0
    server: Address | None = None
    """Where the answer came from, or was waited for: calls of this carrier may come from there."""


class RegistrationMachine:
    """What to ask next. ``wait`` is how long to wait before asking again, in seconds."""

    def __init__(self, plan: RegistrationPlan, wall: Callable[[], float] = time.time) -> None:
        self._plan = plan
        self._wall = wall
        self._cseq = 0
        self._expires = plan.expires
        self._silent = _SILENT[0]
        self.wait = 0.0

    def request(self, agent: str, *, expires: int | None = None) -> Request:
        """The next REGISTER, without Via. ``expires`` 0 takes the registration back."""
        plan = self._plan
        # From the clock, so that it grows over restarts too (section 10.2: CSeq must grow for one Call-ID).
        self._cseq = min(max(self._cseq + 1, int(self._wall())), MAX_CSEQ - 8)
        address = NameAddr(plan.aor)
        asked = self._expires if expires is None else expires
        rows: HeaderRows = [("Contact", str(NameAddr(plan.contact))), ("Expires", str(asked)), *plan.headers]
        return first_request(
            "REGISTER", plan.registrar, address, address, rows, b"", None, plan.call_id, agent, self._cseq
        )

    def answered(self, response: Response, *, local: bool, server: Address | None = None) -> RegistrationStatus:
        """An attempt ended; ``local``: nobody answered, and the response is our own."""
        self._cseq = max(self._cseq, response.cseq.number)
        granted = 0
        if 200 <= response.status < 300:
            granted = self._granted(response)
            self.wait = max(granted, _SHORTEST) / 2
            self._silent = _SILENT[0]
        elif response.status == 423 and (least := self._longer(response)) is not None:
            self._expires, self.wait = least, 0.0
        elif local:
            self.wait, self._silent = self._silent, min(2 * self._silent, _SILENT[1])
        else:
            self.wait = max(_REFUSED, min(_seconds(response, "Retry-After"), _LONGEST_RETRY_AFTER))
        words = {408: "timeout", 503: "unreachable"}
        return RegistrationStatus(
            "ok" if 200 <= response.status < 300 else "fail",
            words.get(response.status, "failed") if local else f"{response.status} {response.reason}",
            response.status,
            self._cseq,
            self._plan.call_id,
            self._wall(),
            granted,
            server,
        )

    def _longer(self, response: Response) -> int | None:
        """What 423 asks for (section 10.2.8), once."""
        least = _seconds(response, "Min-Expires")
        return least if self._expires == self._plan.expires and least > self._expires else None

    def _granted(self, response: Response) -> int:
        """Of our Contact, else of the whole response (section 10.2.4); without either what we asked for."""
        for text in response.headers.get_list("Contact"):
            try:
                contact = NameAddr.parse(text)
            except GrammarError:
                continue
            value = contact.params.get("expires") or ""
            if contact.uri.same_address(self._plan.contact) and value.isdecimal() and len(value) < 10:
                return int(value)
        return _seconds(response, "Expires") if "Expires" in response.headers else self._expires


class Registration:
    """Keeps one registration alive. The owner runs ``run`` in a task of its own and ends it by cancelling that."""

    def __init__(
        self,
        endpoint: Core,
        plan: RegistrationPlan,
        on_status: Callable[[RegistrationStatus], None],
        *,
        flow: Flow | None = None,
        timeout: float | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``on_status`` hears how each attempt ended. ``timeout`` in seconds, default: that of a transaction (32)."""
        self._endpoint = endpoint
        self._plan = plan
        self._on_status = on_status
        self._flow = flow
        self._timeout = timeout
        self._machine = RegistrationMachine(plan, wall)

    async def run(self) -> None:
        """Register and refresh for ever."""
        while True:
            await self.once()
            await asyncio.sleep(self._machine.wait)

    async def once(self, *, expires: int | None = None) -> RegistrationStatus:
        """One attempt."""
        status = await self._attempt(self._machine.request(self._endpoint.server, expires=expires))
        self._on_status(status)
        return status

    async def unregister(self) -> RegistrationStatus:
        """Take the registration back, when the trunk is switched off. The owner has cancelled ``run`` before."""
        return await self.once(expires=0)

    async def _attempt(self, request: Request) -> RegistrationStatus:
        plan = self._plan
        try:
            if self._flow is not None:
                addresses: list[Address] = []
            else:
                addresses = [plan.destination] if plan.destination else await self._endpoint.resolve(plan.registrar)
            exchange = Exchange(
                self._endpoint,
                request,
                addresses,
                flow=self._flow,
                credentials=plan.credentials,
                limit=self._timeout,
            )
            response = await exchange.run()
        except (Unresolvable, NoTransport):
            return self._machine.answered(build.response(request, 503), local=True)
        return self._machine.answered(response, local=exchange.local, server=exchange.server)


def _seconds(response: Response, name: str) -> int:
    value = (response.headers.get(name) or "").partition(";")[0].partition("(")[0].strip()
    return int(value) if value.isdecimal() and len(value) < 10 else 0
