"""Trunk supervision: a registrar, an edge's socket that it sends by, and a carrier that challenges."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from jambones.common.bus import Bus
from jambones.common.bus.gateways import BUCKET, LONGEST, GatewayDown
from jambones.common.bus.nodes import Heartbeat, Node
from jambones.common.bus.trunks import SOURCES, AskOutside, TrunkSources
from jambones.common.db.seed import ACCOUNT_SID, SERVICE_PROVIDER_SID
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.ids import NodeId
from jambones.sbc_inbound.outward import Outward
from jambones.sip.digest import issue_challenges, verify
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Request
from jambones.sip.nonce import NonceIssuer
from jambones.sip.outside import IncomingRequest
from jambones.sip.transport import Address
from tests.integration.registrar.conftest import Running

CARRIER_SID = "aaaaaaaa-0000-4000-8000-000000000001"
GATEWAY_SID = "aaaaaaaa-0000-4000-8000-000000000002"
SECRET = "trunk secret"
FAST = {"options_ping_interval": 0.2, "ping_timeout": 0.5, "trunk_spread": 0.0, "leader_lease": 2.0}


async def _no_calls(leg: IncomingLeg) -> None:
    await leg.reject(404)


@dataclass
class Carrier:
    """A registrar that wants digest, and a gateway that answers OPTIONS with `options`, or not at all (0)."""

    options: int = 200
    refuse: int = 0
    requests: list[Request] = field(default_factory=list)
    issuer: NonceIssuer = field(default_factory=lambda: NonceIssuer(b"carrier"))
    address: Address = field(default_factory=lambda: Address("udp", "127.0.0.1", 0))

    async def on_request(self, incoming: IncomingRequest) -> None:
        request = incoming.request
        self.requests.append(request)
        if request.method == "OPTIONS":
            if self.options:
                incoming.respond(self.options)
            else:
                await asyncio.sleep(60)
            return
        if self.refuse:
            incoming.respond(self.refuse)
            return
        verdict = verify(
            request.headers.get("Authorization"), "REGISTER", issuer=self.issuer, now=0, realm="carrier.example",
            password=SECRET,
        )  # fmt: skip
        if not verdict.ok:
            (challenge,) = issue_challenges(self.issuer, 0, "carrier.example")
            incoming.respond(401, headers=[("WWW-Authenticate", str(challenge))])
            return
        contact = request.headers.get("Contact") or ""
        incoming.respond(200, headers=[("Contact", f"{contact};expires={request.headers.get('Expires')}")])

    def registers(self) -> list[Request]:
        return [request for request in self.requests if request.method == "REGISTER"]


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier()
    async with Endpoint.open([Address("udp", "127.0.0.1", 0)], _no_calls, made.on_request) as endpoint:
        made.address = endpoint.addresses[0]
        yield made


@asynccontextmanager
async def edge(bus: Bus, name: str = "edge-1") -> AsyncIterator[None]:
    """What an edge does for registrars."""
    async with Endpoint.open([Address("udp", "127.0.0.1", 0)], _no_calls) as endpoint:
        place = endpoint.addresses[0]
        node = Node(kind="edge", id=NodeId(name), labels={"public_udp": f"{place.host}:{place.port}"})
        async with (
            bus.serve(AskOutside, Outward(endpoint).send, edge_id=name),
            Heartbeat.beating(bus, node),
        ):
            yield


async def trunk(running: Running, carrier: Carrier, *, ping: bool = False, **columns: Any) -> None:
    async with running.database.transaction(PLATFORM) as tx:
        await VoipCarriers(tx).add(
            {"voip_carrier_sid": CARRIER_SID, "name": "carrier", "account_sid": ACCOUNT_SID,
             "service_provider_sid": SERVICE_PROVIDER_SID, **columns}
        )  # fmt: skip
        await SipGateways(tx).add(
            {"sip_gateway_sid": GATEWAY_SID, "voip_carrier_sid": CARRIER_SID, "ipv4": carrier.address.host,
             "port": carrier.address.port, "inbound": False, "outbound": True, "send_options_ping": ping}
        )  # fmt: skip


REGISTERING: dict[str, Any] = {
    "requires_register": True, "register_username": "us", "register_sip_realm": "carrier.example",
    "register_password": SECRET, "trunk_type": "reg", "register_public_ip_in_contact": True,
}  # fmt: skip


async def state(running: Running) -> dict[str, Any]:
    async with running.database.transaction(PLATFORM) as tx:
        row = await VoipCarriers(tx).get(CARRIER_SID)
    assert row is not None
    found: dict[str, Any] = json.loads(row.register_status or "{}")
    return found


async def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await what()):
            await asyncio.sleep(0.05)
    return found


async def down(running: Running) -> list[str]:
    entries = await running.bus.bucket(BUCKET, GatewayDown, ttl=LONGEST).entries()
    return [entry.value.why for entry in entries if entry.key == (GATEWAY_SID,)]


async def test_a_trunk_is_registered_through_an_edge_and_its_state_told(running: Running, carrier: Carrier) -> None:
    await trunk(running, carrier, **REGISTERING)
    running.settings = running.settings.model_copy(update=FAST)
    async with edge(running.bus):
        await running.start()

        async def registered() -> bool:
            return (await state(running)).get("status") == "ok"

        await until(registered)
        told = await state(running)
        assert (told["reason"], told["expires"]) == ("200 OK", 3600)
        first, second = carrier.registers()[:2]
        assert str(first.uri) == "sip:carrier.example"
        assert (second.headers.get("Authorization") or "").startswith('Digest username="us"')
        contact = second.contact
        assert contact is not None
        assert (contact.uri.user, contact.uri.host) == ("us", "127.0.0.1")
        entries = await running.bus.bucket(SOURCES, TrunkSources, ttl=LONGEST).entries()
        assert [entry.value.addresses for entry in entries] == [("127.0.0.1",)]

        async with running.database.transaction(PLATFORM) as tx:
            await VoipCarriers(tx).update(CARRIER_SID, {"is_active": False})

        async def taken_back() -> bool:
            return any(request.headers.get("Expires") == "0" for request in carrier.registers())

        await until(taken_back)


async def test_a_refused_registration_is_told_with_the_carriers_words(running: Running, carrier: Carrier) -> None:
    carrier.refuse = 403
    await trunk(running, carrier, **REGISTERING)
    running.settings = running.settings.model_copy(update=FAST)
    async with edge(running.bus):
        await running.start()

        async def failed() -> bool:
            return (await state(running)).get("status") == "fail"

        await until(failed)
        assert (await state(running))["reason"] == "403 Forbidden"


async def test_one_of_two_registrars_supervises_and_the_other_takes_over(running: Running, carrier: Carrier) -> None:
    await trunk(running, carrier, ping=True)
    running.settings = running.settings.model_copy(update={**FAST, "node_id": NodeId("first")})
    from tests.integration.registrar.conftest import registrar

    async with edge(running.bus):
        async with registrar(running.settings):
            running.settings = running.settings.model_copy(update={"node_id": NodeId("second")})
            await running.start()

            async def pinged() -> bool:
                return len(carrier.requests) >= 3

            await until(pinged)
        carrier.requests.clear()
        await until(pinged)


@pytest.mark.parametrize(("answer", "is_down"), [(404, False), (503, True), (0, True)])
async def test_a_gateway_is_down_when_it_is_silent_or_says_5xx(
    running: Running, carrier: Carrier, answer: int, is_down: bool
) -> None:
    carrier.options = answer
    await trunk(running, carrier, ping=True)
    running.settings = running.settings.model_copy(update=FAST)
    async with edge(running.bus):
        await running.start()
        if not is_down:

            async def pinged() -> bool:
                return len(carrier.requests) >= 3

            await until(pinged)
            assert await down(running) == []
            return
        why = await until(lambda: down(running))
        assert why == ["503 Service Unavailable" if answer else "timeout"]
        carrier.options = 200

        async def up() -> bool:
            return not await down(running)

        await until(up)
