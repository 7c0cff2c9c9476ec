"""The called side: RFC 3261 sections 13.3 and 9.2, RFC 3262."""

import asyncio
from collections.abc import Callable

from jambones.sip import build
from jambones.sip.accepted import AwaitedAck
from jambones.sip.build import HeaderRows
from jambones.sip.core import ALLOW, SUPPORTED, Core
from jambones.sip.dialog import Dialog
from jambones.sip.events import Acked, Ended, LegEnded
from jambones.sip.half import Leg, final
from jambones.sip.message import Request, Response
from jambones.sip.reliable import OPTION, ReliableSender
from jambones.sip.session_timer import accept
from jambones.sip.status import phrase
from jambones.sip.transaction.layer import ServerTransaction


class IncomingLeg(Leg):
    """A call to us. 100 was sent already; next come ``progress``, ``answer`` or ``reject``."""

    def __init__(self, core: Core, transaction: ServerTransaction) -> None:
        """Raises GrammarError for an INVITE whose Contact or addresses cannot be read."""
        invite = transaction.request
        super().__init__(core, invite, transaction.flow, owns_call_id=False)
        self._tag = build.new_tag()
        self.dialog = Dialog.of_server(invite, self._tag)
        self._transaction = transaction
        self._reliable: ReliableSender | None = None
        self._awaited: AwaitedAck | None = None
        self.note_allowed(invite)
        self._farewell: HeaderRows | None = None
        """Headers of a BYE that waits for the ACK (section 15: not before)."""
        transaction.user_data = self
        core.add_leg(self)

    @property
    def local_tag(self) -> str:
        return self._tag

    @property
    def answered(self) -> bool:
        """Whether a final response was sent."""
        return self._transaction.answered

    def owes_answer(self, method: str) -> bool:
        return not self.answered and not (method == "UPDATE" and self._early_agreed)

    async def progress(
        self,
        status: int = 180,
        reason: str | None = None,
        *,
        sdp: bytes | None = None,
        headers: HeaderRows = (),
        reliable: bool = False,
    ) -> None:
        """A provisional response; reliable (RFC 3262) when the caller requires it, or ``reliable`` and it can.

        Raises LegEnded when the caller has gone; nothing is sent once the call is answered, nor to a caller that
        requires reliable responses and made no offer: the first of them would have to make it (RFC 3261 section
        13.2.1), its answer would come in the PRACK, and our offers go out in the 200.
        """
        if self.ended is not None:
            raise LegEnded(self.ended)
        if self.answered:
            return
        offered, required = self.invite.sdp is not None, OPTION in self.invite.require
        if status > 100 and required and not offered:
            return
        response = self._provisional(status, reason, sdp, headers)
        if status > 100 and (required or (reliable and offered and OPTION in self.invite.supported)):
            if self._reliable is None:
                self._reliable = ReliableSender(self.core.wheel, self.core.timers, self._transmit, self._no_prack)
            self._reliable.send(response)
        else:
            self._transaction.respond(response)

    async def answer(self, sdp: bytes | None, headers: HeaderRows = ()) -> None:
        """200. Returns when it is sent; ``Acked`` follows. Raises LegEnded when the caller has gone."""
        if self._reliable is not None and self._reliable.outstanding:
            await self._prack_or_timeout(self._reliable)
        if self.ended is not None:
            raise LegEnded(self.ended)
        if self.answered:
            return
        self._close_reliable()
        response = self.response(self.invite, 200, headers=headers, sdp=sdp)
        self._complete(response)
        self.agreed_on(sdp, self.invite.sdp)
        assert self.dialog is not None
        self.dialog.confirmed = True
        self._awaited = AwaitedAck(
            self.invite.cseq.number,
            self.core.wheel,
            self.core.timers,
            lambda: self._transaction.respond(response),
            self.ack_missing,
        )
        self._transaction.respond(response)

    async def reject(self, status: int, reason: str | None = None, headers: HeaderRows = ()) -> None:
        """A final failure. Nothing happens when the leg is answered or over."""
        if self.ended is None and not self.answered:
            self._refuse(status, reason, headers)
            self.end(final(status, reason))

    async def hangup(self, *, status: int | None = None, reason: str | None = None, headers: HeaderRows = ()) -> None:
        if self.ended is not None:
            return
        if not self.answered:
            await self.reject(status or 603, reason, headers)
        elif self._awaited is not None:
            # Section 15: a callee sends no BYE before the ACK came, or is given up.
            self._farewell = list(headers)
            self.end(final(200, "OK"))
        else:
            self._bye(headers)
            self.end(final(200, "OK"))

    def abort(self) -> None:
        if self.ended is None and not self.answered:
            self._refuse(503, None, ())
        elif self.ended is None:
            self._bye([("Reason", 'SIP;cause=503;text="server shutdown"')])
        self.end(final(503, "server shutdown"))

    # The endpoint's side.

    def acked(self, ack: Request) -> None:
        awaited = self._awaited
        if awaited is None or ack.cseq.number != awaited.cseq:
            super().acked(ack)
            return
        awaited.arrived()
        self._awaited = None
        if self._farewell is not None:
            self._late_bye(self._farewell)
            return
        self._open.set()
        if self.invite.sdp is None:
            self.agreed_on(None, ack.sdp)
        self.emit(Acked(ack.sdp if self.invite.sdp is None else None))

    def ack_missing(self) -> None:
        self._awaited = None
        if self._farewell is not None:
            self._late_bye(self._farewell)
            return
        super().ack_missing()

    def received(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.method == "PRACK" and self.ended is None:
            assert self.dialog is not None
            if not self.dialog.accepts(request):
                transaction.respond(self.response(request, 500))
                return
            said = self._reliable.current if self._reliable is not None else None
            known = self._reliable is not None and self._reliable.acknowledged(request)
            if known and said is not None and said.sdp is not None and self.invite.sdp is not None:
                self.agreed_early(said.sdp, self.invite.sdp)
            transaction.respond(self.response(request, 200 if known else 481))
            return
        super().received(transaction)

    def cancelled(self, cancel: Request) -> None:
        """A CANCEL, which the layer answered already."""
        if self.ended is not None:
            return
        if not self.answered:
            self._refuse(487, None, ())
            self.end(Ended("remote", 487, phrase(487), cancel.headers))
            return
        if self.confirmed:
            # It crossed our 200: the caller has hung up, so the call must not stay open.
            headers = [("Reason", 'SIP;cause=200;text="CANCEL after 200 OK"')]
            if self._awaited is not None:
                self._farewell = headers
            else:
                self._bye(headers)
            self.end(Ended("remote", 487, phrase(487), cancel.headers))

    # Inside.

    def _ended_by_bye(self, bye: Request) -> None:
        if self._awaited is not None:
            self._awaited.arrived()  # whoever says goodbye has got the 200
            self._awaited = None
        if self._farewell is not None:
            self._farewell = None
            self.core.remove_leg(self)
        if not self.answered:
            # BYE on an early dialog: section 15.1.2.
            self._refuse(487, None, ())
            self.end(Ended("remote", 487, phrase(487), bye.headers))
            return
        super()._ended_by_bye(bye)

    def _late_bye(self, headers: HeaderRows) -> None:
        assert self.dialog is not None
        self._farewell = None
        self.core.spawn(self._say_goodbye(self.dialog, headers))
        self.core.remove_leg(self)

    def end(self, ended: Ended) -> None:
        super().end(ended)
        self._transaction.user_data = None  # it outlives the leg by half a minute; a CANCEL would find the leg over
        if self._farewell is not None:
            self.core.add_leg(self)  # its ACK must still find it

    def _refuse(self, status: int, reason: str | None, headers: HeaderRows) -> None:
        self._close_reliable()
        self._transaction.respond(self.response(self.invite, status, reason, headers=headers))

    def _provisional(self, status: int, reason: str | None, sdp: bytes | None, headers: HeaderRows) -> Response:
        response = self.response(self.invite, status, reason, headers=headers, sdp=sdp)
        for route in self.invite.record_route:
            response.headers.add("Record-Route", route)
        if "Contact" not in response.headers:
            response.headers.add("Contact", self.contact)
        return response

    def _complete(self, response: Response) -> None:
        """What a 2xx carries (section 12.1.1)."""
        for route in self.invite.record_route:
            response.headers.add("Record-Route", route)
        for name, value in (("Contact", self.contact), ("Allow", ALLOW), ("Supported", SUPPORTED)):
            if name not in response.headers:
                response.headers.add(name, value)
        agreement, rows = accept(self.invite, self.core.timers.min_se)
        response.headers.extend(rows)
        self.session.agree(agreement)

    def _transmit(self, response: Response, again: bool) -> None:
        if again:
            self._transaction.resend(response)
        else:
            self._transaction.respond(response)

    def _no_prack(self) -> None:
        """No PRACK within 64·T1: RFC 3262 section 3 asks for a 5xx."""
        if self.ended is None and not self.answered:
            self._refuse(504, None, ())
            self.end(Ended("failure", 504, "no PRACK"))

    def _close_reliable(self) -> None:
        if self._reliable is not None:
            self._reliable.close()

    async def _prack_or_timeout(self, sender: ReliableSender) -> None:
        """A 2xx is held back while a PRACK is outstanding, but not for long."""
        idle = asyncio.Event()
        wake: Callable[[], None] = idle.set
        sender.on_idle = wake
        try:
            async with asyncio.timeout(self.core.timers.prack_hold):
                await idle.wait()
        except TimeoutError:
            pass
        finally:
            sender.on_idle = None
