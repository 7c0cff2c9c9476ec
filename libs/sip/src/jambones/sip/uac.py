"""The calling side: RFC 3261 sections 13.2 and 9.1, RFC 3262, digest (section 22.2), more addresses (RFC 3263)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jambones.sip import build
from jambones.sip.auth import is_challenge
from jambones.sip.build import HeaderRows
from jambones.sip.core import Core
from jambones.sip.dialog import Dialog
from jambones.sip.events import Answered, Ended, Progress
from jambones.sip.grammar import GrammarError
from jambones.sip.half import Leg, final
from jambones.sip.message import Request, Response
from jambones.sip.reliable import ReliableReceiver
from jambones.sip.session_timer import SessionExpires, agreed, min_se
from jambones.sip.timers import Timer
from jambones.sip.transaction.layer import ClientTransaction
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.resolver import Unresolvable

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials


class OutgoingLeg(Leg):
    """A call of ours. Progress events, then Answered or Ended; the ACK of a 2xx is sent at once.

    When the INVITE made no offer, the 2xx does: call ``ack(sdp)`` after Answered.
    """

    def __init__(
        self,
        core: Core,
        invite: Request,
        addresses: Sequence[Address],
        credentials: "Credentials | None" = None,
        *,
        flow: Flow | None = None,
        contact_user: str | None = None,
    ) -> None:
        """``invite`` has no Via yet; it goes on ``flow``, or to the first of ``addresses``. Raises NoTransport."""
        way = flow if flow is not None else core.flow_to(addresses[0])
        super().__init__(core, invite, way, owns_call_id=True, pinned=flow is not None)
        self.use_credentials(credentials)
        self.contact_user = contact_user
        self._tag = invite.from_.tag or ""
        self._more = list(addresses[1:])
        self._tried: set[str] = set()
        self._transaction: ClientTransaction | None = None
        self._early: dict[str, tuple[Dialog, ReliableReceiver]] = {}
        self._forks: dict[str, tuple[Request, Flow] | None] = {}
        """2xx that nobody wants, by tag: their ACK, once it was sent."""
        self._ring: Timer | None = None
        self._give_up: Timer | None = None
        self._cancel_headers: HeaderRows | None = None
        self.trying = False
        """Whether the peer answered anything yet, if only 100."""
        core.add_leg(self)
        self._begin()

    @property
    def local_tag(self) -> str:
        return self._tag

    async def hangup(self, *, status: int | None = None, reason: str | None = None, headers: HeaderRows = ()) -> None:
        if self.ended is not None:
            return
        if self.confirmed:
            self._bye(headers)
            self.end(final(200, "OK"))
            return
        self._cancel(headers)
        self.end(final(status or 487, reason))

    def abort(self) -> None:
        if self.ended is None:
            if self.confirmed:
                self._bye([("Reason", 'SIP;cause=503;text="server shutdown"')])
            else:
                self._cancel(())
        self.end(final(503, "server shutdown"))

    def end(self, ended: Ended) -> None:
        if self._ring is not None:
            self._ring.cancel()
        super().end(ended)

    # The INVITE.

    def _begin(self) -> None:
        self._transaction = self.core.send_request(self.invite, self.flow, self._on_response, stay=self._pinned)

    def _on_response(self, response: Response, local: bool) -> None:
        self.trying = self.trying or not local
        if response.status < 200:
            self._provisional(response)
        elif response.status < 300:
            self._success(response)
        else:
            self._failure(response, local)

    def _provisional(self, response: Response) -> None:
        if self._cancel_headers is not None:
            self._send_cancel()
            return
        if self.ended is not None or self.confirmed:
            return
        self._ring_on()
        if response.status == 100:
            return
        reliable, tell = False, True
        try:
            tag = response.to.tag
            if tag:
                early = self._early.get(tag)
                if early is None:
                    early = self._early[tag] = Dialog.of_client(self.invite, response), ReliableReceiver()
                dialog, receiver = early
                dialog.refresh(response)
                self.dialog = dialog
                rack, tell = receiver.rack_for(response)
                if rack is not None:
                    reliable = True
                    self.core.spawn(self._prack(dialog, rack))
                    if self.invite.sdp is not None and response.sdp is not None:
                        self.agreed_early(self.invite.sdp, response.sdp)
        except GrammarError:
            self.core.stats.dropped["bad-provisional"] += 1
            return
        if tell:
            self.emit(Progress(response.status, response.reason, response.sdp, response.headers, reliable))

    def _success(self, response: Response) -> None:
        tag = response.to.tag or ""
        if self.confirmed and self.dialog is not None and tag == self.dialog.remote_tag:
            if self.invite.cseq.number in self._acks:
                self._repeat_ack(self.invite.cseq.number)
            return
        if self.ended is not None or self.confirmed:
            self._release(response, tag)
            return
        if self._ring is not None:
            self._ring.cancel()
        early = self._early.get(tag)
        dialog = early[0] if early is not None else Dialog.of_client(self.invite, response)
        dialog.confirm(response)
        if dialog.target is None:
            # Without Contact the peer cannot be reached later: better no call than one that cannot be ended.
            self._release(response, tag)
            self.end(Ended("failure", 502, "no Contact"))
            return
        self.note_allowed(response)
        self.agreed_on(self.invite.sdp, response.sdp)
        self.session.agree(agreed(response))
        dialog.local_cseq = max([dialog.local_cseq, *(d.local_cseq for d, _ in self._early.values())])
        self.dialog = dialog
        if self.invite.body:
            self.core.spawn(self._send_ack(self.invite, None))
        else:
            self._unacked = self.invite
        self._open.set()
        self.emit(Answered(response.status, response.sdp, response.headers))

    def _failure(self, response: Response, local: bool) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
        self._cancel_headers = None
        if self.ended is not None or self.confirmed:
            return
        if is_challenge(response) and self._authenticator is not None:
            answer = self._authenticator.answer(self.invite, response, self._tried)
            if answer is not None:
                self._again([answer])
                return
        if response.status == 422 and not local and (longer := self._longer(response)):
            self._again(longer)
            return
        if self._more and (local or response.status == 503) and not self._early:
            self._next_address(response, local)
            return
        self.end(Ended("failure" if local else "remote", response.status, response.reason, response.headers))

    def _longer(self, response: Response) -> list[tuple[str, str]]:
        """What 422 asks of us (RFC 4028 section 7.3); nothing when that was done already."""
        asked, least = SessionExpires.of(self.invite), min_se(response)
        if asked is None or least <= asked.interval:
            return []
        return [("Session-Expires", str(SessionExpires(least, asked.refresher))), ("Min-SE", str(least))]

    def _next_address(self, response: Response, local: bool) -> None:
        """The next server of the domain (RFC 3263 section 4.3), unless one has rung already."""
        ours = self.core.contact(self.flow)
        try:
            self.flow = self.core.flow_to(self._more.pop(0))
            self._dialled = self.flow.remote
            contact = self.core.contact(self.flow)
        except NoTransport:
            self._failure(response, local)
            return
        self._again([("Contact", contact)] if self.invite.headers.get("Contact") == ours else [])

    def _again(self, headers: HeaderRows) -> None:
        """The INVITE once more: same Call-ID and From tag, the next CSeq, a new branch (section 8.1.3.5)."""
        invite = self.invite.copy()
        invite.headers.remove("Via")
        invite.headers.set("CSeq", f"{invite.cseq.number + 1} INVITE")
        for name, value in headers:
            invite.headers.set(name, value)
        self.invite = invite
        self._early.clear()
        self.dialog = None
        self._begin()

    # Ringing, cancelling.

    def _ring_on(self) -> None:
        """Timer C (section 16.6): however long it rings, some time it is over."""
        limit = self.core.timers.timer_c
        if self._ring is not None:
            self._ring.cancel()
        if limit > 0:
            self._ring = self.core.wheel.after(limit, self._rang_out)

    def _rang_out(self) -> None:
        if self.ended is None and not self.confirmed:
            self._cancel([("Reason", 'SIP;cause=408;text="Request Timeout"')])
            self.end(Ended("failure", 408, "no answer"))

    def _cancel(self, headers: HeaderRows) -> None:
        """CANCEL, at once or when the first provisional response came (section 9.1)."""
        self._cancel_headers = list(headers)
        if self.trying:
            self._send_cancel()
        elif self._transaction is not None:
            self._transaction.wanted = False

    def _send_cancel(self) -> None:
        headers, self._cancel_headers = self._cancel_headers or (), None
        if self._transaction is None:
            return
        # It goes the way of its INVITE, which need not be the leg's when that was large.
        self.core.send_cancel(build.cancel_for(self._transaction.request, headers), self._transaction.flow)
        self._give_up = self.core.wheel.after(self.core.timers.give_up, self._transaction.abandon)

    def _release(self, response: Response, tag: str) -> None:
        """A 2xx that nobody wants: of a fork, or after we cancelled. ACK, and BYE once."""
        if tag in self._forks:
            if (known := self._forks[tag]) is not None:
                self.core.send_ack(*known, stay=self._pinned)
            return
        self._cancel_headers = None
        if self._give_up is not None:
            self._give_up.cancel()
        try:
            early = self._early.get(tag)  # its PRACKs have taken numbers already
            dialog = replace(early[0]) if early is not None else Dialog.of_client(self.invite, response)
        except GrammarError:
            self.core.stats.dropped["bad-2xx"] += 1
            return
        dialog.confirm(response)
        self._forks[tag] = None
        self.core.spawn(self._let_go(dialog, tag, self.invite))

    async def _let_go(self, dialog: Dialog, tag: str, invite: Request) -> None:
        try:
            flow = await self._way(dialog)
        except (Unresolvable, NoTransport, GrammarError):
            flow = self.flow
        ack = self._ack_of(invite, dialog)
        self._forks[tag] = ack, flow
        self.core.send_ack(ack, flow, stay=self._pinned)
        await self._say_goodbye(dialog, ())

    async def _prack(self, dialog: Dialog, rack: str) -> None:
        """Whatever is said about it, the call goes on."""
        rows = [("RAck", rack)]
        await self._authenticated(
            lambda credentials: dialog.request("PRACK", self._fallback_uri(), headers=[*rows, *credentials]), dialog
        )
