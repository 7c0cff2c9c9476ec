"""The SIP messages of a real call through the edge, in the log of an account that is logged at debug."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from jambones.common import logs
from jambones.common.bus.nodes import Choice, Node
from jambones.common.directory import Directory
from jambones.common.ids import NodeId
from jambones.common.metrics import Metrics
from jambones.common.private import token
from jambones.sbc import trace
from jambones.sbc.admission import Leases
from jambones.sbc.alerts import Alerts
from jambones.sbc.figures import Figures
from jambones.sbc.media import Relay
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.call import Call
from jambones.sbc_inbound.environment import Environment
from jambones.sbc_inbound.tables import Application, Carrier, Gateway, PhoneNumber, Tables
from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Requested
from jambones.sip.leg import IncomingLeg
from jambones.sip.transport import Address
from jambones.sip.uri import Uri
from tests.support.edge import NoStore, Strangers, TestRelay
from tests.support.logged import logged
from tests.support.running_egress import SDP

CALLER, DIALLED = "4930901820", "441632960000"
CALL_SID = "11111111-2222-3333-4444-555555555555"
TABLES = Tables.of(
    accounts=[Account("acc", "sp", "acc.example.com")],
    carriers=[Carrier("trunk", "acme", "acc", "sp")],
    applications=[Application("app", "acc")],
    gateways=[Gateway("gw", "trunk", "127.0.0.1", 32)],
    numbers=[PhoneNumber("n", DIALLED, "trunk", "acc", "app")],
)
LOOPBACK = [Address("udp", "127.0.0.1", 0)]


async def nobody(leg: IncomingLeg) -> None:
    await leg.reject(404)


async def feature_server(leg: IncomingLeg) -> None:
    """Answers, takes whatever is asked, and stays until the call is over."""
    await leg.answer(SDP, [("X-Jambones-Call-Sid", CALL_SID)])
    async for event in leg.events():
        if isinstance(event, Requested):
            await leg.respond(event, 200)


async def edge(inside: Endpoint, server: Address) -> Environment:
    class OneServer:
        def choose(self, *, zone: str = "", exclude: Iterable[str] = ()) -> Choice:
            return Choice(Node(kind="fs", id=NodeId("fs1"), sip=str(server)), ("chosen",))

        def failed(self, node_id: NodeId) -> None: ...

    class Plain(TestRelay):
        def _pass(self, what: str, side: object, sdp: bytes) -> bytes:
            return sdp

    def relay(*args: object) -> Relay:
        return Plain()

    async def nothing(*args: Any) -> Any: ...

    stranger: Any = Strangers()
    return Environment(
        node_id="edge-1",
        private_ip="127.0.0.1",
        edge_uri="sip:127.0.0.1:5070",
        internal_key=b"key",
        directory=Directory(nothing, TABLES),
        leases=Leases("edge-1", NoStore()),
        feature_servers=OneServer(),
        invite=inside.invite,
        relay=relay,
        record=nothing,
        alerts=Alerts(nothing),
        figures=Figures(Metrics(process=False)),
        users=stranger,
        trunk_sources=stranger,
    )


async def a_call() -> None:
    """From a trunk, through the edge, to a feature server: answered, a digit by INFO, hung up by the caller."""
    over = asyncio.Event()
    env: Environment

    async def on_invite(leg: IncomingLeg) -> None:
        try:
            await Call(env, leg).run()
        finally:
            over.set()

    async with (
        asyncio.timeout(30),
        Endpoint.open(LOOPBACK, feature_server) as server,
        Endpoint.open(LOOPBACK, nobody, nat_fix=False, trace=trace.current) as inside,
        Endpoint.open(LOOPBACK, on_invite) as outside,
        Endpoint.open(LOOPBACK, nobody) as carrier,
    ):
        env = await edge(inside, server.addresses[0])
        leg = await carrier.invite(
            Uri("sip", DIALLED, host="acc.example.com"),
            from_=NameAddr(Uri("sip", CALLER, host="127.0.0.1"), f"Ann {CALLER}"),
            sdp=SDP,
            headers=[("X-Customer", CALLER)],
            destination=outside.addresses[0],
        )
        async for event in leg.events():
            if isinstance(event, Answered):
                break
        digit = b"Signal=7\r\nDuration=160\r\n"
        assert (await leg.send("INFO", body=digit, content_type="application/dtmf-relay")).status == 200
        await leg.hangup()
        await over.wait()


def traced(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["msg"] == "SIP message"]


async def test_the_messages_of_an_account_at_debug_are_logged_and_no_number_or_digit_with_them() -> None:
    with logged(level="info") as out:
        logs.verbosity.set_debug(False, ["acc"])
        await a_call()
    lines = traced(out.getvalue())

    steps = [(line["direction"], line["method"], line.get("status")) for line in lines]
    for step in [
        ("in", "INVITE", None),
        ("out", "INVITE", None),
        ("in", "INVITE", 200),
        ("out", "INVITE", 200),
        ("in", "INFO", None),
        ("out", "INFO", None),
        ("in", "BYE", None),
        ("out", "BYE", None),
    ]:
        assert step in steps
    assert steps[0] == ("in", "INVITE", None)
    assert {(line["account_sid"], line["transport"], line["level"]) for line in lines} == {("acc", "udp", "debug")}
    assert lines[-1]["call_sid"] == CALL_SID
    assert len({line["leg"] for line in lines}) == 1
    text = out.getvalue()
    assert CALLER not in text
    assert DIALLED not in text
    assert "Signal" not in text
    assert f"sip:{token(CALLER)}@127.0.0.1" in lines[0]["text"]
    assert f"INVITE sip:{token(DIALLED)}@" in lines[0]["text"]


async def test_nothing_is_logged_of_anybody_elses_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(*args: object) -> None:
        raise AssertionError("a message was rendered")

    monkeypatch.setattr(trace.Trace, "__call__", shown)
    with logged(level="info") as out:
        logs.verbosity.set_debug(False, ["somebody else"])
        await a_call()

    assert traced(out.getvalue()) == []
    assert "call ended" in out.getvalue()
