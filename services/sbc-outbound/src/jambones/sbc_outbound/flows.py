"""Flows of devices that are connected to edges: what we send goes there over the bus, what they say comes back by it.

Messages of one flow keep their order: each flow has a queue and one task that empties it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, Self

import structlog

from jambones.common.bus import Bus
from jambones.common.bus.bus import RemoteError
from jambones.common.bus.flows import ArrivedOnFlow, SendOnFlow
from jambones.common.errors import BusUnavailable
from jambones.common.ids import NodeId
from jambones.common.tasks import Tasks
from jambones.sip.transport import Address
from jambones.sip.transport.virtual import VirtualFlow

log = structlog.get_logger(__name__)

MOST_WAITING = 64
"""Messages of one flow that wait for the edge; what comes beyond is lost, as on any network."""
IDLE = 600.0
"""Seconds after which a flow without traffic is forgotten; it comes back by itself with the next message."""
SEND_LIMIT = 2.0
MOST_GONE = 1000

Key = tuple[str, str]
OnGone = Callable[[str, str], None]


class Receiver(Protocol):
    """The endpoint, as far as flows need it."""

    def received(self, data: bytes, flow: VirtualFlow) -> None: ...

    def unreachable(self, flow: VirtualFlow) -> None: ...


class _Carried:
    """One flow: what waits to be sent on it, and who sends."""

    def __init__(self, flow: VirtualFlow) -> None:
        self.flow = flow
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)


class EdgeFlows:
    """Open it with `async with EdgeFlows.open(bus, node_id, endpoint)`."""

    def __init__(self, bus: Bus, node_id: NodeId, receiver: Receiver, tasks: Tasks, on_gone: OnGone) -> None:
        self._bus, self._node_id, self._receiver = bus, node_id, receiver
        self._tasks, self._on_gone = tasks, on_gone
        self._carried: dict[Key, _Carried] = {}
        self._gone: OrderedDict[Key, VirtualFlow] = OrderedDict()
        """Flows that were lost a while ago; their calls wait for the device to come back."""
        self.lost = 0
        """Messages that were dropped because a flow had too many waiting."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, bus: Bus, node_id: NodeId, receiver: Receiver, on_gone: OnGone = lambda edge, flow: None
    ) -> AsyncIterator[Self]:
        """Send and hear inside the block. `on_gone(edge, flow)` hears of a flow that its edge does not have."""
        async with Tasks() as tasks, bus.subscribe(ArrivedOnFlow, node_id=node_id) as arrivals:
            flows = cls(bus, node_id, receiver, tasks, on_gone)
            tasks.start(flows._hear(arrivals), name="hear of flows")
            yield flows

    def __len__(self) -> int:
        return len(self._carried)

    def flow(self, edge: str, flow: str, remote: Address, advertised: tuple[str, int]) -> VirtualFlow:
        """The way to the device at `remote`, which sees its edge at `advertised`."""
        carried = self._carried.get((edge, flow))
        if carried is None or not carried.flow.alive:
            carried = self._carry(edge, flow, remote, advertised)
        return carried.flow

    def moved(self, old: Key, new: VirtualFlow) -> VirtualFlow | None:
        """A device came back on `new`: the flow it had before, when calls of ours may be on it."""
        carried = self._carried.get(old)
        before = carried.flow if carried is not None else self._gone.pop(old, None)
        return before if before is not new else None

    def _carry(self, edge: str, flow: str, remote: Address, advertised: tuple[str, int]) -> _Carried:
        key = (edge, flow)
        local = Address(remote.transport, advertised[0], advertised[1])
        made = VirtualFlow(
            f"{edge}/{flow}", local, remote, lambda data: self._send(key, made, data), advertised, self._node_id
        )
        carried = self._carried[key] = _Carried(made)
        self._tasks.start(self._serve(key, carried), name="send on a flow")
        return carried

    def _send(self, key: Key, flow: VirtualFlow, data: bytes) -> None:
        carried = self._carried.get(key)
        if carried is None:  # forgotten for being idle
            carried = self._carried[key] = _Carried(flow)
            self._tasks.start(self._serve(key, carried), name="send on a flow")
        try:
            carried.waiting.put_nowait(data)
        except asyncio.QueueFull:
            self.lost += 1

    async def _serve(self, key: Key, carried: _Carried) -> None:
        """Send what waits, one message after the other, until nothing came for long or the flow is gone."""
        edge, flow = key
        try:
            while True:
                async with asyncio.timeout(IDLE):
                    data = await carried.waiting.get()
                await self._bus.request(SendOnFlow(edge_id=NodeId(edge), flow=flow, message=data), SEND_LIMIT)
        except TimeoutError:
            return
        except (BusUnavailable, RemoteError) as exc:
            log.info("flow not reached", edge=edge, error=str(exc))
            if isinstance(exc, RemoteError) and exc.http_status == 404:
                self._on_gone(edge, flow)
            self._gone[key] = carried.flow
            if len(self._gone) > MOST_GONE:
                self._gone.popitem(last=False)
            self._receiver.unreachable(carried.flow)
        finally:
            if self._carried.get(key) is carried:
                del self._carried[key]

    async def _hear(self, arrivals: AsyncIterable[ArrivedOnFlow]) -> None:
        async for event in arrivals:
            self.arrived(event)

    def arrived(self, event: ArrivedOnFlow) -> None:
        """A message that an edge got for us. A flow that we did not open: the device has come back on another one."""
        carried = self._carried.get((event.edge_id, event.flow))
        if carried is None:
            try:
                remote = Address.parse(event.remote)
            except ValueError:
                log.warning("unreadable address of a flow", edge=event.edge_id)
                return
            seen = next((c.flow.advertised for (edge, _), c in self._carried.items() if edge == event.edge_id), None)
            carried = self._carry(event.edge_id, event.flow, remote, seen or (remote.host, remote.port))
        self._receiver.received(event.message, carried.flow)
