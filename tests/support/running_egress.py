"""The egress as a process, with a feature server of ours to ask it and carriers of others to answer."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jambones.common.bus import Bus
from jambones.common.bus.calls import CallRecord
from jambones.common.db.database import Database
from jambones.common.db.seed import ACCOUNT_SID, SERVICE_PROVIDER_SID
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.ids import new_sid
from jambones.local.platform import LocalPlatform
from jambones.sbc import headers
from jambones.sip.address import NameAddr
from jambones.sip.build import new_call_id
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended, LegEvent, Offered, Progress, Requested
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.timers import SipTimers
from jambones.sip.transport import Address
from jambones.sip.uri import Uri
from tests.support.configuring import configuring

SDP = (
    b"v=0\r\no=fs 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


@dataclass
class Placed:
    """A leg that the feature server placed: what it said so far."""

    leg: OutgoingLeg
    said: list[LegEvent] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        async for event in self.leg.events():
            self.said.append(event)
            self._changed.set()

    async def until(self, kind: type[Any], *, within: float = 20.0) -> Any:
        """The first event of this kind; raises TimeoutError with what came instead."""
        try:
            async with asyncio.timeout(within):
                while True:
                    for event in self.said:
                        if isinstance(event, kind):
                            return event
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"so far: {self.said}") from None

    async def answered(self) -> Answered:
        event = await self.until(Answered | Ended)  # type: ignore[arg-type]
        assert isinstance(event, Answered), event
        return event

    async def ended(self) -> Ended:
        event = await self.until(Ended)
        assert isinstance(event, Ended)
        return event

    @property
    def progress(self) -> list[tuple[int, bytes | None]]:
        return [(event.status, event.sdp) for event in self.said if isinstance(event, Progress)]

    @property
    def offers(self) -> list[Offered]:
        return [event for event in self.said if isinstance(event, Offered)]

    @property
    def requests(self) -> list[Requested]:
        return [event for event in self.said if isinstance(event, Requested)]


@dataclass
class Egress:
    """A running egress; `trunk` and `call` are what most tests need."""

    platform: LocalPlatform
    database: Database
    bus: Bus
    endpoint: Endpoint
    records: list[CallRecord]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def address(self) -> Address:
        """Its private listener."""
        env = self.platform.children["sbc-outbound"].env
        return Address.parse(env["JAMBONES_PRIVATE_LISTEN"].partition(",")[0])

    async def trunk(self, *ports: int, protocol: str = "udp", **carrier: object) -> str:
        """A carrier of the account with a gateway at each port of loopback; returns its sid, once the egress knows."""
        sid, canary = new_sid(), new_sid()
        owner = {"account_sid": ACCOUNT_SID, "service_provider_sid": SERVICE_PROVIDER_SID}
        async with self.database.transaction(PLATFORM) as tx:
            await VoipCarriers(tx).add({"voip_carrier_sid": sid, "name": f"carrier {sid[:8]}", **owner, **carrier})
            await VoipCarriers(tx).add({"voip_carrier_sid": canary, "name": "canary", **owner})
            # The database gives gateways in the order of their sids.
            for port, gateway_sid in zip(ports, sorted(new_sid() for _ in ports), strict=True):
                await SipGateways(tx).add(
                    {
                        "sip_gateway_sid": gateway_sid,
                        "voip_carrier_sid": sid,
                        "ipv4": "127.0.0.1",
                        "port": port,
                        "protocol": protocol,
                        "inbound": False,
                        "outbound": True,
                    }
                )
        # A trunk without gateways is refused with 603 once it is known, and with 404 before.
        async with asyncio.timeout(20):
            while (await (await self.call(trunk=canary)).ended()).status == 404:
                await asyncio.sleep(0.05)
        return sid

    async def call(
        self,
        target: str = "15551234",
        *,
        route: str = "phone",
        trunk: str | None = None,
        sdp: bytes | None = SDP,
        more: Mapping[str, str] | None = None,
        caller: str = '"Ann" <sip:15550000@127.0.0.1>',
        login: tuple[str, str] | None = None,
        signed: bool = True,
        account: str | None = ACCOUNT_SID,
    ) -> Placed:
        """Ask the egress for a call; waits for a trunk that it does not know yet."""
        call_id = new_call_id()
        address = self.address
        rows = [("X-Jambones-Route", route), ("X-Jambones-Call-Sid", new_sid())]
        if account is not None:
            rows.append(("X-Jambones-Account", account))
        if signed:
            key = self.platform.secrets["internal"].encode()
            rows.append(("X-Jambones-Sig", headers.sign(key, call_id, int(time.time()))))
        if trunk is not None:
            rows.append(("X-Jambones-Trunk", trunk))
        if login is not None:
            rows.append(("X-Jambones-Auth", base64.b64encode(":".join(login).encode()).decode()))
        rows += (more or {}).items()
        uri = Uri.parse(target) if route != "phone" else Uri("sip", target, host=address.host, port=address.port)
        leg = await self.endpoint.invite(
            uri, from_=NameAddr.parse(caller), sdp=sdp, headers=rows, destination=address, call_id=call_id
        )
        placed = Placed(leg)
        task = asyncio.create_task(placed.follow())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return placed

    async def record(self, call_sid: str, *, within: float = 10.0) -> CallRecord:
        """The record of a call."""
        async with asyncio.timeout(within):
            while True:
                for record in self.records:
                    if record.call_sid == call_sid:
                        return record
                await asyncio.sleep(0.05)

    async def record_of(self, placed: Placed) -> CallRecord:
        sid = placed.leg.invite.headers.get("X-Jambones-Call-Sid")
        assert sid is not None
        return await self.record(sid)


@asynccontextmanager
async def egress(directory: Path, *, env: Mapping[str, str] | None = None) -> AsyncIterator[Egress]:
    """The egress with what it needs, and nothing else, below `directory`."""
    platform = LocalPlatform(
        directory, ports="auto", services=["sbc-outbound"], fast=True, service_env={"sbc-outbound": env or {}}
    )
    async with (
        platform,
        configuring(platform) as (database, bus),
        Endpoint.open(
            [Address("udp", "127.0.0.1", 0)], _nobody, settings=SipTimers(session_expires=0), nat_fix=False
        ) as endpoint,
    ):
        records: list[CallRecord] = []
        reader = asyncio.create_task(_collect(bus, records))
        try:
            yield Egress(platform, database, bus, endpoint, records)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


async def _collect(bus: Bus, records: list[CallRecord]) -> None:
    async for delivery in bus.consume("test", CallRecord):
        records.append(delivery.event)
        await delivery.ack()


async def _nobody(leg: IncomingLeg) -> None:
    await leg.reject(404)
