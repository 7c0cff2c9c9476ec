"""OPTIONS to the gateways that want it: who does not answer is marked down for those who place calls."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from jambones.common.bus import Bus
from jambones.common.bus.gateways import BUCKET, LONGEST, GatewayDown
from jambones.common.bus.trunks import OutsideAnswered
from jambones.common.clock import now_ms
from jambones.common.errors import BusUnavailable
from jambones.common.tasks import Tasks, cancel
from jambones.registrar.trunks.outside import Outside
from jambones.registrar.trunks.plans import Ping
from jambones.sbc.alerts import Alerts
from jambones.sip.address import NameAddr
from jambones.sip.outside import first_request
from jambones.sip.uri import Uri

log = structlog.get_logger(__name__)

LOOK = 5.0


def dead(answer: OutsideAnswered) -> bool:
    """Many gateways answer OPTIONS with 403, 404 or 405 and live; who is silent, or says 5xx, takes no calls."""
    return answer.local or answer.status == 408 or 500 <= answer.status < 600


@dataclass(frozen=True, slots=True)
class PingTimes:
    """Seconds."""

    interval: float = 60.0
    limit: float = 5.0
    down_for: float = 300.0


class Pings:
    """`await pings.run()` while this process leads."""

    def __init__(
        self, bus: Bus, outside: Outside, wanted: Callable[[], list[Ping]], alerts: Alerts, times: PingTimes
    ) -> None:
        self._bucket = bus.bucket(BUCKET, GatewayDown, ttl=LONGEST)
        self._outside = outside
        self._wanted = wanted
        self._alerts = alerts
        self._times = times
        self._down: set[str] = set()

    async def run(self) -> None:
        """Start and stop pinging as the configuration says, for ever."""
        running: dict[Ping, asyncio.Task[None]] = {}
        try:
            self._down = {entry.key[0] for entry in await self._bucket.entries()}
        except BusUnavailable:
            self._down = set()
        async with Tasks() as tasks:
            while True:
                wanted = set(self._wanted())
                for ping in running.keys() - wanted:
                    await cancel(running.pop(ping))
                    await self._mark_up(ping.gateway_sid)
                for ping in wanted - running.keys():
                    running[ping] = tasks.start(self._ping_for_ever(ping), name="ping a gateway")
                await asyncio.sleep(min(LOOK, self._times.interval))

    async def _ping_for_ever(self, ping: Ping) -> None:
        # Each at its own place in the interval.
        place = int.from_bytes(hashlib.sha256(ping.gateway_sid.encode()).digest()[:4], "big") / 2**32
        await asyncio.sleep(place * min(self._times.interval, 10.0))
        while True:
            answer = await self.ping(ping)
            if answer is not None and dead(answer):
                await self._mark_down(ping, answer)
            elif answer is not None:
                await self._mark_up(ping.gateway_sid)
            await asyncio.sleep(self._times.interval)

    async def ping(self, ping: Ping) -> OutsideAnswered | None:
        """One OPTIONS; None when there is no edge to send it."""
        uri = Uri.parse(ping.uri)
        edge = self._outside.edge_for(ping.gateway_sid, uri.transport or "udp")
        if edge is None:
            return None
        host = edge.labels.get(f"public_{uri.transport or 'udp'}") or edge.labels.get("public_udp") or "ping.invalid"
        request = first_request("OPTIONS", uri, NameAddr(Uri.parse(f"sip:ping@{host}")), NameAddr(uri), [], b"", None,
                                None, "jambones")  # fmt: skip
        return await self._outside.ask(edge, request, ping.uri, limit=self._times.limit)

    async def _mark_down(self, ping: Ping, answer: OutsideAnswered) -> None:
        why = answer.reason if answer.local else f"{answer.status} {answer.reason}"
        value = GatewayDown(until=now_ms() + round(self._times.down_for * 1000), why=why)
        try:
            await self._bucket.put(ping.gateway_sid, value=value, ttl=self._times.down_for)
        except BusUnavailable:
            return
        if ping.gateway_sid in self._down:
            return
        self._down.add(ping.gateway_sid)
        log.warning("gateway down", gateway=ping.gateway_sid, why=why)
        if ping.account is not None:
            words = f"gateway of {ping.name} does not answer: {why}"
            await self._alerts.raise_(ping.account, "gateway-down", words, ping.gateway_sid)

    async def _mark_up(self, gateway_sid: str) -> None:
        if gateway_sid not in self._down:
            return
        try:
            await self._bucket.delete(gateway_sid)
        except BusUnavailable:
            return
        self._down.discard(gateway_sid)
        log.info("gateway up again", gateway=gateway_sid)
