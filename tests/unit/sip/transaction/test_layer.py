"""The transaction layer: matching, the machines' timers on the wheel, CANCEL, merged requests, and what it counts."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from jambones.sip.build import cancel_for, response
from jambones.sip.message import Request, Response
from jambones.sip.stats import Stats
from jambones.sip.timers import SipTimers, TimerWheel
from jambones.sip.transaction.layer import ServerTransaction, TransactionLayer
from jambones.sip.transport import Address, Flow
from tests.support.sip_messages import KeptFlow, request
from tests.support.virtual_time import in_virtual_time


class Listener:
    """A transaction user that keeps what it is told."""

    def __init__(self) -> None:
        self.requests: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.cancels: list[tuple[ServerTransaction, Request]] = []
        self.admits = True

    def new_request(self, transaction: ServerTransaction) -> None:
        self.requests.append(transaction)

    def stray_ack(self, request: Request, flow: Flow) -> None:
        self.acks.append(request)

    def cancelled(self, transaction: ServerTransaction, cancel: Request) -> None:
        self.cancels.append((transaction, cancel))

    def reopen(self, remote: Address) -> Flow | None:
        return None

    def admit(self, request: Request, flow: Flow) -> bool:
        return self.admits


@contextmanager
def layers() -> Iterator[tuple[TransactionLayer, Listener]]:
    wheel = TimerWheel(asyncio.get_running_loop())
    layer, user = TransactionLayer(wheel, SipTimers(), Stats()), Listener()
    layer.user = user
    yield layer, user
    layer.close()
    wheel.close()


class Answers:
    """The callback of a client transaction."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bool]] = []

    def __call__(self, response: Response, local: bool) -> None:
        self.seen.append((response.status, local))


# -- client


@in_virtual_time
async def test_an_invite_nobody_answers_is_sent_seven_times_and_ends_after_32_seconds() -> None:
    with layers() as (layer, _):
        flow, answers = KeptFlow(), Answers()
        layer.request(request(), flow, answers)

        await asyncio.sleep(31.9)
        assert answers.seen == []
        await asyncio.sleep(0.2)

        assert answers.seen == [(408, True)]
        assert flow.summary == ["INVITE"] * 7
        assert (layer.stats.retransmissions["out"], layer.stats.transactions) == (6, 0)
        assert layer.stats.requests["INVITE", "out", "udp"] == 1


@in_virtual_time
async def test_a_bye_nobody_answers_is_sent_eleven_times() -> None:
    with layers() as (layer, _):
        flow, answers = KeptFlow(), Answers()
        layer.request(request("BYE", to_tag="callee"), flow, answers)

        await asyncio.sleep(33)

        assert answers.seen == [(408, True)]
        assert flow.summary == ["BYE"] * 11  # 0, .5, 1.5, 3.5, then every 4 s: RFC 3261 section 17.1.2.2


@in_virtual_time
async def test_a_connection_never_sees_a_request_twice() -> None:
    with layers() as (layer, _):
        flow, answers = KeptFlow("tcp"), Answers()
        layer.request(request(transport="TCP"), flow, answers)

        await asyncio.sleep(33)

        assert flow.summary == ["INVITE"]
        assert answers.seen == [(408, True)]


@in_virtual_time
async def test_a_failure_is_acknowledged_each_time_and_told_once() -> None:
    with layers() as (layer, _):
        flow, answers = KeptFlow(), Answers()
        invite = request(headers=[("Route", "<sip:proxy.example;lr>")])
        layer.request(invite, flow, answers)
        busy = response(invite, 486, to_tag="callee")

        layer.received_response(busy, flow)
        layer.received_response(busy, flow)

        assert flow.summary == ["INVITE", "ACK", "ACK"]
        ack = flow.sent[1]
        assert isinstance(ack, Request)
        assert (ack.via, ack.uri, str(ack.cseq)) == (invite.via, invite.uri, "1 ACK")
        assert (ack.to.tag, ack.from_.tag, ack.headers.get("Route")) == ("callee", "caller", "<sip:proxy.example;lr>")
        assert answers.seen == [(486, False)]
        await asyncio.sleep(33)
        layer.received_response(busy, flow)
        assert layer.stats.dropped["stray-response"] == 1


@in_virtual_time
async def test_a_2xx_is_told_every_time_and_never_acknowledged_here() -> None:
    with layers() as (layer, _):
        flow, answers = KeptFlow(), Answers()
        invite = request()
        layer.request(invite, flow, answers)

        for tag in ("one", "one", "two"):
            layer.received_response(response(invite, 200, to_tag=tag), flow)

        assert answers.seen == [(200, False)] * 3
        assert flow.summary == ["INVITE"]


@in_virtual_time
async def test_a_lost_connection_fails_what_waits_on_it_and_nothing_else() -> None:
    with layers() as (layer, _):
        one, two = KeptFlow("tcp"), KeptFlow("tcp")
        first, second = Answers(), Answers()
        layer.request(request(branch="z9hG4bK-1"), one, first)
        layer.request(request(branch="z9hG4bK-2"), two, second)

        layer.lost([one])

        assert (first.seen, second.seen) == ([(503, True)], [])


@in_virtual_time
async def test_an_icmp_error_fails_what_waits_for_that_address() -> None:
    with layers() as (layer, _):
        flow, answers = KeptFlow(), Answers()
        layer.request(request(), flow, answers)

        layer.unreachable(KeptFlow("tcp").remote)
        assert answers.seen == []
        layer.unreachable(flow.remote)

        assert answers.seen == [(503, True)]


@in_virtual_time
async def test_an_abandoned_transaction_says_nothing_more() -> None:
    with layers() as (layer, _):
        flow, answers = KeptFlow(), Answers()
        layer.request(request(), flow, answers).abandon()

        await asyncio.sleep(60)

        assert answers.seen == []
        assert flow.summary == ["INVITE"]
        assert layer.stats.transactions == 0


# -- server


@in_virtual_time
async def test_an_invite_is_answered_with_100_before_anybody_sees_it() -> None:
    with layers() as (layer, user):
        flow = KeptFlow()
        layer.received_request(request(headers=[("Timestamp", "54")]), flow)

        assert flow.summary == ["100"]
        trying = flow.sent[0]
        assert (trying.to.tag, trying.headers.get("Timestamp")) == (None, "54")
        assert len(user.requests) == 1


@in_virtual_time
async def test_other_requests_are_never_answered_with_100() -> None:
    with layers() as (layer, user):
        flow = KeptFlow()
        layer.received_request(request("OPTIONS"), flow)

        assert flow.summary == []
        assert len(user.requests) == 1


@in_virtual_time
async def test_a_repeated_request_is_answered_again_and_told_once() -> None:
    with layers() as (layer, user):
        flow, options = KeptFlow(), request("OPTIONS")
        layer.received_request(options, flow)
        user.requests[0].respond(response(options, 200, to_tag="us"))
        layer.received_request(options, flow)

        assert flow.summary == ["200", "200"]
        assert flow.sent[0] == flow.sent[1]
        assert len(user.requests) == 1
        assert layer.stats.retransmissions == {"in": 1, "out": 1}


@in_virtual_time
async def test_a_failure_is_repeated_until_its_ack_and_then_forgotten() -> None:
    with layers() as (layer, user):
        flow, invite = KeptFlow(), request()
        layer.received_request(invite, flow)
        user.requests[0].respond(response(invite, 486, to_tag="us"))
        await asyncio.sleep(2)  # at 0.5 and 1.5 s
        assert flow.summary == ["100", "486", "486", "486"]

        layer.received_request(request("ACK", to_tag="us"), flow)
        await asyncio.sleep(4)
        assert flow.summary == ["100", "486", "486", "486"]
        assert user.acks == []
        await asyncio.sleep(2)

        assert layer.stats.transactions == 0


@in_virtual_time
async def test_the_user_is_told_when_no_ack_comes() -> None:
    with layers() as (layer, user):
        flow, invite = KeptFlow(), request()
        layer.received_request(invite, flow)
        ends: list[str | None] = []
        user.requests[0].on_end = ends.append
        user.requests[0].respond(response(invite, 486, to_tag="us"))

        await asyncio.sleep(33)

        assert ends == ["no ACK"]


@in_virtual_time
async def test_an_ack_of_a_2xx_goes_to_the_user() -> None:
    with layers() as (layer, user):
        flow, invite = KeptFlow(), request()
        layer.received_request(invite, flow)
        user.requests[0].respond(response(invite, 200, to_tag="us"))

        layer.received_request(request("ACK", branch="z9hG4bK-ack", to_tag="us"), flow)

        assert [ack.method for ack in user.acks] == ["ACK"]
        assert len(user.requests) == 1


@in_virtual_time
async def test_a_cancel_is_answered_and_told_with_its_invite() -> None:
    with layers() as (layer, user):
        flow, invite = KeptFlow(), request()
        layer.received_request(invite, flow)
        user.requests[0].respond(response(invite, 180, to_tag="us"))

        layer.received_request(cancel_for(invite), flow)

        assert flow.summary == ["100", "180", "200"]
        assert flow.sent[2].to.tag == "us"  # section 9.2: the tag of the response to the INVITE
        assert [transaction.request for transaction, _ in user.cancels] == [invite]
        assert len(user.requests) == 1


@in_virtual_time
async def test_a_cancel_of_nothing_gets_481() -> None:
    with layers() as (layer, user):
        flow = KeptFlow()
        layer.received_request(cancel_for(request()), flow)

        assert flow.summary == ["481"]
        assert user.cancels == []


@in_virtual_time
async def test_a_merged_request_gets_482_while_the_first_lives() -> None:
    with layers() as (layer, user):
        flow = KeptFlow()
        layer.received_request(request("OPTIONS", branch="z9hG4bK-left"), flow)
        layer.received_request(request("OPTIONS", branch="z9hG4bK-right"), flow)

        assert flow.summary == ["482"]
        first = user.requests[0]
        first.respond(response(first.request, 200, to_tag="us"))
        await asyncio.sleep(33)
        layer.received_request(request("OPTIONS", branch="z9hG4bK-third"), flow)
        assert len(user.requests) == 2


@in_virtual_time
async def test_a_request_in_a_dialog_is_never_taken_for_merged() -> None:
    with layers() as (layer, user):
        flow = KeptFlow()
        layer.received_request(request("INFO", branch="z9hG4bK-left", to_tag="us"), flow)
        layer.received_request(request("INFO", branch="z9hG4bK-right", to_tag="us"), flow)

        assert flow.summary == []
        assert len(user.requests) == 2


@in_virtual_time
async def test_what_is_not_admitted_leaves_no_trace() -> None:
    with layers() as (layer, user):
        user.admits = False
        flow = KeptFlow()
        layer.received_request(request(), flow)

        assert flow.summary == []
        assert (user.requests, layer.stats.transactions) == ([], 0)


@in_virtual_time
async def test_a_repeated_request_on_a_new_connection_is_answered_there() -> None:
    with layers() as (layer, user):
        old, new = KeptFlow("tcp"), KeptFlow("tcp")
        invite = request(transport="TCP")
        layer.received_request(invite, old)
        layer.received_request(invite, new)
        user.requests[0].respond(response(invite, 200, to_tag="us"))

        assert (old.summary, new.summary) == (["100"], ["100", "200"])


@in_virtual_time
async def test_unknown_methods_are_counted_as_other() -> None:
    with layers() as (layer, user):
        layer.received_request(request("WHATEVER"), KeptFlow())

        assert layer.stats.requests == {("other", "in", "udp"): 1}
        assert user.requests[0].request.method == "WHATEVER"
