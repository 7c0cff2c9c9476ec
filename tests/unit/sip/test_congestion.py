"""Which requests are too large for UDP, where they go, and how they come back."""

import asyncio
from dataclasses import dataclass, field

import pytest

from jambones.sip.appearance import Appearance
from jambones.sip.congestion import Congestion, UdpLimit
from jambones.sip.message import Request, Response
from jambones.sip.stats import Stats
from jambones.sip.timers import SipTimers, TimerWheel
from jambones.sip.transaction.layer import TransactionLayer
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.hub import NoTransport
from jambones.sip.transport.virtual import VirtualFlow
from tests.support.sip_messages import KeptFlow, request
from tests.support.virtual_time import in_virtual_time

LARGE = b"x" * 1300
UDP_VIA = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKudp;rport"


@dataclass
class Sockets:
    """Flows to whoever is asked for; ``open`` says whether connections came about."""

    listens: bool = True
    open: bool = False
    asked: list[tuple[Address, float | None]] = field(default_factory=list)
    stream: KeptFlow = field(default_factory=lambda: KeptFlow("tcp"))

    def flow_to(self, remote: Address, within: float | None = None) -> Flow:
        if not self.listens:
            raise NoTransport(remote.transport)
        self.asked.append((remote, within))
        return self.stream

    def was_open(self, flow: Flow) -> bool:
        return self.open

    def connected(self, remote: Address) -> Flow | None:
        return self.stream if self.open else None

    def listener_for(self, remote: Address, bound: Address | None = None) -> Address:
        return Address(remote.transport, "192.0.2.1", 5062 if remote.transport == "tcp" else 5060)


class Case:
    def __init__(self, size: int = 1300) -> None:
        self.now = 1000.0
        self.stats, self.sockets, self.udp = Stats(), Sockets(), KeptFlow()
        appearance = Appearance(None, self.sockets)
        self.congestion = Congestion(UdpLimit(size), self.sockets, appearance, self.stats, lambda: self.now)

    def way(self, request: Request, flow: Flow | None = None) -> str:
        return self.congestion.way(request, flow or self.udp)[1].remote.transport


def invite(
    body: bytes = LARGE,
    *,
    uri: str = "sip:1000@198.51.100.7",
    to_tag: str | None = None,
    route: str | None = None,
    contact: str = "<sip:ann@192.0.2.1:5060>",
    method: str = "INVITE",
) -> Request:
    rows = [("Contact", contact)] + ([("Route", route)] if route else [])
    made = request(method, uri, to_tag=to_tag, headers=rows, body=body)
    made.headers.set("Via", UDP_VIA)
    return made


def test_by_default_nothing_is_too_large() -> None:
    case = Case(size=0)

    assert case.way(invite(b"x" * 9000)) == "udp"
    assert (case.sockets.asked, case.stats.large) == ([], {})


def test_one_byte_more_than_the_limit_takes_tcp_to_the_same_place() -> None:
    whole = len(bytes(invite()))
    exactly, less = Case(size=whole), Case(size=whole - 1)

    assert (exactly.way(invite()), less.way(invite())) == ("udp", "tcp")
    assert less.sockets.asked == [(Address("tcp", "198.51.100.7", 5060), 1.5)]
    assert (exactly.stats.large, less.stats.large) == ({}, {"tcp": 1})


def test_via_and_our_contact_name_tcp_and_the_original_is_left_alone() -> None:
    original = invite()

    moved, _, detour = Case().congestion.way(original, KeptFlow())

    assert (moved.via.transport, moved.via.sent_by) == ("TCP", "192.0.2.1:5062")
    assert moved.via.branch != original.via.branch
    assert moved.headers.get("Contact") == "<sip:ann@192.0.2.1:5062;transport=tcp>"
    assert (moved.uri, moved.body) == (original.uri, original.body)
    assert original.headers.get("Via") == UDP_VIA
    assert original.headers.get("Contact") == "<sip:ann@192.0.2.1:5060>"
    assert detour is not None


@pytest.mark.parametrize(
    ("method", "contact"),
    [("INVITE", "<sip:ann@elsewhere.example>"), ("REGISTER", "<sip:ann@192.0.2.1:5060>")],
)
def test_a_contact_that_is_not_ours_or_is_a_binding_stays(method: str, contact: str) -> None:
    moved, _, _ = Case().congestion.way(invite(contact=contact, method=method), KeptFlow())

    assert moved.via.transport == "TCP"
    assert moved.headers.get("Contact") == contact


@pytest.mark.parametrize(
    ("uri", "to_tag", "route", "way"),
    [
        # A trunk's usual transport is no exception to section 18.1.1 …
        ("sip:1000@198.51.100.7;transport=udp", None, None, "tcp"),
        # … but a peer that says so in its dialog is believed.
        ("sip:1000@198.51.100.7;transport=UDP", "callee", None, "udp"),
        ("sip:1000@198.51.100.7", "callee", "<sip:198.51.100.9;lr;transport=udp>", "udp"),
        ("sip:1000@198.51.100.7;transport=udp", "callee", "<sip:198.51.100.9;lr>", "tcp"),
        ("sip:1000@198.51.100.7", "callee", None, "tcp"),
    ],
)
def test_a_peer_that_asks_for_udp_in_its_dialog_gets_it(
    uri: str, to_tag: str | None, route: str | None, way: str
) -> None:
    assert Case().way(invite(uri=uri, to_tag=to_tag, route=route)) == way


def test_flows_of_others_connections_and_who_listens_on_udp_alone_stay() -> None:
    case = Case()
    carried = VirtualFlow(
        "udp-1", Address("udp", "192.0.2.1", 5060), Address("udp", "198.51.100.7", 5070), print, ("192.0.2.1", 5060), ""
    )

    assert case.way(invite(), carried) == "udp"
    assert case.way(invite(), KeptFlow("tls")) == "tls"
    assert case.sockets.asked == []
    case.sockets.listens = False
    assert case.way(invite()) == "udp"
    assert case.stats.large == {"udp": 1}


def test_the_ack_of_a_2xx_takes_a_connection_that_is_open_and_is_the_same_each_time() -> None:
    case, ack = Case(), invite(method="ACK", to_tag="callee")

    assert case.congestion.ack_way(ack, case.udp) == (ack, case.udp)
    case.sockets.open = True
    first, flow = case.congestion.ack_way(ack, case.udp)
    second, _ = case.congestion.ack_way(ack, case.udp)

    assert flow.remote.transport == first.via.transport.lower() == "tcp"
    assert bytes(first) == bytes(second)
    assert case.sockets.asked == []


# -- and back


class Answers:
    def __init__(self) -> None:
        self.seen: list[tuple[int, bool]] = []

    def __call__(self, response: Response, local: bool) -> None:
        self.seen.append((response.status, local))


class Sending:
    """A large request on its way by TCP."""

    def __init__(self, case: Case, original: Request) -> None:
        self.wheel = TimerWheel(asyncio.get_running_loop())
        self.layer = TransactionLayer(self.wheel, SipTimers(), case.stats)
        self.answers = Answers()
        moved, flow, detour = case.congestion.way(original, case.udp)
        self.transaction = self.layer.request(moved, flow, self.answers, detour)


@in_virtual_time
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
async def test_a_connection_that_cannot_be_opened_sends_the_request_by_udp(method: str) -> None:
    case = Case()
    sending = Sending(case, invite(method=method))

    sending.layer.lost([case.sockets.stream])

    (tried,), (sent,) = case.sockets.stream.sent, case.udp.sent
    assert isinstance(tried, Request)
    assert isinstance(sent, Request)
    assert (tried.via.transport, sent.via.transport) == ("TCP", "UDP")
    assert len({tried.via.branch, sent.via.branch, "z9hG4bKudp"}) == 3
    assert (sent.cseq, sent.from_, sent.call_id, sent.body) == (tried.cseq, tried.from_, tried.call_id, LARGE)
    assert sent.headers.get("Contact") == "<sip:ann@192.0.2.1:5060>"
    assert (sending.transaction.request.via, sending.transaction.flow) == (sent.via, case.udp)
    assert (sending.answers.seen, sending.layer.stats.transactions) == ([], 1)
    assert case.stats.large == {"tcp": 1, "refused": 1}

    # On UDP it is repeated, and its answer finds it.
    await asyncio.sleep(0.6)
    assert len(case.udp.sent) == 2
    rows = [(name, sent.headers.get(name) or "") for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    sending.layer.received_response(Response(486, None, rows), case.udp)
    assert sending.answers.seen == [(486, False)]


@in_virtual_time
async def test_a_peer_that_took_no_connection_is_left_alone_for_some_minutes() -> None:
    case = Case()
    Sending(case, invite()).layer.lost([case.sockets.stream])

    assert case.way(invite()) == "udp"
    case.now += 299
    assert case.way(invite()) == "udp"
    case.now += 2
    assert case.way(invite()) == "tcp"
    assert case.stats.large == {"tcp": 2, "refused": 1, "udp": 2}


@in_virtual_time
async def test_what_was_written_to_a_connection_is_not_sent_again_but_the_next_takes_udp() -> None:
    case = Case()
    sending = Sending(case, invite())
    case.sockets.open = True

    sending.layer.lost([case.sockets.stream])

    assert (case.udp.sent, sending.answers.seen) == ([], [(503, True)])
    assert case.way(invite()) == "udp"


@in_virtual_time
async def test_a_peer_that_takes_a_connection_and_says_nothing_is_left_alone_too() -> None:
    case = Case()
    sending = Sending(case, invite())
    case.sockets.open = True

    await asyncio.sleep(33)

    assert (case.udp.sent, sending.answers.seen) == ([], [(408, True)])
    assert case.way(invite()) == "udp"


@in_virtual_time
async def test_a_request_that_was_answered_or_that_nobody_wants_does_not_come_back() -> None:
    answered, unwanted = Case(), Case()
    first, second = Sending(answered, invite()), Sending(unwanted, invite())
    (sent,) = answered.sockets.stream.sent
    assert isinstance(sent, Request)
    rows = [(name, sent.headers.get(name) or "") for name in ("Via", "From", "To", "Call-ID", "CSeq")]

    first.layer.received_response(Response(180, None, rows), answered.sockets.stream)
    first.layer.lost([answered.sockets.stream])
    second.transaction.wanted = False
    second.layer.lost([unwanted.sockets.stream])

    assert first.answers.seen == [(180, False), (503, True)]
    assert second.answers.seen == [(503, True)]
    assert (answered.udp.sent, unwanted.udp.sent) == ([], [])
    assert answered.way(invite()) == "tcp"


@in_virtual_time
async def test_while_the_endpoint_closes_nothing_comes_back() -> None:
    case = Case()
    sending = Sending(case, invite())
    case.congestion.closing = True

    sending.layer.lost([case.sockets.stream])

    assert case.udp.sent == []
