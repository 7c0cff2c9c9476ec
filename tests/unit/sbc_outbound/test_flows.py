"""Flows at edges: order, loss, and devices that come back elsewhere."""

import asyncio
from typing import Any

from jambones.common.bus.bus import RemoteError
from jambones.common.bus.flows import ArrivedOnFlow, SendOnFlow, Sent
from jambones.common.errors import BusUnavailable
from jambones.common.ids import NodeId
from jambones.common.tasks import Tasks
from jambones.sbc_outbound.flows import MOST_WAITING, EdgeFlows
from jambones.sip.transport import Address
from jambones.sip.transport.virtual import VirtualFlow
from tests.support.virtual_time import in_virtual_time

REMOTE = Address("wss", "203.0.113.4", 40123)
SHOWN = ("edge.example", 443)
GONE = RemoteError("no such flow", sip_status=404, http_status=404, reason="not found")


class Wire:
    """The bus and the endpoint."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.got: list[tuple[bytes, VirtualFlow]] = []
        self.lost: list[VirtualFlow] = []
        self.forgotten: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.slow: asyncio.Event | None = None

    async def request(self, question: SendOnFlow, timeout: float) -> Sent:
        if self.slow is not None:
            await self.slow.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(question.message)
        return Sent()

    def received(self, data: bytes, flow: VirtualFlow) -> None:
        self.got.append((data, flow))

    def unreachable(self, flow: VirtualFlow) -> None:
        flow.alive = False
        self.lost.append(flow)

    def flows(self, tasks: Tasks) -> EdgeFlows:
        bus: Any = self
        return EdgeFlows(bus, NodeId("out-1"), self, tasks, lambda edge, flow: self.forgotten.append((edge, flow)))


def arrival(flow: str, data: bytes = b"BYE", remote: str = "wss:203.0.113.4:40123") -> ArrivedOnFlow:
    return ArrivedOnFlow(node_id=NodeId("out-1"), edge_id=NodeId("e1"), flow=flow, remote=remote, message=data)


@in_virtual_time
async def test_messages_of_a_flow_keep_their_order() -> None:
    wire = Wire()
    async with Tasks() as tasks:
        flow = wire.flows(tasks).flow("e1", "f1", REMOTE, SHOWN)
        for number in range(10):
            flow.send(b"%d" % number)
        await asyncio.sleep(1)

    assert wire.sent == [b"%d" % number for number in range(10)]
    assert (flow.advertised, flow.mark, flow.remote) == (SHOWN, "out-1", REMOTE)


@in_virtual_time
async def test_the_same_flow_is_one_object_and_others_are_others() -> None:
    wire = Wire()
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        first = flows.flow("e1", "f1", REMOTE, SHOWN)

        assert flows.flow("e1", "f1", REMOTE, SHOWN) is first
        assert flows.flow("e2", "f1", REMOTE, SHOWN) is not first


@in_virtual_time
async def test_what_comes_is_given_to_the_endpoint_on_its_flow() -> None:
    wire = Wire()
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        flow = flows.flow("e1", "f1", REMOTE, SHOWN)
        flows.arrived(arrival("f1"))

    assert wire.got == [(b"BYE", flow)]


@in_virtual_time
async def test_a_device_that_came_back_on_another_flow_is_heard_there() -> None:
    wire = Wire()
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        flows.flow("e1", "f1", REMOTE, SHOWN)
        flows.arrived(arrival("f2", remote="wss:203.0.113.4:50000"))
        flows.arrived(arrival("f3", remote="nonsense"))

    ((_, flow),) = wire.got
    assert (flow.remote.port, flow.advertised) == (50000, SHOWN)


@in_virtual_time
async def test_a_flow_that_its_edge_does_not_have_is_gone_and_forgotten() -> None:
    wire = Wire()
    wire.error = GONE
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        flow = flows.flow("e1", "f1", REMOTE, SHOWN)
        flow.send(b"INVITE")
        await asyncio.sleep(1)

        assert wire.lost == [flow]
        assert wire.forgotten == [("e1", "f1")]
        assert len(flows) == 0
        assert flows.flow("e1", "f1", REMOTE, SHOWN) is not flow


@in_virtual_time
async def test_an_edge_that_does_not_answer_is_unreachable_but_nothing_is_forgotten() -> None:
    wire = Wire()
    wire.error = BusUnavailable("nobody serves")
    async with Tasks() as tasks:
        flow = wire.flows(tasks).flow("e1", "f1", REMOTE, SHOWN)
        flow.send(b"INVITE")
        await asyncio.sleep(1)

    assert (wire.lost, wire.forgotten) == ([flow], [])


@in_virtual_time
async def test_what_waits_is_bounded() -> None:
    wire = Wire()
    wire.slow = asyncio.Event()
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        flow = flows.flow("e1", "f1", REMOTE, SHOWN)
        await asyncio.sleep(0)
        for _ in range(MOST_WAITING + 10):
            flow.send(b"x")

        assert flows.lost >= 9


@in_virtual_time
async def test_an_idle_flow_is_forgotten_and_comes_back_by_itself() -> None:
    wire = Wire()
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        flow = flows.flow("e1", "f1", REMOTE, SHOWN)
        flow.send(b"first")
        await asyncio.sleep(3600)
        assert len(flows) == 0
        flow.send(b"second")
        await asyncio.sleep(1)

    assert wire.sent == [b"first", b"second"]


@in_virtual_time
async def test_calls_on_a_flow_follow_the_device_to_its_new_one() -> None:
    wire = Wire()
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        old = flows.flow("e1", "f1", REMOTE, SHOWN)
        new = flows.flow("e2", "f9", REMOTE, SHOWN)

        assert flows.moved(("e1", "f1"), new) is old
        assert flows.moved(("e1", "f1"), old) is None
        assert flows.moved(("e1", "unknown"), new) is None


@in_virtual_time
async def test_a_lost_flow_is_remembered_until_the_device_comes_back() -> None:
    wire = Wire()
    wire.error = GONE
    async with Tasks() as tasks:
        flows = wire.flows(tasks)
        old = flows.flow("e1", "f1", REMOTE, SHOWN)
        old.send(b"INFO")
        await asyncio.sleep(1)
        new = flows.flow("e1", "f2", REMOTE, SHOWN)

        assert flows.moved(("e1", "f1"), new) is old
