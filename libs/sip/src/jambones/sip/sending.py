"""What a leg sends inside its dialog, and the way it takes (RFC 3261 sections 12.2.1 and 22, 13.2.2.4 for ACKs)."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from jambones.sip import build
from jambones.sip.auth import Authenticator, is_challenge
from jambones.sip.build import HeaderRows
from jambones.sip.core import ALLOW, SUPPORTED, Core
from jambones.sip.dialog import Dialog
from jambones.sip.events import Ended, LegEnded
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request, Response
from jambones.sip.route import next_hop
from jambones.sip.session_timer import SessionTimer
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.resolver import Unresolvable, numeric
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials

SDP = "application/sdp"
_NOT_THE_CALLS = frozenset({"BYE", "NOTIFY", "SUBSCRIBE"})
"""Their 408 and 481 do not end the call: a subscription in the dialog is gone alone (RFC 5057 section 5)."""
_WITH_CONTACT = frozenset({"INVITE", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE"})


class Sending:
    """The half of a leg that sends."""

    def __init__(self, core: Core, flow: Flow, *, owns_call_id: bool, pinned: bool) -> None:
        self.core = core
        self.flow = flow
        """The way the peer's messages come."""
        self.owns_call_id = owns_call_id
        self._dialled = flow.remote
        """Where we called, if we did: its messages may come by another way."""
        self.dialog: Dialog | None = None
        self.ended: Ended | None = None
        self.contact_user: str | None = None
        """The user part of our Contact, escaped."""
        self._pinned = pinned or type(flow) is VirtualFlow
        """Whether requests take ``flow`` and no other way, whatever Contact and routes say."""
        self.nat_fix = core.nat_fix
        """Whether the peer's Contact is believed only where its packets come from there too; False: always."""
        self._authenticator: Authenticator | None = None
        self._acks: dict[int, tuple[Request, Flow]] = {}
        self._unacked: Request | None = None
        """An INVITE of ours whose 2xx made an SDP offer, which the consumer has to answer with ``ack``."""
        self.local_sdp: bytes | None = None
        """What we said last in an offer or answer that stands."""
        self.remote_sdp: bytes | None = None
        """What the peer said last in an offer or answer that stands."""
        self.peer_allows: frozenset[str] = frozenset()
        """Methods that the peer said it knows, in lower case; empty when it did not say."""
        self.session = SessionTimer(core.wheel, self._refresh, self._expired)

    @property
    def contact(self) -> str:
        return self.core.contact(self.flow, self.contact_user)

    async def ack(self, sdp: bytes | None) -> None:
        """The ACK, with our answer, of a 2xx that made the offer."""
        if self._unacked is not None:
            invite, self._unacked = self._unacked, None
            self.agreed_on(sdp, None)
            await self._send_ack(invite, sdp)

    def agreed_on(self, ours: bytes | None, theirs: bytes | None) -> None:
        """An offer or answer, or both, that stands from now on."""
        self.local_sdp = ours or self.local_sdp
        self.remote_sdp = theirs or self.remote_sdp

    def _refresh(self) -> None:
        """It is our turn to keep the session alive (RFC 4028 section 10)."""
        raise NotImplementedError

    def _expired(self) -> None:
        """The session was not refreshed in time: RFC 4028 section 10."""
        if self.ended is None:
            self._bye([("Reason", 'SIP;cause=408;text="session expired"')])
            self.end(Ended("failure", 200, "session expired"))

    def dialog_refresh(self, message: Request | Response) -> None:
        if self.dialog is not None:
            self.dialog.refresh(message)
        self.note_allowed(message)

    def note_allowed(self, message: Request | Response) -> None:
        self.peer_allows = message.headers.tokens("Allow") or self.peer_allows

    def end(self, ended: Ended) -> None:
        """The leg is over; only the first call counts."""
        raise NotImplementedError

    async def transact(
        self, method: str, *, headers: HeaderRows = (), body: bytes = b"", content_type: str | None = None
    ) -> Response:
        """A request in the dialog and its final response; challenges are answered when there are credentials."""
        rows = list(headers)
        if method in _WITH_CONTACT:
            given = {name.lower() for name, _ in rows}
            ours = [("Contact", self.contact)]
            if method in {"INVITE", "UPDATE"}:
                ours += [("Allow", ALLOW), ("Supported", SUPPORTED)]
                if self.session.agreement is not None:
                    ours.append(("Session-Expires", self.session.agreement.asked))
            rows += [row for row in ours if row[0].lower() not in given]

        def made(credentials: HeaderRows) -> Request:
            return self._request(method, [*rows, *credentials], body, content_type if body else None)

        response = await self._authenticated(made, self.dialog)
        if response.status in {408, 481} and method not in _NOT_THE_CALLS:
            # RFC 3261 section 12.2.1.2: the peer knows the dialog no more, or does not exist.
            self._bye(())
            self.end(Ended("failure", response.status, response.reason, response.headers))
        return response

    async def _authenticated(self, made: Callable[[HeaderRows], Request], dialog: Dialog | None) -> Response:
        """The final response to what ``made`` makes of credentials: none at first, then those it is asked for."""
        tried: set[str] = set()
        credentials: dict[str, str] = {}  # a proxy and the peer behind it may both ask
        while True:
            request = made(credentials.items())
            response = await self._exchange(request, dialog)
            if not is_challenge(response) or self._authenticator is None:
                return response
            answer = self._authenticator.answer(request, response, tried)
            if answer is None:
                return response
            credentials[answer[0]] = answer[1]

    # How the classes derived send.

    def use_credentials(self, credentials: "Credentials | None") -> None:
        self._authenticator = Authenticator(credentials) if credentials is not None else None

    def _request(
        self, method: str, headers: HeaderRows = (), body: bytes = b"", content_type: str | None = None
    ) -> Request:
        if self.ended is not None or self.dialog is None:
            raise LegEnded(self.ended)
        return self.dialog.request(method, self._fallback_uri(), headers=headers, body=body, content_type=content_type)

    def _fallback_uri(self) -> Uri:
        """The Request-URI towards a peer that gave no Contact."""
        seen = self.flow.remote
        params = {} if seen.transport == "udp" else {"transport": seen.transport}
        return Uri("sip", host=seen.host, port=seen.port, params=params)

    async def _exchange(self, request: Request, dialog: Dialog | None) -> Response:
        try:
            flow = await self._way(dialog)
        except (Unresolvable, NoTransport, GrammarError) as exc:
            return build.response(request, 503, f"Unresolvable: {exc}")
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def on_response(response: Response, local: bool) -> None:
            if response.status < 200:
                return
            if request.method == "INVITE" and response.status < 300:
                self._accepted(request, response)
            if not final.done():
                final.set_result(response)

        self.core.send_request(request, flow, on_response, stay=self._stays)
        return await final

    def _accepted(self, request: Request, response: Response) -> None:
        """A 2xx to a re-INVITE, perhaps for the second time."""
        number = request.cseq.number
        if number in self._acks:
            self._repeat_ack(number)
        elif request.body or self.ended is not None:  # whoever asked for an offer does not answer it any more
            self.dialog_refresh(response)
            self.core.spawn(self._send_ack(request, None))
        else:
            self.dialog_refresh(response)
            self._unacked = request

    async def _send_ack(self, invite: Request, sdp: bytes | None) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        ack = self._ack_of(invite, dialog, sdp)
        try:
            flow = await self._way(dialog)
        except (Unresolvable, NoTransport, GrammarError):
            return
        self._acks[invite.cseq.number] = (ack, flow)
        while len(self._acks) > 2:  # an older one is not asked for any more
            del self._acks[next(iter(self._acks))]
        self.core.send_ack(ack, flow, stay=self._stays)

    def _ack_of(self, invite: Request, dialog: Dialog, sdp: bytes | None = None) -> Request:
        return dialog.request(
            "ACK",
            self._fallback_uri(),
            headers=build.credentials_of(invite),
            body=sdp or b"",
            content_type=SDP if sdp is not None else None,
            cseq=invite.cseq.number,
        )

    def _repeat_ack(self, number: int) -> None:
        ack, flow = self._acks[number]
        self.core.send_ack(ack, flow, stay=self._stays)

    @property
    def _stays(self) -> bool:
        """Whether a large request keeps to its way: nobody said that a peer listens where its packets come from."""
        return self._pinned or (not self.owns_call_id and self._next_hop(self.dialog) is None)

    async def _way(self, dialog: Dialog | None) -> Flow:
        """For requests in a dialog. Raises Unresolvable, NoTransport or GrammarError."""
        hop = self._next_hop(dialog)
        if hop is None:
            return self.flow if self.flow.alive or self._pinned else self._reopened()
        address = numeric(hop)
        return self.core.flow_to(address if address is not None else (await self.core.resolve(hop))[0])

    def _reopened(self) -> Flow:
        """The connection ended: to where we connected before, or to where a peer that is not behind NAT listens.

        For any other the dead flow is given back, on which requests fail at once. Raises NoTransport.
        """
        seen = self.flow.remote
        if self.owns_call_id or not seen.reliable:
            return self.core.flow_to(self._dialled if self.owns_call_id else seen)
        hop = self.dialog.next_hop if self.dialog is not None else None
        address = numeric(hop) if hop is not None else None
        if address is None or address.host != seen.host or seen.transport in {"ws", "wss"}:
            return self.flow
        return self.core.flow_to(Address(seen.transport, address.host, address.port))

    def _next_hop(self, dialog: Dialog | None) -> Uri | None:
        assert dialog is not None
        if self._pinned:
            return None
        return next_hop(dialog, self.flow.remote, nat_fix=self.nat_fix, as_server=not self.owns_call_id)

    def _bye(self, headers: HeaderRows) -> None:
        """Send BYE, once; its answer matters to nobody, but a challenge is answered."""
        if self.dialog is not None and self.dialog.confirmed and self.ended is None:
            unacked, self._unacked = self._unacked, None
            self.core.spawn(self._leave(self.dialog, headers, unacked))

    async def _leave(self, dialog: Dialog, headers: HeaderRows, unacked: Request | None) -> None:
        if unacked is not None:  # each 2xx gets its ACK (RFC 3261 section 13.2.2.4), even if nobody takes its offer
            await self._send_ack(unacked, None)
        await self._say_goodbye(dialog, headers)

    async def _say_goodbye(self, dialog: Dialog, headers: HeaderRows) -> None:
        await self._authenticated(
            lambda credentials: dialog.request("BYE", self._fallback_uri(), headers=[*headers, *credentials]), dialog
        )
