"""An egress in memory with one call through it, its legs played by the test."""

import asyncio
from collections.abc import Sequence
from typing import Any

from jambones.common.bus.calls import CallRecord
from jambones.common.clock import now_ms
from jambones.common.directory import Directory
from jambones.common.metrics import Metrics
from jambones.sbc import headers
from jambones.sbc.admission import Leases
from jambones.sbc.alerts import Alerts
from jambones.sbc.decision import Decision
from jambones.sbc.figures import Figures
from jambones.sbc.media import Relay
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.call import Call
from jambones.sbc_outbound.destinations import Surroundings
from jambones.sbc_outbound.environment import Environment
from jambones.sbc_outbound.tables import Gateway, Tables, Trunk
from jambones.sbc_outbound.ways import Way
from jambones.sip.events import Answered, Progress
from jambones.sip.headers import Headers
from jambones.sip.leg import OutgoingLeg
from jambones.sip.transport import Address
from jambones.sip.transport.resolver import Unresolvable, numeric
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uri import Uri
from tests.support.edge import NoStore, TestRelay
from tests.support.legs import ANSWER, OFFER, PlayedLeg
from tests.support.sip_messages import request

KEY = b"key"
NUMBER = "15551234"
TABLES = Tables.of(
    accounts=[Account("acc", "sp", "acc.example.com")],
    trunks=[Trunk("t1", "acme", "acc", "sp"), Trunk("t2", "spare", "acc", "sp")],
    gateways=[
        Gateway("g1", "t1", "192.0.2.1"),
        Gateway("g2", "t1", "192.0.2.2"),
        Gateway("g3", "t2", "192.0.2.3"),
    ],
)


class World:
    """An egress that was asked for one call."""

    def __init__(
        self,
        target: str = f"sip:{NUMBER}@10.0.0.2",
        *,
        route: str = "phone",
        delayed: bool = False,
        tables: Tables = TABLES,
        devices: Decision[Any] | None = None,
        names: dict[str, list[str]] | None = None,
        allowed: Sequence[str] = (),
        **more: str,
    ) -> None:
        """`names`: what look-ups find; `more`: private headers ("Trunk": "t1")."""
        rows = [("X-Jambones-Account", "acc"), ("X-Jambones-Route", route), ("X-Jambones-Fs", "fs-1")]
        rows += [("X-Jambones-Call-Sid", "cs"), ("X-Custom", "seen"), ("Supported", "100rel")]
        rows += [(f"X-Jambones-{name.replace('_', '-')}", value) for name, value in more.items()]
        body = b"" if delayed else OFFER
        if body:
            rows.append(("Content-Type", "application/sdp"))
        invite = request("INVITE", target, body=body, headers=rows)
        invite.headers.add("X-Jambones-Sig", headers.sign(KEY, invite.call_id, now_ms() // 1000))
        self.asker = PlayedLeg("feature server", invite)
        self.legs: list[PlayedLeg] = []
        self.ways: list[Way] = []
        self.rows: list[list[tuple[str, str]]] = []
        self.relays: list[TestRelay] = []
        self.sessions: list[str] = []
        self.records: list[CallRecord] = []
        self.down: set[str] = set()
        self.names = names or {}
        self.fail_media: str | None = None
        self._invited = asyncio.Event()
        outside: Any = self
        self.env = Environment(
            node_id="out-1",
            private_ip="10.0.0.2",
            internal_key=KEY,
            directory=Directory(self._no_load, tables),
            leases=Leases("out-1", NoStore(), direction="out"),
            outside=outside,
            relay=self._relay,
            devices=lambda order: devices,  # type: ignore[arg-type,return-value]
            flow=lambda device: VirtualFlow(
                f"e/{device.stored.binding.flow}", device.remote, device.remote, lambda data: None, ("192.0.2.9", 5060),
                "out-1",
            ),
            feature_server_at=lambda source: None,
            surroundings=lambda: Surroundings(allowed=PrefixTable((net, net) for net in allowed)),
            record=self._record,
            alerts=Alerts(self._alert),
            figures=Figures(Metrics(process=False), "outbound"),
            down=self.down,
        )  # fmt: skip
        leg: Any = self.asker
        self.call = Call(self.env, leg)
        self.task = asyncio.create_task(self.call.run())

    # What the test does.

    async def leg(self, number: int = 1) -> PlayedLeg:
        """The `number`-th leg to the outside."""
        async with asyncio.timeout(600):
            while len(self.legs) < number:
                self._invited.clear()
                await self._invited.wait()
        return self.legs[number - 1]

    async def up(self, number: int = 1) -> PlayedLeg:
        """The `number`-th leg answers, and the feature server acknowledges."""
        leg = await self.leg(number)
        leg.tell(Answered(200, ANSWER, Headers()))
        await self.asker.until("answer")
        self.asker.acks()
        await asyncio.sleep(1)
        return leg

    async def over(self) -> CallRecord:
        """Wait for the end; the record, which was written once. All media is freed, every leg hung up."""
        async with asyncio.timeout(600):
            await self.task
        assert self.env.calls == {}
        assert all(relay.closed for relay in self.relays)
        assert all(leg.ended is not None for leg in self.legs)
        (record,) = self.records
        return record

    # The outside.

    async def resolve(self, uri: Uri) -> list[Address]:
        known = numeric(uri)
        if known is not None:
            return [known]
        found = self.names.get(uri.host)
        if not found:
            raise Unresolvable(uri.host)
        return [Address("udp", host, uri.port or 5060) for host in found]

    def host_towards(self, address: Address) -> str:
        return "198.51.100.9"

    async def invite(self, way: Way, sdp: bytes | None, rows: Any, sip_call_id: str) -> OutgoingLeg:
        leg: Any = PlayedLeg(way.label)
        leg.sip_call_id = sip_call_id
        self.legs.append(leg)
        self.ways.append(way)
        self.rows.append(list(rows))
        self._invited.set()
        return leg  # type: ignore[no-any-return]

    def _relay(self, session: str, way: Way) -> Relay:
        relay = TestRelay()
        relay.fail = self.fail_media
        self.relays.append(relay)
        self.sessions.append(session)
        return relay

    async def _record(self, record: CallRecord) -> None:
        self.records.append(record)

    async def _alert(self, alert: Any) -> None: ...

    async def _no_load(self) -> Tables:
        raise AssertionError


def rings(sdp: bytes | None = None, status: int = 180) -> Progress:
    return Progress(status, "Ringing", sdp, Headers())
