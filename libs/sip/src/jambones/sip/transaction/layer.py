"""The transaction layer: matches messages, runs the machines' effects, owns their timers (RFC 3261 section 17)."""

import asyncio
from collections.abc import Callable, Iterable

from jambones.sip import build
from jambones.sip.message import Message, Request, Response
from jambones.sip.stats import Stats
from jambones.sip.timers import SipTimers, TimerWheel
from jambones.sip.timers import Timer as WheelTimer
from jambones.sip.traces import Traces
from jambones.sip.transaction.effects import (
    Acknowledge,
    Effect,
    Event,
    Fail,
    Fired,
    PassUp,
    Received,
    Respond,
    Send,
    Start,
    Stop,
    Terminate,
    Timer,
    Unreachable,
)
from jambones.sip.transaction.invite_client import InviteClientTransaction
from jambones.sip.transaction.invite_server import InviteServerTransaction
from jambones.sip.transaction.matching import Key, client_key, merge_key, server_key
from jambones.sip.transaction.non_invite_client import NonInviteClientTransaction
from jambones.sip.transaction.non_invite_server import NonInviteServerTransaction
from jambones.sip.transaction.user import Detour, User
from jambones.sip.transport import Address, Flow, Target

_KNOWN = frozenset({
    "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "MESSAGE",
    "SUBSCRIBE", "PUBLISH",
})  # fmt: skip
_CLASSES = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx")

Machine = InviteClientTransaction | InviteServerTransaction | NonInviteClientTransaction | NonInviteServerTransaction


class _Transaction:
    """A machine with its timers and its way to the peer."""

    __slots__ = ("_layer", "_sent", "_timers", "_wire", "flow", "key", "machine")

    def __init__(self, layer: "TransactionLayer", key: Key, machine: Machine, flow: Flow) -> None:
        self._layer = layer
        self.key = key
        self.machine = machine
        self.flow = flow
        self._timers: dict[Timer, WheelTimer] = {}
        self._sent: Message | None = None
        self._wire = b""

    def handle(self, event: Event) -> None:
        self._run(self.machine.handle(event))

    def unreachable(self) -> None:
        self.handle(Unreachable())

    def _run(self, effects: list[Effect]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is Send:
                assert isinstance(effect, Send)
                self._send(effect.message, effect.again)
            elif kind is Start:
                assert isinstance(effect, Start)
                self._timers[effect.timer] = self._layer.wheel.after(effect.delay, self._fired, effect.timer)
            elif kind is Stop:
                assert isinstance(effect, Stop)
                timer = self._timers.pop(effect.timer, None)
                if timer is not None:
                    timer.cancel()
            elif kind is PassUp:
                assert isinstance(effect, PassUp)
                self.pass_up(effect.message)
            elif kind is Terminate:
                assert isinstance(effect, Terminate)
                for timer in self._timers.values():
                    timer.cancel()
                self._timers.clear()
                self._layer.forget(self)
                self.terminated(effect.reason)
            elif kind is Fail:
                assert isinstance(effect, Fail)
                self.fail(effect.status, effect.reason)
            else:
                assert isinstance(effect, Acknowledge)
                self.acknowledge(effect.final)

    def _fired(self, timer: Timer) -> None:
        self._timers.pop(timer, None)
        self.handle(Fired(timer))

    def _send(self, message: Message, again: bool) -> None:
        if message is not self._sent:
            self._sent, self._wire = message, bytes(message)
        self._layer.send(self._wire, message, self.flow, again)

    def pass_up(self, message: Request | Response) -> None:
        raise NotImplementedError

    def fail(self, status: int, reason: str) -> None:
        raise NotImplementedError

    def acknowledge(self, final: Response) -> None:
        raise NotImplementedError

    def terminated(self, reason: str | None) -> None:
        """Over; ``reason`` is set when it did not end well."""


class ClientTransaction(_Transaction):
    """A request of ours. ``on_response`` gets every response; a failure is made into a response of ours.

    Such a response (408 after a time-out, 503 when unreachable) has no Via: ``local`` of the callback is True.
    """

    __slots__ = ("_ack", "_detour", "_on_response", "request", "wanted")

    def __init__(
        self,
        layer: "TransactionLayer",
        request: Request,
        flow: Flow,
        on_response: Callable[[Response, bool], None],
        detour: Detour | None = None,
    ) -> None:
        super().__init__(layer, client_key(request), _client_machine(request, flow, layer.timers), flow)
        self.request = request
        self._detour = detour
        self.wanted = True
        """False: nobody waits for an answer any more, and if its way fails it takes no other."""
        self._on_response = on_response
        self._ack: Request | None = None

    def start(self) -> None:
        assert isinstance(self.machine, InviteClientTransaction | NonInviteClientTransaction)
        self._run(self.machine.start())

    def unreachable(self) -> None:
        """Take the way back to where the request would have gone, if it made a detour that nobody answered."""
        way = self._back()
        if way is None or not self.wanted:
            super().unreachable()
            return
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.request, self.flow = way
        self.machine = _client_machine(self.request, self.flow, self._layer.timers)
        self._layer.rekey(self, client_key(self.request))
        self.start()

    def _back(self) -> tuple[Request, Flow] | None:
        detour, self._detour = self._detour, None
        return detour.back() if detour is not None else None

    def pass_up(self, message: Request | Response) -> None:
        assert isinstance(message, Response)
        self._detour = None
        self._on_response(message, False)

    def fail(self, status: int, reason: str) -> None:
        if status == 408:
            self.flow.timed_out()
            self._back()  # too late for this request, but the next ones should know
        self._on_response(build.response(self.request, status, None), True)

    def acknowledge(self, final: Response) -> None:
        if self._ack is None:
            self._ack = build.ack_for_failure(self.request, final)
        self._layer.send(bytes(self._ack), self._ack, self.flow, False)

    def abandon(self) -> None:
        """End it without telling anybody (an INVITE that never gets its 487: RFC 3261 section 9.1)."""
        self._run([Terminate()])

    def terminated(self, reason: str | None) -> None:
        self._on_response = _ignore  # lets go of the leg


def _client_machine(request: Request, flow: Flow, timers: SipTimers) -> Machine:
    reliable = flow.remote.reliable
    if request.method == "INVITE":
        return InviteClientTransaction(request, reliable, timers)
    return NonInviteClientTransaction(request, reliable, timers)


def _ignore(response: Response, local: bool) -> None:
    """What comes after the end."""


class ServerTransaction(_Transaction):
    """A request of a peer. ``on_cancel`` and ``on_end`` may be set by whoever answers it."""

    __slots__ = ("on_end", "request", "user_data")

    def __init__(self, layer: "TransactionLayer", key: Key, request: Request, flow: Flow) -> None:
        reliable = flow.remote.reliable
        machine: Machine = (
            InviteServerTransaction(reliable, layer.timers)
            if request.method == "INVITE"
            else NonInviteServerTransaction(reliable, layer.timers)
        )
        super().__init__(layer, key, machine, flow)
        self.request = request
        self.on_end: Callable[[str | None], None] | None = None
        self.user_data: object = None

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        last = (
            self.machine.last
            if isinstance(self.machine, InviteServerTransaction | NonInviteServerTransaction)
            else None
        )
        return last is not None and last.status >= 200

    def respond(self, response: Response) -> None:
        self.handle(Respond(response))

    def _send(self, message: Message, again: bool) -> None:
        flow = self.flow
        if not flow.alive and flow.remote.transport in {"tcp", "tls"}:
            # RFC 3261 section 18.2.2: to where the peer listens by its Via, at the host it really is.
            via = self.request.via
            again_there = Target(Address(flow.remote.transport, flow.remote.host, via.port_or_default), via.host)
            self.flow = self._layer.user.reopen(again_there) or flow
        super()._send(message, again)

    def resend(self, response: Response) -> None:
        """Put a reliable provisional (RFC 3262), or a 2xx after this transaction's end, on the wire once more."""
        self._send(response, True)

    def pass_up(self, message: Request | Response) -> None:
        """An ACK in the Accepted state; it has the INVITE's branch only with peers of RFC 2543."""
        assert isinstance(message, Request)
        self._layer.user.stray_ack(message, self.flow)

    def terminated(self, reason: str | None) -> None:
        if self.on_end is not None:
            self.on_end(reason)

    def unreachable(self) -> None:
        """The peer's next message may take another way; a response that got lost is the peer's to ask for again."""


class TransactionLayer:
    """All transactions of an endpoint. ``user`` is set once, before the first message."""

    user: User

    def __init__(self, wheel: TimerWheel, timers: SipTimers, stats: Stats, traces: Traces | None = None) -> None:
        self.wheel = wheel
        self.timers = timers
        self.stats = stats
        self.traces = traces or Traces()
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._merge: dict[Key, ServerTransaction] = {}

    def request(
        self,
        request: Request,
        flow: Flow,
        on_response: Callable[[Response, bool], None],
        detour: Detour | None = None,
    ) -> ClientTransaction:
        """Send a request that has its Via. ``on_response(response, local)`` is never called before this returns: the
        network answers later, and failures are reported from the loop."""
        transaction = ClientTransaction(self, request, flow, on_response, detour)
        self._clients[transaction.key] = transaction
        self.stats.transactions += 1
        transaction.start()
        if not flow.alive:
            asyncio.get_running_loop().call_soon(transaction.unreachable)
        return transaction

    def send(self, wire: bytes, message: Message, flow: Flow, again: bool) -> None:
        """Count and send; also for what has no transaction (the ACK of a 2xx)."""
        stats, transport = self.stats, flow.remote.transport
        if again:
            stats.retransmissions["out"] += 1
        elif isinstance(message, Request):
            stats.requests[message.method if message.method in _KNOWN else "other", "out", transport] += 1
        elif isinstance(message, Response):
            stats.responses[_CLASSES[message.status // 100], "out", transport] += 1
        if self.traces.observers:
            self.traces.note("out", message, flow.remote, again)
        flow.send(wire)

    def received_response(self, response: Response, flow: Flow) -> None:
        self.stats.responses[_CLASSES[response.status // 100], "in", flow.remote.transport] += 1
        if self.traces.observers:
            self.traces.note("in", response, flow.remote)
        transaction = self._clients.get(client_key(response))
        if transaction is None:
            # RFC 6026: a 2xx without a transaction comes after 64·T1 or was never ours.
            self.stats.dropped["stray-response"] += 1
            return
        transaction.handle(Received(response))

    def received_request(self, request: Request, flow: Flow) -> None:
        method = request.method
        self.stats.requests[method if method in _KNOWN else "other", "in", flow.remote.transport] += 1
        if self.traces.observers:
            self.traces.note("in", request, flow.remote)
        key = server_key(request)
        transaction = self._servers.get(key)
        if transaction is not None:
            if method == transaction.request.method:
                self.stats.retransmissions["in"] += 1
            transaction.flow = flow if flow.remote.reliable else transaction.flow
            transaction.handle(Received(request))
            return
        if method == "ACK":
            self.user.stray_ack(request, flow)
            return
        if not self.user.admit(request, flow):
            return
        transaction = ServerTransaction(self, key, request, flow)
        self._servers[key] = transaction
        self.stats.transactions += 1
        if method == "INVITE":
            transaction.respond(build.response(request, 100))
        elif method == "CANCEL":
            self._cancel(transaction)
            return
        if request.to.tag is None and self._is_merged(transaction):
            transaction.respond(build.response(request, 482, to_tag=build.new_tag()))
            return
        self.user.new_request(transaction)

    def serves(self, request: Request) -> bool:
        """Whether there is a transaction of this request already."""
        return server_key(request) in self._servers

    def unreachable(self, remote: Address) -> None:
        """Fail every client transaction that waits for this peer of a UDP socket."""
        waiting = [t for t in self._clients.values() if t.flow.remote == remote]
        for transaction in waiting:
            transaction.unreachable()

    def lost(self, flows: Iterable[Flow]) -> None:
        """Fail every client transaction that waits on one of these connections."""
        gone = {id(flow) for flow in flows}
        waiting = [t for t in self._clients.values() if id(t.flow) in gone]
        self.stats.unreachable += bool(waiting)
        for transaction in waiting:
            transaction.unreachable()

    def rekey(self, transaction: ClientTransaction, key: Key) -> None:
        """A client transaction has another branch from now on."""
        self._clients.pop(transaction.key, None)
        transaction.key = key
        self._clients[key] = transaction

    def forget(self, transaction: _Transaction) -> None:
        table: dict[Key, ClientTransaction] | dict[Key, ServerTransaction]
        table = self._clients if isinstance(transaction, ClientTransaction) else self._servers
        if table.pop(transaction.key, None) is None:
            return
        self.stats.transactions -= 1
        if isinstance(transaction, ServerTransaction):
            merged = merge_key(transaction.request)
            if self._merge.get(merged) is transaction:
                del self._merge[merged]

    def close(self) -> None:
        self._clients.clear()
        self._servers.clear()
        self._merge.clear()

    def _cancel(self, transaction: ServerTransaction) -> None:
        cancel = transaction.request
        invite = self._servers.get(server_key(cancel, "INVITE"))
        if invite is None:
            transaction.respond(build.response(cancel, 481, to_tag=build.new_tag()))
            return
        # RFC 3261 section 9.2: the To tag should be the one of the response to the INVITE.
        last = invite.machine.last if isinstance(invite.machine, InviteServerTransaction) else None
        tag = last.to.tag if last is not None else None
        transaction.respond(build.response(cancel, 200, to_tag=tag or build.new_tag()))
        self.user.cancelled(invite, cancel)

    def _is_merged(self, transaction: ServerTransaction) -> bool:
        key = merge_key(transaction.request)
        if key in self._merge:
            return True
        self._merge[key] = transaction
        return False
