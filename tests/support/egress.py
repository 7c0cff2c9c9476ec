"""Egress nodes that a test plays, and a media engine without media, under the real dialer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from jambones.common.bus.bucket import Changed, SnapshotDone
from jambones.common.bus.nodes import Node, NodeDirectory
from jambones.common.ids import NodeId
from jambones.common.tasks import Tasks
from jambones.feature_server.calls.dialer import EgressDialer
from jambones.feature_server.calls.egress_leg import EgressLeg
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import CallEvent
from jambones.feature_server.calls.outbound import Wanted
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.transport import Address
from tests.support.calls import call_info
from tests.support.sip_peer import SDP, Peer


class NoMedia:
    """A leg of the engine that agrees with everything; `answers` are the descriptions it was given."""

    local_sdp = SDP
    on_hold = False

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.closed = False

    async def set_answer(self, sdp: bytes) -> None:
        self.answers.append(sdp)

    async def reoffer(self, sdp: bytes) -> bytes:
        self.on_hold = b"a=sendonly" in sdp or b"a=inactive" in sdp
        return SDP

    async def events(self) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield None

    async def close(self) -> Any:
        self.closed = True
        return SimpleNamespace(packets_received=0, packets_lost=0, jitter_ms=0.0, underruns=0)


class Egress:
    """`nodes[0]` is the one that is chosen first, and so on."""

    def __init__(self, endpoint: Endpoint, tasks: Tasks, count: int) -> None:
        self.nodes = [Peer(endpoint, port=6000 + index) for index in range(count)]
        self.media = NoMedia()
        self.near: Any = None
        directory = NodeDirectory("outbound")
        directory.apply(SnapshotDone())
        for index, peer in enumerate(self.nodes):
            node = Node(kind="outbound", id=NodeId(f"n{index}"), sip=str(peer.flow.remote))
            # The least loaded of two is chosen: the order is certain.
            directory.apply(Changed(("outbound", node.id), node.model_copy(update={"calls": index, "max_calls": 9}), 1))
        self._endpoint = endpoint
        stub: Any = SimpleNamespace(invite=self._invite)
        engine: Any = SimpleNamespace(offer=self._offer)
        account = SimpleNamespace(account=SimpleNamespace(sip_realm="realm.test"))
        config: Any = SimpleNamespace(account=lambda sid: _soon(account))
        nothing: Any = None
        self.dialer = EgressDialer(
            node_id=NodeId("fs-1"),
            host="10.0.0.1",
            internal_key=b"secret",
            zone="",
            endpoint=stub,
            engine=engine,
            nodes=directory,
            config=config,
            registry=nothing,
            bus=nothing,
            tasks=tasks,
        )

    @classmethod
    @asynccontextmanager
    async def playing(cls, count: int = 1) -> AsyncIterator["Egress"]:
        async def no_calls(leg: IncomingLeg) -> None:
            await leg.reject(404)

        async with Endpoint.open([], no_calls, nat_fix=False) as endpoint, Tasks() as tasks:
            yield cls(endpoint, tasks, count)

    @asynccontextmanager
    async def placing(self, wanted: Wanted, info: CallInfo | None = None) -> AsyncIterator["Placed"]:
        info = info or call_info("outbound")
        leg = await self.dialer.place(info, wanted)
        placed = Placed(leg, info)
        async with leg.attended():
            leg.listen(placed.heard)
            yield placed

    async def _invite(self, uri: Any, *, destination: Address, **rest: Any) -> OutgoingLeg:
        peer = next(each for each in self.nodes if each.flow.remote == destination)
        return await self._endpoint.invite(uri, flow=peer.flow, **rest)

    async def _offer(self, leg_id: str, *, near: Any = None) -> Any:
        self.near = near
        return self.media


async def _soon(value: Any) -> Any:
    return value


class Placed:
    """A call that was placed, and the events of its leg."""

    def __init__(self, leg: EgressLeg, info: CallInfo) -> None:
        self.leg, self.info = leg, info
        self.events: list[CallEvent] = []
        self._more = asyncio.Event()

    def heard(self, event: CallEvent) -> None:
        self.events.append(event)
        self._more.set()

    async def until(self, kind: type[CallEvent], *, within: float = 60.0) -> Any:
        async with asyncio.timeout(within):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self._more.clear()
                await self._more.wait()
