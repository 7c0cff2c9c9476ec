"""An edge in memory with one call through it, its legs played by the test."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from jambones.common.bus.calls import CallRecord, MediaSummary
from jambones.common.bus.nodes import Choice, Node
from jambones.common.directory import Directory
from jambones.common.ids import NodeId
from jambones.common.metrics import Metrics
from jambones.media.rtpengine import BadDescription
from jambones.sbc.admission import Lease, Leases
from jambones.sbc.alerts import Alerts
from jambones.sbc.figures import Figures
from jambones.sbc.media import MediaFailed, Relay, Side
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.call import Call
from jambones.sbc_inbound.environment import Environment
from jambones.sbc_inbound.tables import Application, Carrier, Gateway, PhoneNumber, Tables
from jambones.sip.events import Answered
from jambones.sip.headers import Headers
from tests.support.legs import ANSWER, OFFER, PlayedLeg
from tests.support.sip_messages import request

SOURCE, DIALLED = "198.51.100.7", "1000"
TABLES = Tables.of(
    accounts=[Account("acc", "sp", "acc.example.com")],
    carriers=[Carrier("trunk", "acme", "acc", "sp")],
    applications=[Application("app", "acc")],
    gateways=[Gateway("gw", "trunk", SOURCE, 32)],
    numbers=[PhoneNumber("n", DIALLED, "trunk", "acc", "app")],
)


class NoStore:
    async def put(self, *key: str, value: Lease) -> int:
        return 1

    async def watch(self, *prefix: str) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield


class Nodes:
    """Feature servers in the order in which they are chosen."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.given_up: list[str] = []

    def choose(self, *, zone: str = "", exclude: Iterable[str] = ()) -> Choice:
        left = [name for name in self.names if name not in exclude]
        if not left:
            return Choice(None, ("no fs node can take a call",))
        return Choice(Node(kind="fs", id=NodeId(left[0]), sip="udp:10.0.0.9:5070"), (f"{left[0]} chosen",))

    def failed(self, node_id: NodeId) -> None:
        self.given_up.append(node_id)


class Strangers:
    """No devices and no learnt trunk addresses."""

    def registered_from(self, *args: Any) -> None:
        return None

    def of(self, address: str) -> frozenset[str]:
        return frozenset()


class TestRelay:
    """Marks what passes; fails where it is told to."""

    __test__ = False
    node = "re-1"

    def __init__(self) -> None:
        self.fail: str | None = None
        self.closed = 0
        self.did: list[str] = []

    async def offer(self, side: Side, sdp: bytes) -> bytes:
        return self._pass("offer", side, sdp)

    async def answer(self, side: Side, sdp: bytes) -> bytes:
        return self._pass("answer", side, sdp)

    async def close(self) -> MediaSummary | None:
        self.closed += 1
        return None

    def _pass(self, what: str, side: Side, sdp: bytes) -> bytes:
        if self.fail == f"{what} {side.value}":
            raise MediaFailed(BadDescription(what, "cannot be read"))
        self.did.append(f"{what} {side.value}")
        return b"relayed " + sdp


class World:
    """An edge with one call that comes from a known trunk."""

    def __init__(
        self,
        *nodes: str,
        delayed: bool = False,
        tables: Tables = TABLES,
        uri: str = f"sip:{DIALLED}@192.0.2.1",
        from_: str | None = None,
        more: Iterable[tuple[str, str]] = (),
    ) -> None:
        body, rows = (b"", []) if delayed else (OFFER, [("Content-Type", "application/sdp")])
        self.caller = PlayedLeg("caller", request("INVITE", uri, body=body, headers=[*rows, *more]))
        if from_ is not None:
            self.caller.invite.headers.set("From", from_)
        self.servers: list[PlayedLeg] = []
        self.invites: list[dict[str, Any]] = []
        self.records: list[CallRecord] = []
        self.nodes, self.relay = Nodes(*(nodes or ("fs1",))), TestRelay()
        self._invited = asyncio.Event()
        stranger: Any = Strangers()
        self.env = Environment(
            node_id="edge-1",
            private_ip="10.0.0.1",
            edge_uri="sip:10.0.0.1:5070",
            internal_key=b"key",
            directory=Directory(self._no_load, tables),
            leases=Leases("edge-1", NoStore()),
            feature_servers=self.nodes,
            invite=self._invite,
            relay=self._relay,
            record=self._record,
            alerts=Alerts(self._alert),
            figures=Figures(Metrics(process=False)),
            users=stranger,
            trunk_sources=stranger,
        )
        leg: Any = self.caller
        self.call = Call(self.env, leg)
        self.task = asyncio.create_task(self.call.run())

    async def server(self, number: int = 1) -> PlayedLeg:
        """The leg to the feature server that is asked as the `number`-th."""
        async with asyncio.timeout(600):
            while len(self.servers) < number:
                self._invited.clear()
                await self._invited.wait()
        return self.servers[number - 1]

    async def over(self) -> CallRecord:
        """Wait for the end; the record, which was written once."""
        async with asyncio.timeout(600):
            await self.task
        assert self.env.calls == {}
        assert self.relay.closed <= 1
        (record,) = self.records
        return record

    async def up(self) -> PlayedLeg:
        """The call is answered and acknowledged."""
        server = await self.server()
        server.tell(Answered(200, ANSWER, Headers()))
        await self.caller.until("answer")
        self.caller.acks()
        await asyncio.sleep(1)
        return server

    async def _invite(self, uri: Any, **options: Any) -> Any:
        leg = PlayedLeg("server")
        self.servers.append(leg)
        self.invites.append({"uri": str(uri), **options})
        self._invited.set()
        return leg

    def _relay(self, *args: Any) -> Relay:
        return self.relay

    async def _record(self, record: CallRecord) -> None:
        self.records.append(record)

    async def _alert(self, alert: Any) -> None: ...

    async def _no_load(self) -> Tables:
        raise AssertionError
