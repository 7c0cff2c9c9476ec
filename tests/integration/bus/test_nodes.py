"""Heartbeats and the directory of nodes on a real NATS server."""

import asyncio
from uuid import uuid4

from jambones.common.bus import Bus
from jambones.common.bus.nodes import Heartbeat, Node, NodeDirectory
from jambones.common.ids import NodeId
from jambones.local.servers import RunningServer


def node() -> Node:
    return Node(kind="recorder", id=NodeId(str(uuid4())), sip="udp:10.0.0.7:5060", max_calls=2)


async def until(directory: NodeDirectory, id: NodeId, **state: object) -> None:
    async with asyncio.timeout(20):
        while (found := directory.get(id)) is None or any(getattr(found, k) != v for k, v in state.items()):
            await directory.changed()


async def test_a_change_of_state_is_known_at_once_and_a_node_that_leaves_is_gone(bus: Bus) -> None:
    me = node()
    async with NodeDirectory.watching(bus, "recorder") as directory:
        async with asyncio.timeout(5):
            await directory.until_ready()
        async with Heartbeat.beating(bus, me) as heartbeat:
            await until(directory, me.id)
            heartbeat.update(calls=1)
            await until(directory, me.id, calls=1)
            heartbeat.update(state="draining")
            await until(directory, me.id, state="draining")
            assert directory.choose().node is None
        async with asyncio.timeout(5):
            while directory.get(me.id):
                await directory.changed()


async def test_a_late_watcher_sees_who_was_there_before(bus: Bus) -> None:
    me = node()
    async with Heartbeat.beating(bus, me), NodeDirectory.watching(bus, "recorder") as first:
        await until(first, me.id)
        async with NodeDirectory.watching(bus, "recorder") as second:
            await second.until_ready()
            assert second.get(me.id)


async def test_nodes_stay_known_through_a_restart_of_the_server(own_nats: RunningServer) -> None:
    me = node()
    async with (
        Bus.connect([own_nats.server.url]) as bus,  # type: ignore[attr-defined]
        NodeDirectory.watching(bus, "recorder") as directory,
        Heartbeat.beating(bus, me) as heartbeat,
    ):
        await until(directory, me.id)
        await asyncio.to_thread(own_nats.kill)
        while bus.connected:
            await asyncio.sleep(0.01)
        chosen = directory.choose().node
        assert chosen is not None
        assert chosen.id == me.id
        await asyncio.to_thread(own_nats.start)
        await bus.until_connected()
        heartbeat.update(state="full")
        await until(directory, me.id, state="full")
