"""Requests outside dialogs: what the stack answers by itself, and what reaches the handlers (RFC 3261 section 8.2)."""

import asyncio

import pytest

from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Request
from jambones.sip.outside import IncomingRequest
from jambones.sip.receiver import Verdict
from jambones.sip.transport import Address
from tests.support.sip_calls import answer, called, ended
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time


async def reject(leg: IncomingLeg) -> None:
    await leg.reject(486)


@pytest.mark.parametrize(
    ("method", "headers", "status", "answer"),
    [
        ("OPTIONS", [], 200, ("Accept", "application/sdp")),
        ("OPTIONS", [("Require", "timer, teleport")], 420, ("Unsupported", "teleport")),
        ("INVITE", [("Proxy-Require", "teleport")], 420, ("Unsupported", "teleport")),
        ("INVITE", [("Max-Forwards", "0")], 483, None),
        ("OPTIONS", [("Max-Forwards", "0")], 200, None),
        ("INVITE", [("Content-Encoding", "gzip")], 415, ("Accept-Encoding", "identity")),
        ("INVITE", [], 486, None),
        ("BYE", [], 481, None),
        ("UPDATE", [], 481, None),
        ("INFO", [], 405, None),
        ("REFER", [], 405, None),
        ("REGISTER", [], 405, None),
        ("TELEPORT", [], 501, None),
    ],
)
@in_virtual_time
async def test_what_is_answered(
    method: str, headers: list[tuple[str, str]], status: int, answer: tuple[str, str] | None
) -> None:
    async with Endpoint.open([], reject) as endpoint:
        peer = Peer(endpoint)
        request = peer.request(method, body=SDP if method == "INVITE" else b"")
        for name, value in headers:
            request.headers.set(name, value)
        peer.says(request)
        response = await peer.hears_response(status)
        assert response.to.tag
        if answer is not None:
            assert response.headers.get(answer[0]) == answer[1]
        if status in {405, 501}:
            assert "INVITE" in (response.headers.get("Allow") or "")


@in_virtual_time
async def test_an_invite_is_told_at_once_that_we_try_and_others_are_not() -> None:
    async with Endpoint.open([], reject) as endpoint:
        peer = Peer(endpoint)
        peer.says(peer.request("INVITE", body=SDP))
        assert peer.heard[0].status == 100  # type: ignore[attr-defined]
        await peer.hears(486)
        peer.says(peer.request("OPTIONS"))
        assert (await peer.hears_any()).status == 200  # type: ignore[attr-defined]


@in_virtual_time
async def test_merged_requests_get_482() -> None:
    async def ring(leg: IncomingLeg) -> None:
        await leg.progress(180)
        await asyncio.Event().wait()

    async with Endpoint.open([], ring) as endpoint:
        peer = Peer(endpoint)
        peer.says(peer.request("INVITE", cseq=1, body=SDP, branch="z9hG4bKone"))
        await peer.hears(180)
        peer.says(peer.request("INVITE", cseq=1, body=SDP, branch="z9hG4bKtwo"))
        await peer.hears(482)
        peer.says(peer.request("INVITE", cseq=1, body=SDP, branch="z9hG4bKone"))
        await peer.hears(180)


@in_virtual_time
async def test_while_draining_new_calls_get_503() -> None:
    async with Endpoint.open([], reject) as endpoint:
        peer = Peer(endpoint)
        await endpoint.drain()
        for method in ("INVITE", "OPTIONS"):
            peer.says(peer.request(method, call_id=method, body=SDP if method == "INVITE" else b""))
            assert (await peer.hears_response(503)).headers.get("Retry-After") == "5"
        await endpoint.drain(False)
        peer.says(peer.request("OPTIONS"))
        await peer.hears_response_of(200, 503)


@in_virtual_time
async def test_a_handler_that_fails_costs_its_own_call_only() -> None:
    async def broken(leg: IncomingLeg) -> None:
        raise ValueError("no")

    async def broken_too(incoming: IncomingRequest) -> None:
        raise ValueError("no")

    async with Endpoint.open([], broken, broken_too) as endpoint:
        peer = Peer(endpoint)
        peer.says(peer.request("INVITE", body=SDP))
        await peer.hears(500)
        peer.says(peer.request("MESSAGE", call_id="2"))
        await peer.hears(500)
        assert (endpoint.stats.handler_errors, endpoint.legs) == (2, 0)


@in_virtual_time
async def test_the_filter_may_answer_drop_or_let_pass() -> None:
    verdicts: dict[str, Verdict] = {
        "OPTIONS": (403, "Go away", [("X-Reason", "you")]),
        "INFO": "drop",
        "INVITE": "accept",
    }

    def filter(request: Request, source: Address) -> Verdict:
        return verdicts[request.method]

    async with Endpoint.open([], reject, filter=filter) as endpoint:
        peer = Peer(endpoint)
        peer.says(peer.request("INFO"))
        peer.says(peer.request("OPTIONS"))
        response = await peer.hears_response(403)
        assert (response.reason, response.headers.get("X-Reason")) == ("Go away", "you")
        peer.says(peer.request("INVITE", body=SDP))
        await peer.hears(486)
        assert endpoint.stats.dropped["filter"] == 1


@in_virtual_time
async def test_closing_says_goodbye() -> None:
    async def answer(leg: IncomingLeg) -> None:
        await leg.answer(SDP)
        await asyncio.Event().wait()

    async with Endpoint.open([], answer) as endpoint:
        peer = Peer(endpoint)
        await peer.calls()
        peer.says(peer.request("INVITE", call_id="ringing", body=SDP))
        await peer.hears(200)
    assert "BYE" in [message.method for message in peer.heard if isinstance(message, Request)]


@in_virtual_time
async def test_an_endpoint_knows_what_its_dialogs_and_transactions_are_asked() -> None:
    async with called(answer) as (peer, leg, _invite):
        ok = await peer.hears_response(200)
        peer.acks(ok)
        bye = peer.in_dialog("BYE", ok)
        made_up = peer.request("BYE", to_tag="made up")
        assert peer.endpoint.knows(bye)
        assert not peer.endpoint.knows(made_up)

        peer.says(bye)
        assert (await ended(leg)).by == "remote"
        assert peer.endpoint.knows(bye)  # its 200 may get lost
        assert not peer.endpoint.knows(peer.in_dialog("BYE", ok))
