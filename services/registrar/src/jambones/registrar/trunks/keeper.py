"""Our registrations with carriers: kept alive, taken back when a trunk is switched off, their state told to tenants."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from jambones.common.bus import Bus
from jambones.common.bus.trunks import LONGEST, SOURCES, OutsideAnswered, TrunkSources
from jambones.common.clock import now_ms
from jambones.common.errors import BusUnavailable, JambonesError
from jambones.common.ids import VoipCarrierSid
from jambones.common.tasks import Tasks, cancel
from jambones.registrar.trunks.outside import UNREACHABLE, Outside
from jambones.registrar.trunks.plans import TrunkRegistration
from jambones.sbc.alerts import Alerts
from jambones.sip.grammar import escape_user
from jambones.sip.headers import Headers
from jambones.sip.message import Request, Response
from jambones.sip.registration import RegistrationMachine, RegistrationPlan, RegistrationStatus
from jambones.sip.transport import Address
from jambones.sip.uri import Uri

log = structlog.get_logger(__name__)

LOOK = 5.0
NO_EDGE = 5.0
AGENT = "jambones"
BATCH = 0.025  # seconds between the first requests: forty a second


@dataclass(frozen=True, slots=True)
class RegisterTimes:
    """Seconds."""

    expires: int = 3600
    limit: float = 8.0
    spread: float = 15.0
    """The first requests of a new leader come within this time at random, so that carriers are not stormed."""


class TrunkKeeper:
    """`await keeper.run()` while this process leads."""

    def __init__(
        self,
        bus: Bus,
        outside: Outside,
        wanted: Callable[[], list[TrunkRegistration]],
        note: Callable[[str, str], Awaitable[None]],
        alerts: Alerts,
        times: RegisterTimes,
    ) -> None:
        """`note(carrier sid, JSON)` stores the state that tenants see; it may raise JambonesError."""
        self._sources = bus.bucket(SOURCES, TrunkSources, ttl=LONGEST)
        self._outside = outside
        self._wanted = wanted
        self._note = note
        self._alerts = alerts
        self._times = times

    async def run(self) -> None:
        """Start and end registrations as the configuration says, for ever."""
        running: dict[TrunkRegistration, asyncio.Task[None]] = {}
        async with Tasks() as tasks:
            while True:
                wanted = set(self._wanted())
                ended = running.keys() - wanted
                for trunk in ended:
                    await cancel(running.pop(trunk))
                    if not any(trunk.key == other.key for other in wanted):
                        tasks.start(self._take_back(trunk), name="unregister a trunk")
                for number, trunk in enumerate(sorted(wanted - running.keys(), key=lambda trunk: trunk.gateway_sid)):
                    wait = random.uniform(0, self._times.spread) + number * BATCH
                    running[trunk] = tasks.start(self._keep(trunk, wait), name="register a trunk")
                await asyncio.sleep(LOOK if self._times.spread else 0.2)

    async def _keep(self, trunk: TrunkRegistration, wait: float) -> None:
        await asyncio.sleep(wait)
        failed, machine, contact = False, None, ""
        while True:
            edge = self._outside.edge_for(trunk.sip_call_id, trunk.transport)
            if edge is None:
                await asyncio.sleep(NO_EDGE)
                continue
            place = contact_of(trunk, edge.labels)
            if machine is None or place != contact:  # another edge: calls must come there
                machine, contact = RegistrationMachine(self._plan(trunk, place)), place
            status = await self._once(trunk, machine)
            await self._tell(trunk, status)
            if status.status == "fail" and not failed and trunk.account is not None:
                words = f"registration of {trunk.name} failed: {status.reason}"
                await self._alerts.raise_(trunk.account, "trunk-register-failure", words, trunk.carrier_sid)
            failed = status.status == "fail"
            await self._pause(trunk, edge.id, machine.wait)

    async def _pause(self, trunk: TrunkRegistration, edge_id: str, seconds: float) -> None:
        """Until it is time again, or the edge that holds the contact is gone."""
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, LOOK))
            now = self._outside.edge_for(trunk.sip_call_id, trunk.transport)
            if trunk.contact_host is None and now is not None and now.id != edge_id:
                return

    def _plan(self, trunk: TrunkRegistration, contact: str) -> RegistrationPlan:
        return RegistrationPlan(
            registrar=Uri.parse(trunk.registrar),
            aor=Uri.parse(trunk.aor),
            contact=Uri.parse(contact),
            call_id=trunk.sip_call_id,
            expires=self._times.expires,
        )

    async def _once(
        self, trunk: TrunkRegistration, machine: RegistrationMachine, *, expires: int | None = None
    ) -> RegistrationStatus:
        request = machine.request(AGENT, expires=expires)
        edge = self._outside.edge_for(trunk.sip_call_id, trunk.transport)
        if edge is None:
            return machine.answered(_response(UNREACHABLE, request), local=True)
        answer = await self._outside.ask(
            edge, request, trunk.next_hop, username=trunk.username, password=trunk.password, limit=self._times.limit
        )
        server = Address.parse(answer.server) if answer.server is not None else None
        return machine.answered(_response(answer, request), local=answer.local, server=server)

    async def _tell(self, trunk: TrunkRegistration, status: RegistrationStatus) -> None:
        """Tenants see the state; edges learn where calls of the trunk come from."""
        log.log(
            20 if status.status == "ok" else 30, "trunk registration", status=status.status, reason=status.reason,
            carrier=trunk.carrier_sid, expires=status.expires,
        )  # fmt: skip
        if status.status == "ok" and trunk.ephemeral and status.server is not None:
            await self._tell_source(trunk, status.server.host, status.expires)
        try:
            await self._note(trunk.carrier_sid, status_json(status))
        except JambonesError as exc:
            log.warning("state of a trunk not stored", error=str(exc))

    async def _tell_source(self, trunk: TrunkRegistration, address: str, seconds: int) -> None:
        value = TrunkSources(
            voip_carrier_sid=VoipCarrierSid(trunk.carrier_sid),
            addresses=(address,),
            until=now_ms() + seconds * 1000,
        )
        try:
            await self._sources.put(trunk.carrier_sid, trunk.gateway_sid, value=value, ttl=float(seconds))
        except BusUnavailable as exc:
            log.warning("addresses of a trunk not told", error=str(exc))

    async def _take_back(self, trunk: TrunkRegistration) -> None:
        edge = self._outside.edge_for(trunk.sip_call_id, trunk.transport)
        if edge is None:
            return
        machine = RegistrationMachine(self._plan(trunk, contact_of(trunk, edge.labels)))
        status = await self._once(trunk, machine, expires=0)
        log.info("trunk unregistered", carrier=trunk.carrier_sid, reason=status.reason)
        try:
            await self._sources.delete(trunk.carrier_sid, trunk.gateway_sid)
            await self._note(trunk.carrier_sid, status_json(status, unregistered=True))
        except JambonesError as exc:
            log.warning("state of a trunk not stored", error=str(exc))


def contact_of(trunk: TrunkRegistration, labels: dict[str, str]) -> str:
    """Where the carrier's calls shall go."""
    seen = labels.get(f"public_{trunk.transport}") or labels.get("public_udp") or "unknown.invalid"
    host = trunk.contact_host or seen
    transport = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
    return f"sip:{escape_user(trunk.contact_user)}@{host}{transport}"


def status_json(status: RegistrationStatus, *, unregistered: bool = False) -> str:
    """As the API shows it."""
    shown = {
        "status": "fail" if unregistered else status.status,
        "reason": "unregistered" if unregistered else status.reason,
        "cseq": status.cseq,
        "callId": status.call_id,
        "timestamp": round(status.timestamp * 1000),
        "expires": 0 if unregistered else status.expires,
    }
    return json.dumps(shown)


def _response(answer: OutsideAnswered, request: Request) -> Response:
    rows = Headers(answer.headers)
    if "CSeq" not in rows:
        rows.add("CSeq", str(request.cseq))
    return Response(answer.status, answer.reason, rows)
